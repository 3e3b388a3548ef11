"""Accounts that are closed, and what their cards have put into them."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from billing import ledger
from billing.models import Payment
from orders import closing
from tests.orders.checkouts import NOON


def deposit(account, amount, *, days_ago=0, purpose="deposit", card=None) -> Payment:
    """What a card has put into the balance so many days ago, without Stripe."""
    at = NOON - timedelta(days=days_ago)
    card = card or account.cards.first() or card_of(account)
    payment = Payment.objects.create(
        account=account,
        card=card,
        amount=Decimal(amount),
        purpose=purpose,
        token=uuid4(),
        state="succeeded",
        stripe_id=f"pi_{uuid4().hex}",
        created_at=at,
        settled_at=at,
    )
    credit_by_card(payment, at)
    return payment


def card_of(account, last4="4242"):
    facts = {"brand": "visa", "expires_month": 12, "expires_year": 2040}
    return account.cards.create(stripe_id=f"pm_{uuid4()}", last4=last4, **facts)


def credit_by_card(payment, at) -> None:
    ledger.post(
        key=f"stripe:{payment.stripe_id}",
        kind="deposit",
        source=ledger.house("cards"),
        target=ledger.of(payment.account),
        amount=payment.amount,
        memo=str(payment.card),
        made_at=at,
    )


def spend(account, amount) -> None:
    ledger.charge(account=account, key=f"s:{uuid4()}", net=Decimal(amount), tax=Decimal(0), memo="Order", made_at=NOON)


def close(account, *, now=NOON):
    return closing.close(account, seen=closing.preview(account, now=now).digest, now=now)
