"""Places where staff should get more numbers."""

import pytest

from phone_numbers import stock
from phone_numbers.models import Offering, PhoneNumber, RateCenter
from tests.staff.desk import NOON, back_order, place_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]


def low() -> list[tuple[str, int]]:
    return [(place.name, place.available) for place in RateCenter.objects.running_low().fewest_first()]


@pytest.mark.parametrize(
    ("numbers", "listed", "waiting", "found"),
    [
        (5, [], 0, []),
        (4, [], 0, [("Troy", 4)]),
        (1, [], 0, [("Troy", 1)]),
        # It never had one, and nobody has asked.
        (0, [], 0, []),
        (0, ["dirt-cheap"], 0, [("Troy", 0)]),
        (5, ["dirt-cheap", "dollar-unlimited"], 0, []),
        (0, [], 1, [("Troy", 0)]),
        (5, [], 1, [("Troy", 4)]),
        (2, [], 3, [("Troy", 0)]),
        (8, [], 3, []),
    ],
)
def test_what_runs_low(alice, numbers, listed, waiting, found):
    place = place_with(numbers, "Troy", *listed)
    for _ in range(waiting):
        back_order(alice, at=NOON, place=place)
    assert low() == found
    # Counted up or not.
    stock.count_up()
    assert low() == found


def test_what_is_held_or_given_away_is_not_left(alice):
    place = place_with(5, "Troy")
    PhoneNumber.objects.filter(pk=place.numbers.first().pk).update(state="assigned", holder=alice)
    assert low() == [("Troy", 4)]


def test_the_fewest_come_first():
    for name, numbers in (("Utica", 3), ("Troy", 1), ("Rome", 3), ("Albany", 9)):
        place_with(numbers, name)
    place_with(0, "Ithaca", "dirt-cheap")
    assert low() == [("Ithaca", 0), ("Troy", 1), ("Rome", 3), ("Utica", 3)]
    assert Offering.objects.count() == 1
