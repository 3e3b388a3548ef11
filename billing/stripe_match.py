"""Compares what Stripe has taken on a day with payments and the ledger.

Stripe lists a day's charges; our side of each is fetched by its name, so a charge just before midnight finds its
transfer just after it. Then Stripe is asked about what the ledger has of that day and the list has not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from django.db.models import F

from billing import stripe_lists
from billing.findings import Day, Finding, Kind
from billing.models import CardHolder, Payment, Transfer
from billing.stripe_lists import Charge

# Of which our side is fetched with one query each.
BATCH = 1_000
KINDS = (Kind.CHARGE_WITHOUT_TRANSFER, Kind.TRANSFER_WITHOUT_CHARGE, Kind.AMOUNT, Kind.PAYMENT)
T = TypeVar("T")


@dataclass(frozen=True)
class InLedger:
    """The transfer of a charge."""

    account_id: int | None
    amount: Decimal
    made_at: datetime


@dataclass(frozen=True)
class Paid:
    """The payment of a charge."""

    account_id: int
    amount: Decimal
    state: str


@dataclass(frozen=True)
class Facts:
    """What is known of one charge."""

    key: str
    charge: Charge | None
    transfer: InLedger | None
    payment: Paid | None
    # Whose customer Stripe names.
    holder_id: int | None


def compare(day: Day) -> Iterator[Finding]:
    """Every charge of the day, and every transfer of a charge."""
    seen: set[str] = set()
    for batch in in_batches(stripe_lists.charges(*day.at_stripe)):
        listed = {charge.key: charge for charge in batch}
        seen |= listed.keys()
        yield from _compare(listed, day, are_of_day=True)
    for keys in in_batches((_keys_of(day) | day.still_open(*KINDS)) - seen):
        yield from _compare({key: stripe_lists.charge_of(key) for key in keys}, day, are_of_day=False)


def in_batches(found: Iterable[T]) -> Iterator[list[T]]:
    left = iter(found)
    while batch := list(islice(left, BATCH)):
        yield batch


def difference(facts: Facts) -> Finding | None:
    """What the sides do not say alike, the gravest first; None where they agree, or where nobody knows yet."""
    charge, transfer, payment = facts.charge, facts.transfer, facts.payment
    if transfer is None:
        return _without_transfer(facts)
    if charge is None:
        about = f"The ledger has {transfer.amount:.2f}, and Stripe knows of no charge."
        return _finding(Kind.TRANSFER_WITHOUT_CHARGE, facts, about, ours=transfer.amount)
    if charge.amount != transfer.amount:
        about = f"Stripe took {charge.amount:.2f}, and the ledger has {transfer.amount:.2f}."
        return _finding(Kind.AMOUNT, facts, about, transfer.amount, charge.amount)
    if facts.holder_id and facts.holder_id != transfer.account_id:
        about = f"Stripe took {charge.amount:.2f} from another customer than the one who has it in the ledger."
        return _finding(Kind.AMOUNT, facts, about, transfer.amount, charge.amount)
    if payment != Paid(transfer.account_id or 0, transfer.amount, Payment.State.SUCCEEDED):
        about = f"Stripe and the ledger have {transfer.amount:.2f}, and the payment {_in_words(payment)}."
        return _finding(Kind.PAYMENT, facts, about, transfer.amount, payment.amount if payment else None)
    return None


def _without_transfer(facts: Facts) -> Finding | None:
    charge, payment = facts.charge, facts.payment
    if payment and payment.state in Payment.UNDECIDED:
        # It is being checked: whoever finds out writes the transfer.
        return None
    kept = charge.amount - charge.refunded if charge else Decimal(0)
    if kept:
        about = f"Stripe took {kept:.2f}, and the ledger does not have it. The payment {_in_words(payment)}."
        return _finding(Kind.CHARGE_WITHOUT_TRANSFER, facts, about, theirs=kept)
    if payment and payment.state == Payment.State.SUCCEEDED:
        about = f"The payment says {payment.amount:.2f} was paid, and neither Stripe nor the ledger has it."
        return _finding(Kind.PAYMENT, facts, about, theirs=payment.amount)
    return None


def _in_words(payment: Paid | None) -> str:
    if payment is None:
        return "is not known"
    return f"says {payment.amount:.2f}, {Payment.State(payment.state).label.lower()}"


def _finding(
    kind: str, facts: Facts, about: str, ours: Decimal | None = None, theirs: Decimal | None = None
) -> Finding:
    sides = (facts.transfer, facts.payment)
    account = next((side.account_id for side in sides if side), facts.holder_id)
    return Finding(kind, facts.key, account, about, ours, theirs)


def _compare(charges: Mapping[str, Charge | None], day: Day, *, are_of_day: bool) -> Iterator[Finding]:
    transfers, payments = _transfers(charges), _payments(charges)
    holders = _holders(charge.customer for charge in charges.values() if charge)
    for key, charge in charges.items():
        transfer = transfers.get(key)
        holder = holders.get(charge.customer) if charge else None
        if day.has(transfer.made_at) if transfer else are_of_day:
            day.sums.charged += charge.amount if charge else 0
            day.sums.in_ledger += transfer.amount if transfer else 0
        if found := difference(Facts(key, charge, transfer, payments.get(key), holder)):
            yield found


def _keys_of(day: Day) -> set[str]:
    """What the ledger and the payments say was charged on the day."""
    moved = Transfer.objects.filter(key__startswith="stripe:", made_at__gte=day.since, made_at__lt=day.until)
    paid = Payment.objects.filter(state=Payment.State.SUCCEEDED, settled_at__gte=day.since, settled_at__lt=day.until)
    keys = {key.removeprefix("stripe:") for key in moved.values_list("key", flat=True).iterator()}
    return keys | {str(stripe_id) for stripe_id in paid.values_list("stripe_id", flat=True).iterator()}


def _transfers(keys: Iterable[str]) -> dict[str, InLedger]:
    found = Transfer.objects.filter(key__in=[f"stripe:{key}" for key in keys])
    rows = found.values_list("key", "target__account", "amount", "made_at")
    return {key.removeprefix("stripe:"): InLedger(account, amount, at) for key, account, amount, at in rows}


def _payments(keys: Iterable[str]) -> dict[str, Paid]:
    rows = Payment.objects.filter(stripe_id__in=list(keys)).values_list("stripe_id", "account", "amount", "state")
    return {str(key): Paid(account, amount, state) for key, account, amount, state in rows}


def _holders(customers: Iterable[str]) -> dict[str, int]:
    found = CardHolder.objects.filter(stripe_id__in=set(customers))
    return dict(found.values_list("stripe_id", F("account")))
