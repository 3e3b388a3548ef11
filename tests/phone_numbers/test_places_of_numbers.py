"""Which place a number may belong to."""

import pytest

from phone_numbers.models import RateCenter
from phone_numbers.places_of_numbers import Prefixes, why_not_at
from tests.factories import RegionFactory
from tests.phone_numbers.conftest import place


@pytest.fixture
def areas(places, new_york) -> dict[str, RateCenter]:
    """With all of 313 as Detroit, and Dearborn in it; Menands has no prefix."""
    michigan = RegionFactory(code="MI", name="Michigan")
    more = [
        place(michigan, "Detroit", "1313", "1313222"),
        place(michigan, "Dearborn", "1313271"),
        place(new_york, "Menands"),
    ]
    return places | {made.name: made for made in more}


@pytest.mark.parametrize(
    ("digits", "name", "problem"),
    [
        ("15182070100", "Albany", ""),
        ("15185550100", "Albany", ""),
        ("15185550100", "Menands", ""),
        ("15182070100", "Menands", "(518) 207-0100 is a number of Albany, NY, and not of Menands, NY."),
        ("17182090100", "Albany", "(718) 209-0100 is a number of Brooklyn, NY, and not of Albany, NY."),
        ("19054250100", "Albany", "(905) 425-0100 is a number of Brooklin, ON, and not of Albany, NY."),
        ("13135550100", "Detroit", ""),
        ("13135550100", "Dearborn", ""),
        ("13132710100", "Detroit", "(313) 271-0100 is a number of Dearborn, MI, and not of Detroit, MI."),
        ("13132220100", "Dearborn", "(313) 222-0100 is a number of Detroit, MI, and not of Dearborn, MI."),
        ("13135550100", "Albany", "(313) 555-0100 is a number of Detroit, MI, and not of Albany, NY."),
        ("18005550100", "Toll-free", ""),
        ("18005550100", "Albany", "(800) 555-0100 is a toll-free number, and not one of Albany, NY."),
        ("15182070100", "Toll-free", "(518) 207-0100 is not a toll-free number. It is one of Albany, NY."),
        ("15185550100", "Toll-free", "(518) 555-0100 is not a toll-free number."),
        ("442079460000", "London", ""),
        ("441632960000", "London", ""),
        ("442079460000", "Albany", "+44 20 7946 0000 is not a number of the country that Albany, NY is in."),
        (
            "15182070100",
            "London",
            "(518) 207-0100 is not a number of the country that London, United Kingdom is in.",
        ),
    ],
)
def test_a_number_belongs_where_its_longest_known_prefix_does(areas, digits, name, problem):
    assert why_not_at(areas[name], digits=digits) == problem
    # Asked for one number or for a file, the answer is the same.
    everywhere = Prefixes((prefix.digits, each) for each in areas.values() for prefix in each.prefixes.all())
    assert why_not_at(areas[name], digits=digits, prefixes=everywhere) == problem


@pytest.mark.parametrize("prefixes", [1, 3])
def test_one_query(new_york, django_assert_num_queries, prefixes):
    albany = place(new_york, "Albany", *(f"151820{number}" for number in range(prefixes)))
    with django_assert_num_queries(1):
        assert why_not_at(albany, digits="15182000100") == ""
