"""What staff fill in about tickets."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    BASE_INPUT_CLASSES,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Account, User
from accounts.validators import account_number_from, one_line, visible
from support.fields import FilesField, TextField, TokenField
from support.models import CannedAnswer, Ticket

WRITTEN = ["answer", "resolve", "note"]


class StaffFilesField(FilesField):
    def __init__(self) -> None:
        super().__init__()
        self.widget.attrs["class"] = " ".join([*BASE_INPUT_CLASSES, "max-w-4xl"])


class DeskForm(forms.Form):
    """Everything that can be done with a ticket is one form with several buttons: so nothing that was typed is lost."""

    seen = forms.IntegerField(min_value=0, max_value=2**62)
    canned = forms.ModelChoiceField(
        CannedAnswer.objects.all(),
        label="Canned answer",
        required=False,
        empty_label="Choose one",
        widget=UnfoldAdminSelectWidget,
    )
    text = TextField(label="Write", required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}))
    attached = StaffFilesField()
    assignee = forms.ModelChoiceField(
        User.objects.filter(is_staff=True, is_active=True).order_by("username"),
        label="Assigned to",
        required=False,
        empty_label="Nobody",
        widget=UnfoldAdminSelectWidget,
    )
    category = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    into = forms.ModelChoiceField(
        Ticket.objects.none(),
        label="Merge into",
        to_field_name="reference",
        required=False,
        empty_label="Choose a ticket",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, ticket: Ticket, do: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial = {"assignee": ticket.assignee_id, "category": ticket.category, **self.initial}
        self.do = do
        from_the_customer = ticket.opened_by == Ticket.OpenedBy.CUSTOMER
        self.fields["category"].choices = [  # type: ignore[attr-defined]
            choice for choice in Ticket.Category.choices if choice[0] != Ticket.Category.ABUSE or not from_the_customer
        ]
        others = Ticket.objects.not_closed().filter(account=ticket.account_id).exclude(pk=ticket.pk)
        self.fields["into"].queryset = others.order_by("-opened_at")  # type: ignore[attr-defined]

    def clean(self) -> None:
        needed = {"answer": "text", "note": "text", "insert": "canned", "category": "category", "merge": "into"}
        field = needed.get(self.do)
        if field is None and self.do == "resolve" and self.cleaned_data.get("attached"):
            field = "text"
        if field and not self.cleaned_data.get(field) and field not in self.errors:
            words = "Write something first." if field == "text" else "Choose one first."
            self.add_error(field, words)


class OpenForm(forms.Form):
    """A ticket that staff open on an account."""

    number = forms.CharField(
        label="1777 number",
        max_length=40,
        help_text="The account that the ticket is opened on; its customer is told by e-mail.",
        widget=UnfoldAdminTextInputWidget,
    )
    category = forms.ChoiceField(choices=Ticket.Category.choices, widget=UnfoldAdminSelectWidget)
    subject = forms.CharField(max_length=200, validators=[one_line, visible], widget=UnfoldAdminTextInputWidget)
    text = TextField(label="Message to the customer", widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}))
    attached = StaffFilesField()
    token = TokenField()

    def clean_number(self) -> Account:
        number = account_number_from(self.cleaned_data["number"])
        account = Account.objects.filter(number=number).first() if number else None
        if account is None:
            raise ValidationError("No account has this number. It is 1777 and seven digits more.")
        return account
