"""Scorers by degrees: how much an answer shares with the right one, in words or in meaning."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from evaluations.encoder import get_encoder
from evaluations.scorers.interface import CaseView, NoSettings, Score, Scorer, graded
from evaluations.scorers.words import language_setting, plain_words, shared, tokens


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """Which words count."""

    language: str = language_setting()


def token_f1(output: str, case: CaseView, spec: TokenSpec) -> Score:
    """Return the F1 of the words shared with the right answer that fits best.

    Rajpurkar et al. (2016), SQuAD, F1. An answer without words scores 0.
    """
    given = tokens(output, spec.language)
    return graded(max(f1(given, tokens(one, spec.language)) for one in case.answers))


def f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    """Return the harmonic mean of the shares of both texts' words that the other has."""
    return 2 * shared(given, wanted) / (len(given) + len(wanted)) if given and wanted else 0.0


def rouge_l(output: str, case: CaseView, _spec: NoSettings) -> Score:
    """Return ROUGE-L, the best over the right answers; words are compared unstemmed.

    Lin (2004), ROUGE, section 3: F-measure (β = 1) of the longest common subsequence.
    """
    given = plain_words(output)
    return graded(max(_lcs_f1(given, plain_words(one)) for one in case.answers))


def _lcs_f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return 0.0
    return 2 * longest_common(given, wanted) / (len(given) + len(wanted))


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two lists of words.

    Hyyrö (2004), "Bit-parallel LCS-length computation revisited": each bit of `row` is
    a word of `one`, 0 where the length grows. Some milliseconds for texts of thousands of words.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        hits = row & places.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
    return len(one) - row.bit_count()


def embedding_similarity(output: str, case: CaseView, _spec: NoSettings) -> Score:
    """Return the cosine with the closest right answer, by the embedded encoder; below 0 is 0.

    Only the first 256 tokens of a text count. Closeness of topic, not of truth: "it is open" and
    "it is not open" are close. Reimers and Gurevych (2019), Sentence-BERT, section 3.
    """
    if not output.strip():
        return graded(0.0)
    vectors = get_encoder().encode([output, *case.answers])
    return graded(float((vectors[1:] @ vectors[0]).max()))


OVERLAP = (
    Scorer(
        "token_f1",
        "1",
        _("Token F1"),
        "token_f1",
        token_f1,
        _("How many words the answer and the right answer share, both ways (SQuAD)."),
        spec_class=TokenSpec,
    ),
    Scorer(
        "rouge_l",
        "1",
        _("ROUGE-L"),
        "rouge_l",
        rouge_l,
        _("How many words of the right answer occur in the same order."),
    ),
    Scorer(
        "embedding_similarity",
        "1",
        _("Embedding similarity"),
        "embedding_similarity",
        embedding_similarity,
        _("How close the answer is in topic to the right one, by the embedded encoder."),
    ),
)
