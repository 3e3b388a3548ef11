"""Says what an order costs and why, line by line, in words.

Decisions over plain values: products with their prices in force, what the account holds, the date. No database, no
clock. The cart shows a quote, checkout charges exactly that quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

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
class Line:
    """One product of the order: what it costs now, and why."""

    product: Product
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
    wanted: Sequence[Product],
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
    lines = [_line(product, holding, today) for product in wanted]
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


def _line(product: Product, holding: Holding, today: date) -> Line:
    problem = _problem(product, holding)
    if problem:
        return Line(product, problem=problem)
    line = _with_monthly_fee(Line(product, setup=product.setup), product.monthly, today)
    reasons = list(line.reasons)
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
    """``line`` with the fee for the rest of this month and, from the 27th on, for the whole next month."""
    if not monthly:
        return replace(line, reasons=(*line.reasons, "No monthly fee."))
    left, days = months.days_left(today), months.last_day(today).day
    reasons = [
        f"{left} of the {days} days of {today:%B} are left, today included: "
        f"${months.rest_of_month(monthly, today):.2f} of ${monthly:.2f}."
        if left < days
        else f"The whole of {today:%B}: ${monthly:.2f}."
    ]
    ahead = ZERO
    if months.pays_next_month_too(today):
        ahead = monthly
        reasons.append(
            f"{months.next_month(today):%B} is included, ${monthly:.2f}, "
            f"because renewals for it have been under way since the {months.CYCLE_STARTS_ON_DAY}th."
        )
    this_month = months.rest_of_month(monthly, today)
    return replace(line, this_month=this_month, next_month=ahead, reasons=(*line.reasons, *reasons))


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
