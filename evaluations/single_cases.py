"""The single cases behind a record's evidence, for its archive."""

from collections.abc import Iterator

from decisions.case_results import CaseResult
from decisions.models import Decision
from evaluations.models import Result

CHUNK = 2000


def single_cases(record: Decision) -> Iterator[CaseResult]:
    """Yield what each run said of each case whose figures are evidence here, run by run.

    Cases are named by their keys: what was asked belongs to the case set and its readers.
    """
    sources = record.evidence.values("source_digest")
    behind = Result.objects.filter(
        run__candidate__decision=record, run__results_digest__in=sources
    ).select_related("run", "case")
    for one in behind.order_by("run_id", "pk").iterator(chunk_size=CHUNK):
        yield CaseResult(
            source=one.run.results_digest,
            case=one.case.key,
            repeat=one.repeat,
            state=one.state,
            answer=one.output,
            correct=one.correct,
            score=one.score,
            scores=one.scores,
            latency_ms=one.latency_ms,
            error=one.error,
        )
