"""Users, accounts and the embargo list, for staff."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest
from post_office.models import Attachment, Email, EmailTemplate, Log
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Account, EmbargoedCountry, User, country_name

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


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "account_number", "is_staff", "is_active", "last_login")
    list_select_related = ("account",)
    search_fields = ("username", "email", "account__number", "account__name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("username", "password", "email")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )

    @admin.display(description="1777 number", ordering="account__number")
    def account_number(self, user: User) -> str:
        account = getattr(user, "account", None)
        return account.number if account else ""

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        # A customer's address changes only by the customer's own confirmation: password resets go there.
        is_customer = obj is not None and hasattr(obj, "account")
        return (*self.readonly_fields, "email") if is_customer else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    list_display = ("number", "name", "username", "country", "opened_at", "closed_on")
    list_filter = ("pays_from", "opened_at", "closed_on")
    list_select_related = ("user", "billing_address")
    search_fields = ("number", "name", "user__username", "user__email", "phone")
    date_hierarchy = "opened_at"
    readonly_fields = (
        "number",
        "user",
        "billing_address",
        "service_address",
        "email_is_confirmed",
        "referred_by",
        "commission_percent",
        "opened_at",
        "closed_on",
    )
    fields = ("number", "user", "name", "phone", "time_zone", "pays_from", *readonly_fields[2:])

    @admin.display(description="e-mail confirmed", boolean=True)
    def email_is_confirmed(self, account: Account) -> bool:
        return account.email_is_confirmed

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
class AuthenticatorAdmin(ModelAdmin):
    """Two-factor logins, to be deleted for customers who have lost their phone and their codes."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__account__number")
    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(EmbargoedCountry)
class EmbargoedCountryAdmin(ModelAdmin):
    list_display = ("country",)


@admin.register(Email)
class EmailAdmin(ModelAdmin):
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
