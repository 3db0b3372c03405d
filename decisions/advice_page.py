"""What the advisor's page and the candidates' page show of its view of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from decisions.advisor import (
    Advice,
    Fit,
    Level,
    Question,
    Unknown,
    advise,
    fits_of,
    known_answers,
    leading,
)
from decisions.advisor_sources import SOURCES, Source
from decisions.advisor_ways import PROMPTING, ways_of
from decisions.models import Candidate, Decision

if TYPE_CHECKING:
    from decisions.record_page import RecordPage
    from decisions.record_parts import Part


def profile_of(record: Decision) -> dict[str, str]:
    """Return a record's answers to the questions that the advisor reads."""
    said: dict[str, object] = {}
    for section in record.sections.all():
        if section.definition.is_profile:
            said |= section.data
    return known_answers(said)


@dataclass(frozen=True)
class AdvisedCandidate:
    """A candidate and how its way fits; no fit where it does not say which way it is."""

    candidate: Candidate
    fit: Fit | None
    is_leading: bool
    is_one_of_several: bool


def advised_candidates(
    record: Decision, candidates: Iterable[Candidate]
) -> Iterator[AdvisedCandidate]:
    """Yield each candidate with how the rules say it fits the record's profile."""
    fits = fits_of(profile_of(record))
    for one in candidates:
        ways = ways_of(one)
        found = next((fit for fit in fits if (fit.way,) == ways), None)
        is_leading = found is not None and found == leading(fits)
        yield AdvisedCandidate(one, found, is_leading, len(ways) > 1)


@dataclass(frozen=True)
class WayLine:
    """A way, how it fits, and the candidates on the list that are it, or that may be it."""

    fit: Fit
    candidates: list[Candidate]
    perhaps: list[Candidate]
    is_leading: bool

    @property
    def is_baseline(self) -> bool:
        """Return whether it is only worth trying as what the others have to beat."""
        return self.fit.level != Level.FOR and self.fit.way.key == PROMPTING


@dataclass(frozen=True)
class OpenLine:
    """An open question, what its answers would change, and the part in which it is answered."""

    unknown: Unknown
    part: Part | None


class AdvicePage:
    """The advisor's view of one record, as one person reads it."""

    def __init__(self, page: RecordPage) -> None:
        self.page = page

    @cached_property
    def advice(self) -> Advice:
        """Return what the rules say of the record's profile."""
        return advise(profile_of(self.page.record))

    @cached_property
    def ways(self) -> list[WayLine]:
        """Return every way from the best, each with the candidates that follow it."""
        return [self._line(one) for one in self.advice.fits]

    @property
    def suggested(self) -> list[WayLine]:
        """Return the ways that belong on the list of candidates."""
        tried = {one.way.key for one in self.advice.worth_trying}
        return [one for one in self.ways if one.fit.way.key in tried]

    @cached_property
    def open(self) -> list[OpenLine]:
        """Return the open questions, the one that would change the view most first."""
        return [OpenLine(one, self._part(one.question)) for one in self.advice.unknown]

    @property
    def turning(self) -> list[OpenLine]:
        """Return the open questions of which one answer alone would change which way leads."""
        return [one for one in self.open if one.unknown.turns]

    @property
    def waiting(self) -> list[OpenLine]:
        """Return the other open questions: no answer to one of them alone changes the lead."""
        return [one for one in self.open if not one.unknown.turns]

    @cached_property
    def sources(self) -> list[Source]:
        """Return the sources of the rules and experiments shown, in the order of the registry."""
        cited = {
            source
            for fit in self.advice.fits
            for reason in fit.reasons
            for source in reason.rule.sources
        }
        cited |= {source for one in self.advice.experiments for source in one.sources}
        return [source for key, source in SOURCES.items() if key in cited]

    def _line(self, fit: Fit) -> WayLine:
        listed = [one for one in self.page.candidates if not one.is_dropped]
        sure = [one for one in listed if ways_of(one) == (fit.way,)]
        perhaps = [one for one in listed if fit.way in ways_of(one) and one not in sure]
        return WayLine(fit, sure, perhaps, fit == self.advice.leading)

    def _part(self, question: Question) -> Part | None:
        """Return the part that asks a question; None where the record has no such part."""
        parts = (one for one in self.page.parts if one.section.kind == question.part.key)
        return next(parts, None)
