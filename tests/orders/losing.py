"""Losing services, for tests: what the cycle does on the 1st, and what others do on other days."""

from datetime import date, datetime

from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Account
from billing.models import Service
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders import lost, reorder
from orders.models import CartLine
from phone_numbers import stock
from phone_numbers.models import PhoneNumber, RateCenter
from tests.factories import PhoneNumberFactory, hold_number

# The 1st of a month, on which failed rebilling ends what was not paid for.
FIRST = date(2027, 1, 1)


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=BUSINESS_ZONE)


FIFTH, TWENTIETH = at_noon(date(2027, 1, 5)), at_noon(date(2027, 1, 20))
# Since the 1st: the last day without set-up fees, the first with; the last day a number is kept, the first it is not.
DAY_19, DAY_20 = TWENTIETH, at_noon(date(2027, 1, 21))
DAY_44, DAY_45 = at_noon(date(2027, 2, 14)), at_noon(date(2027, 2, 15))


def lose(service: Service, *, on: date = FIRST, reason: str = "failed_rebilling") -> Service:
    """End ``service`` as the cycle, the customer or staff end it: its channels with it, its number kept."""
    with_it = Service.objects.held().filter(number_service=service)
    for each in [service, *with_it]:
        each.state, each.cancelled_on, each.reason = Service.State.CANCELLED, on, reason
        each.save(update_fields=["state", "cancelled_on", "reason"])
    if service.phone_number:
        assert stock.disconnect(service.phone_number, holder=service.account, on=on)
    return service


def a_number(account: Account, digits: str, *, code: str = "pay-per-minute", at: RateCenter | None = None) -> Service:
    """A number that ``account`` has under a product since December."""
    more = {"rate_center": at} if at else {}
    number = PhoneNumberFactory(digits=digits, state=PhoneNumber.State.ASSIGNED, holder=account, **more)
    return hold_number(account, code, phone_number=number, **_since_december())


def a_plan(account: Account, code: str = "north-america-500") -> Service:
    product = Product.objects.get(code=code)
    return Service.objects.create(account=account, product=product, kind="plan", **_since_december())


def a_911(account: Account) -> Service:
    product = Product.objects.get(kind="e911")
    address = account.service_address or account.billing_address
    confirmed = {"confirmed_at": at_noon(date(2026, 12, 3))}
    about = {"account": account, "product": product, "kind": "e911", "address": address}
    return Service.objects.create(**about, **confirmed, **_since_december())


def _since_december() -> dict[str, date]:
    return {"started_on": date(2026, 12, 1), "paid_until": date(2026, 12, 31)}


def click(account: Account, *, now: datetime = FIFTH) -> reorder.Offer:
    """Click here to reorder these products."""
    return reorder.reorder(account=account, session=SessionStore(), now=now)


def get_back(account: Account, service: Service, *, now: datetime = FIFTH, **more: bool) -> list[lost.Lost]:
    """Get it back, on the page of what was lost."""
    found = lost.one(account, service.pk, today=now.date())
    return reorder.get_back(found, account=account, session=SessionStore(), now=now, **more)


def in_cart(account: Account) -> list[tuple[str, int, int | None]]:
    lines = CartLine.objects.filter(cart__account=account).order_by("pk")
    return [(line.product.code, line.quantity, line.reclaims_id) for line in lines]
