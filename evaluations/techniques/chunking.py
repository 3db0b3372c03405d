"""Cutting documents into the passages that are searched and handed to a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.encoder import model_directory
from evaluations.techniques.interface import Document, PrepareError

UNITS = (
    ("document", gettext_lazy("Not at all: whole documents")),
    ("characters", gettext_lazy("By characters")),
    ("tokens", gettext_lazy("By tokens of the encoder")),
)


@dataclass(frozen=True, slots=True)
class Chunking:
    """How long a passage may be, in characters or tokens, and how much of the last it repeats."""

    unit: str = "document"
    size: int = 200
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document; `start` is its place in the text, in characters."""

    key: str
    text: str
    title: str = ""
    start: int = 0

    @property
    def titled(self) -> str:
        """Return the text after the title of its document, where that has one."""
        return f"{self.title}\n{self.text}" if self.title else self.text


def passages_of(documents: Sequence[Document], chunking: Chunking) -> list[Passage]:
    """Return the passages of all documents, in order; raise PrepareError if there are none.

    Cuts fall between paragraphs rather than sentences, and between sentences rather than words,
    wherever a passage so cut is not too long.
    """
    if chunking.unit == "document":
        found = [Passage(one.key, one.text, one.title) for one in documents if one.text.strip()]
    else:
        cut = _splitter(chunking).chunk_all_indices([one.text for one in documents])
        found = [
            Passage(one.key, text, one.title, start)
            for one, pieces in zip(documents, cut, strict=True)
            for start, text in pieces
        ]
    if not found:
        raise PrepareError(_("The corpus has no documents to search in."))
    return found


def _splitter(chunking: Chunking) -> Any:
    """Return what cuts texts; raise PrepareError for an overlap that leaves no room for more."""
    from semantic_text_splitter import TextSplitter

    if chunking.overlap >= chunking.size:
        raise PrepareError(_("The overlap of passages must be shorter than a passage."))
    if chunking.unit == "characters":
        return TextSplitter(chunking.size, overlap=chunking.overlap)
    return TextSplitter.from_huggingface_tokenizer(
        whole_tokenizer(), chunking.size, overlap=chunking.overlap
    )


def whole_tokenizer() -> Any:
    """Return the encoder's tokenizer without its limit, which would hide how long a text is."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_directory() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
