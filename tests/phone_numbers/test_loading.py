"""Coverage from the libraries' real places."""

import sys
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db.models import Q

from accounts.embargo import FIRST_LIST
from catalog.models import Product
from phone_numbers import gazetteer, loading, towns
from phone_numbers.models import CoverageLoad, LocalCalling, Offering, PhoneNumber, Prefix, RateCenter, Region, WaitTime
from phone_numbers.renaming import rename
from phone_numbers.starting_data import PLACES
from tests.factories import PhoneNumberFactory, RateCenterFactory, hold_number

pytestmark = pytest.mark.django_db


def place(name: str, region: str, country: str = "US") -> RateCenter:
    return RateCenter.objects.get(name=name, region__code=region, region__country=country)


def prefixes(of: RateCenter) -> list[str]:
    return sorted(of.prefixes.values_list("digits", flat=True))


@pytest.fixture
def few_places(monkeypatch):
    """Data as the library has it, of few places."""
    texts = {
        "1207": "Maine",
        "1312": "Chicago, IL",
        "131386": "Detroit, MI",
        "1313862": "Dearborn, MI",
        "1518207": "Albany, NY",
        "1518109": "Albany, NY",
        "1718250": "Downtown Brooklyn, Brooklyn, NY",
        "1970870": "Steamboat Spgs, CO",
        "1416977": "Toronto, ON",
        "4420": "London",
        "4428": "Northern Ireland",
        "441233": "Ashford (Kent)",
        "4414709": "Isle of Mull - Tobermory",
        "4414710": "Isle of Skye - Portree",
        "4414711": "Isle of Skye - Broadford",
        "4412345678": "Too long",
        "8144": "Kawasaki, Kanagawa",
        "6445": "Wellington/Hutt Valley",
        "5355": "Havana",
    }
    # In the place of the module, which takes seconds to import.
    data = SimpleNamespace(GEOCODE_DATA={digits: {"en": text} for digits, text in texts.items()})
    monkeypatch.setitem(sys.modules, "phonenumbers.geodata", data)


# --- All of it, once --------------------------------------------------------------------------------------------------
def test_real_places_are_loaded_once(catalog, capsys, django_assert_num_queries):
    call_command("load_coverage")
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("Coverage: 82 regions, 12,2")
    assert [line.split(": ")[0] for line in out.splitlines() if " is sold in " in line] == [
        "  Dirt Cheap is sold in 12 places",
        "  Dollar Unlimited is sold in 12 places",
    ]
    # A region with nothing in it would be a dead end in the browser of states.
    assert Region.objects.filter(rate_centers=None).count() == 0

    assert place("Brooklyn", "NY").prefixes.filter(digits__startswith="1718").count() > 100
    # "Downtown Brooklyn, Brooklyn, NY" is Brooklyn.
    assert Prefix.objects.get(digits="1718250").rate_center == place("Brooklyn", "NY")
    assert RateCenter.objects.filter(name__contains=",").count() == 0
    assert prefixes(place("Washington", "DC")) == ["1202", "1771"]
    assert prefixes(place("Chicago", "IL")) == ["1312", "1773", "1872"]
    assert str(place("London", "GB", "GB").region) == "United Kingdom"

    free = RateCenter.objects.get(is_toll_free=True)
    assert (str(free), free.region.key) == ("Toll-free", "US-TF")
    assert prefixes(free) == ["1800", "1833", "1844", "1855", "1866", "1877", "1888"]

    # Nearly every US place is on the map, and where it should be.
    places = RateCenter.objects.filter(region__country="US", is_toll_free=False)
    assert places.filter(latitude=None).count() < places.count() * 0.002
    albany = place("Albany", "NY")
    assert (round(albany.latitude), round(albany.longitude)) == (43, -74)
    assert {str(wait.country): str(wait) for wait in WaitTime.objects.all()} == {
        "US": "3–10 business days",
        "CA": "3–10 business days",
        "": "10–30 business days",
    }

    with django_assert_num_queries(1):
        call_command("load_coverage")
    assert capsys.readouterr().out == "Coverage is loaded already.\n"


def test_places_have_names_of_their_own(few_places):
    names = {known.place for known in gazetteer.known_prefixes()}
    north_american = {"Chicago", "Detroit", "Dearborn", "Albany", "Brooklyn", "Steamboat Spgs", "Toronto"}
    further = {"London", "Ashford (Kent)", "Isle of Mull", "Isle of Skye (Portree)", "Isle of Skye (Broadford)"}
    assert names == north_american | further | {"Kawasaki", "Toll-free", "Washington"}

    loading.load_coverage()
    assert set(RateCenter.objects.values_list("name", flat=True)) == names - {"Steamboat Spgs"} | {"Steamboat Springs"}


# --- What is made of the data -----------------------------------------------------------------------------------------
def test_ten_exchanges_stand_behind_one_shorter_prefix(few_places):
    loading.load_coverage()
    assert prefixes(place("Detroit", "MI")) == [f"131386{digit}" for digit in "013456789"]
    assert prefixes(place("Dearborn", "MI")) == ["1313862"]
    # An exchange begins with 2 to 9.
    assert prefixes(place("Albany", "NY")) == ["1518207"]


@pytest.mark.parametrize(
    ("short", "state", "name"),
    [
        ("Steamboat Spgs", "CO", "Steamboat Springs"),
        ("White Slphr Spgs", "MT", "White Sulphur Springs"),
        ("Arlington Hts", "IL", "Arlington Heights"),
        ("Internatl Falls", "MN", "International Falls"),
        ("Cape May Ct Hse", "NJ", "Cape May Court House"),
        ("Hilton Head Isle", "SC", "Hilton Head Island"),
        ("N Little Rock", "AR", "North Little Rock"),
        ("Philcmpbll", "AL", "Phil Campbell"),
        # These are names of their own.
        ("Presque Isle", "ME", "Presque Isle"),
        ("Grand Isle", "LA", "Grand Isle"),
        ("Miss Nowhere", "MS", "Miss Nowhere"),
        ("St. Louis", "MO", "St. Louis"),
    ],
)
def test_abbreviations_are_written_out_where_it_is_sure(short, state, name):
    assert gazetteer.written_out(short, state) == name


@pytest.mark.parametrize(
    ("name", "state", "town"),
    [
        ("St. Louis", "MO", "Saint Louis"),
        ("Saint Louis", "MO", "Saint Louis"),
        ("Winston-Salem", "NC", "Winston Salem"),
        ("Cañon City", "CO", "Canon City"),
        ("Coeur d'Alene", "ID", "Coeur D Alene"),
        ("White Lake Charter Township", "MI", "White Lake"),
        ("Menands", "NY", "Menands"),
        ("Offutt Air Force Base", "NE", "Offutt AFB"),
        ("Albany", "HI", None),
        ("Township", "MI", None),
        ("Menands", "XX", None),
        ("", "NY", None),
    ],
)
def test_towns_are_found_however_they_are_spelled(name, state, town):
    found = towns.find(name=name, state=state)
    assert (found and found.name) == town


def test_no_country_under_embargo_is_covered():
    assert set(PLACES["countries"]) & set(FIRST_LIST) == set()


# --- Again, over what is there ----------------------------------------------------------------------------------------
def test_an_earlier_load_is_brought_up_to_date_and_staffs_work_stays(few_places, catalog):
    loading.load_coverage()
    # As the first version of the portal left it, with the work of staff since.
    RateCenter.objects.filter(name="Steamboat Springs").update(name="Steamboat Spgs", latitude=None, longitude=None)
    Prefix.objects.filter(Q(digits="1718250") | Q(rate_center__is_toll_free=True)).delete()
    Region.objects.get(code="TF").rate_centers.all().delete()
    Region.objects.get(code="TF").delete()
    RateCenter.objects.filter(name="Toronto").update(name="Greater Toronto")
    RateCenter.objects.filter(name="Brooklyn").update(latitude=1, longitude=2)
    WaitTime.objects.filter(country="CA").update(longest=5)
    WaitTime.objects.filter(country="").delete()
    own = RateCenterFactory(name="Our Own")
    Prefix.objects.filter(digits="1518207").update(rate_center=own)
    places, digits = RateCenter.objects.count(), Prefix.objects.count()

    loading.load_coverage()
    springs = place("Steamboat Springs", "CO")
    assert (prefixes(springs), springs.latitude) == (["1970870"], pytest.approx(40.6, abs=0.2))
    assert RateCenter.objects.get(is_toll_free=True).prefixes.count() == 7
    assert prefixes(place("Brooklyn", "NY")) == ["1718250"]
    assert place("Brooklyn", "NY").latitude == 1
    assert prefixes(place("Greater Toronto", "ON", "CA")) == ["1416977"]
    assert prefixes(own) == ["1518207"]
    assert [str(wait) for wait in WaitTime.objects.order_by("country")] == [
        "10–30 business days",
        "3–5 business days",
        "3–10 business days",
    ]
    assert (RateCenter.objects.count(), Prefix.objects.count()) == (places + 1, digits + 8)


def test_a_newer_version_of_the_data_is_noticed(few_places, monkeypatch, capsys):
    loading.load_coverage()
    assert loading.is_loaded() is True
    monkeypatch.setattr(loading, "RULES", loading.RULES + 1)
    assert loading.is_loaded() is False
    call_command("load_coverage")
    assert capsys.readouterr().out.splitlines()[3].startswith("  0 places and 0 prefixes added: ")
    assert (loading.is_loaded(), CoverageLoad.objects.count()) == (True, 2)
    # Asked to, it looks all the same.
    call_command("load_coverage", "--again")
    assert CoverageLoad.objects.count() == 3


def test_coverage_does_not_need_the_catalogue(few_places):
    said = []
    loading.load_coverage(say=said.append)
    assert [line.split(":")[0] for line in said[-2:]] == [
        "  dirt-cheap is not in the catalogue",
        "  dollar-unlimited is not in the catalogue",
    ]
    assert Offering.objects.count() == 0
    call_command("load_catalog", verbosity=0)
    loading.load_coverage()
    assert sorted(str(offering) for offering in Offering.objects.all()) == [
        "Dirt Cheap in Albany, NY",
        "Dirt Cheap in Brooklyn, NY",
        "Dirt Cheap in Chicago, IL",
        "Dirt Cheap in Detroit, MI",
        "Dirt Cheap in Toronto, ON",
        "Dollar Unlimited in Albany, NY",
        "Dollar Unlimited in Brooklyn, NY",
    ]


def test_staff_decide_where_limited_products_are_sold(few_places, catalog):
    loading.load_coverage()
    product = Product.objects.get(code="dirt-cheap")
    product.offerings.exclude(rate_center__name="Albany").delete()
    loading.load_coverage()
    assert [str(offering) for offering in product.offerings.all()] == ["Dirt Cheap in Albany, NY"]


# --- Two places that are one ------------------------------------------------------------------------------------------
def test_everything_moves_where_a_place_of_that_name_exists(catalog, alice):
    new, troy = RateCenterFactory(name="Richfield Springs"), RateCenterFactory(name="Troy")
    old = RateCenterFactory(name="Richfield Spgs")
    PhoneNumberFactory(rate_center=new)
    number = PhoneNumberFactory(rate_center=old)
    taken = PhoneNumberFactory(rate_center=old, state=PhoneNumber.State.ASSIGNED, holder=alice)
    service = hold_number(alice, phone_number=taken)
    Prefix.objects.create(rate_center=old, digits="1315858")
    product = Product.objects.get(code="dirt-cheap")
    for here in (old, new):
        Offering.objects.create(product=product, rate_center=here)
    pairs = [(old, new), (new, old), (old, troy), (new, troy), (troy, old)]
    LocalCalling.objects.bulk_create(LocalCalling(rate_center=here, to=there) for here, there in pairs)

    rename(old, name="Richfield Springs")
    for row in (number, taken, service):
        row.refresh_from_db()
        assert row.rate_center == new
    assert prefixes(new) == ["1315858"]
    assert [offering.rate_center for offering in Offering.objects.all()] == [new]
    assert set(LocalCalling.objects.values_list("rate_center", "to")) == {(new.pk, troy.pk), (troy.pk, new.pk)}
    assert RateCenter.objects.filter(name="Richfield Spgs").exists() is False
    assert RateCenter.objects.with_stock().get(pk=new.pk).stock == 2
