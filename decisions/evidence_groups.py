"""Where each figure comes from, to look things up by: candidate, then run, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from decisions.models import Candidate, Evidence

RECENT = 3  # runs of a candidate that stand open on the page


@dataclass(frozen=True)
class Source:
    """What one run, or one comparison of two, told of a candidate."""

    origin: str
    origin_url: str
    evidence: tuple[Evidence, ...]

    @property
    def cases(self) -> str:
        """Return what it was measured on, where its conditions say so."""
        told = self.evidence[0].conditions
        return str(told.get("case_set") or told.get("task") or "")

    @property
    def order(self) -> tuple[bool, int]:
        """Return its place among a candidate's: runs before comparisons, newest first."""
        return self.evidence[0].is_comparison, -max(one.number for one in self.evidence)


@dataclass(frozen=True)
class CandidateEvidence:
    """All that stands of one candidate: what was measured last, and before that."""

    candidate: Candidate
    sources: tuple[Source, ...]

    @property
    def recent(self) -> tuple[Source, ...]:
        """Return the sources of its latest figures, newest first."""
        return self.sources[:RECENT]

    @property
    def earlier(self) -> tuple[Source, ...]:
        """Return the others, newest first."""
        return self.sources[RECENT:]


def by_candidate(evidence: Iterable[Evidence]) -> list[CandidateEvidence]:
    """Return the evidence of each candidate by where it comes from, in the candidates' order."""
    found: dict[Candidate, dict[tuple[str, str], list[Evidence]]] = {}
    for one in evidence:
        sources = found.setdefault(one.candidate, {})
        sources.setdefault((one.origin, one.origin_url), []).append(one)
    return [
        CandidateEvidence(candidate, _sources(found[candidate]))
        for candidate in sorted(found, key=lambda one: (one.position, one.pk))
    ]


def _sources(known: dict[tuple[str, str], list[Evidence]]) -> tuple[Source, ...]:
    sources = [Source(origin, url, tuple(rows)) for (origin, url), rows in known.items()]
    return tuple(sorted(sources, key=lambda one: one.order))
