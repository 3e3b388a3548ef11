"""What visitors type into the FAQ's search."""

from django import forms


class FaqSearchForm(forms.Form):
    q = forms.CharField(
        label="Search the FAQ",
        max_length=100,
        help_text="A few words, such as: extra channels",
        widget=forms.TextInput(attrs={"type": "search"}),
    )
