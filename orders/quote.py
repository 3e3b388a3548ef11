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
from billing.emergency import CALLS_FOR_911, Decision, decide
from billing.taxes import tax_on
from callcentric.money import ZERO
from catalog.models import Product
from orders import reclaim


@dataclass(frozen=True)
class Holding:
    """What an account holds that changes the price of an order."""

    plan: Product | None = None
    # The day on which the plan ends, where its customer has cancelled it.
    plan_ends_on: date | None = None
    has_number: bool = False
    has_911: bool = False
    # Where the account's 911 service is now, in words.
    address_911: str = ""
    # The last day that 911's own monthly part was paid for; none where it was always inside a plan.
    paid_911_until: date | None = None
    # The day on which the last 911 service ended, where there is none now.
    lost_911_on: date | None = None


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
    # The day on which the customer lost what is ordered again: then no set-up fee is due for a while (domain.md §7).
    lost_on: date | None = None


@dataclass(frozen=True)
class Line:
    """One line of the order: what it costs now, and why."""

    product: Product
    quantity: int = 1
    about: str = ""
    token: UUID | None = None
    setup: Decimal = ZERO
    # The set-up fee that would be due, had it not been lost a few days ago.
    waived: Decimal = ZERO
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
    lines = [_line(each, holding, today) for each in wanted if each.product.kind != Product.Kind.E911]
    notes: list[str] = []
    ordered = [line.product for line in lines if not line.problem]
    calls_for_911 = [product for product in ordered if product.kind in CALLS_FOR_911]
    is_called_for = bool(calls_for_911 or holding.plan or holding.has_number)
    decision = decide(
        has_911_country=has_911_address,
        holds_plan_or_number=is_called_for,
        holds_911=holding.has_911,
        is_at_service_address=not moves_911_to,
    )
    plan = next((product for product in ordered if product.kind == Product.Kind.PLAN), holding.plan)
    asked = next((each for each in wanted if each.product.kind == Product.Kind.E911), None)
    if asked:
        why_not = "" if decision == Decision.ADD else _why_no_911(holding, is_called_for, has_911_address)
        lines.append(_asked_911(asked, _problem(asked.product, holding) or why_not, plan, holding, today))
    elif calls_for_911 and decision == Decision.ADD and e911.is_offered:
        lines.append(_first_911(Wanted(e911, reasons=(_why_911(calls_for_911),)), plan, holding, today))
    elif holding.has_911 and decision != Decision.END:
        lines += _goes_on_911(e911, holding, plan, today)
    if calls_for_911 and has_911_address is None:
        notes.append(_note_on_911(e911, is_waived=reclaim.waives_setup(holding.lost_911_on, today=today)))
    if decision == Decision.MOVE:
        notes.append(_note_on_moving(moves_911_to))
    return Quote(lines=tuple(lines), tax_rate=tax_rate, notes=tuple(notes))


def _line(wanted: Wanted, holding: Holding, today: date) -> Line:
    product, quantity = wanted.product, wanted.quantity
    line = Line(product, quantity=quantity, about=wanted.about, token=wanted.token)
    problem = wanted.problem or _problem(product, holding)
    if problem:
        return replace(line, problem=problem)
    line = _with_monthly_fee(_with_setup(line, wanted.lost_on, today), product.monthly, today)
    reasons = [*wanted.reasons, *line.reasons]
    if product.setup:
        fee = _each(product.setup, quantity)
        reasons.append(_why_setup("Set-up fee", fee, wanted.lost_on, "you lost it", today))
    if product.kind == Product.Kind.PLAN and holding.plan:
        reasons.append(_why_replaced(holding.plan, holding.plan_ends_on))
    if product.needs_balance:
        reasons.append(f"{product.name} needs money in the balance to call.")
    return replace(line, reasons=tuple(reasons))


def _problem(product: Product, holding: Holding) -> str:
    if not product.is_offered:
        return f"{product.name} is no longer offered. Remove it from the cart to go on."
    if product.kind == Product.Kind.PLAN and holding.plan and holding.plan.pk == product.pk:
        return _why_not_twice(product, holding.plan_ends_on)
    return ""


def _why_not_twice(plan: Product, ends_on: date | None) -> str:
    if ends_on:
        return (
            f"{plan.name} is yours until {reclaim.day(ends_on)}. To keep it, take its cancellation back on My Account, "
            "and remove it from the cart."
        )
    return f"{plan.name} is the rate plan you have already. Remove it from the cart to go on."


def _why_replaced(plan: Product, ends_on: date | None) -> str:
    ends = f"ends today and not on {reclaim.day(ends_on)}" if ends_on else "ends today"
    return f"Replaces your rate plan {plan.name}, which {ends}; what was paid for it is not paid back."


def _with_setup(line: Line, lost_on: date | None, today: date) -> Line:
    """``line`` with its set-up fee as it is due, or waived."""
    fee = line.quantity * line.product.setup
    return replace(line, waived=fee) if reclaim.waives_setup(lost_on, today=today) else replace(line, setup=fee)


def _why_setup(name: str, fee: str, lost_on: date | None, lost: str, today: date) -> str:
    """The fee in words; where something like it was ``lost`` lately, why it is waived, or not any more."""
    if lost_on is None or not reclaim.is_lately(lost_on, today=today):
        return f"{name}, once: {fee}."
    if reclaim.waives_setup(lost_on, today=today):
        return f"{name} {fee}: waived, because {lost} {reclaim.ago(lost_on, today)}."
    days = months.NO_SETUP_FEE_FOR.days
    return f"{name}, once: {fee}. It is waived for {days} days, and {lost} {reclaim.ago(lost_on, today)}."


def _with_monthly_fee(line: Line, monthly: Decimal, today: date, *, is_paid: bool = False) -> Line:
    """``line`` with the fee for the rest of this month and, from the 27th on, for the whole next month.

    ``is_paid`` says that this month was paid for before. Of several, each is rounded by itself: they are services of
    their own, renewed and ended one by one.
    """
    if not monthly:
        return replace(line, reasons=(*line.reasons, "No monthly fee."))
    rest = ZERO if is_paid else months.rest_of_month(monthly, today)
    reasons = [f"{today:%B} is paid for already." if is_paid else _why_rest(rest, monthly, line.quantity, today)]
    ahead = ZERO
    if months.pays_next_month_too(today):
        ahead = line.quantity * monthly
        reasons.append(
            f"{months.next_month(today):%B} is included, {_each(monthly, line.quantity)}, "
            f"because renewals for it have been under way since the {months.CYCLE_STARTS_ON_DAY}th."
        )
    return replace(line, this_month=line.quantity * rest, next_month=ahead, reasons=(*line.reasons, *reasons))


def _why_rest(rest: Decimal, monthly: Decimal, quantity: int, today: date) -> str:
    left, days = months.days_left(today), months.last_day(today).day
    if left == days:
        return f"The whole of {today:%B}: {_each(monthly, quantity)}."
    return (
        f"{left} of the {days} days of {today:%B} are left, today included: {_each(rest, quantity)} of ${monthly:.2f}."
    )


def _each(amount: Decimal, quantity: int) -> str:
    return f"${amount:.2f}" if quantity == 1 else f"{quantity} × ${amount:.2f}"


def _first_911(wanted: Wanted, plan: Product | None, holding: Holding, today: date) -> Line:
    """911 for an account that has none: its fee once, and its monthly part unless that is inside ``plan``.

    The fee is waived where it had 911 a few days ago, whatever ended that.
    """
    product, lost_on = wanted.product, holding.lost_911_on
    fee = _why_setup("911 recovery fee", _each(product.setup, 1), lost_on, "your 911 service ended", today)
    reasons = (*wanted.reasons, fee)
    line = _with_setup(Line(product, token=wanted.token, reasons=reasons), lost_on, today)
    if plan and plan.includes_911:
        return replace(line, reasons=(*reasons, f"Its monthly part is inside {plan.name}."))
    return _with_monthly_fee(line, product.monthly, today)


def _asked_911(wanted: Wanted, problem: str, plan: Product | None, holding: Holding, today: date) -> Line:
    """911 that the customer asked for because it was missing."""
    if problem:
        return Line(wanted.product, token=wanted.token, problem=problem)
    why = "Emergency service for your service address, which is in the US or Canada."
    return _first_911(replace(wanted, reasons=(why,)), plan, holding, today)


def _goes_on_911(e911: Product, holding: Holding, new: Product | None, today: date) -> list[Line]:
    """The monthly part of the 911 one has, where the ``new`` plan does not include it as the one held does.

    Days that it was paid for by itself before, when no plan included it, are not paid again.
    """
    old, paid_until = holding.plan, holding.paid_911_until
    if old is None or not old.includes_911 or new is None or new.includes_911:
        return []
    if paid_until and paid_until >= months.paid_until(today):
        return []
    why = f"Your 911 service goes on. Its monthly part was inside {old.name} and is not inside {new.name}."
    is_paid = paid_until is not None and paid_until >= today
    return [_with_monthly_fee(Line(e911, reasons=(why,)), e911.monthly, today, is_paid=is_paid)]


def _why_911(calls_for_911: Sequence[Product]) -> str:
    has_plan = any(product.kind == Product.Kind.PLAN for product in calls_for_911)
    return (
        "Added because your service address is in the US or Canada, where emergency service comes with "
        f"{'every rate plan' if has_plan else 'every phone number'}."
    )


def _why_no_911(holding: Holding, is_called_for: bool, has_911_address: bool | None) -> str:
    if holding.has_911:
        return "Your account has 911 already, and it has one at most. Remove it from the cart to go on."
    if not is_called_for:
        return "911 comes with a rate plan or a phone number, and you have neither. Order one, or remove 911."
    if has_911_address is None:
        return "911 needs the address where you use your phones. Give it in your profile, then order 911."
    return "911 exists in the US and Canada, and your service address is elsewhere. Remove it from the cart to go on."


def _note_on_moving(address: str) -> str:
    return (
        f"Your 911 service moves to {address}. "
        "It is not active there until we have confirmed the address; we e-mail you then."
    )


def _note_on_911(e911: Product, *, is_waived: bool) -> str:
    once = "without its recovery fee, for" if is_waived else f"${e911.setup:.2f} once and"
    return (
        "If your service address is in the US or Canada, 911 service is added at checkout: "
        f"{once} ${e911.monthly:.2f} a month, unless the plan includes its monthly part."
    )
