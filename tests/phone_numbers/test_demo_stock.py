"""The demo has numbers in many places, none in others, and nowhere but in development."""

import pytest
from django.core.management import CommandError, call_command

from callcentric import clock
from catalog.models import Product
from phone_numbers.models import Offering, PhoneNumber, Prefix, RateCenter, StockChange
from tests.factories import RateCenterFactory, RegionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def places(catalog) -> None:
    def place(name: str, *digits: str, **more: object) -> RateCenter:
        made = RateCenterFactory(name=name, **more)
        Prefix.objects.bulk_create(Prefix(rate_center=made, digits=each) for each in digits)
        return made

    # 200 has no numbers, 201 has 13; the others belong to places that surely have some.
    place("None", "1200207")
    place("Large", "1201207", "1201208", "1201209")
    place("Middle", "1201210", "1201211")
    place("Small", "1201212")
    place("Buffalo", *[f"17162{number:02}" for number in range(20)])
    niagara = place("Niagara Falls", "1716331")
    place("Troy", "1518207", "1518208")
    place("Albany", "1518209")
    place("Brooklyn", "1718207")
    place("Toronto", "1416", region=RegionFactory(country="CA", code="ON", name="Ontario"))
    place("London", "4420", region=RegionFactory(country="GB", code="GB", name="United Kingdom"))
    free = RegionFactory(code="TF", name="Toll-free")
    place("Toll-free", "1800", "1888", region=free, is_toll_free=True)
    Offering.objects.create(product=Product.objects.get(code="dirt-cheap"), rate_center=niagara)


def in_stock() -> dict[str, int]:
    return {place.name: place.stock for place in RateCenter.objects.with_stock() if place.stock}


def test_large_places_have_many_numbers_and_some_have_none(places, capsys):
    call_command("load_demo_stock")
    few = {"Large": 7, "Middle": 3, "Small": 2}
    stocked = few | {"Niagara Falls": 50, "Albany": 50, "Troy": 25, "Brooklyn": 50, "Toronto": 50, "Toll-free": 50}
    assert in_stock() == stocked
    assert capsys.readouterr().out == f"Demo stock: {sum(stocked.values()):,} numbers added.\n"
    albany = PhoneNumber.objects.filter(rate_center__name="Albany").order_by("digits")
    assert [number.digits for number in albany] == [f"1518555{number:04}" for number in range(100, 150)]
    troy = PhoneNumber.objects.filter(rate_center__name="Troy").order_by("digits")
    assert (troy[0].digits, troy.last().digits) == ("15185550150", "15185550174")
    assert PhoneNumber.objects.exclude(digits__regex=r"^1\d{3}55501\d\d$").count() == 0
    assert PhoneNumber.objects.filter(in_stock_since__gte=clock.today()).count() == 0
    # Counted up, so that reading it is quick.
    assert StockChange.objects.count() == 0


def test_it_can_run_again_and_changes_nothing(places, alice, capsys):
    call_command("load_demo_stock")
    before = in_stock()
    taken = PhoneNumber.objects.filter(rate_center__name="Albany").order_by("digits").first()
    PhoneNumber.objects.filter(pk=taken.pk).update(state=PhoneNumber.State.ASSIGNED, holder=alice)
    call_command("load_demo_stock")
    assert capsys.readouterr().out.splitlines()[-1] == "Demo stock: 0 numbers added."
    assert in_stock() == {**before, "Albany": 49}
    taken.refresh_from_db()
    assert taken.holder == alice


def test_without_coverage_there_is_nothing_to_do(db, capsys):
    call_command("load_demo_stock")
    assert capsys.readouterr().out == "Demo stock: 0 numbers added.\n"


def test_it_is_refused_outside_development(places, settings):
    settings.PORTAL_DEV = False
    with pytest.raises(CommandError, match="they exist in development only"):
        call_command("load_demo_stock")
    assert PhoneNumber.objects.count() == 0
