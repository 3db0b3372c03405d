"""Links that stop mail without signing in: who holds one may turn a kind of mail off, no more."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.urls import reverse

from decisions.models import NoticeKind, User

SALT = "decisions.unsubscribe"


@dataclass(frozen=True)
class Unsubscription:
    """Whose mail a link stops, and which kind ("" for all)."""

    user: User
    kind: str

    @property
    def kinds(self) -> list[str]:
        """Return the kinds that it stops."""
        return [self.kind] if self.kind else list(NoticeKind.values)

    @property
    def name(self) -> str:
        """Return the kind in words; "" for all."""
        return str(NoticeKind(self.kind).label) if self.kind else ""

    @property
    def is_done(self) -> bool:
        """Return whether none of these kinds is mailed any more."""
        return set(self.kinds) <= set(self.user.unmailed)


def token_of(user: User, kind: str = "") -> str:
    """Return a signed token for a person and a kind; it does not expire."""
    return signing.dumps({"user": user.pk, "kind": kind}, salt=SALT)


def unsubscribe_url(user: User, kind: str = "") -> str:
    """Return the whole address of the page that stops a kind of mail, or all."""
    return f"{settings.PUBLIC_URL}{reverse('unsubscribe', args=[token_of(user, kind)])}"


def read_token(token: str) -> Unsubscription | None:
    """Return what a token stops; None if we did not sign it, or the person is gone."""
    try:
        said = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=said["user"], is_active=True).first()
    if user is None or said["kind"] not in ("", *NoticeKind.values):
        return None
    return Unsubscription(user, said["kind"])
