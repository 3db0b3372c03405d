"""Having a model tuned by a provider: one job, begun once, whatever happens to the worker.

What has been done is kept after every step, and what is about to be done before it. So a worker
that takes over knows whether a reply may have been lost, and looks for what it does not know of:
the training file by its name, which no other has, and the job by its training file.
"""

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from decisions import clock
from evaluations.techniques.interface import (
    Interrupted,
    Memory,
    NotYet,
    PrepareError,
    Tuner,
    TuningJob,
)
from evaluations.techniques.training_file import TrainingFile

MOST_TRIES = 20  # times that a job is begun without anyone learning what became of it
MILLION = Decimal(1_000_000)


@dataclass
class JobMemory:
    """What is known of one job of several that a technique keeps, by its name."""

    memory: Memory
    name: str

    @property
    def state(self) -> dict[str, Any]:
        """Return what is kept of the job."""
        return dict(self.memory.state.get("jobs", {}).get(self.name, {}))

    async def keep(self, **state: Any) -> None:
        """Keep some values of the job."""
        jobs = self.memory.state.get("jobs", {})
        await self.memory.keep(jobs={**jobs, self.name: {**self.state, **state}})

    async def forget(self) -> None:
        """Keep nothing of the job."""
        await self.memory.keep(jobs={**self.memory.state.get("jobs", {}), self.name: {}})

    async def give_up(self, sentence: str) -> PrepareError:
        """Forget the job, and return the error that ends the run until somebody tries again."""
        jobs = {**self.memory.state.get("jobs", {}), self.name: {}}
        with contextlib.suppress(Interrupted):  # it ends here either way
            await self.memory.keep(jobs=jobs, failed=sentence)
        return PrepareError(sentence)


@dataclass(frozen=True, slots=True)
class Order:
    """What a provider is asked for. `settings` go with the job.

    `epochs` is what the estimate of its cost counts with; `price` is in US dollars for a million
    trained tokens, None where nobody knows.
    """

    endpoint: str
    base_model: str
    file: TrainingFile
    settings: Mapping[str, Any]
    epochs: int
    price: Decimal | None

    def cost(self, tokens: int | None) -> Decimal | None:
        """Return what training on so many tokens costs, None if nobody knows."""
        if self.price is None or tokens is None:
            return None
        return (self.price * tokens / MILLION).quantize(Decimal("0.000001"))


async def tuned(order: Order, tuner: Tuner, memory: JobMemory) -> dict[str, Any]:
    """Return what a job came to, as plain values; begin it if nobody has.

    Raises `NotYet` while it is under way, and `PrepareError` with the provider's reason where it
    failed.
    """
    if "done" in memory.state:
        return dict(memory.state["done"])
    await _begin(order, tuner, memory)
    job = await _looked_at(tuner, memory)
    if job.status != "succeeded":
        raise await memory.give_up(_ending(job))
    if not job.model:
        raise await memory.give_up(_("The provider does not say what the tuned model is called."))
    cost = order.cost(job.trained_tokens)
    done = _done(order, job, cost)
    await tuner.charge(job.trained_tokens, cost, partial(memory.keep, done=done))
    return done


async def rest_while_under_way(tuner: Tuner, memory: Memory) -> None:
    """Raise `NotYet` while a job that has begun is under way: a look, before anything is built."""
    for name in memory.state.get("jobs", {}):
        state = JobMemory(memory, name).state
        if state.get("job") and "done" not in state:
            await _looked_at(tuner, JobMemory(memory, name))


async def _looked_at(tuner: Tuner, memory: JobMemory) -> TuningJob:
    """Return a job that has ended; keep how another stands, for those who wait, and raise `NotYet`.

    What is kept is told on the run's page.
    """
    job = await tuner.look(memory.state["job"])
    if job.status == "running":
        at = clock.now().isoformat()
        await memory.keep(seen={"stage": job.stage, "begun": job.begun, "at": at})
        raise NotYet
    return job


def _ending(job: TuningJob) -> str:
    told = {"job": job.id, "reason": job.reason or _("no reason given")}
    if job.status == "cancelled":
        return _("The provider's job %(job)s was cancelled.") % told
    return _("The provider's job %(job)s failed: %(reason)s") % told


def _done(order: Order, job: TuningJob, cost: Decimal | None) -> dict[str, Any]:
    return {
        "tuned_model": job.model,
        "base_model": order.base_model,
        "tuning_job": job.id,
        "training_examples": order.file.examples,
        "trained_tokens": job.trained_tokens,
        "training_seconds": job.seconds,
        "training_cost": None if cost is None else str(cost),
        "training_file_digest": order.file.digest,
        "training_findings": order.file.findings,
    }


async def _begin(order: Order, tuner: Tuner, memory: JobMemory) -> None:
    """Come to a job that is under way, by as many steps as are still to be taken."""
    if not memory.state.get("name"):
        tokens = order.file.tokens * order.epochs
        await tuner.afford(tokens, order.cost(tokens))
        await memory.keep(
            endpoint=order.endpoint,
            model=order.base_model,
            name=f"countersign-{secrets.token_hex(8)}.jsonl",
        )
    if not memory.state.get("file"):
        await memory.keep(file=await _handed_in(order, tuner, memory))
    if not memory.state.get("job"):
        await memory.keep(job=await _job_on_it(order, tuner, memory))


async def _handed_in(order: Order, tuner: Tuner, memory: JobMemory) -> str:
    """Return the training file's name at the server; handed in once."""
    name = memory.state["name"]
    if memory.state.get("is_uploading") and (found := await tuner.uploaded(name)):
        return found
    await _count_try(memory, "is_uploading")
    return await tuner.upload(name, order.file.content)


async def _job_on_it(order: Order, tuner: Tuner, memory: JobMemory) -> str:
    """Return the job on the training file; begun once."""
    file = memory.state["file"]
    if memory.state.get("is_beginning") and (found := await tuner.begun(file)):
        return found
    await _count_try(memory, "is_beginning")
    return await tuner.begin(file, order.settings)


async def _count_try(memory: JobMemory, what: str) -> None:
    """Note what is about to be done; give up where that never came to anything."""
    tries = int(memory.state.get(what, 0)) + 1
    if tries > MOST_TRIES:
        sentence = _("The provider took no training file or job in %(n)s tries.") % {
            "n": MOST_TRIES
        }
        raise await memory.give_up(sentence)
    await memory.keep(**{what: tries})


def is_under_way(state: Mapping[str, Any]) -> bool:
    """Return whether the job of a kept state may be running at the provider."""
    has_begun = bool(state.get("job") or state.get("is_beginning"))
    return has_begun and not state.get("has_ended") and "done" not in state


async def cancel(memory: JobMemory, tuner: Tuner) -> None:
    """Stop a job, also one whose beginning nobody heard of; keep what was ready before."""
    job = memory.state.get("job") or await tuner.begun(memory.state["file"])
    if job:
        await tuner.cancel(job)
    if job and (await tuner.look(job)).status == "succeeded":
        await memory.keep(job=job, has_ended=True)
    else:
        await memory.forget()
