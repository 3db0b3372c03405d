"""Questions about paragraphs in the shape of SQuAD, 1.1 and 2.0: {"data": [{"paragraphs": …}]}."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from django.utils.translation import gettext as _

from evaluations.importers.json_stream import JsonStream


@dataclass(frozen=True)
class Paragraph:
    """A paragraph: its place (article and paragraph, from 1), article's title, text, questions."""

    key: str
    title: str
    text: str
    questions: list[dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """A question of a paragraph; no answers where the right answer is that there is none."""

    key: str
    text: str
    answers: list[str]
    is_impossible: bool
    paragraph: str


def is_squad(file: TextIO) -> bool:
    """Return whether a file's first article has paragraphs."""
    stream = JsonStream(file)
    for key in stream.items():
        if key == "data" and stream.peek() == "[":
            return any(_has_paragraphs(stream) for _article in stream.elements())
        stream.skip()
    return False


def _has_paragraphs(stream: JsonStream) -> bool:
    """Return whether the next value is an article; anything else ends the search."""
    if stream.peek() != "{":
        raise ValueError("not an article")
    for key in stream.items():
        if key == "paragraphs" and stream.peek() == "[":
            return True
        stream.skip()
    raise ValueError("not an article")


def read_paragraphs(file: TextIO) -> Iterator[Paragraph]:
    """Yield the paragraphs in their order; raise ValueError with a sentence."""
    stream = JsonStream(file)
    for key in stream.items():
        if key != "data":
            stream.skip()
            continue
        for number, _article in enumerate(stream.elements(), 1):
            yield from _paragraphs(stream.value(), number)
    stream.end()


def questions_of(paragraph: Paragraph) -> Iterator[Question]:
    """Yield a paragraph's questions; raise ValueError with a sentence."""
    for number, told in enumerate(paragraph.questions, 1):
        at = _("paragraph %(key)s, question %(n)s") % {"key": paragraph.key, "n": number}
        key, text = told.get("id"), told.get("question")
        if not isinstance(text, str) or not isinstance(key, str | int):
            raise ValueError(_("%(at)s has no id or no text.") % {"at": at})
        impossible = told.get("is_impossible") is True
        answers = [] if impossible else _answers(told.get("answers"), at)
        yield Question(str(key), text, answers, impossible, paragraph.key)


def _paragraphs(article: Any, number: int) -> Iterator[Paragraph]:
    at = _("article %(n)s") % {"n": number}
    if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
        raise ValueError(_("%(at)s has no paragraphs.") % {"at": at})
    title = str(article.get("title") or "").replace("_", " ")
    for place, one in enumerate(article["paragraphs"], 1):
        context = one.get("context") if isinstance(one, dict) else None
        questions = one.get("qas", []) if isinstance(one, dict) else None
        is_whole = isinstance(questions, list) and all(isinstance(q, dict) for q in questions)
        if not isinstance(context, str) or not is_whole:
            told = {"at": at, "place": place}
            raise ValueError(_("%(at)s, paragraph %(place)s has no text or no questions.") % told)
        yield Paragraph(f"{number}.{place}", title, context, questions or [])


def _answers(told: Any, at: str) -> list[str]:
    """Return the texts of the answers, each once, in their order."""
    if not isinstance(told, list):
        raise ValueError(_("%(at)s has no list of answers.") % {"at": at})
    texts = [one.get("text") if isinstance(one, dict) else None for one in told]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(_("%(at)s has an answer without a text.") % {"at": at})
    return list(dict.fromkeys(text.strip() for text in texts if text and text.strip()))
