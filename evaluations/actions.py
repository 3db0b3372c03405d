"""The only writers of case sets and runs, apart from the work on single cases (see work.py)."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, Max, OuterRef
from django.utils.text import slugify
from django.utils.translation import gettext as _

from decisions import clock
from decisions.actions.evidence import attach_evidence
from decisions.models import Candidate, Evidence, User
from decisions.policies import BadInput, Refused, ensure, wrong_state
from evaluations.importers.cases import CaseFile, CaseRow, Columns, Survey, read_cases
from evaluations.importers.rows import Unreadable
from evaluations.models import (
    OPEN_RUNS,
    Case,
    CaseSet,
    Result,
    ResultState,
    Run,
    RunState,
    Split,
)
from evaluations.models.run import MOST_AT_ONCE, MOST_REPEATS, RunQuerySet
from evaluations.scorers import SCORERS, normalised
from evaluations.summary import Summary, measurements, summarise
from evaluations.techniques import SpecError, Technique, technique_for

logger = logging.getLogger(__name__)

BATCH = 1000
LONGEST_NAME = 100
LONGEST_LICENCE = 200
SCORER = "exact_match"


# Case sets


@dataclass(frozen=True)
class Imported:
    """What an import came to: the case set, and whether its content was new."""

    case_set: CaseSet
    is_new: bool


def import_case_set(
    *,
    name: str,
    files: Sequence[CaseFile],
    columns: Columns,
    labels: list[dict[str, str]] | None = None,
    origin: str = "",
    licence: str = "",
    by: User | None = None,
) -> Imported:
    """Freeze the cases of some files under a name: all of them or none.

    The files are read twice, so that nothing is written before everything was checked, and the
    database is not kept waiting while they are parsed. Content that is known under the name
    already is returned as it is; other content becomes the next version. Raises `BadInput`.
    """
    _refuse_long(name, licence)
    survey = survey_of(files, columns, labels)
    slug = _slug(name, survey)
    known = CaseSet.objects.filter(slug=slug, digest=survey.digest)
    if found := known.first():
        return Imported(found, is_new=False)
    about = {"name": name.strip(), "slug": slug, "origin": origin, "licence": licence}
    try:
        with transaction.atomic():
            case_set = _add_version(about, survey, by)
            _add_cases(case_set, files, columns, labels)
            case_set.findings = findings(case_set)
            case_set.save(update_fields=["findings"])
    except IntegrityError as error:
        # Someone else was quicker: with the same content, or with other content as this version.
        if found := known.first():
            return Imported(found, is_new=False)
        raise BadInput(_("Something else came in under this name just now: try again.")) from error
    return Imported(case_set, is_new=True)


def _slug(name: str, survey: Survey) -> str:
    """Return the name for addresses; the page for a new case set has taken "new"."""
    slug = slugify(name)[:120]
    return f"case-set-{slug or survey.digest[:8]}" if slug in {"", "new"} else slug


def _refuse_long(name: str, licence: str) -> None:
    """Raise `BadInput` for what a column cannot hold."""
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        told = {"n": LONGEST_NAME}
        raise BadInput(_("A case set has a name of at most %(n)s characters.") % told)
    if len(licence) > LONGEST_LICENCE:
        told = {"n": LONGEST_LICENCE}
        raise BadInput(_("A licence has at most %(n)s characters.") % told)


def _add_version(about: dict[str, str], survey: Survey, by: User | None) -> CaseSet:
    """Write a case set, still without its cases, as the next version under its name."""
    versions = CaseSet.objects.filter(slug=about["slug"])
    latest = versions.aggregate(latest=Max("version"))["latest"] or 0
    return CaseSet.objects.create(
        **about,
        version=latest + 1,
        digest=survey.digest,
        labels=survey.labels,
        counts=dict(survey.counts),
        created_by=by,
        created_at=clock.now(),
    )


def survey_of(
    files: Sequence[CaseFile], columns: Columns, labels: list[dict[str, str]] | None = None
) -> Survey:
    """Read all cases once and return what they come to; raise `BadInput`."""
    survey = Survey(list(labels or []))
    for _case in read_cases(files, columns, survey):
        pass
    if not survey.counts:
        raise Unreadable(_("There are no cases in this file."))
    return survey


def findings(case_set: CaseSet) -> dict[str, int]:
    """Return what a reader should know: cases whose input occurs more than once.

    `duplicates` repeat within their split; `overlaps` are test cases whose input a technique also
    learns from; `contradictions` are inputs with more than one expected answer.
    """
    cases = case_set.cases.order_by()
    repeated = cases.values("split", "input_digest").annotate(n=Count("pk")).filter(n__gt=1)
    learnt = cases.filter(split__in=[Split.TRAIN, Split.DEV], input_digest=OuterRef("input_digest"))
    answers = cases.values("input_digest").annotate(n=Count("expected", distinct=True))
    return {
        "duplicates": sum(one["n"] - 1 for one in repeated),
        "overlaps": cases.filter(Exists(learnt), split=Split.TEST).count(),
        "contradictions": answers.filter(n__gt=1).count(),
    }


def _add_cases(
    case_set: CaseSet,
    files: Sequence[CaseFile],
    columns: Columns,
    labels: list[dict[str, str]] | None,
) -> None:
    """Write the cases in batches; raise `BadInput` if the files are not what they were."""
    survey = Survey(list(labels or []))
    rows = enumerate(read_cases(files, columns, survey))
    for batch in _batches(_as_case(case_set, place, row) for place, row in rows):
        _write_batch(batch)
    if survey.digest != case_set.digest:
        raise BadInput(_("The file changed while it was being read."))


def _as_case(case_set: CaseSet, position: int, row: CaseRow) -> Case:
    return Case(
        case_set=case_set,
        key=row.key,
        split=row.split,
        input=row.input,
        expected=row.expected,
        position=position,
        input_digest=hashlib.sha256(normalised(row.input).encode()).hexdigest(),
    )


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    rest = iter(cases)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _write_batch(batch: list[Case]) -> None:
    """Write some cases; raise `BadInput` naming the key that occurs twice."""
    try:
        with transaction.atomic():
            Case.objects.bulk_create(batch)
    except IntegrityError as error:
        raise BadInput(
            _("The id “%(key)s” occurs twice. Leave the id column out to have the cases numbered.")
            % {"key": _taken_key(batch)}
        ) from error


def _taken_key(batch: list[Case]) -> str:
    """Return a key that two cases want."""
    keys = [case.key for case in batch]
    taken = set(batch[0].case_set.cases.filter(key__in=keys).values_list("key", flat=True))
    for key in keys:
        if key in taken:
            return key
        taken.add(key)
    return ""


# Runs


@transaction.atomic
def request_runs(
    candidates: Iterable[Candidate], case_set: CaseSet, *, by: User, **asked: Any
) -> list[Run]:
    """Ask for several candidates to be measured, or for none if one of them cannot be."""
    return [request_run(candidate, case_set, by=by, **asked) for candidate in candidates]


def request_run(
    candidate: Candidate,
    case_set: CaseSet,
    *,
    by: User,
    attach: bool = True,
    repeats: int = 1,
    concurrency: int = 8,
) -> Run:
    """Ask for a candidate to be measured; while that is under way it is the same run.

    Every case is answered `repeats` times, at most `concurrency` at once over all workers. Without
    `attach` the figures stay with the run until someone attaches them. Raises `Refused`, or
    `BadInput` for a spec or a case set that cannot be run.
    """
    ensure("measure", candidate.decision, by)
    _refuse_out_of_range(repeats, concurrency)
    technique = runnable(candidate, case_set)
    spec = technique.complete(candidate.spec)
    try:
        with transaction.atomic():
            run = Run.objects.create(
                candidate=candidate,
                case_set=case_set,
                spec=spec,
                spec_digest=digest_of([spec, technique.version]),
                scorer=SCORERS[SCORER].identity,
                seed=spec.get("seed") or 0,
                attaches=attach,
                repeats=repeats,
                concurrency=concurrency,
                case_count=case_set.count(Split.TEST),
                requested_by=by,
                requested_at=clock.now(),
            )
            _add_results(run)
            transaction.on_commit(lambda: _wake(run), robust=True)
    except IntegrityError:
        return _open_run(candidate, case_set, digest_of([spec, technique.version]))
    return run


def _refuse_out_of_range(repeats: int, concurrency: int) -> None:
    """Raise `BadInput` for more than a run may ask for."""
    if not 1 <= repeats <= MOST_REPEATS:
        raise BadInput(_("A case is answered 1 to %(n)s times.") % {"n": MOST_REPEATS})
    if not 1 <= concurrency <= MOST_AT_ONCE:
        raise BadInput(_("1 to %(n)s answers can be under way at once.") % {"n": MOST_AT_ONCE})


def _open_run(candidate: Candidate, case_set: CaseSet, spec_digest: str) -> Run:
    """Return the run that is under way; refuse if it measures an earlier spec."""
    run = Run.objects.open().get(candidate=candidate, case_set=case_set)
    if run.spec_digest != spec_digest:
        told = {"candidate": candidate, "run": run}
        raise wrong_state(
            _("%(candidate)s is still being measured as it was before: cancel %(run)s first.")
            % told
        )
    return run


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
    if not case_set.count(Split.TEST):
        raise BadInput(_("%(case_set)s has no test cases.") % {"case_set": case_set})
    if technique.needs_training and not case_set.count(Split.TRAIN):
        told = {"technique": technique.title, "case_set": case_set}
        raise BadInput(_("%(technique)s learns from cases; %(case_set)s has none to train.") % told)
    return technique


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
    return _moved(run, held.update(state=RunState.PAUSED, paused_because=sentence))


def resume_run(run: Run, *, by: User) -> None:
    """Let a run go on where it stopped: a paused one, or one that was cancelled."""
    ensure("measure", run.candidate.decision, by)
    stopped = Run.objects.filter(pk=run.pk, state__in=[RunState.PAUSED, RunState.CANCELLED])
    _set_going(run, stopped, _("Only a run that is paused or cancelled can go on."))


def retry_run(run: Run, *, by: User) -> int:
    """Answer again what failed in a run that has ended, and only that; return how many cases.

    A run that could not be prepared begins anew. Its figures are computed and attached again once
    it has finished; those on the record stand until then.
    """
    ensure("measure", run.candidate.decision, by)
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
            correct=None,
            score=None,
            latency_ms=None,
        )
        if not run.results.unanswered().exists():
            raise wrong_state(_("No case of this run failed."))
    return count


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
    requested.update(state=RunState.RUNNING)


def note_prepared(run: Run, artefact: Mapping[str, Any]) -> None:
    """Keep what the first worker's preparation came to."""
    Run.objects.filter(pk=run.pk, prepared_at__isnull=True).update(
        prepared_at=clock.now(), artefact=artefact
    )


def fail_run(run: Run, sentence: str) -> None:
    """End a run that cannot go on, with the reason in one sentence."""
    _end(run, RunState.FAILED, error=sentence)


def conclude_run(run: Run) -> bool:
    """Finish a run whose every case is answered: figures, then evidence. Only once.

    Every worker that finds nothing left calls this; the figures are computed before the database
    is locked, and the one UPDATE that still finds the run running decides who attaches them.
    """
    if not Run.objects.filter(pk=run.pk, state=RunState.RUNNING).all_answered().exists():
        return False
    summary = summarise(run)
    with transaction.atomic():
        ended = _end(
            run,
            RunState.FINISHED,
            from_states=[RunState.RUNNING],
            metrics=summary.metrics,
            results_digest=summary.results_digest,
        )
        if ended and run.attaches:
            _attach_or_say_why(run)
    return ended


def attach_run(run: Run, *, by: User) -> list[Evidence]:
    """Hand the figures of a finished run to its record.

    Raises `Refused`, also where the candidate is run differently by now: a signature would cover
    figures beside a spec that they were not measured with.
    """
    if run.state != RunState.FINISHED:
        raise wrong_state(_("Only a finished run has figures to attach."))
    summary = Summary(run.metrics, run.results_digest)
    with transaction.atomic():
        found = attach_evidence(run.candidate, by=by, measurements=measurements(run, summary))
        # Asked last, while the record is locked: nobody changes the spec in between.
        _refuse_other_spec(run)
        told = {
            "record": run.candidate.decision.reference,
            "names": ", ".join(one.reference for one in found),
        }
        run.attached_at = clock.now()
        _note(run, _("Attached to %(record)s as %(names)s.") % told)
    return found


def _refuse_other_spec(run: Run) -> None:
    """Raise `Refused` if the candidate's spec is not the one that was measured."""
    spec = Candidate.objects.get(pk=run.candidate_id).spec
    try:
        is_same = technique_for(spec).complete(spec) == run.spec
    except SpecError:
        is_same = False
    if not is_same:
        raise wrong_state(_("The candidate's spec has changed since this run was asked for."))


def _attach_or_say_why(run: Run) -> None:
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
        state=state, finished_at=clock.now(), **values
    )
    return _moved(run, ended)


def _add_results(run: Run) -> None:
    """Write one waiting result per repeat and test case, in the order of the cases."""
    cases = run.case_set.cases.filter(split=run.split).order_by("position")
    for repeat in range(run.repeats):
        keys = cases.values_list("pk", flat=True).iterator(chunk_size=BATCH)
        while batch := list(islice(keys, BATCH)):
            Result.objects.bulk_create(Result(run=run, case_id=pk, repeat=repeat) for pk in batch)


def _wake(run: Run) -> None:
    """Tell workers of the run; if the queue cannot be reached, the reaper will."""
    from evaluations.tasks import wake

    wake(run.pk)


def digest_of(value: Any) -> str:
    """Return the SHA-256 (hex) of a JSON value in canonical form."""
    told = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
