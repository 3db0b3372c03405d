"""Language models that were tuned: by a provider on the training cases, or served already."""

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.spec import integer, line, number
from evaluations.techniques.fine_tuning import drawn, unseen
from evaluations.techniques.forgetting import forgotten
from evaluations.techniques.grading import metric_of, scores
from evaluations.techniques.interface import (
    Answer,
    Answerer,
    Halt,
    Material,
    Memory,
    PrepareError,
    Question,
    Technique,
    Tuner,
    UnknownModel,
)
from evaluations.techniques.language_model import ChatAnswerer, Prompted, prepare_zero_shot
from evaluations.techniques.learning_curve import Try, point, sizes_problem, sizes_written
from evaluations.techniques.training_file import training_file
from evaluations.techniques.tuning import JobMemory, Order, rest_while_under_way, tuned

MOST_DEV = 200  # development cases that a point of a learning curve is measured on
WHOLE = "all"
USUAL_EPOCHS = 3  # what an estimate counts with where the provider chooses
KIND_NOTE = gettext_lazy(
    "A language model tuned by a provider on the training cases; how it was tuned is what the "
    "provider says."
)


def probe_cases() -> Any:
    """Describe how many cases of the probe are asked."""
    return integer(
        200,
        gettext_lazy("Cases of the forgetting check"),
        gettext_lazy(
            "Asked of the base model and of the tuned one, if the case set names a probe. 0: none."
        ),
        minimum=0,
        maximum=10_000,
    )


@dataclass(frozen=True, slots=True)
class ProviderTuned(Prompted):
    """A base model, and how a provider is asked to tune it."""

    tells_labels: ClassVar[bool] = False  # the model has learned them

    model: str = line(
        "",
        gettext_lazy("Base model"),
        gettext_lazy("What is tuned, as the server calls it, such as gpt-4.1-nano-2025-04-14."),
    )
    examples: int | None = integer(
        None,
        gettext_lazy("Training examples"),
        gettext_lazy("Drawn evenly over the labels. Empty: all of them."),
        minimum=10,
        maximum=10_000_000,
        nullable=True,
    )
    epochs: int | None = integer(
        None,
        gettext_lazy("Epochs"),
        gettext_lazy("How often each example is seen. Empty: as the provider chooses."),
        minimum=1,
        maximum=50,
        nullable=True,
    )
    suffix: str = line(
        "",
        gettext_lazy("Suffix"),
        gettext_lazy("Becomes part of the tuned model's name, where the provider does that."),
        maximum=18,
        nullable=True,
    )
    training_price: float | None = number(
        None,
        gettext_lazy("Price of training (US dollars a million tokens)"),
        gettext_lazy("As the provider's price list says. Empty: the cost of training is unknown."),
        minimum=0,
        maximum=1_000_000,
        nullable=True,
    )
    curve_sizes: str = line(
        "",
        gettext_lazy("Learning curve"),
        gettext_lazy(
            "Training sizes such as 10, 50, 100. Each is a job of its own that costs money; all "
            "are measured on development cases. Empty: none."
        ),
        nullable=True,
        check=sizes_problem,
    )
    probe_cases: int = probe_cases()

    @property
    def settings(self) -> dict[str, Any]:
        """Return what goes with the job."""
        asked: dict[str, Any] = {"seed": self.seed}
        if self.epochs:
            asked["hyperparameters"] = {"n_epochs": self.epochs}
        if self.suffix:
            asked["suffix"] = self.suffix
        return asked

    @property
    def price(self) -> Decimal | None:
        """Return the price of a million trained tokens, as a person told it."""
        return None if self.training_price is None else Decimal(str(self.training_price))


@dataclass(frozen=True, slots=True)
class Served(Prompted):
    """A tuned model that a server has already, and what a person says of its making."""

    tells_labels: ClassVar[bool] = False  # the model has learned them

    model: str = line(
        "", gettext_lazy("Tuned model"), gettext_lazy("As the server calls it, such as ft:….")
    )
    base_model: str = line(
        "",
        gettext_lazy("Base model"),
        gettext_lazy(
            "What it was tuned from, as the same server calls it. Needed for the forgetting check."
        ),
        nullable=True,
    )
    tuned_by: str = line("", gettext_lazy("Tuned by"), nullable=True)
    tuned_when: str = line("", gettext_lazy("Tuned when"), nullable=True)
    examples: int | None = integer(
        None,
        gettext_lazy("Training examples"),
        gettext_lazy("On how many it was tuned."),
        minimum=1,
        maximum=1_000_000_000,
        nullable=True,
    )
    training_cost: float | None = number(
        None,
        gettext_lazy("Cost of training (US dollars)"),
        gettext_lazy("Empty: unknown."),
        minimum=0,
        maximum=1_000_000_000,
        nullable=True,
    )
    probe_cases: int = probe_cases()


async def look_at_job(spec: ProviderTuned, material: Material, memory: Memory) -> None:
    """Raise `NotYet` while the provider is at it."""
    tuner = await sync_to_async(material.tuner)(spec.endpoint, spec.model)
    try:
        await rest_while_under_way(tuner, memory)
    finally:
        await tuner.close()


async def tune(spec: ProviderTuned, material: Material, memory: Memory) -> dict[str, Any]:
    """Have the model tuned and return what that came to, with the learning curve if asked for."""
    tuner = await sync_to_async(material.tuner)(spec.endpoint, spec.model)
    try:
        return await _tuned_in_full(spec, material, tuner, memory)
    finally:
        await tuner.close()


async def _tuned_in_full(
    spec: ProviderTuned, material: Material, tuner: Tuner, memory: Memory
) -> dict[str, Any]:
    """Return what the model and those of the learning curve came to."""
    order = order_of(spec, material, spec.examples)
    sizes = [size for size in sizes_written(spec.curve_sizes) if size < order.file.examples]
    if sizes and not unseen(material.dev, material.train):
        raise PrepareError(lacking_cases(spec, has_dev=False))
    found = await tuned(order, tuner, JobMemory(memory, WHOLE))
    curve = [await _on_curve(spec, material, size, tuner, memory) for size in sizes]
    if sizes:
        curve.append(await _measured(spec, material, found, JobMemory(memory, WHOLE)))
    price = {} if spec.training_price is None else {"training_price": str(spec.price)}
    shown = {"learning_curve": curve, "curve_metric": metric_of(material.labels)} if curve else {}
    return {**found, **price, **shown}


def lacking_cases(spec: ProviderTuned, has_dev: bool) -> str:
    """Return why a learning curve cannot be measured without development cases, else ""."""
    if has_dev or not sizes_written(spec.curve_sizes):
        return ""
    return _(
        "A learning curve is measured on development cases that are not trained on as well; there "
        "are none."
    )


def order_of(spec: ProviderTuned, material: Material, examples: int | None) -> Order:
    """Return what the provider is asked for; raise PrepareError where the examples do not do."""
    if "{passages}" in spec.message_template:
        raise PrepareError(_("Training examples have no passages: leave {passages} out."))
    chosen = drawn(material.train, examples, spec.seed)
    file = training_file(chosen, spec.prompt, material.labels)
    return Order(
        spec.endpoint, spec.model, file, spec.settings, spec.epochs or USUAL_EPOCHS, spec.price
    )


async def _on_curve(
    spec: ProviderTuned, material: Material, size: int, tuner: Tuner, memory: Memory
) -> dict[str, Any]:
    """Return a point of the learning curve: a model tuned on fewer examples."""
    job = JobMemory(memory, str(size))
    found = await tuned(order_of(spec, material, size), tuner, job)
    return await _measured(spec, material, found, job)


async def _measured(
    spec: ProviderTuned, material: Material, found: dict[str, Any], job: JobMemory
) -> dict[str, Any]:
    """Return how a tuned model does on development cases; asked once and kept."""
    if "point" not in job.state:
        chat = await sync_to_async(material.chat)(spec.endpoint, found["tuned_model"])
        dev = drawn(unseen(material.dev, material.train), MOST_DEV, spec.seed)
        try:
            found_scores = await scores(spec.prompt, spec.sampling, chat, dev, material.labels)
        finally:
            await chat.close()
        right = math.fsum(one or 0.0 for one in found_scores)
        tried = Try(spec.seed, right, len(dev), found_scores.count(None))
        await job.keep(point=point(found["training_examples"], [tried]))
    return dict(job.state["point"])


@dataclass(frozen=True)
class TunedAnswerer:
    """A tuned model that answers, and what is known of its making."""

    inner: ChatAnswerer
    told: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """Return what was prepared."""
        return {**self.inner.facts, **self.told}

    def seats(self) -> int:
        """Return how many questions may be under way now."""
        return self.inner.seats()

    async def close(self) -> None:
        """Give connections and seats back."""
        await self.inner.close()

    async def answer(self, question: Question) -> Answer:
        """Return what the tuned model says."""
        return await self.inner.answer(question)


@dataclass(frozen=True)
class OrderedAnswerer(TunedAnswerer):
    """A model that a provider has tuned for this spec; one that is gone can be tuned again."""

    async def answer(self, question: Question) -> Answer:
        """Return what the tuned model says."""
        try:
            return await self.inner.answer(question)
        except UnknownModel as said:
            told = {"model": self.told["tuned_model"], "said": said}
            sentence = _(
                "The tuned model %(model)s is not at the provider any more: “Tune again” has "
                "another one made, which costs as much as the first. %(said)s"
            )
            raise Halt(sentence % told) from None


def prepare_tuned(spec: ProviderTuned, material: Material) -> Answerer:
    """Return an answerer with the model that the provider has tuned."""
    model = material.learned["tuned_model"]
    inner = prepare_zero_shot(replace(spec, model=model), material)
    return OrderedAnswerer(inner, {"tuned_model": model})


def prepare_served(spec: Served, material: Material) -> Answerer:
    """Return an answerer with a tuned model that is there already, and what a person says of it."""
    told = {
        "base_model": spec.base_model,
        "tuned_by": spec.tuned_by,
        "tuned_when": spec.tuned_when,
        "training_examples": spec.examples,
        "training_cost": None if spec.training_cost is None else str(spec.training_cost),
    }
    known = {name: value for name, value in told.items() if value not in (None, "")}
    inner = prepare_zero_shot(spec, material)
    return TunedAnswerer(inner, {**known, "training_cost": told["training_cost"], "as_told": True})


async def recall_tuned(spec: ProviderTuned, material: Material, memory: Memory) -> dict[str, Any]:
    """Ask the probe of the base model and of the one that was tuned from it."""
    models = (spec.model, material.learned["tuned_model"])
    return await _recalled(spec, spec.probe_cases, models, material, memory)


async def recall_served(spec: Served, material: Material, memory: Memory) -> dict[str, Any]:
    """Ask the probe of the tuned model and of its base, where somebody says which that is."""
    if not spec.base_model:
        return {}
    models = (spec.base_model, spec.model)
    return await _recalled(spec, spec.probe_cases, models, material, memory)


async def _recalled(
    spec: Prompted, most: int, models: tuple[str, str], material: Material, memory: Memory
) -> dict[str, Any]:
    if material.probe is None or not most:
        return {}
    chat_with = sync_to_async(material.chat)
    before, after = [await chat_with(spec.endpoint, model) for model in models]
    try:
        return await forgotten(material.probe, before, after, spec.sampling, most, memory)
    finally:
        await before.close()
        await after.close()


ENTRIES = (
    Technique(
        key="fine_tuning/provider",
        approach="fine_tuning",
        version="1",
        title=gettext_lazy("Model tuned by a provider"),
        description=gettext_lazy(
            "Hands the training cases to a server that tunes models, waits for the job, and "
            "measures the model that comes of it."
        ),
        kind_note=KIND_NOTE,
        spec_class=ProviderTuned,
        build=prepare_tuned,
        kinds=("classification", "question_answering", "free_text"),
        learn=tune,
        obstacle=lacking_cases,
        look=look_at_job,
        recall=recall_tuned,
    ),
    Technique(
        key="fine_tuning/served",
        approach="fine_tuning",
        version="1",
        title=gettext_lazy("Tuned model that is served already"),
        description=gettext_lazy("Measures a model that somebody has tuned elsewhere."),
        kind_note=gettext_lazy(
            "A language model that was tuned elsewhere; what is said of its making is what a "
            "person entered, and nobody here has seen it."
        ),
        spec_class=Served,
        build=prepare_served,
        needs_training=False,
        kinds=("classification", "question_answering", "free_text"),
        recall=recall_served,
    ),
)
