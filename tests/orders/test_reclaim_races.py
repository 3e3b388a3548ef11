"""A lost number that several hands reach for at once: real threads on the real database. One wins, or nobody."""

import pytest

from accounts.models import Account
from billing import audit
from billing.models import Service
from orders import reorder
from orders.models import CartLine, Order
from phone_numbers import stock
from phone_numbers.models import PhoneNumber
from tests.orders.checkouts import balance, confirmation, place
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.losing import DAY_44, DAY_45, FIFTH, a_number, click, get_back, lose
from tests.orders.test_back_order_races import all_at_once
from tests.orders.waiting import quote_of

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customer(transactional_db, alice, catalog, taxes) -> Account:
    credit(alice, "500")
    return live_at_the_billing_address(alice)


@pytest.fixture
def number(customer) -> Service:
    return lose(a_number(customer, "15185550123"))


def holders() -> list[tuple[str, int | None]]:
    return list(PhoneNumber.objects.values_list("state", "holder"))


def test_two_checkouts_of_one_reclaim(customer, number):
    """Eight windows with a confirmation each: one order, paid once."""
    get_back(customer, number, now=FIFTH)
    total = quote_of(customer, now=FIFTH).total
    answers = all_at_once(*[lambda: place(customer, now=FIFTH, total=total)] * 8)
    assert sum(isinstance(each, Order) for each in answers) == 1
    assert (Service.objects.filter(reclaims=number).count(), balance(customer)) == (1, 500 - total)
    assert (holders(), list(audit.differences())) == ([("assigned", customer.pk)], [])


def test_one_click_in_eight_windows(customer, number):
    all_at_once(*[lambda: click(customer, now=FIFTH)] * 8)
    assert list(CartLine.objects.values_list("reclaims", flat=True)) == [number.pk]


@pytest.mark.parametrize("_round", range(5))
def test_staff_who_take_it_out_meanwhile(customer, number, _round):
    get_back(customer, number, now=FIFTH)
    total = quote_of(customer, now=FIFTH).total
    numbers = PhoneNumber.objects.filter(pk=number.phone_number_id)
    ordered, taken_out = all_at_once(
        lambda: place(customer, now=FIFTH, total=total), lambda: stock.take_out(numbers, note="Misdialled")
    )
    won = isinstance(ordered, Order)
    assert (won, taken_out) in [(True, 0), (False, 1)]
    assert holders() == [("assigned", customer.pk) if won else ("out", None)]
    assert balance(customer) == (500 - total if won else 500)
    assert CartLine.objects.count() == (0 if won else 1)


@pytest.mark.parametrize("_round", range(5))
def test_the_job_that_returns_it_to_stock_meanwhile(customer, number, _round):
    """An order of day 44 that is carried out as day 45 begins."""
    get_back(customer, number, now=DAY_44)
    total = quote_of(customer, now=DAY_44).total
    ordered, returned = all_at_once(
        lambda: place(customer, now=DAY_44, total=total),
        lambda: stock.return_to_stock(today=DAY_45.date()),
    )
    won = isinstance(ordered, Order)
    assert (won, returned) in [(True, 0), (False, 1)]
    assert holders() == [("assigned", customer.pk) if won else ("in_stock", None)]
    assert balance(customer) == (500 - total if won else 500)


def test_an_order_and_its_repetition_bring_it_back_once(customer, number):
    """The same confirmation sent eight times."""
    get_back(customer, number, now=FIFTH)
    same = confirmation(customer, total=quote_of(customer, now=FIFTH).total)
    orders = all_at_once(*[lambda: place(customer, now=FIFTH, total=same.total, token=same.token)] * 8)
    assert len({order.pk for order in orders}) == 1
    assert Service.objects.filter(reclaims=number).count() == 1


def test_nobody_gets_it_back_twice_by_two_ways(customer, number):
    """One window reclaims it by itself while another presses the link; both land in the one cart."""
    all_at_once(
        lambda: click(customer, now=FIFTH),
        lambda: get_back(customer, number, now=FIFTH),
    )
    place(customer, now=FIFTH, total=quote_of(customer, now=FIFTH).total)
    assert Service.objects.filter(reclaims=number).count() == 1
    with pytest.raises(reorder.NothingToReorder):
        click(customer, now=FIFTH)
