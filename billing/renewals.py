"""Says what each service costs next and when: the words of the dashboard."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing import months
from billing.models import CHANNELS_PER_NUMBER, Service
from callcentric.money import ZERO
from catalog.models import Product
from phone_numbers import waits
from phone_numbers.waits import Wait


@dataclass(frozen=True)
class Upcoming:
    """A service with what it costs a month, its extra channels included, and what happens to it next."""

    service: Service
    monthly: Decimal
    words: str
    # Something the customer must not overlook, such as 911 that is not active yet.
    warning: str = ""
    # How many extra channels a number has, and what of ``monthly`` is for them.
    channels: int = 0
    channels_monthly: Decimal = ZERO

    @property
    def takes_channels(self) -> bool:
        has_room = self.channels < CHANNELS_PER_NUMBER
        return self.service.state == Service.State.ACTIVE and self.service.product.takes_extra_channels and has_room


def upcoming(services: list[Service], *, today: date) -> list[Upcoming]:
    """Each service the account holds (see ``in_words``), with its monthly price in force ``today`` and its next step.

    Extra channels are with their number. As many queries, however many services there are.
    """
    products = Product.objects.priced(today).in_bulk([service.product_id for service in services])
    going_on = [service for service in services if not service.is_ending]
    plan = next((service.product for service in going_on if service.kind == Product.Kind.PLAN), None)
    ends_911 = not any(service.kind in (Product.Kind.PLAN, Product.Kind.DID) for service in going_on)
    places = [service.rate_center for service in services if service.is_waiting and service.rate_center]
    expected = waits.waits_at(places, today=today)
    channels = _by_number(services)
    return [
        _waiting(service, products[service.product_id], expected)
        if service.is_waiting
        else _upcoming(service, channels[service.pk], products, plan, today, ends_911=ends_911)
        for service in services
        if service.kind != Product.Kind.CHANNEL
    ]


def monthly_price(product: Product, plan: Product | None, *, state: str = Service.State.ACTIVE) -> Decimal:
    """What a product costs a month beside ``plan``: the monthly part of 911 is inside most plans (domain.md §2).

    911 that has failed costs nothing: it does not work.
    """
    if product.kind == Product.Kind.E911 and (state == Service.State.FAILED or plan and plan.includes_911):
        return ZERO
    return product.monthly


def _by_number(services: list[Service]) -> defaultdict[int, list[Service]]:
    """The extra channels of each number, by its service."""
    found = defaultdict(list)
    for service in services:
        if service.number_service_id:
            found[service.number_service_id].append(service)
    return found


def _waiting(service: Service, product: Product, expected: dict[int, Wait]) -> Upcoming:
    """A number that has not come yet: where its order stands in the line, and what happens when."""
    back_order = service.back_order
    assert back_order  # noqa: S101 (what is_waiting means; said for the type checker)
    words = (
        f"You are number {back_order.position} in line here. "
        f"Expected wait: {expected[back_order.rate_center_id].words}. "
        f"If no number has come by {back_order.refund_on:%-d %B %Y}, we refund it to your balance. "
        "Nothing more is due while you wait, and the month in which the number comes is paid for."
    )
    return Upcoming(service, monthly=product.monthly, words=words)


def _upcoming(
    service: Service,
    channels: list[Service],
    products: dict[int, Product],
    plan: Product | None,
    today: date,
    *,
    ends_911: bool,
) -> Upcoming:
    monthly = monthly_price(products[service.product_id], plan, state=service.state)
    # All channels are of one product.
    fee = products[channels[0].product_id].monthly if channels else ZERO
    # Channels that were ordered after renewals had begun are paid a month further than their number.
    further = [channel for channel in channels if channel.paid_until > service.paid_until]
    ending = [channel for channel in channels if channel.is_ending]
    due = monthly + fee * len([channel for channel in channels if channel not in further and channel not in ending])
    if service.kind == Product.Kind.E911 and ends_911:
        words = f"Paid until {_day(service.paid_until)}. It ends with your last rate plan or phone number."
    else:
        words = f"Paid until {_day(service.paid_until)}. {_renewal(service, due, plan, today)}"
    words += _of_channels(further, "paid until") + ("" if service.is_ending else _of_channels(ending, "cancelled for"))
    return Upcoming(
        service=service,
        monthly=monthly + fee * len(channels),
        words=words,
        warning=_warning(service),
        channels=len(channels),
        channels_monthly=fee * len(channels),
    )


def _of_channels(channels: list[Service], what: str) -> str:
    if not channels:
        return ""
    are = "1 extra channel is" if len(channels) == 1 else f"{len(channels)} extra channels are"
    return f" {are} {what} {_day(channels[0].paid_until)}."


def _day(day: date) -> str:
    return f"{day:%-d %B %Y}"


def _renewal(service: Service, monthly: Decimal, plan: Product | None, today: date) -> str:
    month = months.next_month(service.paid_until)
    if service.is_ending:
        return f"You have cancelled it: it ends on {service.paid_until:%-d %B}, and you can keep it until then."
    if monthly and service.paid_until < today:
        return f"The renewal for {month:%B} is due: ${monthly:.2f}."
    if monthly and months.is_collecting(today) and service.paid_until == months.last_day(today):
        return f"Its renewal for {month:%B} is under way: ${monthly:.2f}."
    if monthly:
        return f"Renews on {months.renews_on(service.paid_until):%-d %B} for {month:%B}: ${monthly:.2f}."
    if service.state == Service.State.FAILED:
        return "Nothing is charged for it while it does not work."
    if service.kind == Product.Kind.E911 and plan is not None:
        return f"Goes on without a monthly fee: it is inside {plan.name}."
    return "Goes on without a monthly fee."


def _warning(service: Service) -> str:
    if service.kind == Product.Kind.E911 and service.state == Service.State.PENDING:
        return "911 is not active yet. We e-mail you as soon as it is confirmed."
    if service.state == Service.State.FAILED:
        return f"911 is NOT ACTIVE: {service.problem}"
    if service.product.needs_balance:
        return f"{service.product.name} needs money in your balance to call."
    return ""
