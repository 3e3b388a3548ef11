"""Checks the codes of two-factor login, and counts wrong ones like wrong passwords."""

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator

from accounts.models import User


class CodeForm(mfa_forms.BaseAuthenticateForm):
    """A code from the app, or a recovery code.

    allauth forgets all failures of an address once a code is right. Then whoever has a two-factor login of their own
    could guess other people's passwords from there without end; so a right code takes back its own attempt alone.
    """

    user: User

    def clean_code(self) -> str:
        attempt = ratelimit.consume(
            context.request, app="allauth.account", action="login_failed", key=f"two-factor:{self.user.username}"
        )
        if not attempt:
            raise get_account_adapter().validation_error("too_many_login_attempts")
        code = self.cleaned_data["code"]
        for authenticator in Authenticator.objects.filter(user=self.user):
            if authenticator.wrap().validate_code(code):
                authenticator.user = self.user
                self.authenticator = authenticator
                attempt.rollback()
                return code
        raise get_adapter().validation_error("incorrect_code")


class AuthenticateForm(CodeForm, mfa_forms.AuthenticateForm):
    """The second step of a login."""


class ReauthenticateForm(CodeForm, mfa_forms.ReauthenticateForm):
    """Asked again before something that protects the account is changed."""
