"""The only writers of runs, apart from the work on single cases (see work.py).

Case sets and corpora are written by freezing.py.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, DateTimeField, Max
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.evidence import Measurement, attach_evidence
from decisions.models import Candidate, Evidence, EvidenceKind, User
from decisions.policies import BadInput, Refused, ensure, wrong_state
from evaluations import comparing, staleness
from evaluations.candidate_specs import draws_by_seed, technique_of
from evaluations.encoder import PATIENCE
from evaluations.freezing import import_case_set as import_case_set
from evaluations.imported_figures import imported_measurements, left_out
from evaluations.models import (
    OPEN_RESULTS,
    OPEN_RUNS,
    CaseKind,
    CaseSet,
    Endpoint,
    Preparation,
    Result,
    ResultState,
    Run,
    RunState,
    Split,
)
from evaluations.models.run import MOST_AT_ONCE, MOST_REPEATS, RunQuerySet
from evaluations.scorers import SCORERS
from evaluations.scoring import ScorerProblem, Scoring, Stored, can_use, completed, scoring_of
from evaluations.summary import Summary, measurements, summarise
from evaluations.techniques import SpecError, Technique, technique_for

logger = logging.getLogger(__name__)

BATCH = 1000
MOST_SEEDS = 10  # runs of one candidate that are asked for at once
SEEDS = 2**31  # seeds are below


# Runs


@transaction.atomic
def request_runs(
    candidates: Iterable[Candidate], case_set: CaseSet, *, by: User, seeds: int = 1, **asked: Any
) -> list[Run]:
    """Ask for several candidates to be measured, or for none if one of them cannot be.

    Those that draw by a seed are measured with so many of them: the spec's own and those that
    follow it. Raises `BadInput` also for a scorer that none of them provides anything for.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise BadInput(_("1 to %(n)s seeds can be asked for.") % {"n": MOST_SEEDS})
    with clock.held_at(clock.now()):  # by which those that were asked for together are known
        runs = [
            request_run(candidate, case_set, by=by, further=further, **asked)
            for candidate in candidates
            for further in range(seeds if draws_by_seed(candidate) else 1)
        ]
    for one in asked.get("scorers") or ():
        _refuse_useless(one, runs)
    return runs


def _refuse_useless(asked: Stored, runs: Sequence[Run]) -> None:
    """Raise `BadInput` for a scorer that was asked for and scores none of the runs."""
    key = asked.get("key")
    if key and not any(can_use(key, technique_for(run.spec)) for run in runs):
        told = {"scorer": SCORERS[key].title}
        raise BadInput(_("%(scorer)s: no candidate retrieves anything to be scored.") % told)


def request_run(
    candidate: Candidate,
    case_set: CaseSet,
    *,
    by: User,
    attach: bool = True,
    repeats: int = 1,
    concurrency: int = 8,
    budget: Mapping[str, Any] | None = None,
    scorers: Sequence[Stored] = (),
    further: int = 0,
) -> Run:
    """Ask for a candidate to be measured; while that is under way it is the same run.

    With `further` it is measured with a seed so much higher than its spec's: such a run tells how
    far the seed matters, and its figures stay with it. Every case is answered `repeats` times, at
    most `concurrency` at once over all workers. `budget` limits what may be asked of model servers:
    requests, tokens, money (US dollars), None for no limit. `scorers` are {"key", "settings"} each,
    the main one first; without any, and in the place of an empty one, those that are usual for the
    case set. Without `attach` the figures stay with the run until someone attaches them. Raises
    `Refused`, or `BadInput` for a spec or a case set that cannot be run.
    """
    ensure("measure", candidate.decision, by)
    _refuse_unseen(case_set, by)
    _refuse_out_of_range(repeats, concurrency)
    technique = runnable(candidate, case_set)
    spec = technique.complete(candidate.spec)
    if further:
        spec["seed"] = (spec["seed"] + further) % SEEDS
    scoring = _scoring(scorers, case_set, technique, spec)
    _refuse_archived([*technique.endpoints(spec), *(one.spec.endpoint for one in scoring.asking)])
    asks_models = bool(technique.endpoints(spec) or scoring.asking)
    limits = plain_budget(budget or {}) if asks_models else {}
    spec_digest = digest_of([spec, technique.version])
    try:
        with transaction.atomic():
            run = Run.objects.create(
                candidate=candidate,
                case_set=case_set,
                spec=spec,
                spec_digest=spec_digest,
                scorer=scoring.main.identity,
                scorers=scoring.stored,
                seed=spec.get("seed") or 0,
                attaches=attach and not further,
                repeats=repeats,
                concurrency=concurrency,
                budget=limits,
                case_count=case_set.count(Split.TEST),
                requested_by=by,
                requested_at=clock.now(),
            )
            _add_results(run)
            _let_learn_again(run)
            transaction.on_commit(lambda: _wake(run), robust=True)
    except IntegrityError:
        run = Run.objects.open().get(
            candidate=candidate, case_set=case_set, seed=spec.get("seed") or 0
        )
        if run.is_paused:
            raise InTheWay(run, _paused(run)) from None
        _refuse_other(run, (spec_digest, repeats, limits), scoring)
    return run


class InTheWay(Refused):
    """A run that has not ended keeps another of the same candidate and case set from beginning."""

    def __init__(self, run: Run, sentence: str) -> None:
        super().__init__(wrong_state(sentence).refusal)
        self.run = run


def _paused(run: Run) -> str:
    told = {"candidate": run.candidate, "run": run, "why": run.paused_because}
    sentence = _(
        "%(candidate)s is being measured by %(run)s, which is paused: let it go on, or cancel it "
        "first. It says: %(why)s"
    )
    return sentence % told


def _scoring(
    asked: Sequence[Stored], case_set: CaseSet, technique: Technique, spec: Mapping[str, Any]
) -> Scoring:
    """Return the scorers of a run; raise `BadInput` for those that can't be used."""
    try:
        return completed(asked, case_set, technique, spec)
    except ScorerProblem as problem:
        raise BadInput(str(problem)) from problem


def _refuse_unseen(case_set: CaseSet, by: User) -> None:
    """Raise `BadInput` for a case set that the person may not read, or that is not whole yet."""
    if not case_set.is_ready or not case_set.is_visible_to(by):
        told = {"person": by, "case_set": case_set}
        raise BadInput(_("%(case_set)s is not open to %(person)s.") % told)


def _refuse_out_of_range(repeats: int, concurrency: int) -> None:
    """Raise `BadInput` for more than a run may ask for."""
    if not 1 <= repeats <= MOST_REPEATS:
        raise BadInput(_("A case is answered 1 to %(n)s times.") % {"n": MOST_REPEATS})
    if not 1 <= concurrency <= MOST_AT_ONCE:
        raise BadInput(_("1 to %(n)s answers can be under way at once.") % {"n": MOST_AT_ONCE})


def _refuse_archived(slugs: Iterable[str]) -> None:
    """Raise `BadInput` for a model server which is not set up here."""
    for slug in slugs:
        if not Endpoint.objects.usable().filter(slug=slug).exists():
            told = {"endpoint": slug}
            raise BadInput(_("There is no endpoint “%(endpoint)s”, or it is archived.") % told)


def plain_budget(budget: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits that there are as a run keeps them; raise `BadInput` for a negative one."""
    limits = {which: budget.get(which) for which in ("requests", "tokens", "money")}
    if any(limit is not None and limit < 0 for limit in limits.values()):
        raise BadInput(_("A budget cannot be below 0."))
    return {
        which: str(limit) if which == "money" else int(limit)
        for which, limit in limits.items()
        if limit is not None
    }


def _refuse_other(run: Run, asked: tuple[str, int, Any], scoring: Scoring) -> None:
    """Raise `Refused` if the run that is under way measures an earlier spec, or otherwise."""
    is_same = (run.spec_digest, run.repeats, run.budget) == asked
    if not is_same or scoring_of(run).stored != scoring.stored:
        told = {"candidate": run.candidate, "run": run}
        sentence = _(
            "%(candidate)s is still being measured as it was before: cancel %(run)s first."
        )
        raise InTheWay(run, sentence % told)


def runnable(candidate: Candidate, case_set: CaseSet) -> Technique:
    """Return the candidate's technique; raise `BadInput` if it cannot be run on the case set."""
    if not candidate.spec:
        raise BadInput(
            _("%(candidate)s has no spec yet: choose a technique first.") % {"candidate": candidate}
        )
    try:
        technique = technique_for(candidate.spec)
        technique.validate(candidate.spec)
    except SpecError as error:
        told = {"candidate": candidate, "why": error}
        raise BadInput(_("The spec of %(candidate)s cannot be run: %(why)s") % told) from error
    if case_set.kind not in technique.kinds:
        told = {"technique": technique.title, "case_set": case_set}
        raise BadInput(
            _("%(technique)s answers with a label; %(case_set)s asks for something else.") % told
            if technique.kinds == (CaseKind.CLASSIFICATION,)
            else _("%(technique)s answers questions; %(case_set)s asks for labels.") % told
        )
    if technique.needs_corpus and case_set.corpus_id is None:
        told = {"technique": technique.title, "case_set": case_set}
        raise BadInput(_("%(technique)s searches in documents; %(case_set)s has no corpus.") % told)
    if not case_set.count(Split.TEST):
        raise BadInput(_("%(case_set)s has no test cases.") % {"case_set": case_set})
    if technique.needs_training and not case_set.count(Split.TRAIN):
        told = {"technique": technique.title, "case_set": case_set}
        raise BadInput(_("%(technique)s learns from cases; %(case_set)s has none to train.") % told)
    if problem := obstacle(technique, candidate.spec, case_set):
        told = {"candidate": candidate, "why": problem}
        raise BadInput(_("%(candidate)s cannot be measured: %(why)s") % told)
    return technique


def obstacle(technique: Technique, spec: Mapping[str, Any], case_set: CaseSet) -> str:
    """Return in a sentence why a spec can never be run on a case set, "" where it may be."""
    if technique.obstacle is None:
        return ""
    return technique.obstacle(technique.validate(spec), bool(case_set.count(Split.DEV)))


def cancel_run(run: Run, *, by: User) -> None:
    """Stop a run; what was answered stays to be looked at, nothing is attached."""
    ensure("measure", run.candidate.decision, by)
    told = _("Cancelled by %(person)s.") % {"person": by}
    if not _end(run, RunState.CANCELLED, outcome=told):
        raise wrong_state(_("The run has ended already."))


def pause_run(run: Run, *, by: User) -> None:
    """Let a run rest: nothing more is claimed, what is under way is finished."""
    ensure("measure", run.candidate.decision, by)
    if not hold_run(run, _("Paused by %(person)s.") % {"person": by}):
        raise wrong_state(_("Only a run that works can be paused."))


def hold_run(run: Run, sentence: str) -> bool:
    """Pause a run that works, with the reason; return whether it did work."""
    held = Run.objects.filter(pk=run.pk).working()
    paused = {"state": RunState.PAUSED, "paused_because": sentence, "rests_since": _rests_since()}
    return _moved(run, held.update(**paused))


def _rests_since() -> Coalesce:
    """Return since when a run rests that is stopped now: it may not have gone on since before."""
    return Coalesce("rests_since", clock.now(), output_field=DateTimeField())


def resume_run(run: Run, *, by: User) -> None:
    """Let a run go on where it stopped: a paused one, or one that was cancelled."""
    ensure("measure", run.candidate.decision, by)
    stopped = Run.objects.filter(pk=run.pk, state__in=[RunState.PAUSED, RunState.CANCELLED])
    _set_going(run, stopped, _("Only a run that is paused or cancelled can go on."))


def change_budget(run: Run, *, by: User, budget: Mapping[str, Any]) -> None:
    """Set what an open run may spend at model servers from now on, what is spent included."""
    ensure("measure", run.candidate.decision, by)
    changed = Run.objects.filter(pk=run.pk).open().update(budget=plain_budget(budget))
    if not _moved(run, changed):
        raise wrong_state(_("The run has ended already."))


def retry_run(run: Run, *, by: User) -> int:
    """Answer again what failed in a run that has ended, and only that; return how many cases.

    A run that could not be prepared begins anew. Its figures are computed and attached again once
    it has finished; those on the record stand until then.
    """
    ensure("measure", run.candidate.decision, by)
    if run.is_imported:
        raise wrong_state(_("Another tool measured this: its errors cannot be tried again here."))
    if problem := hopeless(run):
        raise wrong_state(problem)
    was_finished = run.state == RunState.FINISHED
    with transaction.atomic():
        ended = Run.objects.filter(pk=run.pk, state__in=[RunState.FINISHED, RunState.FAILED])
        _set_going(run, ended, _("Only a run that has ended can try again what failed."))
        failed = run.results.filter(state=ResultState.FAILED)
        count = failed.update(
            state=ResultState.PENDING,
            claimed_by="",
            attempts=0,
            answered_at=None,
            error="",
            output="",
            correct=None,
            score=None,
            scores={},
            latency_ms=None,
        )
        if was_finished and not run.results.unanswered().exists():
            raise wrong_state(_("No case of this run failed."))
    return count


def hopeless(run: Run) -> str:
    """Return why a run that failed would fail again whatever is tried, "" where nobody knows."""
    technique = technique_of(run.spec)
    if technique is None or run.case_set is None or run.state != RunState.FAILED:
        return ""
    try:
        return obstacle(technique, run.spec, run.case_set)
    except SpecError as error:
        return str(error)


def tuned_model_of(run: Run) -> str:
    """Return the model that a provider has tuned for a run's spec, "" where there is none."""
    technique = technique_of(run.spec)
    if technique is None or technique.look is None:
        return ""
    learned = Preparation.objects.filter(key=learning_key(run)).values_list("learned", flat=True)
    return str((learned.first() or {}).get("tuned_model", ""))


@transaction.atomic
def tune_again(run: Run, *, by: User) -> Run:
    """Have the model of a paused run tuned anew, as it is gone; return the run that measures it.

    The paused run ends: its answers are another model's. Raises `Refused` where other runs are
    being answered by the model, or the candidate's spec has changed.
    """
    ensure("measure", run.candidate.decision, by)
    model = tuned_model_of(run)
    if not model or not run.is_paused:
        raise wrong_state(_("Only a paused run whose model was tuned by a provider can do that."))
    refuse_other_spec(run)
    same = Run.objects.working().filter(spec_digest=run.spec_digest, case_set=run.case_set)
    if other := same.exclude(pk=run.pk).first():
        raise wrong_state(_("%(run)s is answered by this model just now.") % {"run": other})
    told = {"person": by, "model": model}
    ended = _("Ended by %(person)s: another model is tuned in the place of %(model)s.") % told
    if not _end(run, RunState.CANCELLED, [RunState.PAUSED], outcome=ended):
        raise wrong_state(_("The run has ended already."))
    Preparation.objects.filter(key__in=learning_keys(run)).delete()
    again = request_run(run.candidate, run.case_set, by=by, **_asked_for(run))
    logger.info("%s had %s tuned again for %s, as %s", by.username, model, run, again)
    return again


def _asked_for(run: Run) -> dict[str, Any]:
    """Return how a run was asked for, to ask for the same again."""
    limits = run.budget
    money = {"money": Decimal(limits["money"])} if "money" in limits else {}
    return {
        "attach": run.attaches,
        "repeats": run.repeats,
        "concurrency": run.concurrency,
        "budget": limits | money,
        "scorers": run.scorers,
    }


def _set_going(run: Run, stopped: RunQuerySet, otherwise: str) -> None:
    """Hand a stopped run back to the workers; raise `Refused` if it is not among the stopped."""
    try:
        with transaction.atomic():
            going = stopped.update(
                state=RunState.REQUESTED,
                paused_because="",
                finished_at=None,
                attached_at=None,
                error="",
                outcome="",
            )
    except IntegrityError as error:
        raise wrong_state(_("Another run of this candidate is under way.")) from error
    if not _moved(run, going):
        raise wrong_state(otherwise)
    _let_learn_again(run)
    transaction.on_commit(lambda: _wake(run), robust=True)


def _moved(run: Run, rows: int) -> bool:
    """Read the run anew after an UPDATE; return whether it changed any row."""
    run.refresh_from_db()
    return bool(rows)


def start_run(run: Run, environment: Mapping[str, Any]) -> None:
    """Note that the first worker has begun, the first time or again; later ones change nothing."""
    requested = Run.objects.filter(pk=run.pk, state=RunState.REQUESTED)
    requested.filter(started_at__isnull=True).update(
        started_at=clock.now(), environment=environment
    )
    if requested.exists():
        _go_on(requested)


@transaction.atomic
def _go_on(requested: RunQuerySet) -> None:
    """Note that a run that was asked for is worked on, and how long it rested before."""
    for since, rests in requested.select_for_update().values_list("rests_since", "rests"):
        ended = [[since.isoformat(), clock.now().isoformat()]] if since else []
        requested.update(state=RunState.RUNNING, rests=[*rests, *ended], rests_since=None)


def note_prepared(run: Run, artefact: Mapping[str, Any]) -> None:
    """Keep what the first worker's preparation came to; call one that did not wait for it."""
    unprepared = Run.objects.filter(pk=run.pk, prepared_at__isnull=True)
    waited_since = clock.now() - timedelta(seconds=PATIENCE)
    is_first = unprepared.update(prepared_at=clock.now(), artefact=artefact)
    if is_first and Run.objects.filter(pk=run.pk, started_at__lte=waited_since).exists():
        transaction.on_commit(lambda: _wake(run, times=1), robust=True)


def fail_run(run: Run, sentence: str) -> None:
    """End a run that cannot go on, with the reason in one sentence."""
    _end(run, RunState.FAILED, error=sentence)


def conclude_run(run: Run) -> bool:
    """Finish a run whose every case is answered: figures, then evidence. Only once.

    Every worker that finds nothing left calls this; the figures are computed before the database
    is locked, and the one UPDATE that still finds the run running decides who attaches them.
    """
    working = Run.objects.filter(pk=run.pk, state=RunState.RUNNING)
    if not working.all_answered().exists():
        return False
    last = _last_answer(run)
    run.refresh_from_db(fields=["rests"])  # this worker may not be the one that let it go on
    summary = summarise(run)
    if run.attaches:
        comparing.remember(run, summary.results_digest)
    with transaction.atomic():
        if not working.select_for_update().exists() or _last_answer(run) != last:
            return False  # it has ended, or was tried again meanwhile and is another worker's
        ended = _end(
            run,
            RunState.FINISHED,
            from_states=[RunState.RUNNING],
            metrics=summary.metrics,
            results_digest=summary.results_digest,
            environment=_environment(run),
        )
        if ended and run.attaches:
            attach_or_say_why(run)
    return ended


def _last_answer(run: Run) -> tuple[int, Any]:
    """Return how many cases are answered and when the last one was: what figures are made of."""
    answered = run.results.exclude(state__in=OPEN_RESULTS)
    counted = answered.aggregate(n=Count("pk"), last=Max("answered_at"))
    return counted["n"], counted["last"]


def _environment(run: Run) -> dict[str, Any]:
    """Return what the run was made with, and which models the servers said have answered."""
    kept = Run.objects.values_list("environment", flat=True).get(pk=run.pk)
    told = run.results.exclude(details__model=None).values_list("details__model", flat=True)
    models = sorted({str(one) for one in told.order_by().distinct() if one})
    return {**kept, "models": models} if models else kept


def attach_run(run: Run, *, by: User) -> list[Evidence]:
    """Hand the figures of a finished run to its record.

    Raises `Refused`, also where the candidate is run differently by now: a signature would cover
    figures beside a spec that they were not measured with.
    """
    if run.state != RunState.FINISHED:
        raise wrong_state(_("Only a finished run has figures to attach."))
    with transaction.atomic():
        kind = EvidenceKind.IMPORTED if run.is_imported else EvidenceKind.RUN
        found = attach_evidence(run.candidate, by=by, measurements=_measurements(run), kind=kind)
        # Asked last, while the record is locked: nobody changes the spec in between.
        refuse_other_spec(run)
        told = {
            "record": run.candidate.decision.reference,
            "names": ", ".join(one.reference for one in found),
        }
        compared, family = comparing.attach_comparisons(run, by=by)
        # What was measured on cases that have a newer version is out of date from the start.
        staleness.look_at(run.candidate.decision)
        run.attached_at = clock.now()
        attached = _("Attached to %(record)s as %(names)s.") % told
        rest = left_out(run) if run.is_imported else ""
        said = (attached, rest, comparing.told_of(compared, family))
        _note(run, " ".join(filter(None, said)))
    return found


def _measurements(run: Run) -> list[Measurement]:
    """Return what a finished run has for its record; raise `BadInput` if that is nothing."""
    if run.is_imported:
        return imported_measurements(run)
    return measurements(run, Summary(run.metrics, run.results_digest))


def refuse_other_spec(run: Run) -> None:
    """Raise `Refused` if the candidate's spec is not the one that was measured, or came in with."""
    if has_other_spec(run):
        raise wrong_state(_("The candidate's spec has changed since this run was asked for."))


def has_other_spec(run: Run) -> bool:
    """Return whether the candidate's spec is another by now than the one that was measured."""
    spec = Candidate.objects.values_list("spec", flat=True).get(pk=run.candidate_id)
    if run.is_imported and spec == run.spec:
        return False
    try:
        now = technique_for(spec).complete(spec)
    except SpecError:
        return True
    return bool(now != run.spec)


def attach_or_say_why(run: Run) -> None:
    """Attach the figures in the name of who asked; if the record takes none any more, say so."""
    try:
        attach_run(run, by=run.requested_by)
    except (Refused, BadInput) as why:
        _note(run, _("Not attached to the record: %(why)s") % {"why": why})


def _note(run: Run, outcome: str) -> None:
    run.outcome = outcome
    run.save(update_fields=["outcome", "attached_at"])


def _end(
    run: Run, state: str, from_states: Sequence[str] = tuple(OPEN_RUNS), **values: Any
) -> bool:
    """End a run unless it has ended already; return whether this call did."""
    ended = Run.objects.filter(pk=run.pk, state__in=from_states).update(
        state=state, finished_at=clock.now(), rests_since=_rests_since(), **values
    )
    return _moved(run, ended)


def _add_results(run: Run) -> None:
    """Write one waiting result per repeat and test case, in the order of the cases."""
    cases = run.case_set.cases.filter(split=run.split).order_by("position")
    for repeat in range(run.repeats):
        keys = cases.values_list("pk", flat=True).iterator(chunk_size=BATCH)
        while batch := list(islice(keys, BATCH)):
            Result.objects.bulk_create(Result(run=run, case_id=pk, repeat=repeat) for pk in batch)


def _wake(run: Run, **how: int) -> None:
    """Tell workers of the run; if the queue cannot be reached, the reaper will."""
    from evaluations.tasks import wake

    wake(run.pk, **how)


def learning_key(run: Run) -> str:
    """Return the key of what a run's spec learns from its case set, the same for all such runs."""
    return digest_of([run.spec_digest, run.case_set.digest])


def learning_keys(run: Run) -> tuple[str, ...]:
    """Return the key of what is learned, and that of what the case set's probe comes to then."""
    key, probe = learning_key(run), run.case_set.probe
    return (key, digest_of([key, probe.digest])) if probe else (key,)


def _let_learn_again(run: Run) -> None:
    """Take away the sentence with which learning ended for good, as somebody tries again."""
    with transaction.atomic():
        for preparation in Preparation.objects.select_for_update().filter(
            key=learning_key(run), learned__isnull=True, state__has_key="failed"
        ):
            del preparation.state["failed"]
            preparation.save(update_fields=["state"])


def digest_of(value: Any) -> str:
    """Return the SHA-256 (hex) of a JSON value in canonical form."""
    told = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
