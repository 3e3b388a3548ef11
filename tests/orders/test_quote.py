"""What an order costs, and the words for it: the rules of domain.md §2 and §5 as tables."""

from datetime import date
from decimal import Decimal

import pytest

from catalog.models import Product
from orders.quote import Holding, Wanted, quote

MID = date(2027, 1, 11)  # 21 of 31 days are left
LATE = date(2027, 1, 27)  # 5 of 31 days are left, and February is charged too
NEW_YORK = Decimal("0.08875")


def product(code, kind, monthly, setup="0", **more):
    made = Product(pk=hash(code) % 10_000, code=code, kind=kind, name=code.replace("-", " ").title(), **more)
    made.monthly, made.setup = Decimal(monthly), Decimal(setup)
    return made


PAY_PER_CALL = product("pay-per-call", "plan", "0.00", needs_balance=True)
BASIC = product("basic", "plan", "1.95", includes_911=True)
FIVE_HUNDRED = product("five-hundred", "plan", "6.95", includes_911=True)
WITHDRAWN = product("withdrawn", "plan", "3.00", is_offered=False)
E911 = product("e911", "e911", "1.50", "1.50")


def quoted(*wanted, holding=None, has_911_address=True, tax_rate=NEW_YORK, today=MID):
    return quote(
        wanted=[Wanted(each) for each in wanted],
        e911=E911,
        holding=holding or Holding(),
        has_911_address=has_911_address,
        tax_rate=tax_rate,
        today=today,
    )


def amounts(found):
    """Each line as (code, set-up, this month, next month)."""
    return [(line.product.code, line.setup, line.this_month, line.next_month) for line in found.lines]


D = Decimal


@pytest.mark.parametrize(
    ("wanted", "holding", "has_911_address", "today", "expected"),
    [
        # A first plan in the US: 911 comes with it; its monthly part is inside the plan or not.
        (
            [FIVE_HUNDRED],
            Holding(),
            True,
            MID,
            [("five-hundred", 0, D("4.71"), 0), ("e911", D("1.50"), 0, 0)],
        ),
        (
            [PAY_PER_CALL],
            Holding(),
            True,
            MID,
            [("pay-per-call", 0, 0, 0), ("e911", D("1.50"), D("1.02"), 0)],
        ),
        # Elsewhere there is no 911; where the address is unknown nothing is guessed.
        ([FIVE_HUNDRED], Holding(), False, MID, [("five-hundred", 0, D("4.71"), 0)]),
        ([FIVE_HUNDRED], Holding(), None, MID, [("five-hundred", 0, D("4.71"), 0)]),
        # From the 27th on the next month is paid too, 911's monthly part as well.
        (
            [FIVE_HUNDRED],
            Holding(),
            True,
            LATE,
            [("five-hundred", 0, D("1.12"), D("6.95")), ("e911", D("1.50"), 0, 0)],
        ),
        (
            [PAY_PER_CALL],
            Holding(),
            True,
            LATE,
            [("pay-per-call", 0, 0, 0), ("e911", D("1.50"), D("0.24"), D("1.50"))],
        ),
        # One 911 per account: who has it pays no second recovery fee.
        ([FIVE_HUNDRED], Holding(plan=BASIC, has_911=True), True, MID, [("five-hundred", 0, D("4.71"), 0)]),
        (
            [FIVE_HUNDRED],
            Holding(plan=PAY_PER_CALL, has_911=True),
            True,
            MID,
            [("five-hundred", 0, D("4.71"), 0)],
        ),
        ([PAY_PER_CALL], Holding(has_911=True), True, MID, [("pay-per-call", 0, 0, 0)]),
        # Leaving a plan that included the monthly part: it is due from now on.
        (
            [PAY_PER_CALL],
            Holding(plan=BASIC, has_911=True),
            True,
            MID,
            [("pay-per-call", 0, 0, 0), ("e911", 0, D("1.02"), 0)],
        ),
        # What cannot be ordered brings nothing with it.
        ([WITHDRAWN], Holding(), True, MID, [("withdrawn", 0, 0, 0)]),
        ([BASIC], Holding(plan=BASIC), True, MID, [("basic", 0, 0, 0)]),
        ([], Holding(), True, MID, []),
    ],
)
def test_amounts(wanted, holding, has_911_address, today, expected):
    found = quoted(*wanted, holding=holding, has_911_address=has_911_address, today=today)
    assert amounts(found) == expected


def test_tax_is_on_the_whole_and_a_line_of_its_own():
    found = quoted(FIVE_HUNDRED)
    # 4.71 + 1.50 = 6.21; 8.875 % of it is 0.5511
    assert (found.subtotal, found.tax, found.total) == (D("6.21"), D("0.55"), D("6.76"))


def test_no_tax_elsewhere():
    found = quoted(FIVE_HUNDRED, tax_rate=Decimal(0))
    assert (found.subtotal, found.tax, found.total) == (D("6.21"), D("0.00"), D("6.21"))


def test_a_line_with_a_problem_costs_nothing_and_says_why():
    found = quoted(WITHDRAWN)
    assert found.total == 0
    assert found.problems == ("Withdrawn is no longer offered. Remove it from the cart to go on.",)


def test_the_plan_one_has_is_not_sold_again():
    found = quoted(BASIC, holding=Holding(plan=BASIC))
    assert found.problems == ("Basic is the rate plan you have already. Remove it from the cart to go on.",)


def test_every_line_says_why_in_words():
    found = quoted(PAY_PER_CALL, holding=Holding(plan=BASIC), today=LATE)
    assert [line.reasons for line in found.lines] == [
        (
            "No monthly fee.",
            "Replaces your rate plan Basic, which ends today; what was paid for it is not paid back.",
            "Pay Per Call needs money in the balance to call.",
        ),
        (
            "Added because your service address is in the US or Canada, where emergency service comes with "
            "every rate plan.",
            "911 recovery fee, once: $1.50.",
            "5 of the 31 days of January are left, today included: $0.24 of $1.50.",
            "February is included, $1.50, because renewals for it have been under way since the 27th.",
        ),
    ]


def test_a_visitor_is_told_that_911_may_be_added():
    assert quoted(BASIC, has_911_address=None).notes == (
        "If your service address is in the US or Canada, 911 service is added at checkout: "
        "$1.50 once and $1.50 a month, unless the plan includes its monthly part.",
    )
    assert quoted(BASIC, has_911_address=False).notes == ()
