"""E-mails about balances that run low, what auto-recharge does about it, and money that goes back to cards."""

from decimal import Decimal

from django.conf import settings
from django.urls import reverse

from accounts import mails
from accounts.models import Account
from billing.models import BalanceWatch, CardRefund, Payment
from callcentric.money import cents_down


def card_refunded(refund: CardRefund) -> None:
    """Tell the customer that money has gone back to a card."""
    mails.write(
        refund.payment.account,
        subject=f"We have refunded ${refund.amount:.2f} to your {refund.payment.card}",
        template="billing/emails/card_refunded.txt",
        refund=refund,
        link=settings.SITE_URL + reverse("transactions"),
    )


def card_not_refunded(refund: CardRefund) -> None:
    """Tell the customer that money could not go back to a card, and that it is in the balance again."""
    mails.write(
        refund.payment.account,
        subject=f"${refund.amount:.2f} could not be refunded to your {refund.payment.card}",
        template="billing/emails/card_not_refunded.txt",
        refund=refund,
        ticket=settings.SITE_URL + reverse("ticket_new"),
        link=settings.SITE_URL + reverse("transactions"),
    )


def balance_low(account: Account, *, balance: Decimal, below: Decimal) -> None:
    """Tell the customer that the balance has fallen below what they want to have in it."""
    mails.write(
        account,
        subject=f"Your {settings.OPERATOR} balance is low: ${cents_down(balance):,.2f}",
        template="billing/emails/balance_low.txt",
        balance=balance,
        below=below,
        deposit=settings.SITE_URL + reverse("deposit"),
        link=settings.SITE_URL + reverse("recharge"),
    )


def recharged(payment: Payment, *, balance: Decimal) -> None:
    """Tell the customer that auto-recharge has added money."""
    mails.write(
        payment.account,
        subject=f"Auto-recharge: ${payment.amount:.2f} is added to your balance",
        template="billing/emails/recharged.txt",
        payment=payment,
        balance=balance,
        link=settings.SITE_URL + reverse("recharge"),
    )


def recharge_failed(payment: Payment, *, is_off: bool) -> None:
    """Tell the customer why auto-recharge has added nothing, and whether it tries again."""
    mails.write(
        payment.account,
        subject=f"Auto-recharge could not charge your {payment.card}",
        template="billing/emails/recharge_failed.txt",
        payment=payment,
        is_off=is_off,
        deposit=settings.SITE_URL + reverse("deposit"),
        link=settings.SITE_URL + reverse("recharge"),
    )


def recharge_without_card(watch: BalanceWatch, *, problem: str) -> None:
    """Tell the customer that auto-recharge has no card to charge, and is off."""
    mails.write(
        watch.account,
        subject="Auto-recharge is off: it has no card to charge",
        template="billing/emails/recharge_without_card.txt",
        watch=watch,
        problem=problem,
        link=settings.SITE_URL + reverse("recharge"),
    )
