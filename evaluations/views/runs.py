"""Runs: those of a record, and one of them with its cases."""

import json
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from decisions.models import Decision, User
from decisions.policies import BadInput, ensure, refusal
from decisions.views.shared import done, get_record, page, person, posted, status_of
from evaluations import side_by_side
from evaluations.actions import InTheWay, change_budget, request_runs
from evaluations.candidate_specs import is_runnable
from evaluations.forms import BudgetForm, ResultFilterForm, RunForm, Show
from evaluations.models import ResultState, Run, progress_of
from evaluations.rating import still_to_rate
from evaluations.run_figures import RunFigures
from evaluations.run_moves import MOVES
from evaluations.run_page import RunPage
from evaluations.spending import spending_of
from evaluations.views.shared import page_of, wants_fragment

RUNS_PER_PAGE = 40
CASES_PER_PAGE = 50


def runs(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the runs of a record and how far each is; a POST asks for new ones."""
    decision = get_record(request, reference)
    considered = [one for one in decision.candidates.all() if not one.is_dropped]
    for one in considered:
        one.decision = decision
    runnable = [one for one in considered if is_runnable(one)]
    form = RunForm(runnable, posted(request), user=person(request))
    if request.method == "POST":
        ensure("measure", decision, person(request))
    blocked_by = None
    if form.is_valid():
        try:
            asked = request_runs(form.chosen, by=person(request), **form.asked)
        except InTheWay as why:
            form.add_error(None, str(why))
            blocked_by = why.run
        except BadInput as why:
            form.add_error(None, str(why))
        else:
            return done(request, reverse("evaluations:runs", args=[reference]), _asked(len(asked)))
    found = Run.objects.of(decision).select_related("candidate", "case_set", "requested_by")
    shown = page_of(request, found, RUNS_PER_PAGE)
    context = {
        "form": form,
        "blocked_by": blocked_by,
        "measure_refusal": refusal("measure", decision, person(request)),
        "unready": [one for one in considered if one not in runnable],
        "page_obj": shown,
        "progress_of": progress_of(one for one in shown if one.is_open or one.is_stopped),
        "working": Run.objects.of(decision).open().exists(),
    }
    template = "evaluations/runs.html"
    if wants_fragment(request):
        template += "#list"
    return page(request, template, decision, status_of(form), **context)


@require_safe
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run: progress while it works, then figures, and its cases beside other candidates'."""
    found = _visible(request, pk)
    decision = get_record(request, found.candidate.decision.reference)
    if request.GET.get("part") == "progress" and wants_fragment(request):
        return _progress(request, decision, found)
    unrated = still_to_rate(person(request))
    blinding = next((one for one in unrated if one.is_about(found)), None)
    offered = side_by_side.offered(found, person(request))
    known = [run for run in offered if not any(one.is_about(run) for one in unrated)]
    others = side_by_side.chosen(found, known, request.GET.getlist("with"))
    form = ResultFilterForm(known, others, request.GET or None)
    about = _about(found, person(request))
    shows = about["reads_cases"] and not blinding
    results = _results(found, form, others) if shows else found.results.none()
    rows = page_of(request, results, CASES_PER_PAGE)
    context = about | {
        "form": form,
        "blinding": blinding,
        "page_obj": rows,
        "others": others,
        "lines": side_by_side.lines(rows.object_list, others),
    }
    template = "evaluations/run.html"
    if wants_fragment(request):
        template += "#cases"
    return page(request, template, decision, **context)


@require_safe
def figure(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Send one figure of a run as a file, as the page draws it."""
    drawn = RunFigures(_visible(request, pk)).named(name)
    response = HttpResponse(drawn.figure.svg, content_type="image/svg+xml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{pk}-{name}.svg"'
    return response


@require_POST
def move(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """Do with a run what a button says: pause, go on, cancel, try again, attach."""
    found = _visible(request, pk)
    if key not in MOVES:
        raise Http404
    return done(request, found, MOVES[key].do(found, person(request)))


def budget(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what an open run may spend at model servers from now on, and save it."""
    found = _visible(request, pk)
    ensure("measure", found.candidate.decision, person(request))
    decision = get_record(request, found.candidate.decision.reference)
    form = BudgetForm(found, posted(request))
    if form.is_valid():
        change_budget(found, by=person(request), budget=form.budget)
        return done(request, found, _("What the run may spend is saved."))
    context = {"run": found, "form": form, "spending": spending_of(found)}
    return page(request, "evaluations/budget.html", decision, status_of(form), **context)


def _visible(request: HttpRequest, pk: int) -> Run:
    """Return a run of a record that the person may read; raise 404."""
    visible = Run.objects.visible_to(person(request))
    related = ("candidate__decision", "case_set", "requested_by")
    return get_object_or_404(visible.select_related(*related), pk=pk)


def _progress(request: HttpRequest, decision: Decision, found: Run) -> HttpResponse:
    """Answer a poll: how far the run is; once it rests or has ended, everything that is new."""
    about = {"polled": True, **_about(found, person(request))}
    if found.is_working:
        return page(request, "evaluations/run.html#progress", decision, **about)
    response = page(request, "evaluations/run.html#ended", decision, **about)
    told = {"run": found, "state": found.get_state_display().lower()}
    response["HX-Retarget"] = "#run"
    response["HX-Trigger"] = json.dumps({"announce": _("%(run)s: %(state)s.") % told})
    return response


def _about(found: Run, user: User) -> dict[str, Any]:
    names = found.case_set.label_names() if found.case_set_id else {}
    reads = not found.case_set_id or found.case_set.is_visible_to(user)
    return {"run": found, "shown": RunPage(found), "names": names, "reads_cases": reads}


def _asked(count: int) -> str:
    sentence = ngettext("%(n)s run is asked for.", "%(n)s runs are asked for.", count)
    return sentence % {"n": count}


def _results(found: Run, form: ResultFilterForm, others: list[Run]) -> Any:
    """Return the results that the form asks for."""
    asked = form.cleaned_data if form.is_valid() else {}
    results = found.results.select_related("case")
    if text := asked.get("q"):
        results = results.matching(text)
    show = asked.get("show", "")
    if show == Show.WRONG:
        worthless = Q(correct__isnull=True, score=0)  # where answers are right by degrees
        results = results.filter(Q(correct=False) | worthless | Q(state=ResultState.FAILED))
    if show == Show.DIFFERING:
        results = side_by_side.differing(results, others, found)
    return results.order_by("pk") if show == Show.IN_ORDER else results.errors_first()
