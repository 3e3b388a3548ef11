"""Accounts and the embargo list, for staff. Who may log in is in staff/admin/users.py."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from post_office.models import Attachment, Email, EmailTemplate, Log
from unfold.admin import ModelAdmin

from accounts.models import Account, EmbargoedCountry, country_name

# Staff log in where customers do, so that pauses after failures and two-factor login hold for them too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Staff see a user's address below and never confirm one by hand.
admin.site.unregister(EmailAddress)
# The key of a session, or the secret of a two-factor login, would let staff in as the customer.
admin.site.unregister(UserSession)
admin.site.unregister(Authenticator)
# So would the link in an e-mail that resets a password: staff see below that one was sent, not what it said.
for _model in (Attachment, Email, EmailTemplate, Log):
    admin.site.unregister(_model)


class ListedLookups:
    """A list that is filtered by what it offers and by nothing else.

    The admin takes any field of a model in an address: letter by letter, it would tell what the pages do not show.
    """

    list_filter: Any

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup.split("__")[0] in self.list_filter


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    list_display = ("number", "name", "username", "country", "opened_at", "closed_on")
    list_filter = ("pays_from", "opened_at", "closed_on")
    list_select_related = ("user", "billing_address")
    search_fields = ("number", "name", "user__username", "user__email", "phone")
    date_hierarchy = "opened_at"
    fields = (
        "number",
        "username",
        "email",
        "email_is_confirmed",
        "name",
        "phone",
        "time_zone",
        "pays_from",
        "billing_address",
        "service_address",
        "referred_by",
        "commission_percent",
        "opened_at",
        "closed_on",
    )
    # What money depends on, the customer changes alone.
    readonly_fields = tuple(name for name in fields if name not in ("name", "phone", "time_zone"))
    change_form_outer_before_template = "admin/accounts/beside.html"

    @admin.display(description="e-mail confirmed", boolean=True)
    def email_is_confirmed(self, account: Account) -> bool:
        return account.email_is_confirmed

    @admin.display(description="e-mail")
    def email(self, account: Account) -> str:
        return account.user.email

    @admin.display(ordering="user__username")
    def username(self, account: Account) -> str:
        return account.user.username

    @admin.display(ordering="billing_address__country")
    def country(self, account: Account) -> str:
        return country_name(account.billing_address.country)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Accounts are opened at sign-up alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """A 1777 number is never used twice, so its account stays."""
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(ListedLookups, ModelAdmin):
    """Two-factor logins, to be deleted for customers who have lost their phone and their codes.

    Those of staff are deleted by whoever gives them their roles, and a superuser's by superusers.
    """

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__account__number")
    fields = readonly_fields = ("username", "type", "created_at", "last_used_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authenticator]:
        logins = super().get_queryset(request)
        if request.user.is_superuser:
            return logins
        if request.user.has_perm("accounts.change_roles"):
            return logins.filter(user__is_superuser=False)
        return logins.filter(user__account__isnull=False, user__is_staff=False, user__is_superuser=False)

    @admin.display(description="user")
    def username(self, login: Authenticator) -> str:
        return login.user.username

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(EmbargoedCountry)
class EmbargoedCountryAdmin(ModelAdmin):
    list_display = ("country",)


@admin.register(Email)
class EmailAdmin(ListedLookups, ModelAdmin):
    """Which e-mails went out, to whom and when."""

    # Not django-post-office's own, which offers to send it again.
    change_form_template = "admin/change_form.html"
    list_display = ("to", "subject", "status", "created", "last_updated")
    list_filter = ("status", "created")
    search_fields = ("to", "subject")
    fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Email | None = None) -> bool:
        return False
