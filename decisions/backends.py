"""Signing in with an e-mail address."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from decisions import demo
from decisions.models import User


class EmailBackend(ModelBackend):
    """Knows a person by e-mail address, or by username as the admin's commands do."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """Return the person whose address and password these are, or None.

        The sample's password is in every README, so it opens nothing once the demo is off.
        """
        if username and "@" in username:
            found = User.objects.filter(email__iexact=username).first()
            # An unknown address goes on to the slow path too, so that timing tells nothing.
            username = found.username if found else username
        user = super().authenticate(request, username=username, password=password, **kwargs)
        is_published = password == demo.PASSWORD and not demo.is_on()
        return user if isinstance(user, User) and not is_published else None
