"""Discussing and reviewing a record."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from decisions.actions import looks as look_actions
from decisions.actions import pending as pending_actions
from decisions.actions import review as actions
from decisions.actions.pending import GONE
from decisions.actions.review import Remark
from decisions.blockers import standing_requests
from decisions.forms.base import CountersignForm, as_lines
from decisions.forms.review import RemarkForm, ReplyForm, ReviewForm
from decisions.models import Comment, Decision, PendingComment, Review, Thread
from decisions.policies import Refused, refusal, wrong_state
from decisions.record_page import RecordPage
from decisions.views.shared import done, get_record, page, person, posted, status_of

KEY = re.compile(r"[1-9][0-9]{0,17}\Z", re.ASCII)


def new_thread(request: HttpRequest, reference: str) -> HttpResponse:
    """Start a discussion on a part of the record, at once or with the person's next review."""
    decision = get_record(request, reference)
    about = {name: request.GET.get(name, "")[:2000] for name in ("section", "quote", "origin")}
    form = RemarkForm(decision, posted(request), initial=about)

    def write() -> HttpResponse:
        if "hold" in request.POST:
            return _held(request, decision, form.remark, origin=form.cleaned_data["origin"])
        thread = actions.open_thread(decision, by=person(request), remark=form.remark)
        return done(request, thread, _("Your comment is on the record."))

    return _answer(request, decision, "comment", form, write)


@require_safe
def thread(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Show one discussion; with htmx, in the place of its line on the record's page."""
    decision = get_record(request, reference)
    shown = _thread(decision, pk)
    if request.htmx:  # type: ignore[attr-defined]
        return page(request, "decisions/comment.html#thread", decision, thread=shown)
    return page(request, "decisions/comment.html", decision, thread=shown, form=ReplyForm())


def reply(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Answer in a discussion; with htmx, in its place on the record's page."""
    decision = get_record(request, reference)
    answered = _thread(decision, pk)
    form = ReplyForm(posted(request))

    def write() -> HttpResponse:
        if "hold" in request.POST:
            held = _held(request, decision, form.remark, thread=answered)
            return _thread_again(request, answered) or held
        actions.reply(answered, by=person(request), body=form.remark.body)
        said = done(request, answered, _("Your reply is on the record."))
        return _thread_again(request, answered) or said

    return _answer(request, decision, "comment", form, write, thread=answered)


def edit_comment(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Change one's own comment; what it said before stays to be read."""
    decision = get_record(request, reference)
    comment = get_object_or_404(
        Comment.objects.select_related("thread"), pk=pk, thread__decision=decision
    )
    comment.thread.decision = decision
    form = ReplyForm(posted(request), initial={"body": comment.body}, label=_("Comment"))

    def write() -> HttpResponse:
        actions.edit_comment(comment, by=person(request), body=form.remark.body)
        return done(request, comment.thread, _("Your comment is changed."))

    return _answer(request, decision, "edit_comment", form, write, subject=comment, edited=comment)


@require_POST
def resolve(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """End a discussion, or take it up again."""
    ended = _thread(get_record(request, reference), pk)
    resolved = request.POST.get("resolved", "1") == "1"
    actions.resolve(ended, by=person(request), resolved=resolved)
    return done(request, ended, _("Resolved.") if resolved else _("Taken up again."))


def review(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what changed since the person last looked, and send their review.

    Comments that they held back stay theirs to copy or remove when the record leaves review.
    """
    decision = get_record(request, reference)
    user = person(request)
    shown = RecordPage(decision, user)
    held = shown.discussion.pending
    named = _held_as_shown(request)
    going = [one for one in held if named is None or one.pk in named]
    # Read after what is held: whoever finds that gone finds the review that took it.
    last = Review.objects.filter(decision=decision, reviewer=user).last()
    form = ReviewForm(
        posted(request), held=len(going), last=last.pk if last else 0, digest=shown.digest
    )

    def write() -> HttpResponse:
        said = form.cleaned_data
        sent = actions.send_review(
            decision,
            by=user,
            verdict=said["verdict"],
            body=as_lines(said["summary"]),
            digest=said["digest"],
            after=said["after"],
            held=named,
        )
        left = PendingComment.objects.filter(decision=decision, author=user).count()
        return done(request, decision, f"{_sent(sent)} {_left(left)}".strip())

    template = "decisions/review.html"
    return _answer(request, decision, "review", form, write, template=template, keep=bool(held))


def _held_as_shown(request: HttpRequest) -> set[int] | None:
    """Return the keys of the held comments that the form showed; None if it does not say."""
    if "held" not in request.POST:
        return None
    return {int(one) for one in request.POST.getlist("held") if KEY.match(one)}


def edit_pending(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Change a comment that is held back; nobody but its author finds it."""
    decision = get_record(request, reference)
    held = PendingComment.objects.filter(decision=decision, author=person(request), pk=pk).first()
    if held is None and request.method != "POST":
        raise Http404
    form = _pending_form(request, decision, held)

    def write() -> HttpResponse:
        if held is None:
            raise wrong_state(str(GONE))
        pending_actions.change_pending(held, by=person(request), remark=form.remark)
        return done(request, _review_url(decision), _("Your comment is changed. It is not sent."))

    return _answer(request, decision, "review", form, write, pending=held, is_pending=True)


@require_POST
def remove_pending(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Throw away a comment that was held back."""
    decision = get_record(request, reference)
    held = PendingComment.objects.filter(decision=decision, author=person(request), pk=pk).first()
    if held:
        pending_actions.drop_pending(held, by=person(request))
    return done(request, _review_url(decision), _("Removed. Nobody has read it."))


@require_POST
def lift(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Take back one's own request for changes; the owner, that of someone who has left."""
    decision = get_record(request, reference)
    row = get_object_or_404(decision.reviews.select_related("reviewer"), pk=pk)
    row.decision = decision
    actions.lift_review(row, by=person(request))
    if row.reviewer_id == person(request).pk:
        return done(request, decision, _("Your request for changes is lifted."))
    told = _("%(name)s’s request for changes is lifted.") % {"name": row.reviewer}
    return done(request, decision, told)


@require_safe
def changes(request: HttpRequest, reference: str) -> HttpResponse:
    """Show what changed since the person last looked, part by part."""
    decision = get_record(request, reference)
    look_actions.first_look(decision, by=person(request))
    return page(request, "decisions/changes.html", decision)


@require_POST
def look(request: HttpRequest, reference: str) -> HttpResponse:
    """Note that the person has looked at a part, or at all of them, as they were shown it."""
    decision = get_record(request, reference)
    part = request.POST.get("section", "")
    seen = request.POST.get("digest", "")
    look_actions.look_at(decision, by=person(request), digest=seen, kinds=[part] if part else None)
    shown = RecordPage(decision, person(request))
    if request.htmx:  # type: ignore[attr-defined]
        messages.success(request, _looked(len(shown.news)))
        return page(request, "decisions/_news.html", decision, is_after=True)
    back = _review_url(decision) if shown.can_review else _changes_url(decision)
    return done(request, back, _looked(len(shown.news)))


def _answer(
    request: HttpRequest,
    decision: Decision,
    action: str,
    form: CountersignForm,
    write: Callable[[], HttpResponse],
    *,
    subject: Any = None,
    template: str = "decisions/comment.html",
    keep: bool = False,
    **context: Any,
) -> HttpResponse:
    """Show a form, or write what it says; where that is refused the typed text comes back.

    With `keep` the page is shown even to who may not send it.
    """
    refused = refusal(action, decision, person(request), subject)
    if refused and request.method != "POST" and not keep:
        raise Refused(refused)
    if request.method == "POST" and not refused and form.is_valid():
        try:
            return write()
        except Refused as error:
            refused = error.refusal
    status = refused.status if refused and form.is_bound else status_of(form)
    context |= {"form": form, "refused": refused}
    if not request.htmx or "thread" not in context:  # type: ignore[attr-defined]
        return page(request, template, decision, status, **context)
    response = page(request, f"{template}#reply", decision, status, **context)
    response["HX-Retarget"], response["HX-Reswap"] = f"#reply-{context['thread'].pk}", "innerHTML"
    return response


def _held(
    request: HttpRequest,
    decision: Decision,
    remark: Remark,
    *,
    thread: Thread | None = None,
    origin: str = "",
) -> HttpResponse:
    """Hold a comment back, say so, and go back to where the person was reading."""
    held = pending_actions.hold_back(decision, by=person(request), remark=remark, thread=thread)
    count = PendingComment.objects.filter(decision=decision, author=person(request)).count()
    told = ngettext(
        "Added to your review. %(count)s comment waits to be sent.",
        "Added to your review. %(count)s comments wait to be sent.",
        count,
    ) % {"count": count}
    if origin == "review":
        return done(request, _review_url(decision), told)
    place = thread or held.section
    if place:
        place.decision = decision
    return done(request, place or decision, told)


def _thread_again(request: HttpRequest, thread: Thread) -> HttpResponse | None:
    """Return a discussion as it reads now, for htmx to put in its place."""
    if not request.htmx:  # type: ignore[attr-defined]
        return None
    decision = get_record(request, thread.decision.reference)
    fresh = _thread(decision, thread.pk)
    return page(request, "decisions/comment.html#thread", decision, thread=fresh, is_after=True)


def _thread(decision: Decision, pk: int) -> Thread:
    """Return a discussion of a record, with all that its page shows."""
    found = next((one for one in decision.threads.all() if one.pk == pk), None)
    if found is None:
        raise Http404
    found.decision = decision
    return found


def _pending_form(
    request: HttpRequest, decision: Decision, held: PendingComment | None
) -> RemarkForm | ReplyForm:
    """Return the form of a held comment, or of a held reply."""
    if held and held.thread_id:
        return ReplyForm(posted(request), initial={"body": held.body})
    known = {}
    if held:
        known = {"body": held.body, "quote": held.quote, "must_fix": held.must_fix}
        known["section"] = held.section.kind if held.section else ""
    return RemarkForm(decision, posted(request), initial=known)


def _review_url(decision: Decision) -> str:
    return reverse("decisions:review", args=[decision.reference])


def _changes_url(decision: Decision) -> str:
    return reverse("decisions:changes", args=[decision.reference])


def _sent(review: Review) -> str:
    """Return what to say once a review is sent."""
    standing = standing_requests(fresh := Decision.objects.get(pk=review.decision_id))
    earlier = [one for one in standing if one.reviewer_id == review.reviewer_id and one != review]
    if earlier and review.digest == fresh.digest:
        return _("Your review is sent. Your request still stands: what it spoke of is unchanged.")
    if review.digest == fresh.digest:
        return _("Your review is sent.")
    return _("Your review is sent. It speaks of what you were shown: the record has changed since.")


def _left(count: int) -> str:
    """Return what to say of the comments that the form did not show, if there are any."""
    if not count:
        return ""
    told = ngettext(
        "%(count)s comment that you held back meanwhile was not on that page: it still waits.",
        "%(count)s comments that you held back meanwhile were not on that page: they still wait.",
        count,
    )
    return told % {"count": count}


def _looked(left: int) -> str:
    """Return what to say after a look."""
    if not left:
        return _("You have looked at everything.")
    told = ngettext("%(count)s part to look at.", "%(count)s parts to look at.", left)
    return told % {"count": left}
