"""What every technique is made of: material in, an answerer out.

A technique prepares itself on training examples and then answers one case at a time. Everything
here is plain values, so a technique that calls a model server fits as well as one that runs here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from django.utils.translation import gettext as _

from evaluations.encoder import TextEncoder
from evaluations.spec import Field, Words, fields_of, validated
from evaluations.techniques.chat import Chat, Usage

Connect = Callable[[str, str], Chat]
ConnectTuner = Callable[[str, str], "Tuner"]


class PrepareError(ValueError):
    """The technique can't be prepared on this material; the message is a sentence for people."""


class UnknownThere(PrepareError):
    """The server does not know what it was asked about."""


@dataclass(frozen=True, slots=True)
class Example:
    """A training or development case with the answer that was expected, and others as right."""

    input: str
    expected: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """One possible answer of a classification; `slug` is what a technique answers with."""

    slug: str
    name: str = ""
    description: str = ""

    @property
    def title(self) -> str:
        """Return the name, or the slug as words where there is no name."""
        return self.name or " ".join(self.slug.replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True, slots=True)
class Document:
    """One text that answers are looked up in; `key` is what a case names it by."""

    key: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """Cases of another kind than those tuned for, asked before and after; `name` is the set's."""

    name: str
    digest: str
    examples: Sequence[Example]
    labels: Sequence[Label] = ()


@dataclass(frozen=True, slots=True)
class TuningJob:
    """How a provider says that a job stands. `seconds` is from its creation to its end.

    `status` is running, succeeded, failed or cancelled; `stage` is the provider's own word for it,
    `begun` when the job was created (seconds since 1970); `reason` is what the provider says of a
    failure. What a provider does not say is None.
    """

    id: str
    status: str
    model: str = ""
    trained_tokens: int | None = None
    seconds: float | None = None
    reason: str = ""
    stage: str = ""
    begun: float | None = None


class Tuner(Protocol):
    """The side of an endpoint that tunes models.

    Every method may raise `Halt` where the run has to rest, `NotYet` where the server is not to be
    reached just now, `UnknownThere` where it does not know what it is asked about, and
    `PrepareError` where it refuses otherwise.
    """

    async def upload(self, name: str, content: bytes) -> str:
        """Hand in a training file; return what the server calls it."""

    async def uploaded(self, name: str) -> str | None:
        """Return what the server calls a file that was handed in under a name, if it has it."""

    async def begin(self, file: str, settings: Mapping[str, Any]) -> str:
        """Begin a job on a file; return what the server calls it."""

    async def begun(self, file: str) -> str | None:
        """Return the job that was begun on a file, if there is one."""

    async def look(self, job: str) -> TuningJob:
        """Return how a job stands."""

    async def cancel(self, job: str) -> None:
        """Stop a job; one that has ended stays as it is, and a running one is never unknown."""

    async def afford(self, tokens: int, cost: Decimal | None) -> None:
        """Raise `Halt` if budgets do not allow so many tokens, or a cost (US dollars)."""

    async def charge(
        self, tokens: int | None, cost: Decimal | None, keep: Callable[[], Awaitable[None]]
    ) -> None:
        """Count what a job came to and call `keep`, in one write: both hold or neither."""

    async def close(self) -> None:
        """Give connections and seats back."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a technique may learn from, look things up in and talk to.

    `cache` is a folder that may be deleted at any time. `connect` opens a model at an endpoint, by
    the endpoint's slug and the model's name. `learned` is what the technique has learned once.
    `documents` are those of the case set's corpus, for a technique that needs them; its digest
    names their content.
    """

    train: Sequence[Example] = ()
    dev: Sequence[Example] = ()
    labels: Sequence[Label] = ()
    cache: Path | None = None
    connect: Connect | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)
    documents: Sequence[Document] = ()
    corpus_digest: str = ""
    # Opens the side of an endpoint that tunes models.
    connect_tuner: ConnectTuner | None = None
    # How many examples are not among these because they are test cases as well.
    left_out: int = 0
    # What a tuned model must not have forgotten; empty where the case set names nothing.
    probe: Probe | None = None
    # What turns texts into vectors; None: the embedded encoder.
    encoder: TextEncoder | None = None

    def chat(self, endpoint: str, model: str) -> Chat:
        """Return a model at an endpoint; raise PrepareError if there is no such endpoint here."""
        if self.connect is None:
            raise PrepareError(_("This technique needs a model server, and none can be reached."))
        return self.connect(endpoint, model)

    def tuner(self, endpoint: str, model: str) -> Tuner:
        """Return what tunes a model at an endpoint; raise PrepareError if there is nothing."""
        if self.connect_tuner is None:
            raise PrepareError(_("This technique needs a model server, and none can be reached."))
        return self.connect_tuner(endpoint, model)


@dataclass(frozen=True, slots=True)
class Question:
    """What a technique is told of a case: never what is expected.

    `passages` are texts that belong to the question and are given with it. `repeat` counts from 0
    where a case is answered several times; what draws by a seed adds it to that.
    """

    input: str
    key: str = ""
    repeat: int = 0
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One case's answer. An empty `output` means that the technique found nothing to answer.

    `details` can be stored as JSON. Tokens and cost (US dollars) are None where they are not known.
    `latency_ms` is set by a technique that knows better than the clock around it what a user would
    have waited, as waiting for a free seat at a server is not the server's time.
    """

    output: str
    details: dict[str, Any] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None
    latency_ms: float | None = None


def after(asked: Usage, answer: Answer) -> Answer:
    """Return an answer that took also what was asked before it: time, tokens, cost, requests."""
    own = Usage(answer.input_tokens, answer.output_tokens, answer.cost, answer.latency_ms or 0.0)
    total = asked.then(own)
    requests = asked.requests + answer.details.get("requests", 0)
    return replace(
        answer,
        details={"model": asked.model, **answer.details, "requests": requests},
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost=total.cost,
        latency_ms=total.latency_ms,
    )


class Answerer(Protocol):
    """A prepared technique. `facts` says what was prepared, as plain values for the run.

    One that computes here answers at once, one case after the other; see `Remote` for the others.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what was prepared: training_examples, labels, index_bytes and the like."""

    def answer(self, question: Question) -> Answer | Awaitable[Answer]:
        """Return the answer to one case, doing all the work that one case takes."""


@runtime_checkable
class Remote(Protocol):
    """An answerer that waits for servers: its answers are awaited, several at once."""

    def seats(self) -> int:
        """Return how many answers this worker may have under way now, at least 0."""

    async def close(self) -> None:
        """Give connections and seats back."""


class Memory(Protocol):
    """What survives while a technique learns: plain values, kept step by step."""

    state: dict[str, Any]

    async def keep(self, **state: Any) -> None:
        """Keep some values; raise `Interrupted` if the worker has to stop here for now."""


class Interrupted(Exception):
    """Learning stops here for now and goes on later from the state that was kept."""


class NotYet(Exception):
    """What is learned elsewhere is not ready; to be asked again later."""


class Halt(Exception):
    """The run cannot go on for now; the message is the sentence that says why."""


class UnknownModel(Halt):
    """The server does not know the model, or not any more."""


Learn = Callable[[Any, Material, Memory], Awaitable[Mapping[str, Any]]]
Look = Callable[[Any, Material, Memory], Awaitable[None]]
Obstacle = Callable[[Any, bool], str]


@dataclass(frozen=True, slots=True)
class Technique:
    """An entry of the registry. `kind_note` says honestly what it is and is shown on every run.

    `version` is raised when the same spec on the same material would answer differently.
    """

    key: str
    approach: str
    version: str
    title: Words
    description: Words
    kind_note: Words
    spec_class: type
    build: Callable[[Any, Material], Answerer]
    needs_training: bool = True
    needs_corpus: bool = False
    # The kinds of case sets that it has answers to.
    kinds: tuple[str, ...] = ("classification",)
    # What the details of its answers hold beside the answer, for scorers that use it:
    # "retrieved" (keys of documents found) and "passages" (texts handed to the model).
    provides: tuple[str, ...] = ()
    # What is done once, by one worker, before any is prepared; it ends up in `Material.learned`.
    learn: Learn | None = None
    # What is looked at before each of its steps, without any example or document being read: it
    # raises `NotYet` while what is learned elsewhere is under way.
    look: Look | None = None
    # Why a spec can never be learned or answered, given whether there are development cases; "".
    obstacle: Obstacle | None = None
    # What is asked once of the case set's probe, after learning; ends up in the run's artefact.
    recall: Learn | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return what can be set, in the order of the form."""
        return fields_of(self.spec_class)

    def validate(self, raw: Mapping[str, Any]) -> Any:
        """Return the frozen spec; raise SpecError with a sentence for each field at fault."""
        settings = {name: value for name, value in raw.items() if name != "technique"}
        return validated(self.spec_class, settings)

    def complete(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Return the spec to store: the technique's key and every setting, defaults filled in."""
        return {"technique": self.key, **dataclasses.asdict(self.validate(raw))}

    @property
    def connects(self) -> bool:
        """Return whether it always talks to an endpoint; some do where the spec says so."""
        return any(one.type == "endpoint" and not one.nullable for one in self.fields)

    def endpoints(self, spec: Mapping[str, Any]) -> list[str]:
        """Return the slugs of the endpoints that a spec talks to."""
        named = [spec.get(one.name) for one in self.fields if one.type == "endpoint"]
        return [one for one in named if one]

    def prepare(
        self,
        spec: Mapping[str, Any],
        train: Sequence[Example],
        dev: Sequence[Example] = (),
        labels: Sequence[Label] = (),
        cache: Path | None = None,
        documents: Sequence[Document] = (),
    ) -> Answerer:
        """Return an answerer that needs no endpoint; raise SpecError or PrepareError.

        Without `labels` they are the answers that occur in `train`, in alphabetical order.
        """
        found = labels or [Label(slug) for slug in sorted({one.expected for one in train})]
        material = Material(
            tuple(train), tuple(dev), tuple(found), cache, documents=tuple(documents)
        )
        return self.build(self.validate(spec), material)
