"""What allauth asks of the portal: where to go after login, how to write e-mails, how to count failures."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as allauth_context
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Account, User


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": (
            "This username and this password do not belong together. Check both and try again. "
            "Your 1777 number or your e-mail address will do instead of the username."
        ),
        "too_many_login_attempts": (
            "Too many logins have failed, so we have paused them for this name or from where you are. "
            "Wait 15 minutes and try again, or reset your password: “Forgot your Username or Password?”"
        ),
        "username_taken": "This username is taken. Choose another one.",
        "username_blacklisted": "This username is reserved. Choose another one.",
        "enter_current_password": "This is not your present password.",
        "incorrect_password": "This is not your password.",
    }

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Customers go to their account; staff hold none and work in the admin."""
        is_customer = Account.objects.filter(user=request.user.pk).exists()
        return reverse("dashboard" if is_customer else "admin:index")

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return reverse("dashboard")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return self.get_profile_url(request)

    def get_profile_url(self, request: HttpRequest) -> str:
        is_customer = Account.objects.filter(user=request.user.pk).exists()
        return reverse("profile" if is_customer else "admin:index")

    # --- E-mails: links lead to the portal's public address, whatever host the request named ---

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        known = {
            "request": allauth_context.request,
            "email": email,
            "OPERATOR": settings.OPERATOR,
            "SITE_URL": settings.SITE_URL,
            "forgot_url": settings.SITE_URL + reverse("forgot"),
        }
        self.render_mail(template_prefix, email, known | context).send()

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return settings.SITE_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        user_id, _, secret = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_id, "key": secret})
        return settings.SITE_URL + path

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:
        address = emailconfirmation.email_address
        if address.can_set_verified():
            super().send_confirmation_mail(request, emailconfirmation, signup)
        else:
            # The page says the same as ever; only the owner of the mailbox learns that the address is in use.
            owner = User.objects.filter(emailaddress__email=address.email, emailaddress__verified=True).first()
            self.send_mail("account/email/address_in_use", address.email, {"owner": owner})

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        try:
            with transaction.atomic():
                return super().confirm_email(request, email_address)
        except IntegrityError:
            # Another user confirmed the same address in this very moment.
            template = "account/messages/email_confirmation_failed.txt"
            self.add_message(request, messages.ERROR, template, {"email": email_address.email})
            return False

    # --- Failed logins: five in fifteen minutes pause a name, and the address they come from ---

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """LoginForm has turned whatever was typed into the one name of its user."""
        return f"name:{credentials['username'].lower()}"

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """Not by e-mail address, which somebody else may have asked to change to: see ``lift_pause``."""

    @classmethod
    def lift_pause(cls, user: User) -> None:
        """Forget the failed logins of ``user``; those of the address they came from stay."""
        rates = settings.ACCOUNT_RATE_LIMITS["login_failed"].split(",")
        ratelimit.clear(
            allauth_context.request,
            app="allauth.account",
            action="login_failed",
            config={"login_failed": ",".join(rate for rate in rates if rate.endswith("/key"))},
            key=f"name:{user.username}",
        )
