"""Wake-up calls. The rows in the database are the truth: a lost or doubled call does no harm."""

import logging
import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from decisions import clock
from evaluations.abandoned import cancel_abandoned
from evaluations.intake import do_import, lost_imports
from evaluations.measuring import measure
from evaluations.models import Run
from evaluations.round_judging import do_judging, lost_judgings

logger = logging.getLogger(__name__)

AT_ONCE = 2  # workers woken for a new run; each claims its own cases
STRETCH = 20  # seconds after which a worker goes to the back of the queue, so that others start
# Seconds between two looks for lost work; what was woken shortly before is left alone.
REAPER_PERIOD = settings.REAPER_PERIOD_SECONDS


@shared_task(ignore_result=True, soft_time_limit=1800, time_limit=1860)
def work_on_run(run_id: int) -> None:
    """Answer cases of a run until none is left, or this worker's stretch is over."""
    run = Run.objects.select_related("candidate__decision", "case_set").filter(pk=run_id).first()
    if run is None:
        return
    ends = time.monotonic() + STRETCH
    if measure(run, lambda: time.monotonic() > ends):
        work_on_run.delay(run_id)


@shared_task(ignore_result=True)
def reclaim_lost_work() -> None:
    """Wake a worker for every open run that nobody works on: lost calls, workers that died.

    And for every judge of a round that was not done with in a while.
    """
    quiet_since = clock.now() - timedelta(seconds=REAPER_PERIOD * 2 / 3)
    for pk in Run.objects.lacking_workers(quiet_since).values_list("pk", flat=True):
        wake(pk, times=1, expires=REAPER_PERIOD)
    for pk in lost_judgings():
        judge_round.apply_async((pk,), expires=REAPER_PERIOD)


@shared_task(ignore_result=True, soft_time_limit=300, time_limit=360)
def cancel_abandoned_jobs() -> None:
    """Cancel what providers tune for runs that have ended meanwhile."""
    cancel_abandoned()


@shared_task(ignore_result=True, soft_time_limit=6600, time_limit=6900)
def bring_in(import_id: int) -> None:
    """Do an import; a second delivery finds it taken and does nothing."""
    do_import(import_id)


@shared_task(ignore_result=True, soft_time_limit=1800, time_limit=1860)
def judge_round(judging_id: int) -> None:
    """Ask a model about a round's pairs; a second delivery finds it in hand and does nothing."""
    do_judging(judging_id)


@shared_task(ignore_result=True)
def take_up_lost_imports() -> None:
    """Wake a worker for every import whose call or whose worker was lost, and clear up after."""
    for import_id in lost_imports():
        bring_in.apply_async((import_id,), expires=REAPER_PERIOD)


def wake(run_id: int, times: int = AT_ONCE, expires: float = 3600) -> None:
    """Tell workers that there is work; a call that nobody took in `expires` seconds is dropped."""
    for _ in range(times):
        work_on_run.apply_async((run_id,), expires=expires)
    Run.objects.filter(pk=run_id).update(woken_at=clock.now())
