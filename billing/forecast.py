"""Foretells a customer's next renewal: when, how much, from what, and what ends if it fails (domain.md §6).

It asks what the cycle asks (`billing/due.py`), as things are now: so it changes with every order, cancellation and
deposit, and what it says is what is charged.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounts.models import Account
from billing import due, months, notices
from billing.due import Decided, Fate
from billing.models import Card, Cycle
from callcentric.money import cents_up


@dataclass(frozen=True)
class Forecast:
    month: date
    decided: Decided
    card: Card | None
    # The first attempt, and the day on which what is not paid then ends.
    charged_on: date
    ends_on: date
    # What went wrong with the last attempt; empty where none has failed.
    problem: str = ""

    @property
    def has_failed(self) -> bool:
        return bool(self.problem)

    @property
    def missing(self) -> Decimal:
        """What neither the balance nor a card would pay."""
        return cents_up(self.decided.total - self.decided.balance) if self.decided.fate == Fate.FAIL else Decimal(0)

    @property
    def words(self) -> str:
        """When, how much and from what: “On 27 November: $11.85 — $4.20 from your balance, $7.65 from Visa 4242.”"""
        on = f"{'Since' if self.has_failed else 'On'} {self.charged_on:%-d %B}"
        if not self.decided.total:
            return f"{on}: your services go on for {self.month:%B} without a charge."
        return f"{on}: ${self.decided.total:.2f} — {self._from}."

    @property
    def consequence(self) -> str:
        """What ends if it is not paid."""
        if not self.decided.total:
            return ""
        count = self.decided.services
        what = "this service ends" if count == 1 else f"these {count} services end"
        return f"If it fails, {what} on {self.ends_on:%-d %B}."

    @property
    def _from(self) -> str:
        decided = self.decided
        if decided.fate == Fate.PARKED:
            return "we look at it ourselves before we charge it"
        if decided.fate == Fate.FAIL:
            return f"${self.missing:.2f} is missing: your balance does not cover it, and there is no valid card"
        parts = []
        if decided.from_balance:
            parts.append(f"${decided.from_balance:.2f} from your balance")
        if decided.from_card:
            parts.append(f"${decided.from_card:.2f} from {self.card}")
        return ", ".join(parts)


def of(account: Account, *, today: date) -> Forecast | None:
    """The account's next renewal as things are ``today``; None where nothing goes on. A fixed number of queries."""
    first = months.collected(today)
    for month in (first, months.next_month(first)):
        found = due.decide(accounts=[account.pk], month=month, today=today)
        if found:
            return _forecast(account, found[0], month, today)
    return None


def _forecast(account: Account, decided: Decided, month: date, today: date) -> Forecast:
    cycle = Cycle.objects.filter(account=account, month=month).first()
    has_failed = cycle is not None and cycle.state == Cycle.State.FAILED
    first_attempt = months.month_before(month).replace(day=months.CYCLE_STARTS_ON_DAY)
    return Forecast(
        month=month,
        decided=decided,
        card=Card.objects.get(pk=decided.card_id) if decided.card_id else None,
        charged_on=first_attempt if has_failed else max(first_attempt, today),
        ends_on=notices.ends_on(cycle, today=today) if cycle and has_failed else max(month, today),
        problem=cycle.problem if cycle and has_failed else "",
    )
