"""The list of decisions and a record as a whole."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from decisions.actions import lifecycle, relations
from decisions.actions.bundles import too_many_words
from decisions.actions.looks import first_look
from decisions.actions.records import edit_details, open_decision
from decisions.forms.base import CountersignForm
from decisions.forms.records import (
    AmendForm,
    DetailsForm,
    FilterForm,
    NewDecisionForm,
    OutcomeForm,
    ReasonForm,
    RelateForm,
    SupersedeForm,
    filtered,
)
from decisions.forms.typed import sent
from decisions.history import TOPICS, lines
from decisions.imports.told import told_before
from decisions.models import Decision, DecisionLink, DocumentFormat
from decisions.move_words import MOVE_WORDS
from decisions.policies import ensure
from decisions.record_templates import LLM
from decisions.versions import changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of

PER_PAGE = 25

MOVED = {
    "submit": gettext_lazy("The record is in review. Its signatories can read and sign it."),
    "approve": gettext_lazy("The record is approved. From now on it cannot be changed."),
    "reopen": gettext_lazy("The record is a draft again. Earlier signatures have lapsed."),
    "withdraw": gettext_lazy("The record is withdrawn."),
    "supersede": gettext_lazy("The record is superseded."),
    "amend": gettext_lazy("Both records say now that this one is amended."),
    "relate": gettext_lazy("Both records name each other now."),
    "note_outcome": gettext_lazy("What became of it stands in the record now."),
}
AT_ONCE = ("submit", "approve")
ASKS: dict[str, Callable[..., Any]] = {
    "reopen": partial(lifecycle.move_once, action="reopen"),
    "withdraw": partial(lifecycle.move_once, action="withdraw"),
    "supersede": lifecycle.supersede,
    "amend": relations.amend,
    "relate": relations.relate,
    "note_outcome": lifecycle.note_outcome,
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
        "formats": DocumentFormat.choices,
        "too_many": too_many_words(found.count),
    }
    template = "decisions/list.html"
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        template += "#results"
    return render(request, template, context)


def new(request: HttpRequest) -> HttpResponse:
    """Open a new decision from a record template, or the successor of the one named `after`."""
    former = _former(request)
    template = request.GET.get("template", LLM)
    form = sent(request, NewDecisionForm(posted(request), former=former, template=template))
    if form.is_valid():
        by, asked = person(request), form.cleaned_data
        decision = (
            relations.start_successor(former, by=by, **asked)
            if former
            else open_decision(by=by, **asked)
        )
        return done(request, decision, _("%(record)s is open.") % {"record": decision.reference})
    context = {"form": form, "former": former}
    return render(request, "decisions/new.html", context, status=status_of(form))


def _former(request: HttpRequest) -> Decision | None:
    """Return the record whose successor is asked for, if any; 404 where it is not visible."""
    reference = request.GET.get("after", "")
    return get_record(request, reference) if reference else None


@require_safe
def record(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the record: parts by role, the document, people, blockers and threads."""
    decision = get_record(request, reference)
    first_look(decision, by=person(request))
    return page(request, "decisions/record.html", decision)


def details(request: HttpRequest, reference: str) -> HttpResponse:
    """Change the title, the due date, the tags and who may read the record."""
    decision = get_record(request, reference)
    known = {name: getattr(decision, name) for name in ("title", "due_on", "visibility")}
    known["tags"] = ", ".join(decision.tags)
    form = sent(request, DetailsForm(posted(request), initial=known))
    ensure("edit_details", decision, person(request))
    if form.is_valid():
        edit_details(decision, by=person(request), **form.cleaned_data)
        return done(request, decision, _("The details are saved."))
    return page(request, "decisions/details.html", decision, status_of(form), form=form)


@require_safe
def history(request: HttpRequest, reference: str) -> HttpResponse:
    """Show every event in plain sentences, and what changed between two versions."""
    decision = get_record(request, reference)
    events = decision.events.select_related("decision", "actor").order_by("-sequence")
    topic = TOPICS.get(request.GET.get("about", ""))
    if topic:
        events = events.filter(kind__in=topic.kinds)
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
        lines=lines(found.object_list, decision.sign_offs.all()),
        told=None if found.has_next() else told_before(decision, topic.kinds if topic else ()),
        topics=TOPICS.values(),
        topic=topic,
        versions=versions,
        before=before,
        after=after,
        changes=changes_between(decision, before.digest, after.digest)
        if before and after
        else None,
    )


def move(request: HttpRequest, reference: str, action: str) -> HttpResponse:
    """Move the record on: at once, or after asking why, which other record, or how it went."""
    decision = get_record(request, reference)
    if action in AT_ONCE:
        return _move_at_once(request, decision, action)
    if action not in ASKS:
        raise Http404
    form = sent(request, _asked(request, decision, action))
    by, asked = person(request), form.cleaned_data if form.is_valid() else {}
    if not (asked and lifecycle.was_just_made(decision, action, by=by, **asked)):
        ensure(action, decision, by)
    if asked:
        ASKS[action](decision, by=by, **asked)
        return done(request, decision, MOVED[action])
    context = {"form": form, "action": action, "words": MOVE_WORDS[action]}
    return page(request, "decisions/move.html", decision, status_of(form), **context)


@require_POST
def remove_link(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take a link to another record off both."""
    decision = get_record(request, reference)
    links = DecisionLink.objects.filter(Q(source=decision) | Q(target=decision))
    link = get_object_or_404(links.select_related("source", "target"), pk=pk)
    relations.unrelate(decision, by=person(request), link=link)
    return done(request, decision, _("The link is removed."))


def _asked(request: HttpRequest, decision: Decision, action: str) -> CountersignForm:
    """Return the form that a move asks to fill in."""
    others = {"supersede": SupersedeForm, "amend": AmendForm, "relate": RelateForm}
    if action in others:
        return others[action](decision, person(request), posted(request))
    if action == "note_outcome":
        return OutcomeForm(decision, posted(request))
    return ReasonForm(posted(request))


def _move_at_once(request: HttpRequest, decision: Decision, action: str) -> HttpResponse:
    """Submit or approve; a reader who follows the address by hand goes back to the record."""
    if request.method != "POST":
        return redirect(decision)
    lifecycle.move_once(decision, action, by=person(request))
    return done(request, decision, MOVED[action])
