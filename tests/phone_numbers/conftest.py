"""Places for the tests of the coverage tool."""

import pytest

from phone_numbers.models import Prefix, RateCenter, Region
from tests.factories import PhoneNumberFactory, RegionFactory


def place(region: Region, name: str, *prefixes: str, numbers: int = 0, **more: object) -> RateCenter:
    """A place with prefixes, country's code first, and so many numbers in stock."""
    made = RateCenter.objects.create(region=region, name=name, **more)
    Prefix.objects.bulk_create(Prefix(rate_center=made, digits=digits) for digits in prefixes)
    PhoneNumberFactory.create_batch(numbers, rate_center=made)
    return made


@pytest.fixture
def new_york(db) -> Region:
    return RegionFactory()


@pytest.fixture
def ontario(db) -> Region:
    return RegionFactory(country="CA", code="ON", name="Ontario")


@pytest.fixture
def britain(db) -> Region:
    return RegionFactory(country="GB", code="GB", name="United Kingdom")


@pytest.fixture
def toll_free(db) -> RateCenter:
    region = RegionFactory(country="US", code="TF", name="Toll-free")
    return place(region, "Toll-free", "1800", "1888", is_toll_free=True)


@pytest.fixture
def places(new_york, ontario, britain, toll_free) -> dict[str, RateCenter]:
    """Albany with three numbers in stock, and places without any."""
    made = [
        place(new_york, "Albany", "1518207", "1518209", latitude=42.65, longitude=-73.75, numbers=3),
        place(new_york, "Brooklyn", "1347221", "1718209", "1718210", latitude=40.65, longitude=-73.95),
        place(ontario, "Brooklin", "1905425"),
        place(ontario, "New Albany", "1905999"),
        place(britain, "London", "4420"),
        toll_free,
    ]
    return {made.name: made for made in made}
