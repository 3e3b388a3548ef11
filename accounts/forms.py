"""What is asked at sign-up, at login and when something was forgotten."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string

from accounts import embargo, time_zones
from accounts.adapter import AccountAdapter
from accounts.addresses import country_choices
from accounts.login_names import one_name
from accounts.models import Account, User
from accounts.signup import UsernameTaken, open_account, violated
from accounts.validators import one_line

EMAIL_MAX_LENGTH = 254
PASSWORD_HINT = "Ten characters or more, not only digits, nothing common, not your name."  # noqa: S105


class LoginForm(allauth_forms.LoginForm):
    """A username, a 1777 number or an e-mail address, and the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.CharField(
            label="Username",
            help_text="Your 1777 number or your e-mail address will do as well.",
            max_length=254,
            widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
            error_messages={"required": "Enter your username, your 1777 number or your e-mail address."},
        )
        # The page has the link; in the field's hint it would stand between the label and the box.
        self.fields["password"].help_text = ""
        self.fields["password"].error_messages["required"] = "Enter your password."
        self.fields["remember"].label = "Keep me logged in on this computer"
        self.order_fields(["login", "password", "remember"])
        _without_placeholders(self)

    def user_credentials(self) -> dict[str, str]:
        """One name for each user, whichever was typed: failures are counted under it (domain.md §4)."""
        if not hasattr(self, "_credentials"):
            name = one_name(self.cleaned_data["login"])
            self._credentials = {"username": name, "password": self.cleaned_data["password"]}
        return self._credentials


class SignupForm(allauth_forms.SignupForm):
    """Everything an account needs to be opened."""

    name = forms.CharField(
        label="Your name",
        max_length=100,
        validators=[one_line],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    country = forms.ChoiceField(
        choices=country_choices,
        initial="US",
        widget=forms.Select(attrs={"autocomplete": "country"}),
        help_text="Where you are billed.",
    )
    time_zone = forms.ChoiceField(
        choices=time_zones.choices,
        initial=time_zones.DEFAULT,
        help_text="For the times of your calls.",
    )
    agent_id = forms.CharField(
        label="Agent ID",
        required=False,
        max_length=30,
        help_text="If one of our agents brought you here: the agent's ID or 1777 number.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ["name", "email", "username", "password1", "country", "time_zone", "agent_id"]
    referred_by: Account | None = None

    def __init__(self, *args: Any, agent_link: Any = None, **kwargs: Any) -> None:
        """``agent_link`` is the agent's link that was followed, if any: see AgentLinkMiddleware in agents."""
        self.linked_id = agent_link.agent_id if agent_link else ""
        self.linked_account = agent_link.account if agent_link else None
        if kwargs.get("data") is not None and "agent_id" not in kwargs["data"]:
            # Whoever is not asked is referred by the link; whoever empties the box is not.
            kwargs["data"] = kwargs["data"].copy()
            kwargs["data"]["agent_id"] = self.linked_id
        super().__init__(*args, **kwargs)
        if self.linked_account:
            self.initial["agent_id"] = self.linked_id
        _email_field(self, "E-mail address")
        self.fields["email"].help_text = "We send a link to confirm it; your first order needs that."
        self.fields["password1"].help_text = PASSWORD_HINT
        self.fields["username"].help_text = "Letters, digits and . _ - + only. You log in with it."
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        _without_placeholders(self)

    def clean_username(self) -> str:
        self.cleaned_data["username"] = self.cleaned_data["username"].lower()
        return super().clean_username()

    def clean_country(self) -> str:
        embargo.check(self.cleaned_data["country"])
        return self.cleaned_data["country"]

    def clean_agent_id(self) -> str:
        typed = self.cleaned_data["agent_id"]
        if typed and typed == self.linked_id:
            # The page filled this in. Should the agent have been closed since, that is not the visitor's mistake.
            self.referred_by = self.linked_account
        elif typed:
            self.referred_by = import_string(settings.AGENT_LOOKUP)(typed)
            if self.referred_by is None:
                raise forms.ValidationError(
                    "We know no agent by this ID. Check it with your agent, or leave this empty.",
                    code="unknown_agent",
                )
        return typed

    @property
    def referrer(self) -> str:
        """The Agent ID that the page names as the one who referred the visitor."""
        return self.linked_id if self.linked_account and self["agent_id"].value() == self.linked_id else ""

    def save(self, request: HttpRequest) -> User:
        """The user with e-mail address and account, or none of the three.

        Raises UsernameTaken, NoNumberFree and NotServed.
        """
        try:
            with transaction.atomic():
                user = super().save(request)
                open_account(
                    user=user,
                    name=self.cleaned_data["name"],
                    country=self.cleaned_data["country"],
                    time_zone=self.cleaned_data["time_zone"],
                    referred_by=self.referred_by,
                )
        except IntegrityError as error:
            if violated(error) != "accounts_user_username_key":
                raise
            raise UsernameTaken(AccountAdapter.error_messages["username_taken"], code="username_taken") from error
        return user


class AddEmailForm(allauth_forms.AddEmailForm):
    """A change of e-mail address: the old one stays until the new one is confirmed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _email_field(self, "New e-mail address")
        _without_placeholders(self)

    @transaction.atomic
    def save(self, request: HttpRequest) -> EmailAddress:
        address = super().save(request)
        if not EmailAddress.objects.get_verified(self.user):
            # A typing error of sign-up is mended: there is no confirmed address to go on using.
            address.set_as_primary()
        return address


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    """Where to send the link that resets a password."""

    users: list[User]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _email_field(self, "E-mail address")
        _without_placeholders(self)

    def clean_email(self) -> str:
        email = super().clean_email()
        # Not to an address that somebody has merely asked to change to: it may be a stranger's.
        self.users = [user for user in self.users if user.email.lower() == email.lower()]
        return email


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    """A new password for somebody who knows the present one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Present password"
        self.fields["oldpassword"].help_text = ""
        _new_password_fields(self)


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):
    """The new password behind a reset link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _new_password_fields(self)

    def save(self) -> None:
        super().save()
        # Whoever reads that mailbox may log in again at once, however often the old password was missed.
        AccountAdapter.lift_pause(self.user)


class EmailForm(forms.Form):
    """An e-mail address, for a reminder of the usernames that belong to it."""

    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "email"}), max_length=EMAIL_MAX_LENGTH
    )


def _email_field(form: forms.Form, label: str) -> None:
    field = form.fields["email"]
    field.label = label
    # Django's form field takes longer addresses than the column, and allauth would drop them silently.
    field.validators.append(MaxLengthValidator(EMAIL_MAX_LENGTH))


def _new_password_fields(form: forms.Form) -> None:
    form.fields["password1"].label = "New password"
    form.fields["password1"].help_text = PASSWORD_HINT
    form.fields["password2"].label = "New password, once more"
    _without_placeholders(form)


def _without_placeholders(form: forms.Form) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
