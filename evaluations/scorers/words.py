"""Texts as scorers compare them: without differences that don't matter, and as counted words."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from evaluations.spec import choice

ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
WORD = re.compile(r"[^\W_]+")
# The numbers of passages that an answer cites: [1], [2, 3].
MARKER = re.compile(r"\[(\d{1,6}(?:\s*,\s*\d{1,6})*)\]")
MARK_AFTER_SPACE = re.compile(rf"\s*{MARKER.pattern}")


def language_setting() -> str:
    """Describe which words and signs make no difference, for the spec of a scorer."""
    found: str = choice(
        "english",
        _("Language"),
        (("english", _("English")), ("other", _("Any other"))),
        _("English as SQuAD compares it: articles and ASCII punctuation don't count. "
          "Any other: no punctuation of any script counts, every word does."),
    )  # fmt: skip
    return found


def normalised(text: str) -> str:
    """Return a text without differences of width, case and spacing (Unicode NFKC, casefold)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def without_marks(answer: str) -> str:
    """Return an answer without its citation marks: "308 [1]." is "308."."""
    return MARK_AFTER_SPACE.sub("", answer).strip()


def bare(text: str, language: str = "english") -> str:
    """Return a text in lower case, without punctuation and articles, single-spaced.

    English: the normalisation of SQuAD (Rajpurkar et al. 2016, and its evaluation script).
    Any other: as MLQA does (Lewis et al. 2020), but articles stay.
    """
    if language == "english":
        without = text.lower().translate(ASCII_PUNCTUATION)
        return " ".join(ENGLISH_ARTICLES.sub(" ", without).split())
    return " ".join(normalised(_without_punctuation(text)).split())


def _without_punctuation(text: str) -> str:
    """Return a text without the punctuation of any script, and without ASCII's signs."""
    return "".join(
        sign
        for sign in text
        if sign not in string.punctuation and not unicodedata.category(sign).startswith("P")
    )


@lru_cache(maxsize=512)
def _tokens(text: str, language: str) -> tuple[str, ...]:
    return tuple(bare(text, language).split())


def tokens(text: str, language: str = "english") -> tuple[str, ...]:
    """Return the words that count; those of a passage are kept for the next answer on it."""
    return _tokens(text, language)


def shared(one: Iterable[str], other: Iterable[str]) -> int:
    """Return how many words two texts have in common, each as often as both have it."""
    return sum((Counter(one) & Counter(other)).values())


def plain_words(text: str) -> list[str]:
    """Return runs of letters and digits in lower case, as ROUGE's script splits English."""
    return WORD.findall(text.lower())
