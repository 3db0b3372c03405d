"""Discussing and reviewing a record."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from decisions.actions import review as actions
from decisions.forms.review import RemarkForm, ReplyForm, ReviewForm
from decisions.models import Decision, Thread
from decisions.policies import ensure
from decisions.versions import changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of


def new_thread(request: HttpRequest, reference: str) -> HttpResponse:
    """Start a discussion on a part of the record."""
    decision = get_record(request, reference)
    ensure("comment", decision, person(request))
    about = {"section": request.GET.get("section", "")}
    form = RemarkForm(decision, posted(request), initial=about)
    if form.is_valid() and form.remark:
        thread = actions.open_thread(decision, by=person(request), remark=form.remark)
        return done(request, thread, _("Your comment is on the record."))
    return page(request, "decisions/comment.html", decision, status_of(form), form=form)


def reply(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Answer in a discussion."""
    decision = get_record(request, reference)
    ensure("comment", decision, person(request))
    thread = _thread(decision, pk)
    form = ReplyForm(posted(request))
    if form.is_valid():
        actions.reply(thread, by=person(request), body=form.cleaned_data["body"])
        return done(request, thread, _("Your reply is on the record."))
    context = {"form": form, "thread": thread}
    return page(request, "decisions/comment.html", decision, status_of(form), **context)


@require_POST
def resolve(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """End a discussion, or take it up again."""
    thread = _thread(get_record(request, reference), pk)
    resolved = request.POST.get("resolved", "1") == "1"
    actions.resolve(thread, by=person(request), resolved=resolved)
    return done(request, thread, _("Resolved.") if resolved else _("Taken up again."))


def review(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what changed since the person last spoke, and take their review."""
    decision = get_record(request, reference)
    ensure("review", decision, person(request))
    form = ReviewForm(decision, posted(request))
    if form.is_valid():
        said = form.cleaned_data
        remarks = [form.remark] if form.remark else []
        actions.send_review(
            decision,
            by=person(request),
            verdict=said["verdict"],
            body=said["summary"],
            remarks=remarks,
        )
        return done(request, decision, _("Your review is sent."))
    seen = _last_seen(decision, person(request).pk)
    changes = changes_between(decision, seen, decision.digest) if seen else None
    context = {"form": form, "changes": changes}
    return page(request, "decisions/review.html", decision, status_of(form), **context)


@require_POST
def lift(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take back one's own request for changes."""
    decision = get_record(request, reference)
    row = get_object_or_404(decision.reviews, pk=pk)
    row.decision = decision
    actions.lift_review(row, by=person(request))
    return done(request, decision, _("Your request for changes is lifted."))


def _thread(decision: Decision, pk: int) -> Thread:
    thread = get_object_or_404(decision.threads, pk=pk)
    thread.decision = decision
    return thread


def _last_seen(decision: Decision, user_id: int) -> str:
    """Return the digest of what the person last reviewed or signed, or ""."""
    spoken = [
        (one.sent_at, one.digest) for one in decision.reviews.all() if one.reviewer_id == user_id
    ]
    spoken += [
        (one.signed_at, one.digest) for one in decision.sign_offs.all() if one.user_id == user_id
    ]
    return max(spoken)[1] if spoken else ""
