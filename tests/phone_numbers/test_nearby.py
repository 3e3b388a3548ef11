"""Numbers near a town or a ZIP code."""

import pytest

from phone_numbers import stock
from phone_numbers.distances import kilometres_from
from phone_numbers.models import PhoneNumber, RateCenter
from phone_numbers.nearby import Spot, locate, nearest_in_stock
from tests.factories import PhoneNumberFactory, RateCenterFactory

ALBANY = {"latitude": 42.65, "longitude": -73.75}


def place(name: str, latitude: float | None, longitude: float | None, numbers: int = 1) -> RateCenter:
    made = RateCenterFactory(name=name, latitude=latitude, longitude=longitude)
    PhoneNumberFactory.create_batch(numbers, rate_center=made)
    return made


@pytest.mark.django_db
def test_the_nearest_places_with_numbers_are_found():
    place("Troy", 42.73, -73.69, numbers=0)
    place("Utica", 43.10, -75.23)
    place("Schenectady", 42.81, -73.93, numbers=2)
    place("Nowhere", None, None)
    place("Buffalo", 42.88, -78.87)
    # All of its numbers have gone since they were counted.
    place("Cohoes", 42.77, -73.70)
    stock.count_up()
    PhoneNumber.objects.filter(rate_center__name="Cohoes").update(state=PhoneNumber.State.OUT)
    # And this one has its first.
    place("Delmar", 42.62, -73.83)

    found = nearest_in_stock(**ALBANY, limit=3)
    assert [(str(each), each.available, round(each.kilometres)) for each in found] == [
        ("Delmar, NY", 1, 7),
        ("Schenectady, NY", 2, 23),
        ("Utica, NY", 1, 131),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("places", [1, 3])
def test_one_query(places, django_assert_num_queries):
    for number in range(places):
        place(f"Town {number}", 42.6, -73.7)
    with django_assert_num_queries(1):
        assert [str(each) for each in nearest_in_stock(**ALBANY)] == [f"Town {n}, NY" for n in range(places)]


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ("12204", Spot("Albany, NY 12204", 42.6847, -73.7354)),
        (" 12204-0001 ", Spot("Albany, NY 12204", 42.6847, -73.7354)),
        ("Menands, NY", Spot("Menands, NY", 42.6847, -73.7354)),
        ("menands,  new york", Spot("Menands, NY", 42.6847, -73.7354)),
        ("Menands", Spot("Menands, NY", 42.6847, -73.7354)),
        # Many states have one.
        ("Springfield", None),
        ("Menands, VT", None),
        ("Menands, Atlantis", None),
        ("00000", None),
        # Where soldiers are it does not know.
        ("09001", None),
        ("1220", None),
        ("", None),
        (",", None),
        (", NY", None),
        ("'", None),
    ],
)
def test_towns_and_zip_codes_are_located(text, spot):
    assert locate(text) == spot


@pytest.mark.django_db
def test_the_nearest_are_found_among_many_places_with_numbers():
    """More of them than are looked at more closely, and the nearest made last."""
    for number in reversed(range(60)):
        place(f"Town {number:02}", 42.0 + number / 10, -73.0)
    found = nearest_in_stock(latitude=42.0, longitude=-73.0)
    assert [(each.name, round(each.kilometres)) for each in found] == [
        ("Town 00", 0),
        ("Town 01", 11),
        ("Town 02", 22),
        ("Town 03", 33),
        ("Town 04", 44),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("latitude", "longitude"), [(42.0, -73.0), (None, None)])
def test_where_no_coordinates_are_known_there_is_no_distance(latitude, longitude):
    place("Edmonton", None, None)
    distance = kilometres_from(latitude, longitude)
    assert RateCenter.objects.annotate(kilometres=distance).get().kilometres is None
