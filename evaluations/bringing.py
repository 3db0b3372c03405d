"""The only writer of imported runs: a file read twice, runs written unseen, then ready all at once.

The first pass says what is in the file and writes nothing. The second writes the cases, unless a
case set has them already, and the answers, in short transactions under runs that nobody sees; the
last one works the figures in, makes everything ready and attaches what the record takes. See
freezing.py and decision 0009 for the same with case sets.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions import clock
from decisions.models import Candidate, User
from decisions.policies import BadInput, ensure
from evaluations import actions
from evaluations.freezing import LONGEST_NAME, About, digest_of_text, made_ready
from evaluations.imported_figures import main_score, metrics_of
from evaluations.importers.measured import CaseFound, FigureFound, Format, Source
from evaluations.importers.results.registry import detected, format_named
from evaluations.importers.results.values import digest as digest_of
from evaluations.importers.results.values import excerpt, plain
from evaluations.importers.surveying import (
    ResultsSurvey,
    SystemSurvey,
    TaskCases,
    digest_of_file,
    kept_cost,
    references_of,
    surveyed,
)
from evaluations.jobs import Job, own_job
from evaluations.models import (
    Case,
    CaseKind,
    CaseSet,
    Imports,
    ImportStep,
    Readers,
    Result,
    ResultState,
    Run,
    RunSource,
    RunState,
    Split,
)
from evaluations.models.run import MOST_REPEATS
from evaluations.scorers.words import normalised
from evaluations.summary import outcomes, results_digest

LONGEST_SCORER = 60
LONGEST_HASH = 8
# What tools tell of how they ask and grade, first what they always tell if they tell anything:
# figures that differ in it are not comparable.
GRADING = {
    "deepeval": ("grader",),
    "helm": ("scenario", "method", "max_train_instances", "num_outputs"),
    "inspect_ai": ("grader", "task_version", "task_args", "epochs_reducer"),
    "lm_eval": ("filter", "version", "num_fewshot"),
    "openai_evals": ("class", "arguments"),
    "promptfoo": ("grader",),
    "pydantic_evals": ("grader",),
}
SLUG = "results"


@dataclass(frozen=True)
class Plan:
    """What is to come in from a file: which systems as which candidates, on whose behalf.

    `candidates` maps the key of a system to the candidate that it is. With `case_set` the answers
    are to cases that are here already, found by key or by what they ask; without, their cases come
    in with them. With `attach` the figures go to the record at once.
    """

    source: Source
    form: Format
    candidates: Mapping[str, Candidate]
    by: User
    case_set: CaseSet | None = None
    attach: bool = True


@dataclass
class Draft:
    """A run that is being written, with what the first pass says of its system."""

    run: Run
    survey: SystemSurvey
    written: int = 0


@dataclass
class Cases:
    """Where the cases of one task are, and how an answer finds its own."""

    case_set: CaseSet
    is_new: bool
    total: int
    digest: str
    again: TaskCases = field(default_factory=TaskCases)
    _places: dict[int, int] = field(default_factory=dict)

    def learn(self) -> None:
        """Look up the cases once they are written; some 400 bytes for each with one answer."""
        cases = self.case_set.cases.filter(split=Split.TEST)
        told = cases.values_list("pk", "key", "input_digest", "expected", "references")
        for pk, key, digest, expected, references in told.iterator():
            for answer in {"", *map(normalised, (expected, *references))}:
                self._places.setdefault(hash((key, digest, answer)), pk)
                self._places.setdefault(hash((digest, answer)), pk)

    def found(self, case: CaseFound, key: str) -> int | None:
        """Return the case that an answer is to: by key and input, else by its input alone.

        Raise `BadInput` for an answer that was measured against one that is not right here.
        """
        digest, expected = digest_of_text(case.input), normalised(case.expected)
        for place in ((key, digest), (digest,)):
            found = self._places.get(hash((*place, expected)))
            if found is not None:
                return found
        if hash((digest, "")) in self._places:
            told = {"case_set": self.case_set, "key": excerpt(case.key, 60)}
            told["expected"] = excerpt(case.expected, 60)
            raise BadInput(
                _(
                    "“%(key)s” of the file was measured against “%(expected)s”, which is no right "
                    "answer in %(case_set)s: the figures could not be held beside others."
                )
                % told
            )
        return None


def import_results(
    source: Source,
    form: Format,
    candidates: Mapping[str, Candidate],
    *,
    by: User,
    case_set: CaseSet | None = None,
    attach: bool = True,
) -> list[Run]:
    """Bring in what a file says of some systems, in this process: all of it or none.

    Raises `Refused`, or `BadInput` with one sentence for a file that cannot be read.
    """
    plan = Plan(source, form, candidates, by, case_set, attach)
    refuse(plan)
    with own_job(Imports.RESULTS, source.title, [source.title], by) as job:
        return bring_in_results(job, plan)


def refuse(plan: Plan) -> None:
    """Raise `Refused` or `BadInput` for what may not be asked for."""
    if not plan.candidates:
        raise BadInput(_("Choose a system of the file, and the candidate that it is."))
    for candidate in plan.candidates.values():
        ensure("measure", candidate.decision, plan.by)
    if plan.case_set is not None and not plan.case_set.is_visible_to(plan.by):
        told = {"person": plan.by, "case_set": plan.case_set}
        raise BadInput(_("%(case_set)s is not open to %(person)s.") % told)


def bring_in_results(job: Job, plan: Plan) -> list[Run]:
    """Do the whole import for a job that is held; raise `BadInput`, or `Lost` if it is not."""
    refuse(plan)
    job.step(ImportStep.CHECKING)
    digest = digest_of_file(plan.source.path)
    survey = surveyed(plan.source, plan.form, job.watched)
    chosen = _chosen(survey, plan)
    cases = {task: _cases_for(job, task, survey, plan) for task in _tasks(chosen)}
    drafts = {key: _draft(job, one, cases, survey, plan, digest) for key, one in chosen.items()}
    job.step(ImportStep.WRITING, sum(one.answers for one in chosen.values()))
    _write_cases(job, cases, survey, plan)
    _write_results(job, drafts, cases, survey, plan)
    _refuse_changed(drafts)
    job.step(ImportStep.COUNTING)
    for draft in drafts.values():
        draft.run.metrics = metrics_of(draft.run, draft.survey)
        draft.run.results_digest = _digest_of(draft.run, digest)
        job.hold()
    return _finish(job, drafts, cases, plan)


def _chosen(survey: ResultsSurvey, plan: Plan) -> dict[str, SystemSurvey]:
    """Return the systems that are wanted; raise `BadInput` for those that cannot come in."""
    for key in plan.candidates:
        if key not in survey.systems:
            told = {"key": key, "file": plan.source.title, "keys": ", ".join(survey.own)[:500]}
            raise BadInput(_("%(file)s has no system “%(key)s”; it has: %(keys)s.") % told)
    chosen = {key: survey.systems[key] for key in plan.candidates}
    for key, one in chosen.items():
        if one.repeats > MOST_REPEATS:
            asked = {"key": key, "n": one.repeats, "most": MOST_REPEATS}
            sentence = _("“%(key)s” answered a case %(n)s times; at most %(most)s come in.")
            raise BadInput(sentence % asked)
        if not one.answers and not one.figures:
            raise BadInput(_("The file says nothing of “%(key)s”.") % {"key": key})
    refuse_double((plan.candidates[key], one.system.task, key) for key, one in chosen.items())
    return chosen


def refuse_double(chosen: Iterable[tuple[Candidate, str, str]]) -> None:
    """Raise `BadInput` if two systems of one task are the same candidate: one would replace the
    other's figures. `chosen` has the candidate, the task and the key of each system."""
    found = dict[tuple[Any, str], str]()
    for candidate, task, key in chosen:
        other = found.setdefault((candidate.pk, task), key)
        if other != key:
            told = {"candidate": candidate, "one": excerpt(other, 60), "other": excerpt(key, 60)}
            sentence = _(
                "%(candidate)s cannot be both “%(one)s” and “%(other)s”: leave one out, or say "
                "that it is another candidate."
            )
            raise BadInput(sentence % told)


def _tasks(chosen: Mapping[str, SystemSurvey]) -> list[str]:
    """Return the tasks whose cases are wanted."""
    return list(dict.fromkeys(one.system.task for one in chosen.values() if one.answers))


def _cases_for(job: Job, task: str, survey: ResultsSurvey, plan: Plan) -> Cases:
    """Return the case set of a task: the one that was chosen, one with this content, or a draft."""
    counted = survey.tasks[task]
    if plan.case_set is not None:
        total = plan.case_set.cases.filter(split=Split.TEST).count()
        return Cases(plan.case_set, False, total, counted.digest)
    visible = CaseSet.objects.visible_to(plan.by)
    known: CaseSet | None = visible.filter(digest=counted.digest).order_by("pk").first()
    if known is not None:
        return Cases(known, False, counted.total, counted.digest)
    return Cases(_draft_set(job, task, survey, plan), True, counted.total, counted.digest)


def _draft_set(job: Job, task: str, survey: ResultsSurvey, plan: Plan) -> CaseSet:
    """Write a case set that nobody sees yet, and note that it is this job's."""
    counted, title = survey.tasks[task], str(survey.format.title)
    told = {"file": plan.source.title, "tool": title}
    about = About(
        (task or plan.source.title)[:LONGEST_NAME].strip() or SLUG,
        origin=_("The cases in %(file)s (%(tool)s).") % told,
        visibility=Readers.INVOLVED,
        by=plan.by,
    )
    slug = about.slug(SLUG, counted.digest) or f"{SLUG}-{counted.digest[:8]}"
    with transaction.atomic():
        draft = CaseSet.everything.create(
            **about.values(slug, CaseSet.everything),
            version=0,
            is_ready=False,
            kind=CaseKind.FREE_TEXT,
            digest=counted.digest,
            counts={Split.TEST: counted.total},
        )
        job.hold(case_set=draft)
    return draft


def _draft(
    job: Job,
    one: SystemSurvey,
    cases: Mapping[str, Cases],
    survey: ResultsSurvey,
    plan: Plan,
    digest: str,
) -> Draft:
    """Write a run that nobody sees yet; through it its case set is known as this job's."""
    system, now = one.system, clock.now()
    candidate = plan.candidates[system.key]
    of_task = cases.get(system.task) if one.answers else None
    if of_task and plan.case_set is not None:
        one.want(of_task.total)
    with transaction.atomic():
        job.hold()
        run = Run.everything.create(
            candidate=candidate,
            case_set=of_task.case_set if of_task else None,
            spec=candidate.spec,
            spec_digest=actions.digest_of(candidate.spec),
            scorer=scorer_of(one, survey.format, digest),
            attaches=plan.attach,
            repeats=one.repeats,
            concurrency=1,
            state=RunState.FINISHED,
            case_count=of_task.total if of_task else 0,
            requested_by=plan.by,
            requested_at=now,
            finished_at=now,
            source=RunSource.IMPORTED,
            told=_told(one, survey, plan, digest),
            brought_in_by_id=job.pk,
            is_ready=False,
        )
    return Draft(run, one)


def scorer_of(one: SystemSurvey, form: Format, file_digest: str) -> str:
    """Return who scored, as it stands with the figures: tool and score, and a hash of the rest.

    Where nothing is known of how a tool scores, the file stands for it: what other files hold may
    have been scored in another way.
    """
    tool, settings = one.system.tool or _("another tool"), one.system.settings
    told = f"{tool}: {main_score(one) or _('its verdict')}"
    grading = GRADING.get(form.key, ("",))
    known = {name: settings[name] for name in grading if name in settings}
    rest = digest_of([told, known if grading[0] in known else file_digest])[:LONGEST_HASH]
    return f"{told[: LONGEST_SCORER - LONGEST_HASH - 1]}/{rest}"


def _told(one: SystemSurvey, survey: ResultsSurvey, plan: Plan, digest: str) -> dict[str, Any]:
    """Return what the file says of a system beside its answers, as plain JSON."""
    system = one.system
    return {
        "format": survey.format.key,
        "file": plan.source.title,
        "file_digest": digest,
        "system": system.key,
        "model": system.model,
        "task": system.task,
        "tool": system.tool or str(survey.format.title),
        "tool_version": system.tool_version,
        "scorer": system.scorer,
        "main": main_score(one),
        "status": system.status,
        "started_at": system.started_at.isoformat() if system.started_at else "",
        "attempted": one.attempted,
        "answers": one.answers,
        "cases": one.cases,
        "settings": plain(dict(system.settings)),
        "figures": [_figure(figure) for figure in one.figures],
        "more_figures": one.more_figures,
        "not_understood": [asdict(remark) for remark in survey.remarks],
        "more_not_understood": survey.more_remarks,
    }


def _figure(figure: FigureFound) -> dict[str, Any]:
    """Return a figure as plain JSON, without what says nothing."""
    told = asdict(figure) | {"settings": plain(dict(figure.settings))}
    del told["system"], told["is_apart"]
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def _write_cases(job: Job, cases: Mapping[str, Cases], survey: ResultsSurvey, plan: Plan) -> None:
    """Write the cases of new case sets, and look up all of them."""
    if any(one.is_new for one in cases.values()):
        job.write(_new_cases(cases, survey, plan))
    for one in cases.values():
        one.learn()


def _new_cases(cases: Mapping[str, Cases], survey: ResultsSurvey, plan: Plan) -> Iterator[Case]:
    """Yield each case of a new case set once; raise `BadInput` if the file is another by now."""
    for case in _answers(plan):
        of_task = _cases_of(case, cases, survey)
        if of_task is None or not of_task.is_new:
            continue
        key, is_first = of_task.again.place(case)
        if is_first:
            yield _case(of_task.case_set, of_task.again.total - 1, key, case)
    for one in cases.values():
        if one.is_new and one.again.digest != one.digest:
            raise BadInput(_("The file changed while it was being read."))
        one.again = TaskCases()


def _case(case_set: CaseSet, position: int, key: str, case: CaseFound) -> Case:
    return Case(
        case_set=case_set,
        key=key,
        split=Split.TEST,
        input=case.input,
        expected=case.expected,
        references=references_of(case),
        position=position,
        input_digest=digest_of_text(case.input),
    )


def _answers(plan: Plan) -> Iterator[CaseFound]:
    """Yield the answers in a file, of all its systems."""
    return (one for one in plan.form.read(plan.source) if isinstance(one, CaseFound))


def _write_results(
    job: Job,
    drafts: Mapping[str, Draft],
    cases: Mapping[str, Cases],
    survey: ResultsSurvey,
    plan: Plan,
) -> None:
    try:
        job.write(_results(drafts, cases, survey, plan))
    except IntegrityError as error:
        raise BadInput(_("Two answers of one system are to the same case.")) from error


def _results(
    drafts: Mapping[str, Draft],
    cases: Mapping[str, Cases],
    survey: ResultsSurvey,
    plan: Plan,
) -> Iterator[Result]:
    """Yield the result of each answer of the chosen systems; raise `BadInput` for a strange one."""
    for case in _answers(plan):
        of_task = _cases_of(case, cases, survey)
        if of_task is None:
            continue
        # The answers of all systems of a task go by, so that each case gets the key it got before.
        key, _is_first = of_task.again.place(case)
        if draft := drafts.get(case.system):
            draft.written += 1
            yield _result(draft, _known_case(of_task, case, key), case)


def _cases_of(case: CaseFound, cases: Mapping[str, Cases], survey: ResultsSurvey) -> Cases | None:
    """Return the cases of the task that an answer belongs to, None if it is not wanted."""
    found = survey.systems.get(case.system)
    return cases.get(found.system.task) if found else None


def _known_case(of_task: Cases, case: CaseFound, key: str) -> int:
    """Return the case that an answer is to; raise `BadInput` if there is none."""
    found = of_task.found(case, key)
    if found is None:
        told = {"key": case.key, "case_set": of_task.case_set}
        raise BadInput(_("%(case_set)s has no case like “%(key)s” of the file.") % told)
    return found


def _result(draft: Draft, pk: int, case: CaseFound) -> Result:
    """Return an answer as a result; what the tool calls an error has failed here, too."""
    verdict = False if case.error else case.correct
    score = case.scores.get(main_score(draft.survey))
    if score is None and verdict is not None:
        score = float(verdict)
    return Result(
        run=draft.run,
        case_id=pk,
        repeat=case.repeat,
        state=ResultState.FAILED if case.error else ResultState.DONE,
        attempts=1,
        output=case.output or "",
        error=case.error,
        correct=verdict,
        score=score,
        latency_ms=case.latency_ms,
        input_tokens=case.input_tokens,
        output_tokens=case.output_tokens,
        cost=kept_cost(case),
        answered_at=draft.run.finished_at,
        scores=dict(case.scores),
        details={"imported": plain(dict(case.details))},
    )


def _refuse_changed(drafts: Mapping[str, Draft]) -> None:
    """Raise `BadInput` if the second pass found other answers than the first."""
    if any(draft.written != draft.survey.answers for draft in drafts.values()):
        raise BadInput(_("The file changed while it was being read."))


def _digest_of(run: Run, digest: str) -> str:
    """Return the digest of a run's answers; of a run without any that of the file."""
    return results_digest(outcomes(run), with_scores=True) if run.case_set_id else digest


def _finish(
    job: Job, drafts: Mapping[str, Draft], cases: Mapping[str, Cases], plan: Plan
) -> list[Run]:
    """Let everyone see the runs with their case sets, and attach the figures."""
    runs = [draft.run for draft in drafts.values()]
    try:
        with transaction.atomic():
            # The row of the import first: whoever lost it changes nothing here.
            job.hold()
            for one in cases.values():
                if one.is_new:
                    made_ready(CaseSet, one.case_set, {})
            for run in runs:
                run.is_ready = True
                run.save(update_fields=["is_ready", "metrics", "results_digest"])
                if plan.attach:
                    actions.attach_or_say_why(run)
            job.finish(_outcome(runs))
    except IntegrityError as error:
        raise BadInput(_("The same cases came in just now: try again.")) from error
    return runs


def _outcome(runs: Sequence[Run]) -> str:
    sentence = ngettext("%(n)s run came in.", "%(n)s runs came in.", len(runs))
    return sentence % {"n": len(runs)}


# Before anything is asked for


def looked_through(source: Source, format_key: str = "") -> ResultsSurvey:
    """Return what a file holds, read to its end; nothing comes in. Raise `BadInput`."""
    form = format_named(format_key) if format_key else detected(source)
    return surveyed(source, form)


def chosen_systems(
    survey: ResultsSurvey, candidate: Candidate, keys: Sequence[str] = ()
) -> dict[str, Candidate]:
    """Return the named systems of a file as a candidate's; without names all of its one model.

    What only sums up others is left out, unless it is named. Raise `BadInput` if there are several
    models: they cannot all be the same candidate.
    """
    if keys:
        known = [key for key in dict.fromkeys(keys) if key in survey.systems]
        refuse_double((candidate, survey.systems[key].system.task, key) for key in known)
        return dict.fromkeys(keys, candidate)
    if len(survey.models) > 1 or len(survey.own) > len({*_task_names(survey)}):
        told = {"keys": ", ".join(survey.own)[:1000]}
        raise BadInput(_("The file holds several systems; choose among: %(keys)s.") % told)
    return dict.fromkeys(survey.own, candidate)


def _task_names(survey: ResultsSurvey) -> list[str]:
    return [one.system.task for one in survey.own.values()]
