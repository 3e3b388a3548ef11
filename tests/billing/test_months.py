"""The calendar that money follows (domain.md §5)."""

from datetime import date
from decimal import Decimal

import pytest

from billing import months


@pytest.mark.parametrize(
    ("today", "left", "last"),
    [
        (date(2027, 1, 1), 31, date(2027, 1, 31)),
        (date(2027, 1, 11), 21, date(2027, 1, 31)),
        (date(2027, 1, 31), 1, date(2027, 1, 31)),
        (date(2027, 2, 1), 28, date(2027, 2, 28)),
        (date(2028, 2, 28), 2, date(2028, 2, 29)),
        (date(2028, 2, 29), 1, date(2028, 2, 29)),
        (date(2027, 4, 30), 1, date(2027, 4, 30)),
        (date(2027, 12, 31), 1, date(2027, 12, 31)),
    ],
)
def test_days_left_count_today(today, left, last):
    assert (months.days_left(today), months.last_day(today)) == (left, last)


@pytest.mark.parametrize(
    ("monthly", "today", "charged"),
    [
        ("6.95", date(2027, 1, 1), "6.95"),
        ("6.95", date(2027, 1, 11), "4.71"),  # 6.95 * 21 / 31 = 4.7081
        ("6.95", date(2027, 1, 31), "0.22"),  # 0.2242
        ("1.50", date(2027, 2, 28), "0.05"),  # 0.0536
        ("1.95", date(2027, 4, 16), "0.98"),  # 0.975: half goes up
        ("0.00", date(2027, 4, 16), "0.00"),
        ("29.95", date(2028, 2, 29), "1.03"),  # 1.0328 of a leap February
    ],
)
def test_the_rest_of_a_month_is_prorated_half_up(monthly, today, charged):
    assert months.rest_of_month(Decimal(monthly), today) == Decimal(charged)


@pytest.mark.parametrize(
    ("today", "paid_until"),
    [
        (date(2027, 1, 26), date(2027, 1, 31)),
        (date(2027, 1, 27), date(2027, 2, 28)),
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2027, 12, 27), date(2028, 1, 31)),
        (date(2028, 1, 27), date(2028, 2, 29)),
        (date(2027, 2, 26), date(2027, 2, 28)),
        (date(2027, 2, 27), date(2027, 3, 31)),
    ],
)
def test_from_the_27th_the_next_month_is_paid_too(today, paid_until):
    assert months.paid_until(today) == paid_until


@pytest.mark.parametrize(
    ("paid_to", "renews_on"),
    [
        (date(2027, 1, 31), date(2027, 1, 27)),
        (date(2027, 2, 28), date(2027, 2, 27)),
        (date(2028, 2, 29), date(2028, 2, 27)),
    ],
)
def test_a_service_renews_on_the_27th_of_its_last_month(paid_to, renews_on):
    assert months.renews_on(paid_to) == renews_on
