"""E-mails about money that goes back to cards."""

from django.conf import settings
from django.urls import reverse

from accounts import mails
from billing.models import CardRefund


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
        link=settings.SITE_URL + reverse("transactions"),
    )
