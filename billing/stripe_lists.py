"""Lists what Stripe has taken and given back, for whoever compares it with the ledger (billing/reconciliation.py)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from billing.stripe_api import Rejected, asking

# Stripe lists no more at once.
PAGE = 100
NOT_GIVEN_BACK = ("failed", "canceled")


@dataclass(frozen=True)
class Charge:
    """Money that Stripe has taken from a card, less what has gone back to it."""

    # Stripe's name for the payment, or for the charge itself where somebody made it without one.
    key: str
    customer: str
    amount: Decimal
    refunded: Decimal


@dataclass(frozen=True)
class GivenBack:
    """Money that Stripe has given back to a card, or is about to."""

    id: str
    # The charge's key.
    charge: str
    amount: Decimal


def charges(since: datetime, until: datetime) -> Iterator[Charge]:
    """Every charge that succeeded from ``since`` up to ``until``, page by page. Raises StripeError at any of them."""
    # localstripe knows no other limit than this, and takes no two.
    limits = {"gt": int(since.timestamp()) - 1} if settings.STRIPE_API_BASE else _limits(since, until)
    with asking() as api:
        for found in api.charges.list({"limit": PAGE, "created": limits}).auto_paging_iter():
            if found.status == "succeeded" and found.created < until.timestamp():
                yield _charge(found)


def given_back(since: datetime, until: datetime) -> Iterator[GivenBack]:
    """Every refund made from ``since`` up to ``until`` that has not failed. Raises StripeError at any page."""
    # localstripe lists all that there are.
    limits = {} if settings.STRIPE_API_BASE else {"created": _limits(since, until)}
    with asking() as api:
        for found in api.refunds.list({"limit": PAGE, **limits}).auto_paging_iter():
            if found.status not in NOT_GIVEN_BACK and since.timestamp() <= found.created < until.timestamp():
                yield _given_back(found)


def charge_of(key: str) -> Charge | None:
    """What was charged under the name of a payment, or of a charge without one; None where nothing was."""
    try:
        with asking() as api:
            if key.startswith("ch_"):
                found = api.charges.retrieve(key)
            else:
                found = api.payment_intents.retrieve(key, {"expand": ["latest_charge"]}).latest_charge
    except Rejected as error:
        _check_unknown(error)
        return None
    return _charge(found) if found and found.status == "succeeded" else None


def refund_of(refund_id: str) -> GivenBack | None:
    """A refund by its name; None where there is none, or it has failed."""
    try:
        with asking() as api:
            found = api.refunds.retrieve(refund_id)
    except Rejected as error:
        _check_unknown(error)
        return None
    return None if found.status in NOT_GIVEN_BACK else _given_back(found)


def _limits(since: datetime, until: datetime) -> dict[str, int]:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _check_unknown(error: Rejected) -> None:
    """Let it pass where Stripe knows no such thing; every other "no" says nothing about it."""
    if getattr(error.__cause__, "http_status", None) != 404:
        raise error


def _charge(found: Any) -> Charge:
    return Charge(
        key=found.payment_intent or found.id,
        customer=found.customer or "",
        amount=Decimal(found.amount) / 100,
        refunded=Decimal(found.amount_refunded) / 100,
    )


def _given_back(found: Any) -> GivenBack:
    return GivenBack(id=found.id, charge=found.payment_intent or found.charge or "", amount=Decimal(found.amount) / 100)
