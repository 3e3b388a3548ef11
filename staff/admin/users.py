"""Logins, and the roles of those that are staff's."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.asking import ReasonForm, ask
from accounts.models import User
from callcentric.errors import Refused
from staff import roles

# What a role may do stands in staff/roles.py alone.
admin.site.unregister(Group)


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["username", "email", "is_active"]

    def clean_is_active(self) -> bool:
        is_active: bool = self.cleaned_data["is_active"]
        if not is_active and self.instance.is_active and roles.may_give(self.instance):
            roles.check_somebody_gives_roles(but=self.instance)
        return is_active


class NewUserForm(UserCreationForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Whoever forgets the password gets a link there: nobody else sets it.
        self.fields["email"].required = True


class RolesForm(ReasonForm):
    roles = forms.MultipleChoiceField(
        label="Roles",
        choices=[(name, name) for name in roles.ROLES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="With none, this person cannot enter the admin.",
    )
    field_order = ["roles", "reason"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Staff's logins are made here, without a right until they get a role; customers make theirs at sign-up.

    Nobody's password is set here, and no customer's e-mail address, where the link to a new password goes.
    """

    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "email", "account_number", "roles_held", "is_active", "last_login")
    list_filter = ("is_staff", "groups", "is_active")
    list_select_related = ("account",)
    search_fields = ("username", "email", "account__number", "account__name")
    fieldsets = ((None, {"fields": ("username", "email", "is_active", "roles_held", "last_login", "date_joined")}),)
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2")}),)
    actions_detail = ("change_roles",)

    @admin.display(description="1777 number", ordering="account__number")
    def account_number(self, user: User) -> str:
        account = getattr(user, "account", None)
        return account.number if account else ""

    @admin.display(description="roles")
    def roles_held(self, user: User) -> str:
        held = [group.name for group in user.groups.all()]
        return ", ".join([*(["Superuser"] if user.is_superuser else []), *held])

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fixed = ("roles_held", "last_login", "date_joined")
        is_customer = obj is not None and hasattr(obj, "account")
        return ("username", "email", *fixed) if is_customer else fixed

    def get_urls(self) -> list[URLPattern]:
        # Without Django's page that sets somebody else's password.
        return super(DjangoUserAdmin, self).get_urls()

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser's login is changed by superusers alone: they may do more than any role."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_roles_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Customers have no roles."""
        user = self.get_object(request, str(object_id))
        may = request.user.has_perm("accounts.change_roles") and self.has_change_permission(request, user)
        return may and not hasattr(user, "account")

    @action(description="Change roles", url_path="roles", permissions=["roles"])
    def change_roles(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        form = RolesForm(request.POST if request.method == "POST" else None, initial={"roles": roles.of(user)})
        if form.is_valid():
            try:
                roles.change(user, by=request.user, **form.cleaned_data)  # type: ignore[arg-type]
            except Refused as refused:
                form.add_error(None, refused)
            else:
                messages.success(request, f"{user.username} has these roles now: {roles.in_words(roles.of(user))}.")
                # Whoever has given up their own may not look at it any more.
                return (
                    redirect("admin:index") if user == request.user else redirect("admin:accounts_user_change", user.pk)
                )
        return ask(
            self,
            request,
            title=f"Roles of {user.username}",
            listed=[f"{name}: {about}." for name, about in roles.ABOUT.items()],
            form=form,
            button="Change roles",
            back=reverse("admin:accounts_user_change", args=[user.pk]),
        )
