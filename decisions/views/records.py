"""The list of decisions and a record as a whole."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from decisions.actions import lifecycle
from decisions.actions.records import edit_details, open_decision
from decisions.forms.records import (
    DetailsForm,
    FilterForm,
    NewDecisionForm,
    ReasonForm,
    SupersedeForm,
    filtered,
)
from decisions.history import lines
from decisions.models import Decision
from decisions.policies import ensure
from decisions.versions import changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of

PER_PAGE = 25

MOVED = {
    "submit": gettext_lazy("The record is in review. Its signatories can read and sign it."),
    "approve": gettext_lazy("The record is approved. From now on it cannot be changed."),
    "reopen": gettext_lazy("The record is a draft again. Earlier signatures have lapsed."),
    "withdraw": gettext_lazy("The record is withdrawn."),
    "supersede": gettext_lazy("The record is superseded."),
}


@require_safe
def list_decisions(request: HttpRequest) -> HttpResponse:
    """Show the decisions the person may read; search, filters and order are in the address."""
    form = FilterForm(request.GET)
    found = Paginator(filtered(form, person(request)), PER_PAGE)
    context = {
        "form": form,
        "page_obj": found.get_page(request.GET.get("page")),
        "is_filtered": any(request.GET.get(name) for name in form.fields),
    }
    template = "decisions/list.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#results"
    return render(request, template, context)


def new(request: HttpRequest) -> HttpResponse:
    """Open a new decision from a record template."""
    form = NewDecisionForm(posted(request))
    if form.is_valid():
        decision = open_decision(by=person(request), **form.cleaned_data)
        return done(request, decision, _("%(record)s is open.") % {"record": decision.reference})
    return render(request, "decisions/new.html", {"form": form}, status=status_of(form))


@require_safe
def record(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the record: parts by role, the document, people, blockers and threads."""
    return page(request, "decisions/record.html", get_record(request, reference))


def details(request: HttpRequest, reference: str) -> HttpResponse:
    """Change the title, the due date, the tags and who may read the record."""
    decision = get_record(request, reference)
    ensure("edit_details", decision, person(request))
    known = {name: getattr(decision, name) for name in ("title", "due_on", "visibility")}
    known["tags"] = ", ".join(decision.tags)
    form = DetailsForm(posted(request), initial=known)
    if form.is_valid():
        edit_details(decision, by=person(request), **form.cleaned_data)
        return done(request, decision, _("The details are saved."))
    return page(request, "decisions/details.html", decision, status_of(form), form=form)


@require_safe
def history(request: HttpRequest, reference: str) -> HttpResponse:
    """Show every event in plain sentences, and what changed between two versions."""
    decision = get_record(request, reference)
    events = decision.events.select_related("decision", "actor").order_by("-sequence")
    found = Paginator(events, 50).get_page(request.GET.get("page"))
    steps = decision.versions.select_related("by").defer("content")
    versions = list({one.number: one for one in steps}.values())
    by_number = {str(version.number): version for version in versions}
    before = by_number.get(request.GET.get("from", ""))
    after = by_number.get(request.GET.get("to", ""))
    return page(
        request,
        "decisions/history.html",
        decision,
        page_obj=found,
        lines=lines(found.object_list),
        versions=versions,
        before=before,
        after=after,
        changes=changes_between(decision, before.digest, after.digest)
        if before and after
        else None,
    )


def move(request: HttpRequest, reference: str, action: str) -> HttpResponse:
    """Move the record on: at once, or after asking for a reason or a successor."""
    decision = get_record(request, reference)
    if action in {"submit", "approve"}:
        return _move_at_once(request, decision, action)
    if action not in {"reopen", "withdraw", "supersede"}:
        raise Http404
    ensure(action, decision, person(request))
    form = _move_form(request, decision, action)
    if request.method == "POST" and form.is_valid():
        getattr(lifecycle, action)(decision, by=person(request), **form.cleaned_data)
        return done(request, decision, MOVED[action])
    return page(request, "decisions/move.html", decision, status_of(form), form=form, action=action)


def _move_form(request: HttpRequest, decision: Decision, action: str) -> ReasonForm | SupersedeForm:
    if action == "supersede":
        return SupersedeForm(decision, person(request), posted(request))
    return ReasonForm(posted(request))


def _move_at_once(request: HttpRequest, decision: Decision, action: str) -> HttpResponse:
    """Submit or approve; a reader who follows the address by hand goes back to the record."""
    if request.method != "POST":
        return redirect(decision)
    getattr(lifecycle, action)(decision, by=person(request))
    return done(request, decision, MOVED[action])
