"""Signing the recommendation."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from decisions.actions.signing import sign_off
from decisions.content import current_digest
from decisions.exports.document import RecordDocument
from decisions.forms.review import SignForm
from decisions.models import Decision, User
from decisions.policies import ensure
from decisions.signatures import Chair, Signatures
from decisions.versions import Change, changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of


def sign(request: HttpRequest, reference: str) -> HttpResponse:
    """Show exactly what is signed, with its digest, and take the signature."""
    decision = get_record(request, reference)
    user = person(request)
    board = Signatures(decision, current_digest(decision))
    chairs = [one for one in board.chairs_of(user) if not board.awaited_before(one.seat.role)]
    ensure("sign", decision, user, _role_asked_for(board, chairs, user))
    form = SignForm(user, chairs, posted(request), initial={"digest": board.digest})
    if form.is_valid():
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
        return done(request, decision, _("You have signed %(name)s.") % {"name": reference})
    context = {
        "form": form,
        "document": RecordDocument(decision),
        "lapsed_changes": _since_last_signature(decision, user),
    }
    return page(request, "decisions/sign.html", decision, status_of(form), **context)


def _role_asked_for(board: Signatures, ready: list[Chair], user: User) -> str | None:
    """Return a role the person may sign for now; else one that has to wait, so as to say why."""
    first = next(iter(ready or board.chairs_of(user)), None)
    return first.seat.role if first else None


def _since_last_signature(decision: Decision, user: User) -> list[Change] | None:
    """Return what changed since the person's last signature, if it has lapsed."""
    mine = [one for one in decision.sign_offs.all() if one.user_id == user.pk]
    if not mine or mine[-1].digest == decision.digest:
        return None
    return changes_between(decision, mine[-1].digest, decision.digest)
