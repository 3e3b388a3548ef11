"""What customers fill in about money."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from accounts.models import Account
from billing import deposits
from billing.models import Card, Transfer
from callcentric import clock


class CardChoice(forms.ModelChoiceField):
    """The cards that can be charged today, the default first."""

    default_error_messages = {
        "invalid_choice": "This card cannot be charged: it has expired or was removed. Choose another one, or add one."
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(Card.objects.none(), empty_label=None, **options)

    def offer(self, account: Account) -> None:
        self.queryset = account.cards.chargeable(clock.today()).order_by("-is_default", "pk")
        self.initial = next(iter(self.queryset), None)

    def label_from_instance(self, card: Card) -> str:
        return f"{card}, expires {card.expires}{' (default)' if card.is_default else ''}"


class DepositForm(forms.Form):
    amount = forms.DecimalField(
        label="Amount in US dollars",
        help_text=f"From ${deposits.SMALLEST:.0f} to ${deposits.A_DAY:.0f} a day.",
        # The rule itself, with what is left of today, is in deposits.py.
        min_value=Decimal("0.01"),
        max_digits=8,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "autocomplete": "transaction-amount"}),
    )
    card = CardChoice(label="Card")
    token = forms.UUIDField(widget=forms.HiddenInput)
    once_more = forms.BooleanField(label="Add the same amount once more", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, account: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["card"].offer(account)  # type: ignore[attr-defined]

    def ask_whether_once_more(self) -> None:
        """Show the box that is hidden as long as nobody adds the same amount twice."""
        self.fields["once_more"].widget = forms.CheckboxInput()


def _dollars(label: str, help_text: str, smallest: int, largest: int) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        min_value=Decimal(smallest),
        max_value=Decimal(largest),
        max_digits=5,
        decimal_places=2,
        error_messages={
            "min_value": f"This is ${smallest} at least.",
            "max_value": f"This is ${largest} at most.",
        },
        widget=forms.NumberInput(attrs={"inputmode": "decimal"}),
    )


class LowBalanceForm(forms.Form):
    """When to be told; bounded as BalanceWatch is."""

    low_below = _dollars(
        "E-mail me when my balance falls below", "US dollars, from 0 to 100. With 0 we never tell you.", 0, 100
    )


class RechargeForm(forms.Form):
    """What shall be added, and when; bounded as BalanceWatch is."""

    recharges = forms.BooleanField(label="Add money from my default card when my balance runs low", required=False)
    recharge_below = _dollars("When my balance falls below", "US dollars, from 2 to 50.", 2, 50)
    recharge_amount = _dollars("Add", "US dollars, from 10 to 100.", 10, 100)


class HistoryForm(forms.Form):
    """Which movements to show. What is not understood shows all of them."""

    kind = forms.ChoiceField(label="Type", required=False)
    month = forms.ChoiceField(label="Month", required=False)

    def __init__(self, *args: Any, months: list[date], **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = [choice for choice in Transfer.Kind.choices if choice[0] != Transfer.Kind.TAX]
        self.fields["kind"].choices = [("", "All types"), *kinds]  # type: ignore[attr-defined]
        self.fields["month"].choices = [  # type: ignore[attr-defined]
            ("", "All months"),
            *((f"{month:%Y-%m}", f"{month:%B %Y}") for month in months),
        ]

    @property
    def chosen(self) -> dict[str, Any]:
        """The filter in the words of history.transfers()."""
        self.is_valid()
        month = self.cleaned_data.get("month")
        return {
            "kind": self.cleaned_data.get("kind") or "",
            "month": date.fromisoformat(f"{month}-01") if month else None,
        }
