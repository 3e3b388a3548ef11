"""Says whether what was lost comes back, by which way, until when, and whether its set-up fee is waived (domain.md §7).

One decision over plain values: what was lost and how, how its number stands, what its customer has now, the date. No
database, no clock.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from billing.models import Service
from billing.months import NO_SETUP_FEE_FOR, REORDER_ENDS_ON_DAY
from catalog.models import Product
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER

Kind = Product.Kind
Reason = Service.Reason

# The last of the days on which a number is kept for its last holder: ``days < 45``.
LAST_DAY_KEPT = KEPT_FOR_LAST_HOLDER - timedelta(days=1)
# How a service ends that is lost. A plan that was replaced, an order that was withdrawn or that no number came for, and
# 911 that nothing calls for any more are not: the customer has something else instead, or the money.
LOST_BY = (Reason.CUSTOMER, Reason.FAILED_REBILLING, Reason.VIOLATION, Reason.STAFF)


class Stands(Enum):
    """What has become of the number of a lost service."""

    KEPT = "kept for its last holder"
    YOURS = "their own, still or again"
    IN_STOCK = "in stock, for anybody"
    OUT = "taken out by staff"
    GONE = "somebody else's"


@dataclass(frozen=True)
class Facts:
    """What is known of a service that was lost, and of what its customer has now."""

    kind: str
    # The product's name.
    product: str
    reason: str
    # The day it ended.
    ended_on: date
    # Whether the product can be ordered at all today.
    is_offered: bool = True
    # Whether a number of it that was lost to failed rebilling comes back only where it is still sold: Dirt Cheap.
    is_lost_with_its_offer: bool = False
    is_sold_there: bool = True
    # Numbers, and channels that were on one: where it is, which it is, and what has become of it.
    place: str = ""
    number: str = ""
    stands: Stands | None = None
    # Channels: whether their number is the customer's, or comes back with them.
    has_number: bool = True
    # What the customer has by now: the name of another plan; this service itself, or the same product.
    other_plan: str = ""
    is_back: bool = False


@dataclass(frozen=True)
class Decision:
    """How what was lost comes back, and what is in the way of it, in the customer's words."""

    # Since it ended, in business dates.
    days: int
    # Every condition that fails; none where it comes back.
    failing: tuple[str, ...]
    # Why the link on the dashboard is not for it, whatever else fails; empty where it is.
    not_by_link: str
    # The last day of each way: by one click, by ordering the same number again, and free of set-up fees.
    link_until: date | None
    kept_until: date | None
    no_setup_fee_until: date
    is_back: bool = False
    # Whether nothing but its number is in the way, so that another one may take its place.
    lacks_number_alone: bool = False

    @property
    def comes_back(self) -> bool:
        return not self.failing and not self.is_back

    @property
    def comes_back_by_link(self) -> bool:
        return self.comes_back and not self.not_by_link

    @property
    def is_setup_waived(self) -> bool:
        return self.days <= NO_SETUP_FEE_FOR.days

    @property
    def is_replaced_free(self) -> bool:
        """Whether another number, in the place of one that does not come back, has no set-up fee either: it is the same
        product added again."""
        return self.lacks_number_alone and not self.is_back and self.is_setup_waived


def decide(facts: Facts, *, today: date) -> Decision:
    """The rule of domain.md §7.

    A number comes back, under its product and at its place, while it is kept for its last holder: for 44 days, not
    after a violation, not where staff have taken it out, and Dirt Cheap that was lost to failed rebilling only where it
    is still sold. Channels come back with their number or onto it. A plan comes back where no other has taken its
    place. What the portal no longer offers comes back in no way.
    One click does it for what was lost to failed rebilling this month, to the 19th, and for nothing else.
    """
    failing = tuple(filter(None, _failing(facts, today)))
    return Decision(
        days=(today - facts.ended_on).days,
        failing=failing,
        not_by_link=_not_by_link(facts, today),
        link_until=_link_until(facts),
        kept_until=facts.ended_on + LAST_DAY_KEPT if _is_kept(facts) else None,
        no_setup_fee_until=facts.ended_on + NO_SETUP_FEE_FOR,
        is_back=facts.is_back,
        lacks_number_alone=facts.kind == Kind.DID and failing == (_number_gone(facts),),
    )


def is_link_there(today: date) -> bool:
    """Whether today is a day of the link: the 1st to the 19th."""
    return today.day <= REORDER_ENDS_ON_DAY


def waives_setup(lost_on: date | None, *, today: date) -> bool:
    """Whether no set-up fee is due today on what is reclaimed or added again after it ended on ``lost_on``."""
    return lost_on is not None and today - lost_on <= NO_SETUP_FEE_FOR


def is_lately(lost_on: date, *, today: date) -> bool:
    """Whether something that ended on ``lost_on`` could still be had back: ``days < 45``."""
    return today - lost_on < KEPT_FOR_LAST_HOLDER


def ago(lost_on: date, today: date) -> str:
    days = (today - lost_on).days
    if days == 0:
        return "today"
    return f"{days} day{'' if days == 1 else 's'} ago"


def day(on: date) -> str:
    return f"{on:%-d %B %Y}"


def _failing(facts: Facts, today: date) -> list[str]:
    if facts.kind == Kind.DID:
        return [_violation(facts), _over(facts, today), _number_gone(facts), _offer_gone(facts), _withdrawn(facts)]
    if facts.kind == Kind.CHANNEL:
        return [_violation(facts), _over(facts, today), _without_number(facts), _withdrawn(facts)]
    if facts.kind == Kind.PLAN:
        return [_violation(facts), _other_plan(facts), _withdrawn(facts)]
    return [_withdrawn(facts)]


def _violation(facts: Facts) -> str:
    if facts.reason != Reason.VIOLATION:
        return ""
    return "It was cancelled for a violation of the terms, and what was cancelled for that does not come back."


def _over(facts: Facts, today: date) -> str:
    """``days < 45``."""
    if not _is_kept(facts) or is_lately(facts.ended_on, today=today):
        return ""
    return (
        f"You lost it {ago(facts.ended_on, today)}, and a number is kept for {LAST_DAY_KEPT.days} days: "
        f"until {day(facts.ended_on + LAST_DAY_KEPT)}."
    )


def _is_kept(facts: Facts) -> bool:
    """Whether there is a number to be kept; channels that go onto one that the customer has need none."""
    return facts.kind == Kind.DID or (facts.kind == Kind.CHANNEL and facts.stands != Stands.YOURS)


def _number_gone(facts: Facts) -> str:
    if facts.stands == Stands.OUT:
        return f"{facts.number} has been taken out of service."
    if facts.stands == Stands.IN_STOCK:
        return f"{facts.number} is in stock again for everybody: order it like any other number, while it is there."
    if facts.stands == Stands.GONE:
        return f"{facts.number} is no longer kept for you: somebody else has it."
    return ""


def _offer_gone(facts: Facts) -> str:
    is_bound = facts.is_lost_with_its_offer and facts.reason == Reason.FAILED_REBILLING
    if not is_bound or facts.is_sold_there:
        return ""
    return (
        f"{facts.product} is no longer sold in {facts.place}, and a {facts.product} number that was lost to failed "
        "rebilling comes back only while it is."
    )


def _without_number(facts: Facts) -> str:
    if facts.has_number:
        return ""
    return f"Channels come back with their number, and {facts.number} does not come back."


def _other_plan(facts: Facts) -> str:
    if not facts.other_plan:
        return ""
    return f"You have {facts.other_plan} now, and an account has one rate plan at a time."


def _withdrawn(facts: Facts) -> str:
    return "" if facts.is_offered else f"{facts.product} is no longer offered."


def _link_until(facts: Facts) -> date | None:
    is_in_time = facts.reason == Reason.FAILED_REBILLING and is_link_there(facts.ended_on)
    return facts.ended_on.replace(day=REORDER_ENDS_ON_DAY) if is_in_time else None


def _not_by_link(facts: Facts, today: date) -> str:
    if facts.reason != Reason.FAILED_REBILLING:
        return "One click brings back what was lost to failed rebilling, and this was not."
    if (facts.ended_on.year, facts.ended_on.month) != (today.year, today.month):
        return f"One click brings back what was lost this month, and this was lost on {day(facts.ended_on)}."
    if not is_link_there(today):
        return f"One click was possible until {day(today.replace(day=REORDER_ENDS_ON_DAY))}."
    return ""
