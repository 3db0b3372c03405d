"""From a product profile to a reasoned first view of how each way of adapting a model fits.

Pure: it takes the profile's answers and returns what the rules say of them, what they pull
against, and which open question would change the view most. It advises on candidates and on
experiments; it knows no measurement and gives no verdict. The rules are in `advisor_rules`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property

from django.utils.translation import gettext_lazy as _

from decisions.advisor_rules import EXPERIMENTS, RULES, Condition, Experiment, Profile, Rule
from decisions.advisor_ways import PROMPTING, WAYS, Way
from decisions.section_kinds import SECTION_KINDS, Field, FieldType, SectionKind, Text

STRONG = 2  # the effect of a strong reason
ENOUGH = 2  # how far the reasons on one side must outweigh the others to be more than mixed


class Level(StrEnum):
    """What the rules say of a way, from the best."""

    FOR = "for"
    MIXED = "mixed"
    UNKNOWN = "unknown"
    AGAINST = "against"

    @property
    def words(self) -> Text:
        """Return it in words."""
        return LEVEL_WORDS[self]

    @property
    def icon(self) -> str:
        """Return its symbol."""
        return LEVEL_ICONS[self]


LEVEL_WORDS: dict[Level, Text] = {
    Level.FOR: _("The profile speaks for it"),
    Level.MIXED: _("The profile does not settle it"),
    Level.UNKNOWN: _("The profile says too little yet"),
    Level.AGAINST: _("The profile speaks against it"),
}
LEVEL_ICONS: dict[Level, str] = {
    Level.FOR: "state-done",
    Level.MIXED: "state-half",
    Level.UNKNOWN: "state-none",
    Level.AGAINST: "cross",
}
ORDER = {level: place for place, level in enumerate(Level)}
LIGHTEST_FIRST = {key: place for place, key in enumerate(WAYS)}


@dataclass(frozen=True)
class Question:
    """A question of the profile that the advisor reads, and the part in which it is asked."""

    part: SectionKind
    field: Field

    @property
    def name(self) -> str:
        """Return its name; no two questions of a profile share one."""
        return self.field.name

    @property
    def answers(self) -> tuple[str, ...]:
        """Return the values of its choices."""
        return tuple(value for value, _label in self.field.choices)


@cache
def questions() -> dict[str, Question]:
    """Return the choices of the profile's parts by name; free text is for people alone."""
    return {
        field.name: Question(part, field)
        for part in SECTION_KINDS.values()
        if part.is_profile
        for field in part.fields
        if field.type == FieldType.CHOICE
    }


@dataclass(frozen=True)
class Answer:
    """What a profile says to a question."""

    question: Question
    value: str

    @property
    def label(self) -> Text:
        """Return the answer in words."""
        return self.question.field.label_of(self.value)


@dataclass(frozen=True)
class Reason:
    """A rule that fired, as it bears on one way, and the answers it rests on."""

    rule: Rule
    effect: int
    answers: tuple[Answer, ...]

    @property
    def is_strong(self) -> bool:
        """Return whether it weighs as much as two others."""
        return abs(self.effect) == STRONG


@dataclass(frozen=True)
class Fit:
    """How one way fits a profile: the rules for it, the rules against it, and what is open."""

    way: Way
    speaks_for: tuple[Reason, ...]
    speaks_against: tuple[Reason, ...]
    profile: Profile = field(repr=False)

    @cached_property
    def open(self) -> tuple[Question, ...]:
        """Return the open questions on which rules about it wait."""
        about = (one.when for one in RULES if self.way.key in one.effects)
        return _open_questions(about, self.profile)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return all rules that fired."""
        return self.speaks_for + self.speaks_against

    @cached_property
    def balance(self) -> int:
        """Return by how much the reasons for it outweigh those against it."""
        return sum(one.effect for one in self.reasons)

    @cached_property
    def strong_for(self) -> tuple[Reason, ...]:
        """Return the strong reasons for it."""
        return tuple(one for one in self.speaks_for if one.is_strong)

    @cached_property
    def strong_against(self) -> tuple[Reason, ...]:
        """Return the strong reasons against it; with one of them it is never advised."""
        return tuple(one for one in self.speaks_against if one.is_strong)

    @cached_property
    def level(self) -> Level:
        """Return what the rules come to; a strong reason against never lets them speak for it."""
        if self.balance <= (ENOUGH - 1 if self.strong_against else -ENOUGH):
            return Level.AGAINST
        if not any(one.rule.when for one in self.reasons):
            return Level.UNKNOWN
        return Level.FOR if self.balance >= ENOUGH and not self.strong_against else Level.MIXED

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """Return the strong reasons that settle its level; none where the count alone does."""
        if self.strong_against or self.level != Level.FOR:
            return self.strong_against
        return self.strong_for


@dataclass(frozen=True)
class Turn:
    """One answer to an open question, and which way would lead then; None if none would."""

    answer: Text
    way: Way | None


@dataclass(frozen=True)
class Unknown:
    """A question without an answer: whose answers would change what, and how much in all."""

    question: Question
    turns: tuple[Turn, ...]
    weight: tuple[int, int, int]


@dataclass(frozen=True)
class Advice:
    """What the rules say of a profile: the ways from the best, and what would change that."""

    profile: Profile
    fits: tuple[Fit, ...]
    unknown: tuple[Unknown, ...]
    experiments: tuple[Experiment, ...]

    @property
    def leading(self) -> Fit | None:
        """Return the way that the profile speaks for most, None if it speaks for none."""
        return leading(self.fits)

    @property
    def answered(self) -> int:
        """Return how many of the questions have an answer."""
        return len(self.profile)

    @property
    def asked(self) -> int:
        """Return how many questions there are."""
        return len(questions())

    @property
    def worth_trying(self) -> list[Fit]:
        """Return what belongs on a list of candidates, the lightest as their baseline among it."""
        return [one for one in self.fits if one.way.key in _worth_trying(self.fits)]


def known_answers(said: Mapping[str, object]) -> dict[str, str]:
    """Return those answers that are a choice of a question; anything else is left out."""
    return {
        name: str(said[name])
        for name, question in questions().items()
        if said.get(name) in question.answers
    }


def advise(profile: Profile) -> Advice:
    """Return the rules' view of a profile: question → answer, questions left out if open.

    Raises ValueError for a question or an answer that does not exist.
    """
    if (known := known_answers(profile)) != dict(profile):
        unknown = sorted(set(profile.items()) - set(known.items()))
        raise ValueError(f"no such question or answer: {unknown}")
    fits = fits_of(known)
    return Advice(known, fits, _unknown(known, fits), _experiments(known, fits))


def fits_of(profile: Profile, rules: Collection[Rule] = RULES) -> tuple[Fit, ...]:
    """Return how each way fits by these rules, best first; on a tie, the lighter one."""
    fired = [one for one in rules if fires(one.when, profile)]
    return tuple(sorted((_fit(way, fired, profile) for way in WAYS.values()), key=_rank))


def leading(fits: Iterable[Fit]) -> Fit | None:
    """Return the first of the ways that the profile speaks for, if there is one."""
    first = next(iter(fits))
    return first if first.level == Level.FOR else None


def fires(when: Condition, profile: Profile) -> bool:
    """Return whether every question is answered with one of the answers named."""
    return all(profile.get(name) in answers for name, answers in when.items())


def may_fire(when: Condition, profile: Profile) -> bool:
    """Return whether it does not hold yet, and could by answers to questions that are open."""
    answered = {name: answers for name, answers in when.items() if name in profile}
    return len(answered) < len(when) and fires(answered, profile)


def _rank(fit: Fit) -> tuple[int, int, int]:
    return ORDER[fit.level], -fit.balance, LIGHTEST_FIRST[fit.way.key]


def _fit(way: Way, fired: Iterable[Rule], profile: Profile) -> Fit:
    reasons = [_reason(one, way, profile) for one in fired if way.key in one.effects]
    # The strong ones first; what holds of any product says least about this one.
    reasons.sort(key=lambda one: (-abs(one.effect), not one.answers))
    return Fit(
        way,
        tuple(one for one in reasons if one.effect > 0),
        tuple(one for one in reasons if one.effect < 0),
        profile,
    )


def _reason(rule: Rule, way: Way, profile: Profile) -> Reason:
    answers = (Answer(questions()[name], profile[name]) for name in rule.when)
    return Reason(rule, rule.effects[way.key], tuple(answers))


def _open_questions(conditions: Iterable[Condition], profile: Profile) -> tuple[Question, ...]:
    """Return the questions on which conditions wait, in the order in which they are asked."""
    waited_for = {
        name
        for when in conditions
        if may_fire(when, profile)
        for name in when
        if name not in profile
    }
    return tuple(one for name, one in questions().items() if name in waited_for)


def _unknown(profile: Profile, fits: Collection[Fit]) -> tuple[Unknown, ...]:
    """Return the open questions that bear on any way, the one that would change most first."""
    asked = _open_questions((one.when for one in RULES), profile)
    found = [_what_if(one, profile, fits) for one in asked]
    return tuple(sorted(found, key=lambda one: one.weight, reverse=True))


def _what_if(question: Question, profile: Profile, fits: Collection[Fit]) -> Unknown:
    """Return what each answer to an open question would change, all others staying as they are.

    Its weight: how many answers give or take the lead; how many words of a way change; and by
    how much the reasons move, or could once other questions are answered too.
    """
    turns, words, moved = [], 0, 0
    now = {one.way.key: one for one in fits}
    led = _way_of(leading(fits))
    for value, label in question.field.choices:
        then = fits_of({**profile, question.name: value})
        ahead = _way_of(leading(then))
        if ahead != led:
            turns.append(Turn(label, ahead))
        words += sum(one.level != now[one.way.key].level for one in then)
        moved += sum(abs(one.balance - now[one.way.key].balance) for one in then)
    return Unknown(question, tuple(turns), (len(turns), words, moved + _could_move(question)))


def _way_of(fit: Fit | None) -> Way | None:
    return fit.way if fit else None


def _could_move(question: Question) -> int:
    """Return how much the rules that ask a question weigh, all ways together."""
    return sum(
        abs(effect) for one in RULES if question.name in one.when for effect in one.effects.values()
    )


def _worth_trying(fits: Collection[Fit]) -> set[str]:
    """Return the ways to try: those with more for them than against them, and the baseline.

    A way with a strong reason against it is none of them, whatever the count; only the baseline
    is tried all the same, since the others have to beat it.
    """
    unopposed = [one for one in fits if not one.strong_against]
    good = {one.way.key for one in unopposed if one.level == Level.FOR}
    fair = {one.way.key for one in unopposed if one.level == Level.MIXED and one.balance > 0}
    return (good or fair) | {PROMPTING}


def _experiments(profile: Profile, fits: Collection[Fit]) -> tuple[Experiment, ...]:
    tried = _worth_trying(fits)
    return tuple(
        one
        for one in EXPERIMENTS
        if fires(one.when, profile) and (not one.ways or tried.intersection(one.ways))
    )
