"""Jobs at providers that no run waits for any more: a cancelled run is not to go on costing money.

The rows say it all, so nothing is lost with a worker or a queue: what has begun, has not ended, and
is wanted by no open run, is cancelled at the next look. A job that the server does not let be
cancelled is kept, for a run that goes on to take it up, and is asked about for a week.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from decisions import clock
from evaluations.actions import learning_key
from evaluations.endpoints.tuning import connect_tuner
from evaluations.learning import SomeoneElseLearns, taken
from evaluations.models import Preparation, Run
from evaluations.techniques import Halt, Interrupted, NotYet, PrepareError
from evaluations.techniques.interface import UnknownThere
from evaluations.techniques.tuning import JobMemory, cancel, is_under_way

logger = logging.getLogger(__name__)

REFUSED_LONGEST = timedelta(days=7)


def cancel_abandoned() -> int:
    """Cancel the jobs that nobody waits for; return how many preparations had any."""
    found = _with_jobs()
    wanted = _wanted() if found else set()
    return sum(_let_go(one) for one in found if one.key not in wanted)


def _with_jobs() -> list[Preparation]:
    unlearned = Preparation.objects.filter(learned__isnull=True, state__has_key="jobs")
    return [one for one in unlearned if _under_way(one.state)]


def _under_way(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the jobs that may still be running and may be asked to end."""
    jobs = state["jobs"].items()
    return [name for name, job in jobs if is_under_way(job) and not _is_refused_for_long(job)]


def _is_refused_for_long(job: Mapping[str, Any]) -> bool:
    since = job.get("refused_since")
    return since is not None and clock.now() - datetime.fromisoformat(since) >= REFUSED_LONGEST


def _wanted() -> set[str]:
    """Return what the open runs wait to have learned."""
    return {learning_key(run) for run in Run.objects.open().select_related("case_set")}


def _let_go(preparation: Preparation) -> bool:
    """Cancel a preparation's jobs under its lease; return whether there was anything to do."""
    try:
        memory = taken(preparation, lambda: False)
    except SomeoneElseLearns:
        return False
    try:
        if preparation.key in _wanted():  # since a moment ago
            return False
        for name in _under_way(memory.state):
            async_to_sync(_cancelled)(JobMemory(memory, name))
    except (Halt, Interrupted, NotYet) as why:
        logger.warning("A job that nobody waits for could not be cancelled yet: %s", why)
        return False
    finally:
        memory.release()
    return True


async def _cancelled(memory: JobMemory) -> None:
    """Cancel one job and forget it; of what a server does not know nothing can be cancelled.

    One that the server does not let be cancelled may go on and cost money: it is not forgotten.
    """
    state = memory.state
    try:
        tuner = await sync_to_async(connect_tuner)(state["endpoint"], state["model"])
        try:
            await cancel(memory, tuner)
        finally:
            await tuner.close()
    except UnknownThere as error:
        logger.warning("A job that nobody waits for is not known any more: %s", error)
        await memory.forget()
    except PrepareError as error:
        logger.warning("A job that nobody waits for is not let be cancelled: %s", error)
        await memory.keep(refused_since=state.get("refused_since") or clock.now().isoformat())
