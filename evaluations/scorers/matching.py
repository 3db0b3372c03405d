"""Scorers that say right or wrong by comparing texts."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.scorers.interface import CaseView, NoSettings, Score, Scorer, right
from evaluations.scorers.words import bare, language_setting, normalised, plain_words
from evaluations.spec import choice, text

LONGEST_PATTERN = 1000


def exact_match(output: str, case: CaseView, _spec: NoSettings) -> Score:
    """Return 1 if the answer is one of the right ones after normalisation.

    An empty answer is never right.
    """
    given = normalised(output)
    return right(bool(given) and given in map(normalised, case.answers))


@dataclass(frozen=True, slots=True)
class NormalisedSpec:
    """What makes no difference."""

    language: str = language_setting()


def normalised_match(output: str, case: CaseView, spec: NormalisedSpec) -> Score:
    """Return 1 if the answer is a right one but for case, punctuation and articles.

    SQuAD's exact match (Rajpurkar et al. 2016): the best over the right answers.
    """
    given = bare(output, spec.language)
    return right(bool(given) and given in {bare(one, spec.language) for one in case.answers})


@dataclass(frozen=True, slots=True)
class ContainsSpec:
    """Which right answers must occur, and as what."""

    which: str = choice(
        "any",
        gettext_lazy("Right answers that must occur"),
        (("any", gettext_lazy("One of them")), ("all", gettext_lazy("All of them"))),
    )
    place: str = choice(
        "words",
        gettext_lazy("Where"),
        (("words", gettext_lazy("As whole words")), ("anywhere", gettext_lazy("Anywhere"))),
        gettext_lazy("Whole words: “art” is not in “party”. Choose anywhere for scripts that "
                     "write no spaces."),
    )  # fmt: skip


def contains(output: str, case: CaseView, spec: ContainsSpec) -> Score:
    """Return 1 if a right answer (or all of them) occurs in the answer.

    Case, width and spacing make no difference; with whole words punctuation makes none either.
    """
    form = _as_words if spec.place == "words" else normalised
    given = form(output)
    wanted = [one for one in map(form, case.answers) if one.strip()]
    found = [one in given for one in wanted]
    return right(any(found) if spec.which == "any" else bool(found) and all(found))


def _as_words(text: str) -> str:
    """Return a text's words with a space around each, so that no word is found inside another."""
    return f" {' '.join(plain_words(normalised(text)))} "


@lru_cache(maxsize=64)
def compiled(pattern: str, ignore_case: bool = False) -> Any:
    """Return a pattern that matches in time linear in the text; raise ValueError if it can't be.

    RE2 (Cox 2010, "Regular expression matching in the wild"): automata, no backtracking.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        raise ValueError(told.decode() if isinstance(told, bytes) else str(told)) from error


def pattern_problem(pattern: str) -> str | None:
    """Return why a pattern can't be used, as a sentence."""
    try:
        compiled(pattern)
    except ValueError as error:
        return _(
            "This pattern can't be used (%(why)s). Patterns are RE2's: no look-ahead, no "
            "look-behind and no reference back to a group."
        ) % {"why": error}
    return None


@dataclass(frozen=True, slots=True)
class RegexSpec:
    """The pattern and how it must match."""

    pattern: str = text(
        "",
        gettext_lazy("Pattern"),
        gettext_lazy("RE2's regular expressions; \\d, \\w and \\b mean ASCII, \\pL any letter."),
        maximum=LONGEST_PATTERN,
        check=pattern_problem,
    )
    covers: str = choice(
        "part",
        gettext_lazy("What must match"),
        (("part", gettext_lazy("Any part")), ("whole", gettext_lazy("The whole answer"))),
    )
    case: str = choice(
        "matters",
        gettext_lazy("Upper and lower case"),
        (
            ("matters", gettext_lazy("Make a difference")),
            ("ignored", gettext_lazy("Make no difference")),
        ),
    )


def regex(output: str, _case: CaseView, spec: RegexSpec) -> Score:
    """Return 1 if the pattern matches the answer; spaces around the answer don't count."""
    pattern = compiled(spec.pattern, spec.case == "ignored")
    match = pattern.fullmatch if spec.covers == "whole" else pattern.search
    return right(match(output.strip()) is not None)


MATCHING = (
    Scorer(
        "exact_match",
        "1",
        gettext_lazy("Exact match"),
        "accuracy",
        exact_match,
        gettext_lazy("The same text; case, width and spacing make no difference."),
        decides=True,
    ),
    Scorer(
        "normalised_match",
        "1",
        gettext_lazy("Normalised match"),
        "normalised_match",
        normalised_match,
        gettext_lazy("The same text but for case, punctuation and articles (SQuAD)."),
        spec_class=NormalisedSpec,
        decides=True,
    ),
    Scorer(
        "contains",
        "1",
        gettext_lazy("Contains the answer"),
        "contains",
        contains,
        gettext_lazy("A right answer occurs in the answer, which may say more."),
        spec_class=ContainsSpec,
        decides=True,
    ),
    Scorer(
        "regex",
        "1",
        gettext_lazy("Pattern"),
        "regex",
        regex,
        gettext_lazy("A regular expression matches the answer."),
        needs=(),
        spec_class=RegexSpec,
        decides=True,
    ),
)
