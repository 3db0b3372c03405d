"""What a worker does with a run: prepare the technique once, then answer case after case."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext as _

from decisions import clock
from evaluations import work
from evaluations.actions import conclude_run, fail_run, note_prepared, start_run
from evaluations.encoder import EncoderMissing
from evaluations.environment import environment
from evaluations.models import Result, Run, Split
from evaluations.scorers import SCORERS, Scorer
from evaluations.techniques import (
    Answer,
    Answerer,
    Example,
    Label,
    PrepareError,
    SpecError,
    technique_for,
)

logger = logging.getLogger(__name__)

KEPT = 4  # prepared techniques a process keeps: one each for the candidates of a usual record
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Prepared:
    """A technique that is ready to answer, and what making it ready came to."""

    answerer: Answerer
    artefact: dict[str, Any]


_kept: OrderedDict[tuple[str, str], Prepared] = OrderedDict()


def measure(run: Run, stop: Stop) -> bool:
    """Work on a run until no case is left or `stop()`; return whether cases may be left.

    Safe to be called by any number of processes at once, and again after the run has ended.
    """
    if not run.is_open:
        return False
    start_run(run, environment())
    if not _anything_left(run):
        _conclude(run)
        return False
    prepared = _prepared_or_failed(run)
    if prepared is None:
        return False
    note_prepared(run, prepared.artefact)
    while not stop():
        if (claim := work.claim(run)) is None:
            _conclude(run)
            return False
        _answer(claim, prepared.answerer, run, stop)
    return True


def _conclude(run: Run) -> None:
    """Finish the run if every case is answered; a fault in the figures ends it with a sentence.

    A database that is busy is no such fault: the reaper wakes another worker later.
    """
    try:
        conclude_run(run)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%s could not be concluded", run)
        fail_run(run, _("Computing the figures failed unexpectedly; the worker's log says where."))


def _anything_left(run: Run) -> bool:
    """Return whether a case waits for an answer, after giving up on those that end workers."""
    work.give_up_on_deadly_cases(run)
    return run.results.unanswered().exists()


def _prepared_or_failed(run: Run) -> Prepared | None:
    """Return the run's technique, ready to answer; if that fails, end the run with the reason."""
    try:
        return prepared_for(run)
    except (SpecError, PrepareError, EncoderMissing) as error:
        fail_run(run, str(error))
    except SoftTimeLimitExceeded:
        fail_run(run, _("Preparing the technique took too long."))
    except Exception:
        logger.exception("%s could not be prepared", run)
        sentence = _("Preparing the technique failed unexpectedly; the worker's log says where.")
        fail_run(run, sentence)
    return None


def prepared_for(run: Run) -> Prepared:
    """Return the run's technique, from this process's few kept ones or made now."""
    key = (run.spec_digest, run.case_set.digest)
    if key not in _kept:
        _kept[key] = _prepare(run)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def _prepare(run: Run) -> Prepared:
    """Make a technique ready: what it learns from comes from the case set's other splits."""
    train, dev = (_examples(run, split) for split in (Split.TRAIN, Split.DEV))
    labels = [Label(one["slug"], one["name"], one["description"]) for one in run.case_set.labels]
    began = time.perf_counter()
    answerer = technique_for(run.spec).prepare(
        run.spec, train, dev, labels, settings.VAR_DIR / "cache"
    )
    seconds = time.perf_counter() - began
    return Prepared(answerer, {"prepare_seconds": round(seconds, 3), **answerer.facts})


def _examples(run: Run, split: str) -> list[Example]:
    cases = run.case_set.cases.filter(split=split).order_by("position")
    return [Example(*pair) for pair in cases.values_list("input", "expected").iterator()]


def _answer(claim: work.Claim, answerer: Answerer, run: Run, stop: Stop) -> None:
    """Answer the cases of a claim and write them; what is not reached any more is given back."""
    scorer = SCORERS[run.scorer.partition("/")[0]]
    answers: list[work.Answered] = []
    try:
        for result in claim.results:
            if stop() or not claim.renewed():
                break
            answers.append(answered(result, answerer, scorer))
    finally:
        work.finish(claim, answers)
    work.release(claim)


def answered(result: Result, answerer: Answerer, scorer: Scorer) -> work.Answered:
    """Answer one case; the time is that of the answer alone. What it raises becomes its error."""
    began = time.perf_counter()
    try:
        answer = answerer.answer(result.case.input)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.exception("Case %s of run %s could not be answered", result.case_id, result.run_id)
        told = f"{type(error).__name__}: {error}"[:500].replace("\0", "")
        return work.Answered(result, _milliseconds(began), clock.now(), error=told)
    latency = _milliseconds(began)
    score = scorer.score(answer.output, result.case.expected)
    return work.Answered(
        result,
        latency,
        clock.now(),
        output=answer.output.replace("\0", ""),
        correct=bool(score.correct),
        score=score.value,
        details=_details(answer),
    )


def _milliseconds(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def _details(answer: Answer) -> dict[str, Any]:
    """Return an answer's details with its usage, where it is known."""
    usage = {
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost": None if answer.cost is None else str(answer.cost),
    }
    return answer.details | {name: value for name, value in usage.items() if value is not None}
