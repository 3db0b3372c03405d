"""Signing the recommendation."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from decisions.actions.signing import sign_off
from decisions.content import current_digest
from decisions.exports.document import RecordDocument
from decisions.forms.review import SignForm
from decisions.models import Decision, Role, User
from decisions.policies import ensure
from decisions.versions import Change, changes_between
from decisions.views.shared import done, get_record, page, person, posted, status_of


def sign(request: HttpRequest, reference: str) -> HttpResponse:
    """Show exactly what is signed, with its digest, and take the signature."""
    decision = get_record(request, reference)
    user = person(request)
    ensure("sign", decision, user)
    roles = [Role(role) for role in Role if role in decision.signing_roles_of(user)]
    shown = {"digest": current_digest(decision)}
    form = SignForm(user, roles, posted(request), initial=shown)
    if form.is_valid():
        said = form.cleaned_data
        sign_off(
            decision,
            by=user,
            role=said["role"],
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


def _since_last_signature(decision: Decision, user: User) -> list[Change] | None:
    """Return what changed since the person's last signature, if it has lapsed."""
    mine = [one for one in decision.sign_offs.all() if one.user_id == user.pk]
    if not mine or mine[-1].digest == decision.digest:
        return None
    return changes_between(decision, mine[-1].digest, decision.digest)
