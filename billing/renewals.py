"""Says what each service costs next and when: the words of the dashboard."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing import months
from billing.models import Service
from callcentric.money import ZERO
from catalog.models import Product


@dataclass(frozen=True)
class Upcoming:
    """A service with what it costs a month and what happens to it next."""

    service: Service
    monthly: Decimal
    words: str
    # Something the customer must not overlook, such as 911 that is not active yet.
    warning: str = ""


def upcoming(services: list[Service], *, today: date) -> list[Upcoming]:
    """Each service the account holds, with its monthly price in force ``today`` and its next step in words.

    Two queries, however many services there are.
    """
    products = Product.objects.priced(today).in_bulk([service.product_id for service in services])
    plan = next((service.product for service in services if service.kind == Product.Kind.PLAN), None)
    return [_upcoming(service, products[service.product_id], plan, today) for service in services]


def monthly_price(product: Product, plan: Product | None) -> Decimal:
    """What a product costs a month beside ``plan``: the monthly part of 911 is inside most plans (domain.md §2)."""
    if product.kind == Product.Kind.E911 and plan is not None and plan.includes_911:
        return ZERO
    return product.monthly


def _upcoming(service: Service, product: Product, plan: Product | None, today: date) -> Upcoming:
    monthly = monthly_price(product, plan)
    renews_on = months.renews_on(service.paid_until)
    month = months.next_month(service.paid_until)
    if monthly and service.paid_until < today:
        words = f"The renewal for {month:%B} is due: ${monthly:.2f}."
    elif monthly:
        words = f"Renews on {renews_on:%-d %B} for {month:%B}: ${monthly:.2f}."
    elif product.kind == Product.Kind.E911 and plan is not None:
        words = f"Goes on without a monthly fee: it is inside {plan.name}."
    else:
        words = "Goes on without a monthly fee."
    return Upcoming(service=service, monthly=monthly, words=words, warning=_warning(service, product))


def _warning(service: Service, product: Product) -> str:
    if service.kind == Product.Kind.E911 and service.state == Service.State.PENDING:
        return "911 is not active yet. We e-mail you as soon as it is confirmed."
    if product.needs_balance:
        return f"{product.name} needs money in your balance to call."
    return ""
