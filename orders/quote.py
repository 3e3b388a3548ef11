"""Says what an order costs and why, line by line, in words.

Decisions over plain values: products with their prices in force, what the account holds, the date. No database, no
clock. The cart shows a quote, checkout charges exactly that quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from billing import months
from billing.taxes import tax_on
from callcentric.money import ZERO
from catalog.models import Product

ORDERED_WITH_911 = (Product.Kind.PLAN, Product.Kind.DID)


@dataclass(frozen=True)
class Holding:
    """What an account holds that changes the price of an order."""

    plan: Product | None = None
    has_911: bool = False
    # Where the account's 911 service is now, in words.
    address_911: str = ""


@dataclass(frozen=True)
class Wanted:
    """One line of the cart: a product, how many of it, and what it is about."""

    product: Product
    quantity: int = 1
    # In words, such as the number it is; empty for a product that needs none.
    about: str = ""
    # What the customer should know about it beyond its price.
    reasons: tuple[str, ...] = ()
    # Why it cannot be ordered, beyond what the product itself says.
    problem: str = ""
    # The line of the cart.
    token: UUID | None = None


@dataclass(frozen=True)
class Line:
    """One line of the order: what it costs now, and why."""

    product: Product
    quantity: int = 1
    about: str = ""
    token: UUID | None = None
    setup: Decimal = ZERO
    this_month: Decimal = ZERO
    next_month: Decimal = ZERO
    reasons: tuple[str, ...] = ()
    # Why it cannot be ordered, in the customer's words; empty when it can.
    problem: str = ""

    @property
    def amount(self) -> Decimal:
        return self.setup + self.this_month + self.next_month


@dataclass(frozen=True)
class Quote:
    lines: tuple[Line, ...]
    tax_rate: Decimal
    # What the customer should know before confirming, beyond the lines.
    notes: tuple[str, ...] = ()

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.lines if not line.problem), ZERO)

    @property
    def tax(self) -> Decimal:
        return tax_on(self.subtotal, self.tax_rate)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(line.problem for line in self.lines if line.problem)


def quote(
    *,
    wanted: Sequence[Wanted],
    e911: Product,
    holding: Holding,
    has_911_address: bool | None,
    tax_rate: Decimal,
    today: date,
    moves_911_to: str = "",
) -> Quote:
    """What ``wanted`` costs today (domain.md §5), with 911 added where the rule adds it.

    ``has_911_address`` says whether the service address is in the US or Canada; None when nobody knows it yet.
    ``moves_911_to`` is the service address where the account's 911 service is at another one.
    """
    lines = [_line(each, holding, today) for each in wanted]
    notes: list[str] = []
    possible = [line.product for line in lines if not line.problem]
    if any(product.kind in ORDERED_WITH_911 for product in possible):
        if has_911_address is None:
            notes.append(_note_on_911(e911))
        elif has_911_address:
            lines += filter(None, [_line_911(e911, possible, holding, today)])
            if moves_911_to:
                notes.append(_note_on_moving(moves_911_to))
    return Quote(lines=tuple(lines), tax_rate=tax_rate, notes=tuple(notes))


def _line(wanted: Wanted, holding: Holding, today: date) -> Line:
    product, quantity = wanted.product, wanted.quantity
    line = Line(product, quantity=quantity, about=wanted.about, token=wanted.token)
    problem = wanted.problem or _problem(product, holding)
    if problem:
        return replace(line, problem=problem)
    line = _with_monthly_fee(replace(line, setup=quantity * product.setup), product.monthly, today)
    reasons = [*wanted.reasons, *line.reasons]
    if product.setup:
        reasons.append(f"Set-up fee, once: {_each(product.setup, quantity)}.")
    if product.kind == Product.Kind.PLAN and holding.plan:
        reasons.append(
            f"Replaces your rate plan {holding.plan.name}, which ends today; what was paid for it is not paid back."
        )
    if product.needs_balance:
        reasons.append(f"{product.name} needs money in the balance to call.")
    return replace(line, reasons=tuple(reasons))


def _problem(product: Product, holding: Holding) -> str:
    if not product.is_offered:
        return f"{product.name} is no longer offered. Remove it from the cart to go on."
    if product.kind == Product.Kind.PLAN and holding.plan and holding.plan.pk == product.pk:
        return f"{product.name} is the rate plan you have already. Remove it from the cart to go on."
    return ""


def _with_monthly_fee(line: Line, monthly: Decimal, today: date) -> Line:
    """``line`` with the fee for the rest of this month and, from the 27th on, for the whole next month.

    Of several, each is rounded by itself: they are services of their own, renewed and ended one by one.
    """
    if not monthly:
        return replace(line, reasons=(*line.reasons, "No monthly fee."))
    left, days = months.days_left(today), months.last_day(today).day
    rest = months.rest_of_month(monthly, today)
    reasons = [
        f"{left} of the {days} days of {today:%B} are left, today included: "
        f"{_each(rest, line.quantity)} of ${monthly:.2f}."
        if left < days
        else f"The whole of {today:%B}: {_each(monthly, line.quantity)}."
    ]
    ahead = ZERO
    if months.pays_next_month_too(today):
        ahead = line.quantity * monthly
        reasons.append(
            f"{months.next_month(today):%B} is included, {_each(monthly, line.quantity)}, "
            f"because renewals for it have been under way since the {months.CYCLE_STARTS_ON_DAY}th."
        )
    return replace(line, this_month=line.quantity * rest, next_month=ahead, reasons=(*line.reasons, *reasons))


def _each(amount: Decimal, quantity: int) -> str:
    return f"${amount:.2f}" if quantity == 1 else f"{quantity} × ${amount:.2f}"


def _line_911(e911: Product, ordered: Sequence[Product], holding: Holding, today: date) -> Line | None:
    """911: one per account, its monthly part inside most plans (domain.md §2). None when nothing is due."""
    new_plan = next((product for product in ordered if product.kind == Product.Kind.PLAN), None)
    plan = new_plan or holding.plan
    included = plan is not None and plan.includes_911
    if holding.has_911:
        was_included = holding.plan is not None and holding.plan.includes_911
        if included or not was_included:
            return None
        ends = f"Your 911 service goes on. Its monthly part was inside {holding.plan.name}"  # type: ignore[union-attr]
        return _with_monthly_fee(
            Line(e911, reasons=(f"{ends} and is not inside {plan.name if plan else 'the new order'}.",)),
            e911.monthly,
            today,
        )
    if not e911.is_offered:
        return None
    first = Line(
        e911,
        setup=e911.setup,
        reasons=(
            "Added because your service address is in the US or Canada, where emergency service comes with "
            f"{'every rate plan' if new_plan else 'every phone number'}.",
            f"911 recovery fee, once: ${e911.setup:.2f}.",
        ),
    )
    if included:
        return replace(first, reasons=(*first.reasons, f"Its monthly part is inside {plan.name}."))  # type: ignore[union-attr]
    return _with_monthly_fee(first, e911.monthly, today)


def _note_on_moving(address: str) -> str:
    return (
        f"Your 911 service moves to {address}. "
        "It is not active there until we have confirmed the address; we e-mail you then."
    )


def _note_on_911(e911: Product) -> str:
    return (
        "If your service address is in the US or Canada, 911 service is added at checkout: "
        f"${e911.setup:.2f} once and ${e911.monthly:.2f} a month, unless the plan includes its monthly part."
    )
