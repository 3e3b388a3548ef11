"""A day at the operator's, for staff's first page: 11 January 2027, a Monday, at noon."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from accounts.models import Account
from billing.models import Card, Cycle, Difference, ParkedAccount, Payment
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders.models import Order
from phone_numbers.models import BackOrder, Offering, RateCenter, WaitTime
from support.models import Ticket
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
TODAY = NOON.date()


def ago(*, days: float = 0, hours: float = 0) -> datetime:
    return NOON - timedelta(days=days, hours=hours)


def order(account: Account, total: str = "10.00", *, at: datetime = NOON, state: str = "completed") -> Order:
    return Order.objects.create(
        account=account,
        token=uuid4(),
        state=state,
        billing_address=account.billing_address,
        service_address=account.billing_address,
        tax_rate=0,
        subtotal=Decimal(total),
        tax=0,
        total=Decimal(total),
        placed_at=at,
        completed_at=at if state == "completed" else None,
    )


def card_of(account: Account) -> Card:
    given = {"brand": "visa", "last4": "4242", "expires_month": 12, "expires_year": 2040}
    return account.cards.get_or_create(stripe_id=f"pm_{account.pk}", defaults=given)[0]


def charge(
    account: Account, purpose: str, *, at: datetime = NOON, state: str = "failed", code: str = "card_declined"
) -> Payment:
    return Payment.objects.create(
        account=account,
        card=card_of(account),
        purpose=purpose,
        amount=5,
        token=uuid4(),
        state=state,
        stripe_id=f"pi_{uuid4()}",
        settled_at=at if state == "succeeded" else None,
        decline_code=code if state == "failed" else "",
        created_at=at,
    )


def cycle(state: str, **more: object) -> Cycle:
    """One more account of January that stands so."""
    given = {"settled": {"settled_at": NOON}, "parked": {"problem": "x"}}.get(state, {})
    given = {"month": TODAY.replace(day=1), **given, **more}
    return Cycle.objects.create(account=AccountFactory(), state=state, **given)


def back_order(account: Account, *, at: datetime, place: RateCenter | None = None) -> BackOrder:
    product = Product.objects.get(code="pay-per-minute")
    place = place or RateCenterFactory()
    WaitTime.objects.get_or_create(country="US", shortest=3, longest=10)
    return BackOrder.objects.create(account=account, product=product, rate_center=place, ordered_at=at)


def ticket(account: Account, state: str = "staff", **more: object) -> Ticket:
    return Ticket.objects.create(account=account, category="billing", subject="A question", state=state, **more)


def answered(account: Account, *, at: datetime, after: timedelta) -> Ticket:
    return ticket(account, "customer", opened_at=at - after, state_since=at, first_answered_at=at)


def place_with(numbers: int, name: str, *limited: str) -> RateCenter:
    """A place with so many numbers in stock, and with limited products that are listed for it."""
    place = RateCenterFactory(name=name)
    for _ in range(numbers):
        PhoneNumberFactory(rate_center=place)
    for code in limited:
        Offering.objects.create(product=Product.objects.get(code=code), rate_center=place)
    return place


def a_day(account: Account) -> None:
    """One of everything that staff are told of."""
    order(account)
    charge(account, "renewal")
    charge(account, "deposit")
    cycle("failed")
    back_order(account, at=ago(days=20), place=RateCenterFactory(name=f"Place {BackOrder.objects.count()}"))
    ticket(account, opened_at=ago(days=9), state_since=ago(days=8))
    answered(account, at=ago(days=1), after=timedelta(hours=2))
    place_with(1, f"Town {RateCenter.objects.count()}", "dirt-cheap")
    ParkedAccount.objects.create(account=AccountFactory(), reason="Figures differ")
    Difference.objects.create(
        kind=Difference.Kind.values[0], key=f"key-{uuid4()}", ours=Decimal(1), theirs=Decimal(2), about="x"
    )
