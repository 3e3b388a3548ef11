"""The page of the admin between a button and its deed: it says what will happen, and asks why."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import AuditEntry
from accounts.validators import visible


class ReasonForm(forms.Form):
    """Why it is done: kept in the audit log with the name of who does it."""

    reason = forms.CharField(
        label="Reason",
        max_length=AuditEntry._meta.get_field("reason").max_length,
        validators=[visible],
        widget=UnfoldAdminTextInputWidget,
        help_text="Only staff read it. It is kept in the audit log with your name.",
        error_messages={"required": "Say why: whoever looks at it in a year wants to know."},
    )


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    *,
    title: str,
    form: forms.Form,
    button: str,
    back: str,
    lead: Sequence[object] = (),
    listed: Iterable[object] = (),
    action: str = "",
    chosen: Iterable[int] = (),
) -> HttpResponse:
    """Show ``form`` under what is said before it. ``action`` and ``chosen`` are those of a list's action."""
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "form": form,
        "button": button,
        "back": back,
        "lead": lead,
        "listed": listed,
        "action": action,
        "chosen": chosen,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return render(request, "admin/ask.html", context, status=422 if form.errors else 200)
