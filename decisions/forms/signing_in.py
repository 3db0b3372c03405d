"""The form of signing in."""

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from decisions.backends import account_of
from decisions.forms.base import THROTTLED
from decisions.throttle import TOO_MANY, Door, is_exhausted


class SignInForm(AuthenticationForm):
    """Address and password; says so where the password was guessed too often."""

    def get_invalid_login_error(self) -> ValidationError:
        """Return what was wrong: nothing about the password that was not looked at."""
        if is_exhausted(Door.SIGN_IN, account_of(self.cleaned_data.get("username", ""))):
            return ValidationError(TOO_MANY, code=THROTTLED)
        return super().get_invalid_login_error()
