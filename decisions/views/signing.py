"""Signing the recommendation."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from decisions.actions.signing import sign_off
from decisions.exports.document import RecordDocument
from decisions.forms.signing import SignForm, place_words
from decisions.forms.typed import sent
from decisions.models import Decision, User
from decisions.policies import ensure, wrong_state
from decisions.record_page import RecordPage
from decisions.signatures import Chair
from decisions.signing_page import SigningPage, refuse_lost_place
from decisions.versions import changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of


def sign(request: HttpRequest, reference: str) -> HttpResponse:
    """Show exactly what is signed, with its digest, and take the signature."""
    user = person(request)
    sent(request, SignForm(user, [], posted(request)))
    _say_what_became(request, reference)
    decision = get_record(request, reference)
    sheet = SigningPage(RecordPage(decision, user))
    sent(request, SignForm(user, sheet.chairs, posted(request)))
    _ensure_place(request, decision, sheet)
    form = SignForm(user, sheet.ready, posted(request), initial={"digest": sheet.board.digest})
    has_moved = form.is_bound and form.data.get("digest") != sheet.board.digest
    if form.is_valid() and not has_moved:
        _sign(decision, user, form)
        return done(request, decision, _signed(decision, form.chair))
    context = {"form": form, "sheet": sheet, "document": RecordDocument(decision)}
    if not has_moved:
        return page(request, "decisions/sign.html", decision, status_of(form), **context)
    seen = str(form.data.get("digest", ""))
    context["form"] = _shown_anew(request, form, sheet)
    context["moved"] = changes_between(decision, seen, sheet.board.digest)
    return page(request, "decisions/sign.html", decision, HTTPStatus.CONFLICT, **context)


def _sign(decision: Decision, user: User, form: SignForm) -> None:
    said = form.cleaned_data
    sign_off(
        decision,
        by=user,
        role=form.chair.seat.role,
        signed_for=form.chair.giver,
        digest=said["digest"],
        meaning=said["meaning"],
        text=said["text"],
    )


def _signed(decision: Decision, chair: Chair) -> str:
    """Return what was signed, and in whose place."""
    names = {"record": decision.reference, "place": place_words(chair)}
    if chair.giver:
        return _("You have signed %(record)s for %(place)s.") % names
    return _("You have signed %(record)s.") % names


def _shown_anew(request: HttpRequest, form: SignForm, sheet: SigningPage) -> SignForm:
    """Return the form with the words as typed, for what the record says now."""
    data = request.POST.copy()
    data["digest"] = sheet.board.digest
    return SignForm(form.user, sheet.ready, data)


def _ensure_place(request: HttpRequest, decision: Decision, sheet: SigningPage) -> None:
    """Raise `Refused` if the person may not sign now, or no longer in the place they chose."""
    chosen = request.POST.get("role", "")
    chair = next((one for one in sheet.chairs if one.key == chosen), None)
    if chair is None:
        refuse_lost_place(decision, sheet.page.user, chosen)
    ensure("sign", decision, sheet.page.user, chair.seat.role if chair else sheet.role_asked_for)
    if (chair and chair not in sheet.ready) or not sheet.ready:
        raise wrong_state(sheet.why_not(chair or sheet.chairs[0]))


def _say_what_became(request: HttpRequest, reference: str) -> None:
    """Raise `Refused` for who can no longer read the record because their leave to sign is over.

    Only who sends the digest of one of its versions is told, as nobody else was shown it.
    """
    user = person(request)
    if request.method != "POST" or _reads(user, reference):
        return
    shown = Decision.objects.filter(versions__digest=request.POST.get("digest", ""))
    decision = shown.by_reference(reference).first()
    if decision:
        refuse_lost_place(decision, user, request.POST.get("role", ""))


def _reads(user: User, reference: str) -> bool:
    return Decision.objects.visible_to(user).by_reference(reference).exists()
