"""Checking out as the page does: with what it shows the customer at that moment."""

from datetime import date, datetime
from decimal import Decimal
from uuid import uuid4

from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Account
from billing import ledger
from billing.models import Service, Transfer
from billing.split import split
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders import cart as carts
from orders import checkout, pricing
from orders.checkout import Confirmation
from orders.models import Cart, CartLine, Order

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
# North America 500 on 11 January, with 911, in New York: 4.71 + 1.50, and 8.875 % of that.
TOTAL = Decimal("6.76")


def confirmation(
    account: Account, total=TOTAL, pays_from=Account.PaysFrom.BALANCE, card=None, token=None, from_card=None
) -> Confirmation:
    """What the page shows ``account`` now, unless the test says that it showed something else."""
    if from_card is None:
        from_card = split(total=total, balance=balance(account), pays_from=pays_from).from_card
    return Confirmation(token=token or uuid4(), total=total, from_card=from_card, pays_from=pays_from, card=card)


def total_of(account: Account, now: datetime) -> Decimal:
    """What the cart costs now."""
    lines = carts.lines_of(Cart.objects.get(account=account))
    where = account.service_address
    return pricing.quote_for(account=account, lines=lines, now=now, service_address=where).total


def place(account: Account, now: datetime = NOON, **more) -> Order:
    fresh = Account.objects.select_related("user", "billing_address", "service_address").get(pk=account.pk)
    return checkout.place(account=fresh, confirmation=confirmation(account, **more), now=now)


def balance(account: Account) -> Decimal:
    return ledger.of(account).balance


def held(account: Account) -> list[tuple[str, str, date, date]]:
    services = Service.objects.held().filter(account=account).order_by("pk")
    return [(each.product.code, each.state, each.started_on, each.paid_until) for each in services]


def untouched(account: Account) -> bool:
    """Nothing was ordered: no service, no charge, the cart as it was."""
    charged = Transfer.objects.filter(kind__in=[Transfer.Kind.CHARGE, Transfer.Kind.TAX])
    return not held(account) and not charged.exists() and CartLine.objects.filter(cart__account=account).count() == 1


def add_number(account, rate_center, *, code="pay-per-minute", session=None, now=NOON, **more) -> CartLine:
    """Order Now: a number of the place, into the cart of the customer or of the visitor with ``session``."""
    return carts.add_number(
        account=account,
        session=session or SessionStore(),
        product=Product.objects.get(code=code),
        rate_center=rate_center,
        now=now,
        **more,
    )
