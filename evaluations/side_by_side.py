"""The cases of a run beside what other runs answered to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from decisions.models import User
from evaluations.comparing import standing_runs
from evaluations.models import OPEN_RESULTS, Result, Run, RunState

MOST_OFFERED = 40
MOST_BESIDE = 6


@dataclass(frozen=True)
class Line:
    """A case with this run's result and the other runs', None where there is none."""

    result: Result
    others: list[Result | None]


def offered(run: Run, user: User) -> list[Run]:
    """Return the runs that can stand beside a run: on the same cases, visible, latest first."""
    if run.case_set_id is None:
        return []
    found = Run.objects.visible_to(user).filter(case_set=run.case_set, split=run.split)
    related = found.select_related("candidate__decision", "case_set").exclude(pk=run.pk)
    return list(related.order_by("-pk")[:MOST_OFFERED])


def usual(run: Run, known: Sequence[Run]) -> list[Run]:
    """Return what stands beside a run unasked: one run of each other candidate of its record.

    That is the one whose figures the record shows, else the latest that has finished.
    """
    standing = {one.pk for one in standing_runs(run)}
    latest: dict[int, Run] = {}
    for one in sorted(known, key=lambda one: one.pk not in standing):
        is_of_record = one.candidate.decision_id == run.candidate.decision_id
        if is_of_record and one.state == RunState.FINISHED:
            latest.setdefault(one.candidate_id, one)
    latest.pop(run.candidate_id, None)
    return sorted(latest.values(), key=lambda one: one.candidate.position)


def chosen(run: Run, known: Sequence[Run], keys: Iterable[str]) -> list[Run]:
    """Return the runs with these keys in the order of the list, or what is usual without any."""
    wanted = set(keys)
    found = [one for one in known if str(one.pk) in wanted]
    return found[:MOST_BESIDE] if wanted else usual(run, known)[:MOST_BESIDE]


def differing(results: Any, others: Sequence[Run], run: Run) -> Any:
    """Return the results whose mark is another than one of the other runs', by the same scorer.

    What is not answered yet, or was not scored, has no mark.
    """
    comparable = [one.pk for one in others if one.scorer == run.scorer]
    theirs = Result.objects.filter(
        run__in=comparable,
        case=OuterRef("case"),
        repeat=OuterRef("repeat"),
        score__isnull=False,
    )
    return results.filter(Exists(theirs.exclude(score=OuterRef("score"))))


def lines(results: Iterable[Result], others: Sequence[Run]) -> list[Line]:
    """Return each result with what every other run answered to its case, to the same repeat."""
    rows = list(results)
    known = Result.objects.filter(run__in=others, case__in=[row.case_id for row in rows])
    answered = known.exclude(state__in=OPEN_RESULTS)
    told = {(one.run_id, one.case_id, one.repeat): one for one in answered}
    return [
        Line(row, [told.get((run.pk, row.case_id, row.repeat)) for run in others]) for row in rows
    ]
