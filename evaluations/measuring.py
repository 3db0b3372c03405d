"""What a worker does with a run: prepare the technique once, then answer case after case."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from evaluations import work
from evaluations.actions import (
    conclude_run,
    fail_run,
    hold_run,
    learning_keys,
    note_prepared,
    start_run,
)
from evaluations.encoder import BeingMade, EncoderMissing, exclusive
from evaluations.endpoints.chats import connect, on_behalf_of
from evaluations.endpoints.tuning import connect_tuner
from evaluations.environment import environment
from evaluations.judging import Judges
from evaluations.learning import Lesson, SomeoneElseLearns, TimedMemory, learned
from evaluations.models import Case, CaseKind, Run, Split
from evaluations.scoring import ScorerProblem, scoring_of
from evaluations.shift import Shift, Stop
from evaluations.techniques import (
    Answerer,
    Document,
    Example,
    Halt,
    Interrupted,
    Label,
    Learn,
    Material,
    Memory,
    NotYet,
    PrepareError,
    Probe,
    SpecError,
    Technique,
    technique_for,
)
from evaluations.techniques.embedding import VectorsLacking, encoder_of, with_questions
from evaluations.vectors import have_vectors, vectors_told

logger = logging.getLogger(__name__)

Read = Callable[[], Material]

KEPT = 4  # prepared techniques a process keeps: one each for the candidates of a usual record


@dataclass(frozen=True)
class Prepared:
    """A technique that is ready to answer, and what making it ready came to."""

    answerer: Answerer
    artefact: dict[str, Any]


# What a technique may talk to before it has read anything.
CONNECTED = Material(connect=connect, connect_tuner=connect_tuner)

_kept: OrderedDict[tuple[int, str, str, str], Prepared] = OrderedDict()


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
    try:
        with on_behalf_of(run):
            left = _answered(run, stop)
    except Halt as why:
        hold_run(run, str(why))
        return False
    except Interrupted:
        return True
    except (NotYet, SomeoneElseLearns, BeingMade):
        return False  # who prepares it calls another, or the reaper asks again soon
    return left


def _answered(run: Run, stop: Stop) -> bool:
    """Prepare the technique and answer cases; return whether any may be left for somebody."""
    prepared = _prepared_or_failed(run, stop)
    if prepared is None:
        return False
    if _is_another(run, prepared):
        fail_run(run, _("The model that answered before is not the one that is there now."))
        return False
    note_prepared(run, prepared.artefact)
    scoring = scoring_of(run)
    left = Shift(run, prepared.answerer, scoring, stop, Judges(scoring, connect)).spend()
    if not left:
        _conclude(run)
    return left


def _is_another(run: Run, prepared: Prepared) -> bool:
    """Return whether a run that goes on would be answered by another tuned model than before."""
    before, now = (told.get("tuned_model") for told in (run.artefact, prepared.artefact))
    return before not in (None, now)


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


def _rests(run: Run) -> bool:
    """Return whether somebody has paused or cancelled a run meanwhile."""
    return not Run.objects.filter(pk=run.pk).working().exists()


def _prepared_or_failed(run: Run, stop: Stop) -> Prepared | None:
    """Return the run's technique, ready to answer; if that fails, end the run with the reason."""
    try:
        Judges(scoring_of(run), connect)  # that it can be scored is known before it begins
        return prepared_for(run, stop)
    except (Halt, Interrupted, NotYet, SomeoneElseLearns, BeingMade):
        raise
    except (SpecError, PrepareError, EncoderMissing, ScorerProblem) as error:
        fail_run(run, str(error))
    except SoftTimeLimitExceeded:
        fail_run(run, _("Preparing the technique took too long."))
    except Exception:
        logger.exception("%s could not be prepared", run)
        sentence = _("Preparing the technique failed unexpectedly; the worker's log says where.")
        fail_run(run, sentence)
    return None


def prepared_for(run: Run, stop: Stop) -> Prepared:
    """Return the run's technique, from this process's few kept ones or made now.

    What talks to an endpoint is kept for its run alone, whose budget and seats it has.
    """
    technique = technique_for(run.spec)
    probe = run.case_set.probe if technique.recall else None
    cases = (run.case_set.digest, probe.digest if probe else "")
    key = (run.pk if technique.endpoints(run.spec) else 0, run.spec_digest, *cases)
    if key not in _kept:
        _kept[key] = _prepare(run, technique, stop)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def _prepare(run: Run, technique: Technique, stop: Stop) -> Prepared:
    """Make a technique ready; where vectors are lacking, have them made and begin anew.

    Cases are read only by the worker that learns from them, or builds with them.
    """
    read = cache(lambda: _material(run, technique))
    while True:
        try:
            return _made_ready(run, technique, read, stop)
        except VectorsLacking as lacking:
            have_vectors(lacking.texts, read(), stop, lambda: _rests(run), run.pk)


def _material(run: Run, technique: Technique) -> Material:
    """Return what a run's technique is prepared with."""
    material = material_of(run)
    return replace(material, encoder=encoder_of(technique.validate(run.spec), material))


def _made_ready(run: Run, technique: Technique, read: Read, stop: Stop) -> Prepared:
    """Return a technique: first what it learns once, then what every process makes anew."""
    found = _all_learned(run, technique, read, stop)
    with exclusive(_lock_of(run)):  # one at a time on a machine; the others have better to do
        material = replace(read(), learned=found)
        began = time.perf_counter()
        built = technique.build(technique.validate(run.spec), material)
        answerer = with_questions(built, material.encoder)
        seconds = time.perf_counter() - began
    facts = {"prepare_seconds": round(seconds, 3), "built_for": run.pk}
    facts |= {**found, **answerer.facts}
    facts |= vectors_told(material.encoder)
    if material.left_out:
        facts["left_out_overlap"] = material.left_out
    return Prepared(answerer, facts)


def _all_learned(run: Run, technique: Technique, read: Read, stop: Stop) -> Mapping[str, Any]:
    """Return what a technique learns once, and then what its probe comes to."""
    found: Mapping[str, Any] = {}
    keys = learning_keys(run)
    for key, learn in zip(keys, (technique.learn, technique.recall), strict=False):
        if learn:
            lesson = _lesson(run, technique, learn, read, found)
            told = learned(key, lesson, stop, lambda: _rests(run))
            times = [*found.get("learning", []), *told.get("learning", [])]
            found = {**found, **told, **({"learning": times} if times else {})}
    return found


def _lesson(
    run: Run, technique: Technique, learn: Learn, read: Read, known: Mapping[str, Any]
) -> Lesson:
    """Return what is done to learn, which reads the cases only once it is time to."""
    spec = technique.validate(run.spec)

    async def lesson(memory: Memory) -> Mapping[str, Any]:
        timed = TimedMemory(memory)
        if technique.look:
            await technique.look(spec, CONNECTED, timed)
        material = await sync_to_async(read)()
        found = await learn(spec, replace(material, learned=known), timed)
        return {**found, "learning": [{"seconds": timed.seconds, "run": run.pk}]}

    return lesson


def _lock_of(run: Run) -> Path:
    """Return the file that a worker locks while it builds a run's technique."""
    path = settings.VAR_DIR / "cache" / "preparing" / f"{learning_keys(run)[-1]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(path)


def material_of(run: Run) -> Material:
    """Return what a run's technique may learn from: the case set's other splits, never the test.

    An example of theirs that is a test case as well, but for case and spacing, is left out.
    """
    tested = run.case_set.cases.filter(split=Split.TEST).values("input_digest")
    train, dev = (_examples(run, split, tested) for split in (Split.TRAIN, Split.DEV))
    known = [Label(one["slug"], one["name"], one["description"]) for one in run.case_set.labels]
    if run.case_set.kind == CaseKind.CLASSIFICATION:
        known = known or [Label(slug) for slug in sorted({one.expected for one in train})]
    technique = technique_for(run.spec)
    learnt = run.case_set.cases.filter(split__in=(Split.TRAIN, Split.DEV))
    material = replace(
        CONNECTED,
        train=train,
        dev=dev,
        labels=known,
        cache=settings.VAR_DIR / "cache",
        left_out=learnt.filter(input_digest__in=tested).count(),
        probe=_probe(run, technique),
    )
    return _with_corpus(run, material) if technique.needs_corpus else material


def _with_corpus(run: Run, material: Material) -> Material:
    """Add the documents of the case set's corpus, in its order."""
    corpus = run.case_set.corpus
    if corpus is None:
        raise PrepareError(
            _("%(case_set)s has no corpus to search in.") % {"case_set": run.case_set}
        )
    found = corpus.documents.order_by("position").values_list("key", "text", "title")
    documents = [Document(*one) for one in found.iterator()]
    return replace(material, documents=documents, corpus_digest=corpus.digest)


def _probe(run: Run, technique: Technique) -> Probe | None:
    """Return what the run's case set says must not be forgotten, for techniques that tune."""
    probe = run.case_set.probe
    if probe is None or technique.recall is None:
        return None
    cases = probe.cases.filter(split=Split.TEST).order_by("position")
    examples = _as_examples(cases)
    labels = [Label(one["slug"], one["name"], one["description"]) for one in probe.labels]
    if probe.kind == CaseKind.CLASSIFICATION:
        labels = labels or [Label(slug) for slug in sorted({one.expected for one in examples})]
    return Probe(str(probe), probe.digest, examples, labels)


def _examples(run: Run, split: str, tested: Any) -> list[Example]:
    cases = run.case_set.cases.filter(split=split).exclude(input_digest__in=tested)
    return _as_examples(cases.order_by("position"))


def _as_examples(cases: QuerySet[Case]) -> list[Example]:
    told = cases.values_list("input", "expected", "references")
    return [Example(text, answer, tuple(others)) for text, answer, others in told.iterator()]
