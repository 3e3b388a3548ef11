"""How long a number takes where none is in stock."""

from datetime import date, datetime, timedelta

import pytest

from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from phone_numbers.models import BackOrder, RateCenter, WaitTime
from phone_numbers.waits import Wait, business_days, late, waiting_longer, waits_at
from tests.conftest import TODAY
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory

NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=BUSINESS_ZONE)


@pytest.fixture
def table(db) -> None:
    for country, shortest, longest in (("US", 3, 10), ("CA", 4, 9), ("", 10, 30)):
        WaitTime.objects.create(country=country, shortest=shortest, longest=longest)


@pytest.fixture
def albany(table) -> RateCenter:
    return RateCenterFactory()


@pytest.fixture
def filled(alice, catalog):
    """Back-orders at a place that took so many business days each, one day apart, the newest last."""

    def fill(place: RateCenter, *waited: int, last: datetime = NOON) -> None:
        product = Product.objects.get(code="pay-per-minute")
        for number, days in enumerate(waited):
            BackOrder.objects.create(
                account=alice,
                product=product,
                rate_center=place,
                state=BackOrder.State.FILLED,
                phone_number=PhoneNumberFactory(rate_center=place),
                closed_at=last - timedelta(days=len(waited) - 1 - number),
                waited=days,
            )

    return fill


@pytest.fixture
def waits_since(alice, catalog):
    """An order at a place that waits since noon of a day."""

    def wait(place: RateCenter, day: date) -> BackOrder:
        product = Product.objects.get(code="pay-per-minute")
        ordered_at = datetime(day.year, day.month, day.day, 12, tzinfo=BUSINESS_ZONE)
        return BackOrder.objects.create(account=alice, product=product, rate_center=place, ordered_at=ordered_at)

    return wait


def wait_at(place: RateCenter) -> Wait:
    return waits_at([place], today=TODAY)[place.pk]


def test_the_table_says_it_by_country(albany):
    toronto = RateCenterFactory(region=RegionFactory(country="CA", code="ON"), name="Toronto")
    cork = RateCenterFactory(region=RegionFactory(country="IE", code="IE"), name="Cork")
    waits = waits_at([albany, toronto, cork], today=TODAY)
    assert waits == {albany.pk: Wait(3, 10), toronto.pk: Wait(4, 9), cork.pk: Wait(10, 30)}


def test_an_empty_table_promises_nothing_early(db):
    assert wait_at(RateCenterFactory()) == Wait(10, 30)


def test_no_places_no_waits(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert waits_at([], today=TODAY) == {}


@pytest.mark.parametrize(
    ("waited", "wait"),
    [((4, 6), Wait(3, 10)), ((4, 6, 5), Wait(4, 6, 3)), ((2, 2, 2, 2), Wait(2, 2, 4))],
)
def test_three_orders_of_our_own_say_more_than_the_table(albany, filled, waited, wait):
    filled(albany, *waited)
    assert wait_at(albany) == wait


def test_only_the_newest_twenty_count(albany, filled):
    filled(albany, 99, 99, *[5] * 19, 7)
    assert wait_at(albany) == Wait(5, 7, 20)


def test_only_the_last_year_counts(albany, filled):
    filled(albany, 4, 5, 6, last=NOON - timedelta(days=366))
    assert wait_at(albany) == Wait(3, 10)
    filled(albany, 8, last=NOON - timedelta(days=365))
    assert wait_at(albany) == Wait(3, 10)
    filled(albany, 8, 9)
    assert wait_at(albany) == Wait(8, 9, 3)


def test_other_places_and_other_ends_do_not_count(albany, filled, alice):
    filled(RateCenterFactory(name="Troy"), 1, 1, 1)
    filled(albany, 4, 5)
    product = Product.objects.get(code="pay-per-minute")
    withdrawn = {"state": BackOrder.State.WITHDRAWN, "closed_at": NOON}
    for more in (withdrawn, {}):
        BackOrder.objects.create(account=alice, product=product, rate_center=albany, **more)
    assert wait_at(albany) == Wait(3, 10)


@pytest.mark.parametrize("places", [1, 3])
def test_two_queries_for_any_number_of_places(albany, filled, places, django_assert_num_queries):
    made = [RateCenterFactory(name=f"Town {number}") for number in range(places)]
    for place in made:
        filled(place, 1, 2, 3)
    with django_assert_num_queries(2):
        assert waits_at(made, today=TODAY) == {place.pk: Wait(1, 3, 3) for place in made}


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (Wait(3, 10), "3–10 business days"),
        (Wait(4, 6, 5), "4–6 business days, from our last 5 orders here"),
        (Wait(2, 2, 3), "2 business days, from our last 3 orders here"),
        (Wait(1, 1), "1 business day"),
        # Filled on the same day.
        (Wait(0, 0, 3), "1 business day, from our last 3 orders here"),
        (Wait(0, 1), "1 business day"),
        (Wait(0, 2), "1–2 business days"),
    ],
)
def test_a_wait_in_words(wait, words):
    assert wait.words == words


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2027, 1, 11), date(2027, 1, 11), 0),
        (date(2027, 1, 11), date(2027, 1, 12), 1),
        # Monday to Friday, to the weekend, to the next Monday.
        (date(2027, 1, 11), date(2027, 1, 15), 4),
        (date(2027, 1, 11), date(2027, 1, 17), 4),
        (date(2027, 1, 11), date(2027, 1, 18), 5),
        # From a Saturday.
        (date(2027, 1, 16), date(2027, 1, 17), 0),
        (date(2027, 1, 16), date(2027, 1, 18), 1),
        (date(2027, 1, 1), date(2027, 12, 31), 260),
        (date(2027, 1, 12), date(2027, 1, 11), 0),
    ],
)
def test_business_days(start, end, days):
    assert business_days(start, end) == days


@pytest.mark.parametrize(
    ("than", "ordered_on", "is_longer"),
    [
        # Today is Monday, 11 January: the Friday before is one business day ago, as Saturday and Sunday are.
        (0, date(2027, 1, 11), False),
        (0, date(2027, 1, 10), True),
        (0, date(2027, 1, 8), True),
        (1, date(2027, 1, 8), False),
        (1, date(2027, 1, 7), True),
        (3, date(2027, 1, 6), False),
        (3, date(2027, 1, 5), True),
        (10, date(2026, 12, 28), False),
        (10, date(2026, 12, 27), True),
    ],
)
def test_what_waits_longer_than_so_many_business_days(waits_since, albany, than, ordered_on, is_longer):
    waiting = waits_since(albany, ordered_on)
    assert (business_days(ordered_on, TODAY) > than) == is_longer
    assert list(waiting_longer(than, today=TODAY)) == ([waiting] if is_longer else [])


@pytest.mark.parametrize(
    ("country", "business_days_ago", "is_late"), [("US", 10, False), ("US", 11, True), ("IE", 11, False)]
)
def test_late_is_what_waits_longer_than_its_place_says(waits_since, table, country, business_days_ago, is_late):
    place = RateCenterFactory(region=RegionFactory(country=country, code=country[:2]), name="Here")
    day = TODAY
    while business_days(day, TODAY) < business_days_ago:
        day -= timedelta(days=1)
    waiting = waits_since(place, day)
    assert list(late(today=TODAY)) == ([waiting] if is_late else [])


def test_where_our_own_orders_took_longer_it_is_late_later(waits_since, albany, filled):
    filled(albany, 12, 14, 15)
    waits_since(albany, TODAY - timedelta(days=19))
    assert (wait_at(albany).longest, list(late(today=TODAY))) == (15, [])


def test_what_does_not_wait_any_more_is_not_late(waits_since, albany):
    waiting = waits_since(albany, TODAY - timedelta(days=29))
    BackOrder.objects.filter(pk=waiting.pk).update(state=BackOrder.State.WITHDRAWN, closed_at=NOON)
    assert (list(late(today=TODAY)), list(waiting_longer(0, today=TODAY))) == ([], [])
