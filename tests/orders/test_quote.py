"""What an order costs, and the words for it: the rules of domain.md §2 and §5 as tables."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

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
PER_MINUTE = product("per-minute", "did", "1.95", "3.95")
CHANNEL = product("channel", "channel", "3.00")
E911 = product("e911", "e911", "1.50", "1.50")


def quoted(*wanted, holding=None, has_911_address=True, tax_rate=NEW_YORK, today=MID, moves_911_to=""):
    return quote(
        wanted=[each if isinstance(each, Wanted) else Wanted(each) for each in wanted],
        e911=E911,
        holding=holding or Holding(),
        has_911_address=has_911_address,
        tax_rate=tax_rate,
        today=today,
        moves_911_to=moves_911_to,
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


# A number as it is priced on 11 January, and 911 with and without its monthly part.
NUMBER = ("per-minute", D("3.95"), D("1.32"), 0)
WHOLE_911 = ("e911", D("1.50"), D("1.02"), 0)
FEE_911 = ("e911", D("1.50"), 0, 0)


@pytest.mark.parametrize(
    ("wanted", "holding", "has_911_address", "expected"),
    [
        # The first number of somebody without a plan: 911 with its monthly part.
        ([PER_MINUTE], Holding(), True, [NUMBER, WHOLE_911]),
        # A plan that includes it, held or ordered along: the recovery fee alone.
        ([PER_MINUTE], Holding(plan=BASIC), True, [NUMBER, FEE_911]),
        (
            [PER_MINUTE, FIVE_HUNDRED],
            Holding(),
            True,
            [NUMBER, ("five-hundred", 0, D("4.71"), 0), FEE_911],
        ),
        # One that does not.
        ([PER_MINUTE], Holding(plan=PAY_PER_CALL), True, [NUMBER, WHOLE_911]),
        # Two at once bring one 911, a second number later none, with or without a plan.
        ([PER_MINUTE, PER_MINUTE], Holding(), True, [NUMBER, NUMBER, WHOLE_911]),
        ([PER_MINUTE], Holding(has_number=True, has_911=True), True, [NUMBER]),
        ([PER_MINUTE], Holding(plan=BASIC, has_number=True, has_911=True), True, [NUMBER]),
        # A plan that includes the monthly part, after a number that did not: nothing is due for 911.
        (
            [FIVE_HUNDRED],
            Holding(has_number=True, has_911=True),
            True,
            [("five-hundred", 0, D("4.71"), 0)],
        ),
        # Moved to the US with a number and no 911 yet: the next order brings it.
        ([PER_MINUTE], Holding(has_number=True), True, [NUMBER, WHOLE_911]),
        # Elsewhere, and where nobody knows: none.
        ([PER_MINUTE], Holding(), False, [NUMBER]),
        ([PER_MINUTE], Holding(), None, [NUMBER]),
        # Channels bring none, whatever is missing.
        ([CHANNEL], Holding(has_number=True), True, [("channel", 0, D("2.03"), 0)]),
        # Asked for by itself, or beside something that brings it: once.
        ([E911], Holding(plan=BASIC), True, [FEE_911]),
        ([E911], Holding(plan=PAY_PER_CALL), True, [WHOLE_911]),
        ([E911], Holding(has_number=True), True, [WHOLE_911]),
        ([E911, PER_MINUTE], Holding(plan=BASIC), True, [NUMBER, FEE_911]),
        ([E911, FIVE_HUNDRED], Holding(has_number=True), True, [("five-hundred", 0, D("4.71"), 0), FEE_911]),
        ([E911, CHANNEL], Holding(has_number=True), True, [("channel", 0, D("2.03"), 0), WHOLE_911]),
    ],
)
def test_911_comes_with_numbers_too(wanted, holding, has_911_address, expected):
    assert amounts(quoted(*wanted, holding=holding, has_911_address=has_911_address)) == expected


LAST_OF_JANUARY, FEBRUARY = date(2027, 1, 31), date(2027, 2, 28)


@pytest.mark.parametrize(
    ("wanted", "plan", "paid_until", "today", "expected"),
    [
        # Inside a plan since it began, or paid for by itself in a month that is over: due from now on.
        (PAY_PER_CALL, BASIC, None, MID, [(0, D("1.02"), 0)]),
        (PAY_PER_CALL, BASIC, date(2026, 12, 31), MID, [(0, D("1.02"), 0)]),
        # This month was paid for before the plan came: not again, up to its very last day.
        (PAY_PER_CALL, BASIC, LAST_OF_JANUARY, MID, []),
        (PAY_PER_CALL, BASIC, LAST_OF_JANUARY, date(2027, 1, 26), []),
        # From the 27th on the next month is due, unless that is paid for too.
        (PAY_PER_CALL, BASIC, LAST_OF_JANUARY, LATE, [(0, 0, D("1.50"))]),
        (PAY_PER_CALL, BASIC, LAST_OF_JANUARY, LAST_OF_JANUARY, [(0, 0, D("1.50"))]),
        (PAY_PER_CALL, BASIC, None, LATE, [(0, D("0.24"), D("1.50"))]),
        (PAY_PER_CALL, BASIC, FEBRUARY, LATE, []),
        (PAY_PER_CALL, BASIC, FEBRUARY, date(2027, 2, 1), []),
        (PAY_PER_CALL, BASIC, FEBRUARY, date(2027, 2, 27), [(0, 0, D("1.50"))]),
        (PAY_PER_CALL, BASIC, FEBRUARY, date(2027, 3, 1), [(0, D("1.50"), 0)]),
        # A plan that includes it takes nothing for it, whatever was paid.
        (FIVE_HUNDRED, BASIC, None, MID, []),
        (FIVE_HUNDRED, PAY_PER_CALL, LAST_OF_JANUARY, LATE, []),
    ],
)
def test_days_of_911_are_paid_once(wanted, plan, paid_until, today, expected):
    holding = Holding(plan=plan, has_911=True, paid_911_until=paid_until)
    found = amounts(quoted(wanted, holding=holding, today=today))
    assert [line[1:] for line in found if line[0] == "e911"] == expected


def test_a_month_of_911_that_is_paid_for_is_said_to_be():
    holding = Holding(plan=BASIC, has_911=True, paid_911_until=LAST_OF_JANUARY)
    assert quoted(PAY_PER_CALL, holding=holding, today=LATE).lines[1].reasons == (
        "Your 911 service goes on. Its monthly part was inside Basic and is not inside Pay Per Call.",
        "January is paid for already.",
        "February is included, $1.50, because renewals for it have been under way since the 27th.",
    )


def test_911_comes_with_a_number_that_has_still_to_come():
    waiting = Wanted(PER_MINUTE, about="in Albany, NY", reasons=("No number is in stock there now.",))
    assert amounts(quoted(waiting)) == [NUMBER, WHOLE_911]


@pytest.mark.parametrize(
    ("e911", "holding", "has_911_address", "problem"),
    [
        (
            E911,
            Holding(plan=BASIC, has_911=True),
            True,
            "Your account has 911 already, and it has one at most. Remove it from the cart to go on.",
        ),
        (
            E911,
            Holding(),
            True,
            "911 comes with a rate plan or a phone number, and you have neither. Order one, or remove 911.",
        ),
        (
            E911,
            Holding(has_number=True),
            None,
            "911 needs the address where you use your phones. Give it in your profile, then order 911.",
        ),
        (
            E911,
            Holding(plan=BASIC),
            False,
            "911 exists in the US and Canada, and your service address is elsewhere. Remove it from the cart to go on.",
        ),
        (
            product("e911", "e911", "1.50", "1.50", is_offered=False),
            Holding(plan=BASIC),
            True,
            "E911 is no longer offered. Remove it from the cart to go on.",
        ),
    ],
)
def test_911_that_cannot_be_asked_for_costs_nothing_and_says_why(e911, holding, has_911_address, problem):
    found = quoted(e911, holding=holding, has_911_address=has_911_address)
    assert (found.problems, found.total) == ((problem,), 0)


def test_911_that_was_asked_for_says_what_it_is():
    token = uuid4()
    line = quoted(Wanted(E911, token=token), holding=Holding(plan=BASIC)).lines[0]
    assert (line.token, line.reasons) == (
        token,
        (
            "Emergency service for your service address, which is in the US or Canada.",
            "911 recovery fee, once: $1.50.",
            "Its monthly part is inside Basic.",
        ),
    )


@pytest.mark.parametrize("wanted", [PER_MINUTE, CHANNEL])
def test_911_that_moves_is_said_to_move(wanted):
    holding = Holding(has_number=True, has_911=True, address_911="1 Test Street")
    assert quoted(wanted, holding=holding, moves_911_to="9 Far Road").notes == (
        "Your 911 service moves to 9 Far Road. "
        "It is not active there until we have confirmed the address; we e-mail you then.",
    )


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


@pytest.mark.parametrize(
    ("lost_on", "setup", "waived", "reason"),
    [
        (None, "3.95", "0", "Set-up fee, once: $3.95."),
        (MID, "0", "3.95", "Set-up fee $3.95: waived, because you lost it today."),
        (date(2026, 12, 23), "0", "3.95", "Set-up fee $3.95: waived, because you lost it 19 days ago."),
        (
            date(2026, 12, 22),
            "3.95",
            "0",
            "Set-up fee, once: $3.95. It is waived for 19 days, and you lost it 20 days ago.",
        ),
    ],
)
def test_a_set_up_fee_on_what_was_lost(lost_on, setup, waived, reason):
    line = quoted(Wanted(PER_MINUTE, lost_on=lost_on), has_911_address=False).lines[0]
    assert (line.setup, line.waived, line.reasons[-1]) == (D(setup), D(waived), reason)
    assert line.amount == D(setup) + line.this_month


@pytest.mark.parametrize(
    ("lost_on", "setup", "reason"),
    [
        (date(2026, 12, 23), "0", "911 recovery fee $1.50: waived, because your 911 service ended 19 days ago."),
        (
            date(2026, 12, 22),
            "1.50",
            "911 recovery fee, once: $1.50. It is waived for 19 days, and your 911 service ended 20 days ago.",
        ),
        # Long ago: it explains nothing any more.
        (date(2026, 11, 27), "1.50", "911 recovery fee, once: $1.50."),
    ],
)
def test_the_fee_of_911_for_who_had_it_before(lost_on, setup, reason):
    line = quoted(FIVE_HUNDRED, holding=Holding(lost_911_on=lost_on)).lines[-1]
    assert (line.product, line.setup, line.reasons[1]) == (E911, D(setup), reason)


@pytest.mark.parametrize(
    ("lost_on", "once"), [(None, "$1.50 once and $1.50 a month"), (MID, "without its recovery fee, for $1.50 a month")]
)
def test_the_note_on_911_knows_of_the_waiver(lost_on, once):
    found = quoted(PER_MINUTE, holding=Holding(lost_911_on=lost_on), has_911_address=None)
    assert once in found.notes[0]


def test_a_plan_that_is_ending_is_replaced_today():
    holding = Holding(plan=BASIC, plan_ends_on=date(2027, 1, 31), has_911=True)
    assert quoted(FIVE_HUNDRED, holding=holding).lines[0].reasons[-1] == (
        "Replaces your rate plan Basic, which ends today and not on 31 January 2027; "
        "what was paid for it is not paid back."
    )


def test_a_plan_that_is_ending_is_kept_and_not_ordered_again():
    holding = Holding(plan=BASIC, plan_ends_on=date(2027, 1, 31), has_911=True)
    assert quoted(BASIC, holding=holding).problems == (
        "Basic is yours until 31 January 2027. To keep it, take its cancellation back on My Account, "
        "and remove it from the cart.",
    )
