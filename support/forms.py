"""What customers fill in about their tickets."""

from django import forms

from accounts.validators import one_line, visible
from support.fields import FilesField, TextField, TokenField
from support.models import Ticket

# Category Abuse is staff's alone.
CUSTOMERS_CATEGORIES = [choice for choice in Ticket.Category.choices if choice[0] != Ticket.Category.ABUSE]
RATINGS = [(5, "5, very good"), (4, "4, good"), (3, "3, fair"), (2, "2, not so good"), (1, "1, poor")]


class NewTicketForm(forms.Form):
    category = forms.ChoiceField(
        choices=[("", "Choose one"), *CUSTOMERS_CATEGORIES],
        error_messages={
            "required": "Choose what your ticket is about.",
            "invalid_choice": "Choose one of the categories in the list.",
        },
    )
    subject = forms.CharField(
        max_length=200, validators=[one_line, visible], help_text="In a few words, such as: no calls come in."
    )
    text = TextField(label="What happened", help_text="What you did, what you expected, and what happened instead.")
    attached = FilesField()
    token = TokenField()


class AnswerForm(forms.Form):
    text = TextField(label="Your answer")
    attached = FilesField()
    token = TokenField()


class RatingForm(forms.Form):
    rating = forms.TypedChoiceField(
        label="How good was our help?",
        choices=RATINGS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the five."},
    )
