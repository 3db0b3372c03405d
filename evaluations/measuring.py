"""What a worker does with a run: prepare the technique once, then answer case after case."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext as _

from evaluations import work
from evaluations.actions import conclude_run, fail_run, hold_run, note_prepared, start_run
from evaluations.encoder import EncoderMissing
from evaluations.environment import environment
from evaluations.models import Run, Split
from evaluations.scorers import SCORERS, Scorer
from evaluations.shift import Shift, Stop
from evaluations.techniques import (
    Answerer,
    Example,
    Halt,
    Label,
    PrepareError,
    SpecError,
    technique_for,
)

logger = logging.getLogger(__name__)

KEPT = 4  # prepared techniques a process keeps: one each for the candidates of a usual record


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
    if not run.is_working:
        return False
    start_run(run, environment())
    if not _anything_left(run):
        _conclude(run)
        return False
    prepared = _prepared_or_failed(run)
    if prepared is None:
        return False
    note_prepared(run, prepared.artefact)
    try:
        left = Shift(run, prepared.answerer, scorer_of(run), stop).spend()
    except Halt as why:
        hold_run(run, str(why))
        return False
    if not left:
        _conclude(run)
    return left


def scorer_of(run: Run) -> Scorer:
    """Return the scorer that a run's results are judged by."""
    return SCORERS[run.scorer.partition("/")[0]]


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
