"""Who gets back what, by which way and until when: domain.md §7 as tables. Values in, decisions out; no database."""

import tomllib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from billing.models import Service
from catalog.loading import PRODUCTS
from orders import reclaim
from orders.reclaim import LOST_BY, Facts, Stands, decide

LOST = date(2027, 1, 1)
FACTS = Facts(
    kind="did",
    product="Pay Per Minute",
    reason="failed_rebilling",
    ended_on=LOST,
    place="Albany, NY",
    number="(518) 555-0100",
    stands=Stands.KEPT,
)
VIOLATION = "It was cancelled for a violation of the terms, and what was cancelled for that does not come back."
OUT = "(518) 555-0100 has been taken out of service."


def after(days: int, facts: Facts = FACTS) -> reclaim.Decision:
    return decide(facts, today=facts.ended_on + timedelta(days=days))


@pytest.mark.parametrize("days", range(47))
@pytest.mark.parametrize("reason", LOST_BY)
def test_every_day_and_every_way_it_ended(days, reason):
    """Lost on the 1st: the link to the 19th, no set-up fee to day 19, which is the 20th, the number to day 44."""
    decision = after(days, replace(FACTS, reason=reason))
    may_come_back = days <= 44 and reason != "violation"
    assert (decision.days, decision.comes_back, decision.is_setup_waived, decision.comes_back_by_link) == (
        days,
        may_come_back,
        days <= 19,
        days <= 18 and reason == "failed_rebilling",
    )
    words = [VIOLATION] if reason == "violation" else []
    if days > 44:
        words.append(f"You lost it {days} days ago, and a number is kept for 44 days: until 14 February 2027.")
    assert decision.failing == tuple(words)


@pytest.mark.parametrize("day", range(1, 32))
def test_the_link_ends_with_the_19th_however_late_the_cycle_ran(day):
    facts = replace(FACTS, ended_on=date(2027, 1, day))
    month = [date(2027, 1, each) for each in range(day, 32)]
    assert [today for today in month if decide(facts, today=today).comes_back_by_link] == [
        date(2027, 1, each) for each in range(day, 20)
    ]
    assert decide(facts, today=facts.ended_on).link_until == (date(2027, 1, 19) if day <= 19 else None)


@pytest.mark.parametrize(
    ("first", "days", "link", "free", "kept"),
    [
        (date(2027, 2, 1), 28, date(2027, 2, 19), date(2027, 2, 20), date(2027, 3, 17)),
        (date(2028, 2, 1), 29, date(2028, 2, 19), date(2028, 2, 20), date(2028, 3, 16)),
        (date(2027, 4, 1), 30, date(2027, 4, 19), date(2027, 4, 20), date(2027, 5, 15)),
        (date(2027, 3, 1), 31, date(2027, 3, 19), date(2027, 3, 20), date(2027, 4, 14)),
        (date(2026, 12, 1), 31, date(2026, 12, 19), date(2026, 12, 20), date(2027, 1, 14)),
    ],
)
def test_months_of_28_to_31_days(first, days, link, free, kept):
    facts = replace(FACTS, ended_on=first)
    at_first = decide(facts, today=first)
    assert (at_first.link_until, at_first.no_setup_fee_until, at_first.kept_until) == (link, free, kept)
    # The link and what it is about are of one month: not on the days 1 to 19 of the next.
    some = [first + timedelta(days=each) for each in (18, 19, days - 1, days, days + 1)]
    assert [decide(facts, today=day).comes_back_by_link for day in some] == [True, False, False, False, False]
    assert [decide(facts, today=day).is_setup_waived for day in (free, free + timedelta(days=1))] == [True, False]
    assert [decide(facts, today=day).comes_back for day in (kept, kept + timedelta(days=1))] == [True, False]


def test_no_set_up_fee_a_day_longer_than_the_link():
    on_the_20th = after(19)
    assert (on_the_20th.comes_back_by_link, on_the_20th.is_setup_waived) == (False, True)
    assert on_the_20th.not_by_link == "One click was possible until 19 January 2027."


@pytest.mark.parametrize(
    ("reason", "today", "why"),
    [
        ("customer", LOST, "One click brings back what was lost to failed rebilling, and this was not."),
        ("staff", LOST, "One click brings back what was lost to failed rebilling, and this was not."),
        ("violation", LOST, "One click brings back what was lost to failed rebilling, and this was not."),
        (
            "failed_rebilling",
            date(2027, 2, 3),
            "One click brings back what was lost this month, and this was lost on 1 January 2027.",
        ),
        (
            "failed_rebilling",
            date(2028, 1, 1),
            "One click brings back what was lost this month, and this was lost on 1 January 2027.",
        ),
    ],
)
def test_what_the_link_is_not_for(reason, today, why):
    assert decide(replace(FACTS, reason=reason), today=today).not_by_link == why


@pytest.mark.parametrize(
    ("facts", "failing"),
    [
        ({"stands": Stands.OUT}, [OUT]),
        ({"stands": Stands.GONE}, ["(518) 555-0100 is no longer kept for you: somebody else has it."]),
        (
            {"stands": Stands.IN_STOCK},
            ["(518) 555-0100 is in stock again for everybody: order it like any other number, while it is there."],
        ),
        ({"is_offered": False}, ["Pay Per Minute is no longer offered."]),
        # Where it may be sold is asked of Dirt Cheap alone.
        ({"is_sold_there": False}, []),
        (
            {"reason": "violation", "stands": Stands.OUT, "is_offered": False},
            [VIOLATION, OUT, "Pay Per Minute is no longer offered."],
        ),
    ],
)
def test_every_condition_that_fails_is_named(facts, failing):
    assert after(5, replace(FACTS, **facts)).failing == tuple(failing)


NOT_SOLD = (
    "Dirt Cheap is no longer sold in Albany, NY, and a Dirt Cheap number that was lost to failed rebilling "
    "comes back only while it is."
)


@pytest.mark.parametrize(
    ("reason", "is_sold_there", "failing"),
    [
        ("failed_rebilling", True, ()),
        ("failed_rebilling", False, (NOT_SOLD,)),
        # Lost in another way, it comes back where it is sold no more, too.
        ("customer", False, ()),
        ("staff", False, ()),
        ("violation", False, (VIOLATION,)),
    ],
)
def test_dirt_cheap_comes_back_only_while_it_is_sold(reason, is_sold_there, failing):
    facts = replace(FACTS, product="Dirt Cheap", is_lost_with_its_offer=True)
    assert after(3, replace(facts, reason=reason, is_sold_there=is_sold_there)).failing == failing


def test_all_that_fails_at_once():
    facts = replace(FACTS, product="Dirt Cheap", is_lost_with_its_offer=True, is_sold_there=False, is_offered=False)
    assert after(45, replace(facts, stands=Stands.OUT)).failing == (
        "You lost it 45 days ago, and a number is kept for 44 days: until 14 February 2027.",
        OUT,
        NOT_SOLD,
        "Dirt Cheap is no longer offered.",
    )


@pytest.mark.parametrize(
    "product", tomllib.loads(PRODUCTS.read_text())["products"], ids=lambda product: product["code"]
)
@pytest.mark.parametrize("days", [0, 18, 19, 20, 44, 45])
def test_each_product_of_the_catalogue(product, days):
    """Numbers and their channels for 44 days; plans and 911 at any time, for nobody keeps anything for them."""
    facts = replace(
        FACTS,
        kind=product["kind"],
        product=product["name"],
        is_lost_with_its_offer=product.get("is_lost_with_its_offer", False),
        stands=FACTS.stands if product["kind"] in ("did", "channel") else None,
    )
    decision = after(days, facts)
    is_numbered = product["kind"] in ("did", "channel")
    assert decision.comes_back is (days <= 44 or not is_numbered)
    assert decision.comes_back_by_link is (days <= 18)
    assert decision.kept_until == (date(2027, 2, 14) if is_numbered else None)
    withdrawn = after(days, replace(facts, is_offered=False))
    assert (withdrawn.comes_back, withdrawn.failing[-1]) == (False, f"{product['name']} is no longer offered.")


CHANNELS = replace(FACTS, kind="channel", product="Additional incoming channel")


@pytest.mark.parametrize(
    ("facts", "days", "failing"),
    [
        ({}, 44, ()),
        # Onto a number that the customer has, at any time.
        ({"stands": Stands.YOURS}, 45, ()),
        (
            {"has_number": False, "stands": Stands.OUT},
            3,
            ("Channels come back with their number, and (518) 555-0100 does not come back.",),
        ),
        ({"reason": "violation"}, 3, (VIOLATION,)),
    ],
)
def test_channels_come_back_with_their_number_or_onto_it(facts, days, failing):
    assert after(days, replace(CHANNELS, **facts)).failing == failing


def test_a_plan_does_not_come_back_beside_another():
    facts = Facts(kind="plan", product="North America 500", reason="failed_rebilling", ended_on=LOST)
    assert after(3, facts).comes_back_by_link
    decision = after(3, replace(facts, other_plan="North America Basic"))
    assert decision.failing == ("You have North America Basic now, and an account has one rate plan at a time.",)
    assert (decision.comes_back, decision.comes_back_by_link) == (False, False)


def test_what_is_back_does_not_come_back_again():
    decision = after(3, replace(FACTS, is_back=True))
    assert (decision.comes_back, decision.comes_back_by_link, decision.failing) == (False, False, ())


@pytest.mark.parametrize(
    ("facts", "days", "is_free"),
    [
        ({"stands": Stands.OUT}, 19, True),
        ({"stands": Stands.OUT}, 20, False),
        ({"stands": Stands.GONE}, 3, True),
        # The number comes back: another one in its place is an ordinary order.
        ({}, 3, False),
        ({"stands": Stands.OUT, "reason": "violation"}, 3, False),
        ({"stands": Stands.OUT, "is_offered": False}, 3, False),
        ({"stands": Stands.OUT, "is_back": True}, 3, False),
    ],
)
def test_another_number_in_the_place_of_one_that_is_gone(facts, days, is_free):
    assert after(days, replace(FACTS, **facts)).is_replaced_free is is_free


@pytest.mark.parametrize(
    ("lost_on", "today", "is_waived"),
    [
        (None, LOST, False),
        (LOST, LOST, True),
        (LOST, date(2027, 1, 20), True),
        (LOST, date(2027, 1, 21), False),
        (date(2027, 2, 20), date(2027, 3, 11), True),
        (date(2027, 2, 20), date(2027, 3, 12), False),
    ],
)
def test_the_waiver_counts_days(lost_on, today, is_waived):
    assert reclaim.waives_setup(lost_on, today=today) is is_waived


def test_what_counts_as_lost():
    """What was replaced, paid back or needed no longer is not."""
    assert set(Service.Reason) - set(LOST_BY) == {"replaced", "withdrawn", "unfilled", "not_needed"}


@pytest.mark.parametrize(("days", "words"), [(0, "today"), (1, "1 day ago"), (4, "4 days ago")])
def test_how_long_ago(days, words):
    assert reclaim.ago(LOST, LOST + timedelta(days=days)) == words
