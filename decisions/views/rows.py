"""Goals, candidates and assessments."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from decisions.actions import rows
from decisions.advisor_ways import WAYS
from decisions.forms.rows import AssessmentForm, CandidateForm, DeclineForm, GoalForm
from decisions.forms.typed import sent
from decisions.models import Decision, Goal, Role
from decisions.policies import ensure
from decisions.section_kinds import Rows
from decisions.views.shared import done, get_record, page, person, posted, status_of


def new_goal(request: HttpRequest, reference: str) -> HttpResponse:
    """Propose a goal."""
    decision = get_record(request, reference)
    mine = rows.proposes_for(decision, person(request))
    form = sent(request, GoalForm(decision, posted(request), offered=mine))
    ensure("propose_goal", decision, person(request))
    if form.is_valid():
        added = rows.add_goal(decision, by=person(request), **form.values)
        return done(request, _goals(decision), _said_of(added))
    return page(request, "decisions/goal.html", decision, status_of(form), form=form)


def goal(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Change a goal."""
    decision = get_record(request, reference)
    row = _goal(decision, pk)
    mine = rows.proposes_for(decision, person(request))
    form = sent(request, GoalForm(decision, posted(request), offered=mine, goal=row))
    ensure("edit_goal", decision, person(request), row)
    if form.is_valid():
        token = form.cleaned_data["token"] or 0
        rows.edit_goal(row, by=person(request), token=token, **form.values)
        said = _("The goal is saved.") if row.is_accepted else _said_of(row)
        return done(request, _goals(decision), said)
    return page(request, "decisions/goal.html", decision, status_of(form), form=form, goal=row)


@require_POST
def remove_goal(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take a goal off the list."""
    decision = get_record(request, reference)
    rows.remove_goal(_goal(decision, pk), by=person(request), token=_shown(request))
    return done(request, _goals(decision), _("The goal is removed."))


@require_POST
def accept_goal(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Let a proposed goal count."""
    decision = get_record(request, reference)
    row = _goal(decision, pk)
    rows.accept_goal(row, by=person(request), token=_shown(request))
    return done(request, _goals(decision), _("“%(goal)s” counts now.") % {"goal": row.name})


def decline_goal(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take a proposed goal off the list, with a reason."""
    decision = get_record(request, reference)
    row = _goal(decision, pk)
    form = sent(request, DeclineForm(posted(request), initial={"token": row.token}))
    ensure("accept_goal", decision, person(request))
    if form.is_valid():
        rows.decline_goal(row, by=person(request), **form.cleaned_data)
        return done(request, _goals(decision), _("“%(goal)s” is declined.") % {"goal": row.name})
    context = {"form": form, "goal": row}
    return page(request, "decisions/decline_goal.html", decision, status_of(form), **context)


@require_safe
def candidates(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the candidates side by side, with what each role says of them."""
    return page(request, "decisions/candidates.html", get_record(request, reference))


def new_candidate(request: HttpRequest, reference: str) -> HttpResponse:
    """Put an approach under consideration; a way that was advised fills in where to start."""
    decision = get_record(request, reference)
    way = WAYS.get(request.GET.get("way", ""))
    form = sent(request, CandidateForm(decision, posted(request), way=way))
    ensure("edit_candidate", decision, person(request))
    if form.is_valid():
        rows.add_candidate(decision, by=person(request), **form.values)
        return done(request, _candidates(decision), _("The candidate is on the list."))
    return page(request, "decisions/candidate.html", decision, status_of(form), form=form)


def candidate(request: HttpRequest, reference: str, letter: str) -> HttpResponse:
    """Change a candidate."""
    decision = get_record(request, reference)
    row = get_object_or_404(decision.candidates, letter=letter)
    row.decision = decision
    form = sent(request, CandidateForm(decision, posted(request), candidate=row))
    ensure("edit_candidate", decision, person(request))
    if form.is_valid():
        token = form.cleaned_data["token"] or 0
        rows.edit_candidate(row, by=person(request), token=token, **form.values)
        return done(request, _candidates(decision), _("The candidate is saved."))
    return page(
        request, "decisions/candidate.html", decision, status_of(form), form=form, candidate=row
    )


def assess(request: HttpRequest, reference: str, letter: str, role: str) -> HttpResponse:
    """Rate a candidate for a role."""
    decision = get_record(request, reference)
    if not decision.criteria_of(role):
        raise Http404
    row = get_object_or_404(decision.candidates, letter=letter)
    row.decision = decision
    form = sent(request, AssessmentForm(rows.RatingSheet(row, role), posted(request)))
    ensure("assess", decision, person(request), role)
    if form.is_valid():
        seen = form.cleaned_data["token"] or None
        rows.assess(row, by=person(request), role=role, ratings=form.ratings, seen=seen)
        return done(request, _next_unrated(decision, row.letter, role), _("The rating is saved."))
    context = {"form": form, "candidate": row, "role": Role(role)}
    context["back"] = _ratings(decision, role)
    return page(request, "decisions/assess.html", decision, status_of(form), **context)


def _goal(decision: Decision, pk: int) -> Goal:
    row = get_object_or_404(decision.goals, pk=pk)
    row.decision = decision
    return row


def _shown(request: HttpRequest) -> int:
    """Return which version of a goal the person was shown; one that never was, if it says none."""
    token = request.POST.get("token", "")
    return int(token) if token.isdecimal() else -1


def _said_of(goal: Goal) -> str:
    """Return what became of a goal that was written down."""
    if goal.is_accepted:
        return _("The goal is on the list.")
    return _("The goal is proposed. It counts once the owner has accepted it.")


def _goals(decision: Decision) -> str:
    return f"{decision.get_absolute_url()}#section-goals"


def _candidates(decision: Decision) -> str:
    return reverse("decisions:candidates", args=[decision.reference])


def _next_unrated(decision: Decision, after: str, role: str) -> str:
    """Return where to rate the next candidate that the role has not rated, or the part itself."""
    for one in decision.candidates.all():
        rated = any(said.role == role for said in one.assessments.all())
        if not (one.is_dropped or rated or one.letter == after):
            return reverse("decisions:assess", args=[decision.reference, one.letter, role])
    return _ratings(decision, role)


def _ratings(decision: Decision, role: str) -> str:
    """Return where a role's ratings stand."""
    part = decision.section_with(Rows.ASSESSMENTS, role)
    return part.get_absolute_url() if part else decision.get_absolute_url()
