"""Scorers of support: does an answer say what the passages say, and cite the right ones?

Both compare words. They can't see that a sentence was negated or two facts swapped, they punish
a good paraphrase or translation, and reward copying; a human or a model has to judge those.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from evaluations.scorers.interface import CaseView, Score, Scorer, graded
from evaluations.scorers.words import MARKER, language_setting, shared, tokens
from evaluations.spec import choice, number

MARKERS_AFTER_STOP = re.compile(r"([.!?。！？])\s*((?:\[\d{1,6}(?:\s*,\s*\d{1,6})*\][ \t]*)+)")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


@dataclass(frozen=True, slots=True)
class GroundednessSpec:
    """Which words count."""

    language: str = language_setting()


def groundedness(output: str, case: CaseView, spec: GroundednessSpec) -> Score | None:
    """Return the share of the answer's words that occur in what was retrieved.

    K-Precision of Adlakha et al. (2024), TACL 12:681-699: each word counts as often as
    both have it. Citation marks don't count; an answer without words scores 0.
    """
    if case.passages is None:
        return None
    return graded(supported(MARKER.sub(" ", output), " ".join(case.passages), spec.language))


def supported(statement: str, passage: str, language: str) -> float:
    """Return the share of a statement's words that a passage has; 0 without words."""
    said = tokens(statement, language)
    return shared(said, tokens(passage, language)) / len(said) if said else 0.0


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, and the numbers of the passages that it cites."""

    text: str
    cites: tuple[int, ...]


def statements(answer: str) -> list[Statement]:
    """Return an answer's sentences; marks after a full stop belong to the sentence before it."""
    moved = MARKERS_AFTER_STOP.sub(r"\2\1 ", answer)
    found = []
    for sentence in SENTENCE_END.split(moved):
        numbers = [int(n) for marks in MARKER.findall(sentence) for n in marks.split(",")]
        said = " ".join(MARKER.sub(" ", sentence).split())
        if any(sign.isalnum() for sign in said):
            found.append(Statement(said, tuple(dict.fromkeys(numbers))))
    return found


@dataclass(frozen=True, slots=True)
class CitationSpec:
    """What is counted, and when a passage supports a sentence."""

    counts: str = choice(
        "citations",
        _("What is counted"),
        (("citations", _("Citations that are right")), ("sentences", _("Sentences backed"))),
        _("The share of the citations that are right, or of the sentences that are backed by "
          "what they cite."),
    )  # fmt: skip
    threshold: float = number(
        0.5,
        _("Words that make support"),
        _("A passage supports a sentence if it has at least this share of the sentence's words."),
        minimum=0.05,
        maximum=1,
    )
    language: str = language_setting()


def citation_correctness(output: str, case: CaseView, spec: CitationSpec) -> Score | None:
    """Return the share of an answer's citations that exist and support their sentence.

    Citation precision and recall as in Gao et al. (2023), ALCE, section 4.3, with the share of
    shared words (`supported`) in the place of their model of entailment. Without a citation 0.
    """
    if case.passages is None:
        return None
    said = statements(output)
    count = _right_citations if spec.counts == "citations" else _backed_sentences
    verdicts = [verdict for one in said for verdict in count(one, case.passages, spec)]
    return graded(sum(verdicts) / len(verdicts) if verdicts else 0.0)


def _right_citations(
    statement: Statement, passages: tuple[str, ...], spec: CitationSpec
) -> list[bool]:
    """Return for each citation whether its passage exists and supports the sentence alone."""
    return [
        1 <= number <= len(passages)
        and supported(statement.text, passages[number - 1], spec.language) >= spec.threshold
        for number in statement.cites
    ]


def _backed_sentences(
    statement: Statement, passages: tuple[str, ...], spec: CitationSpec
) -> list[bool]:
    """Return whether the passages that a sentence cites support it together."""
    cited = " ".join(passages[n - 1] for n in statement.cites if 1 <= n <= len(passages))
    return [supported(statement.text, cited, spec.language) >= spec.threshold]


SUPPORT = (
    Scorer(
        "groundedness",
        "1",
        _("Groundedness"),
        "groundedness",
        groundedness,
        _("The share of the answer's words that occur in the passages it was given."),
        needs=(),
        uses=("passages",),
        spec_class=GroundednessSpec,
    ),
    Scorer(
        "citation_correctness",
        "1",
        _("Citation correctness"),
        "citation_correctness",
        citation_correctness,
        _("The share of the citations that name a passage which supports the sentence."),
        needs=(),
        uses=("passages",),
        spec_class=CitationSpec,
    ),
)
