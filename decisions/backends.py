"""Signing in with an e-mail address."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from decisions import demo
from decisions.models import User
from decisions.throttle import Door, forget, may_guess


class EmailBackend(ModelBackend):
    """Knows a person by e-mail address, or by username as the admin's commands do."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the person whose address and password these are, or None; also to one guess more.

        The sample's password is in every README, so it opens nothing once the demo is off.
        """
        username = account_of(username or "")
        if username and not may_guess(Door.SIGN_IN, username):
            return None
        user = super().authenticate(request, username=username, password=password, **kwargs)
        is_published = password == demo.PASSWORD and not demo.is_on()
        if not isinstance(user, User) or is_published:
            return None
        forget(Door.SIGN_IN, username)
        return user


def account_of(name: str) -> str:
    """Return the username of who signs in with this address or username; an unknown one as it is.

    An unknown address goes on to the slow path too, so that timing tells nothing.
    """
    found = User.objects.filter(email__iexact=name).first() if "@" in name else None
    return found.username if found else name
