"""Prices a cart: gathers what its quote depends on, set-based, and asks `orders/quote.py`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from accounts.models import Account, Address
from billing import taxes
from billing.emergency import CALLS_FOR_911
from billing.models import CHANNELS_PER_NUMBER, Service
from catalog.models import Product
from orders import lost, reclaim
from orders.models import CartLine, OrderLine
from orders.quote import Holding, Quote, Wanted, quote
from phone_numbers import coverage
from phone_numbers.models import Offering, PhoneNumber
from phone_numbers.models.back_orders import REFUNDED_AFTER
from phone_numbers.waits import Wait, waits_at


def quote_for(
    *, account: Account | None, lines: Sequence[CartLine], now: datetime, service_address: Address | None
) -> Quote:
    """What the cart's lines (see ``cart.lines_of``) cost this customer at the prices in force ``now``."""
    holding = holding_of(account)
    there = str(service_address) if service_address else ""
    kinds = Q(pk__in=[line.product_id for line in lines]) | Q(kind=Product.Kind.E911)
    products = Product.objects.priced(now.date()).filter(kinds).in_bulk()
    facts = _facts(account, lines, now)
    return quote(
        wanted=[_wanted(line, products[line.product_id], facts, now) for line in lines if line.product_id in products],
        e911=next(product for product in products.values() if product.kind == Product.Kind.E911),
        holding=holding,
        has_911_address=service_address.has_911 if service_address else None,
        tax_rate=taxes.rate_at(account.billing_address) if account else taxes.NO_TAX,
        today=now.date(),
        # Compared as they are written: the same address may have been typed twice.
        moves_911_to=there if holding.has_911 and there != holding.address_911 else "",
    )


def holding_of(account: Account | None) -> Holding:
    """What the account holds that changes the price of an order, and when the last 911 ended where it has none."""
    if account is None:
        return Holding()
    kinds = [*CALLS_FOR_911, Product.Kind.E911]
    # 911 that was given back before it was ever active was never paid for.
    given_back = Exists(OrderLine.objects.filter(services=OuterRef("pk"), refunded_at__isnull=False))
    was_911 = Q(kind=Product.Kind.E911) & ~(Q(confirmed_at=None) & given_back)
    services = Service.objects.filter(account=account, kind__in=kinds).select_related("product", "address")
    known = services.filter(~Q(state=Service.State.CANCELLED) | was_911)
    # Of many numbers one will do. What is held comes first: it was not cancelled on any day.
    held = {service.kind: service for service in known.order_by("kind", "-cancelled_on", "-pk").distinct("kind")}
    plan = held.get(Product.Kind.PLAN)
    emergency = held.get(Product.Kind.E911)
    if emergency and emergency.cancelled_on:
        lost_911_on, emergency = emergency.cancelled_on, None
    else:
        lost_911_on = None
    return Holding(
        plan=plan.product if plan else None,
        plan_ends_on=plan.paid_until if plan and plan.is_ending else None,
        has_number=Product.Kind.DID in held,
        has_911=emergency is not None,
        address_911=str(emergency.address) if emergency else "",
        paid_911_until=emergency.fee_paid_until if emergency else None,
        lost_911_on=lost_911_on,
    )


def channels_problem(number_service: Service, quantity: int, *, used: int) -> str:
    """Why ``quantity`` channels cannot be added to a number that has ``used`` extra ones; empty where they can."""
    product, number = number_service.product, number_service.phone_number
    if number is None:
        return (
            f"Your {product.name} number in {number_service.rate_center} has not come yet. "
            "Order channels for it once you have it."
        )
    if number_service.state != Service.State.ACTIVE:
        return f"{number} is not active any more, so it takes no channels."
    if number_service.is_ending:
        return (
            f"{number} ends on {number_service.paid_until:%-d %B %Y}, because you cancelled it. "
            "Take the cancellation back on My Account first, then order channels for it."
        )
    if product.channels is None:
        return f"{number} takes any number of calls at a time under {product.name}: it needs no extra channels."
    if not product.takes_extra_channels:
        return f"{number} is a {product.name} number, and {product.name} takes no extra channels."
    free = CHANNELS_PER_NUMBER - used
    if free <= 0:
        return f"{number} has {CHANNELS_PER_NUMBER} extra channels already, and a number has no more than that."
    if quantity > free:
        return (
            f"{number} has {used} extra channels, and a number has {CHANNELS_PER_NUMBER} at most. You can add {free}."
        )
    return ""


@dataclass(frozen=True)
class _Facts:
    """What is true of all lines at once: what is sold where, how long it takes there, channels that numbers have."""

    offered_at: frozenset[tuple[int, int]]
    # The places where a free number may go to a new order; asked of lines whose hold has run out.
    for_sale: dict[int, int]
    waits: dict[int, Wait]
    channels: Counter[int]
    # What the account has, as far as that decides whether something comes back.
    known: lost.Known
    # The lost services that lines of the cart bring back, by id.
    reclaimed: dict[int, Service]


def _facts(account: Account | None, lines: Sequence[CartLine], now: datetime) -> _Facts:
    on_back_order = [line.rate_center for line in lines if line.rate_center and not line.phone_number_id]
    lapsed = [line.rate_center for line in lines if line.rate_center and _is_lapsed(line, now)]
    places = [line.rate_center_id for line in lines if line.rate_center_id]
    again = [line.reclaims_id for line in lines if line.reclaims_id]
    reclaimed = lost.with_what_it_was(Service.objects.filter(pk__in=again)).in_bulk() if again else {}
    known = lost.known_of(account, reclaimed.values()) if account and again else lost.Known()
    numbers = {_number_for(line, known).pk for line in lines if line.number_service}
    offerings = Offering.objects.filter(rate_center__in=places).values_list("product_id", "rate_center_id")
    channels = Service.objects.held().filter(number_service__in=numbers).values_list("number_service_id", flat=True)
    return _Facts(
        offered_at=frozenset(offerings) if places else frozenset(),
        for_sale=coverage.for_sale(lapsed) if lapsed else {},
        waits=waits_at(on_back_order, today=now.date()),
        channels=Counter(channels) if numbers else Counter(),
        known=known,
        reclaimed=reclaimed,
    )


def _wanted(line: CartLine, product: Product, facts: _Facts, now: datetime) -> Wanted:
    """``line`` in words, with what is in its way."""
    wanted = Wanted(product, quantity=line.quantity, about=line.about, token=line.token)
    if line.reclaims_id:
        wanted = _again(line, wanted, facts, now)
    if line.rate_center and not line.is_own_number:
        is_offered = (product.pk, line.rate_center.pk) in facts.offered_at
        on_back_order = () if line.phone_number else (_on_back_order(facts.waits[line.rate_center.pk]),)
        problem = _sale_problem(line, product, is_offered) or _number_problem(line, facts, now)
        return replace(wanted, reasons=(*wanted.reasons, *on_back_order), problem=problem)
    if line.number_service and not wanted.problem:
        number = _number_for(line, facts.known)
        if number == line.number_service and number.pk in facts.reclaimed:
            return wanted
        used = facts.channels[number.pk]
        return replace(wanted, problem=channels_problem(number, line.quantity, used=used))
    return wanted


def _again(line: CartLine, wanted: Wanted, facts: _Facts, now: datetime) -> Wanted:
    """A line that brings back what was lost: looked at once more, for a cart may be days old."""
    assert line.reclaims_id  # noqa: S101 (asked for by the caller; said for the type checker)
    service = facts.reclaimed[line.reclaims_id]
    decision, ended_on = lost.decision(service, facts.known, today=now.date()), service.cancelled_on
    assert ended_on  # noqa: S101 (what lost means; said for the type checker)
    if line.rate_center and not line.is_own_number:
        # Another number in the place of one that could not come back: an ordinary order, but for its set-up fee.
        return replace(wanted, lost_on=None if decision.is_back else ended_on)
    why = "You have it back already." if decision.is_back else " ".join(decision.failing)
    if why:
        what = f"{line.product} {line.about}".rstrip()
        return replace(wanted, problem=f"{what}: {why} Remove it from the cart to go on.")
    return replace(wanted, lost_on=ended_on, reasons=(f"It comes back: you lost it on {reclaim.day(ended_on)}.",))


def _number_for(line: CartLine, known: lost.Known) -> Service:
    """The number that channels go onto: of channels that come back, the one that the customer has by now, if any."""
    number = line.number_service
    assert number  # noqa: S101 (asked for by the caller; said for the type checker)
    return known.numbers.get(number.phone_number_id or 0, number) if line.reclaims else number


def promised_to_others(number: PhoneNumber) -> str:
    """Why a number that is free goes to those who wait for one of its place, and not to whoever had it in the cart."""
    return (
        f"{number} is not kept for you any more, and others have waited longer for a number there. "
        "Remove it, and order one again to wait in line."
    )


def _on_back_order(wait: Wait) -> str:
    return (
        "No number was in stock there when you chose it: we get one for you and tell you by e-mail. "
        f"Expected wait: {wait.words}. "
        "Until it comes you can withdraw the order and get the money back to your balance; "
        f"after {REFUNDED_AFTER.days} days without a number you get it back in any case."
    )


def _sale_problem(line: CartLine, product: Product, is_offered: bool) -> str:
    assert line.rate_center  # noqa: S101 (asked for by the caller; said for the type checker)
    if line.rate_center.sells(product, is_offered=is_offered):
        return ""
    return f"{product.name} is no longer sold in {line.rate_center}. Remove it and choose another product or area."


def _number_problem(line: CartLine, facts: _Facts, now: datetime) -> str:
    number = line.phone_number
    if number is None or _is_held(line, now):
        return ""
    if number.is_free_for(line.token, now):
        return "" if line.rate_center_id in facts.for_sale else promised_to_others(number)
    return f"{number} is not kept for you any more, and it is no longer free. Remove it and choose another number."


def _is_lapsed(line: CartLine, now: datetime) -> bool:
    """Whether its number is kept for nobody any more; one that was lost is kept for its last holder."""
    return line.phone_number is not None and not line.is_own_number and not _is_held(line, now)


def _is_held(line: CartLine, now: datetime) -> bool:
    return line.phone_number is not None and line.phone_number.is_held_for(line.token, now)
