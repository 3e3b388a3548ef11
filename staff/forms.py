"""What staff say before they look at a customer's pages."""

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.validators import one_line, visible


class LookForm(forms.Form):
    reason = forms.CharField(
        label="Why you look",
        max_length=500,
        validators=[one_line, visible],
        widget=UnfoldAdminTextInputWidget,
        help_text="The customer reads this on their profile page, such as: You asked us why an order is not completed.",
        error_messages={"required": "Say why: the customer reads it, and it is kept in the audit log."},
    )
