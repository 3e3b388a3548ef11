"""Which places and numbers answer a question, what is sold at a place, and what the database holds of places."""

from datetime import date

import pytest
from django.db import IntegrityError

from catalog.models import Product
from phone_numbers import coverage
from phone_numbers.models import BackOrder, Offering, PhoneNumber, RateCenter, WaitTime, regions_with_available
from phone_numbers.questions import understand
from phone_numbers.stock import count_up
from tests.conftest import TODAY
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory
from tests.phone_numbers.conftest import place

EVERYWHERE = ["pay-per-minute", "personal-unlimited", "office-unlimited", "service-provider-unlimited"]


def found(text: str) -> list[str]:
    return [str(place) for place in coverage.places(understand(text)).select_related("region")]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("brook", ["Brooklin, ON", "Brooklyn, NY"]),
        ("albany", ["Albany, NY", "New Albany, ON"]),
        ("albany, ny", ["Albany, NY"]),
        ("Albany, New York", ["Albany, NY"]),
        ("Albany,", ["Albany, NY", "New Albany, ON"]),
        ("Albany, TX", []),
        ("on", ["Brooklin, ON", "New Albany, ON", "London, United Kingdom"]),
        ("GB", ["London, United Kingdom"]),
        ("New York", ["Albany, NY", "Brooklyn, NY"]),
        ("United Kingdom", ["London, United Kingdom"]),
        ("718", ["Brooklyn, NY"]),
        ("7182", ["Brooklyn, NY"]),
        ("718-210-0100", ["Brooklyn, NY"]),
        ("718-555", []),
        ("800", ["Toll-free"]),
        ("888-555-0100", ["Toll-free"]),
        ("+44", ["London, United Kingdom"]),
        ("+44 20 7946 0123", ["London, United Kingdom"]),
        ("12207", ["Albany, NY"]),
        ("ends 0142", []),
        ("%", []),
    ],
)
def test_places_are_found_by_name_state_prefix_and_zip_code(places, text, answer):
    assert found(text) == answer


@pytest.fixture
def spellings(new_york, ontario, britain) -> None:
    """Places whose names people spell in more ways than one."""
    missouri = RegionFactory(code="MO", name="Missouri")
    washington = RegionFactory(code="WA", name="Washington")
    quebec = RegionFactory(country="CA", code="QC", name="Quebec")
    places_in = {
        new_york: ["Brooklyn", "Albany", "New York", "Port Washington", "Mount Vernon"],
        ontario: ["Toronto", "Sault Ste. Marie", "Fort Erie"],
        britain: ["London"],
        missouri: ["Lake Saint Louis", "St. Louis", "Kansas City"],
        washington: ["Port Townsend"],
        quebec: ["Montréal", "Sacré-Cœur", "Saint-Jean-sur-Richelieu"],
    }
    for region, names in places_in.items():
        for name in names:
            place(region, name)


ST_LOUIS = ["St. Louis, MO", "Lake Saint Louis, MO"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Brooklyn NY", ["Brooklyn, NY"]),
        ("brooklyn new york", ["Brooklyn, NY"]),
        ("Brooklyn, NY, USA", ["Brooklyn, NY"]),
        ("Brooklyn NY USA", ["Brooklyn, NY"]),
        ("Brooklyn, NY United States", ["Brooklyn, NY"]),
        ("Albany NY", ["Albany, NY"]),
        ("Albany MO", []),
        ("Toronto Ontario", ["Toronto, ON"]),
        ("Toronto Ontario Canada", ["Toronto, ON"]),
        ("Toronto, Canada", ["Toronto, ON"]),
        ("Toronto on", ["Toronto, ON"]),
        ("london uk", ["London, United Kingdom"]),
        ("London, England", ["London, United Kingdom"]),
        ("london united kingdom", ["London, United Kingdom"]),
        ("London Ontario", []),
        ("St Louis", ST_LOUIS),
        ("St. Louis", ST_LOUIS),
        ("Saint Louis, MO", ST_LOUIS),
        ("saint louis missouri", ST_LOUIS),
        ("Kansas City MO", ["Kansas City, MO"]),
        ("Sault Sainte Marie", ["Sault Ste. Marie, ON"]),
        ("Sault Ste Marie ON", ["Sault Ste. Marie, ON"]),
        ("Mt Vernon", ["Mount Vernon, NY"]),
        ("Mt. Vernon NY", ["Mount Vernon, NY"]),
        ("Ft Erie", ["Fort Erie, ON"]),
        ("Montréal", ["Montréal, QC"]),
        ("Montreal", ["Montréal, QC"]),
        ("MONTREAL QUÉBEC", ["Montréal, QC"]),
        ("sacre coeur", ["Sacré-Cœur, QC"]),
        ("St Jean sur Richelieu", ["Saint-Jean-sur-Richelieu, QC"]),
        ("NYC", ["New York, NY"]),
        ("nyc, ny", ["New York, NY"]),
        ("New York City", ["New York, NY"]),
        ("Port Washington", ["Port Washington, NY"]),
        ("Port Townsend Washington", ["Port Townsend, WA"]),
        ("Port, Washington", ["Port Townsend, WA"]),
        ("UK", ["London, United Kingdom"]),
        ("\N{RIGHT SINGLE QUOTATION MARK}", []),
        (",", []),
    ],
)
def test_places_are_found_however_they_are_spelled(spellings, text, answer):
    found_first = found(text)
    # "New York" is the state too: the rest of it comes after the city.
    assert (found_first[:1] if answer == ["New York, NY"] else found_first) == answer


def test_a_place_that_staff_rename_is_found_by_its_new_name(new_york):
    made = place(new_york, "Saint John")
    RateCenter.objects.filter(pk=made.pk).update(name="Sté. Ánna's")
    assert (found("ste annas"), found("St John")) == (["Sté. Ánna's, NY"], [])


def test_a_town_without_a_comma_is_located(places):
    assert coverage.alternatives(understand("menands new york")).near == "Menands, NY"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("ends 0142", ["(518) 555-0142"]),
        ("ends 42", ["(518) 555-0142", "(518) 555-1142"]),
        ("518-555", ["(518) 555-0142", "(518) 555-1142"]),
        ("(518) 555-1142", ["(518) 555-1142"]),
        ("518", []),
        ("518-556", []),
        ("ends 0143", []),
        ("Albany", []),
    ],
)
def test_numbers_are_found_by_how_they_begin_and_end(new_york, text, answer):
    albany = place(new_york, "Albany", "1518")
    for digits in ("15185551142", "15185550142"):
        PhoneNumberFactory(digits=digits, rate_center=albany)
    PhoneNumberFactory(digits="15185550143", rate_center=albany, state=PhoneNumber.State.OUT)
    assert [str(number) for number in coverage.numbers(understand(text))] == answer


def test_numbers_that_others_wait_for_are_not_shown(new_york, alice, catalog):
    albany = place(new_york, "Albany")
    PhoneNumberFactory(digits="15185550142", rate_center=albany)
    wait_for_one(albany, alice)
    assert coverage.numbers(understand("ends 0142")) == []


def test_numbers_that_others_wait_for_do_not_hide_those_for_sale(new_york, alice, catalog, monkeypatch):
    monkeypatch.setattr(coverage, "NUMBERS_SHOWN", 2)
    albany, troy = place(new_york, "Albany"), place(new_york, "Troy")
    # Wherever a search begins, those of Albany come first.
    for digits in ("15185550142", "15185560142", "15185580142", "15185590142"):
        PhoneNumberFactory(digits=digits, rate_center=albany)
        wait_for_one(albany, alice)
    for digits in ("15185570142", "15185571142"):
        PhoneNumberFactory(digits=digits, rate_center=troy)
    # One of them is promised, and one is not.
    wait_for_one(troy, alice)
    found = [number.digits for number in coverage.numbers(understand("ends 142"))]
    assert found == ["15185570142", "15185571142"]


@pytest.mark.parametrize(
    ("text", "similar", "near", "nearest"),
    [
        ("Brookling", ["Brooklin, ON", "Brooklyn, NY"], "", []),
        ("Menands", [], "Menands, NY", ["Albany, NY"]),
        ("718-555", ["Brooklyn, NY"], "", []),
        ("291", [], "", []),
        ("90210", [], "Beverly Hills, CA 90210", ["Albany, NY"]),
        ("00000", [], "", []),
        ("ends 0142", [], "", []),
        ("Xyzzy", [], "", []),
    ],
)
def test_where_there_is_no_coverage_something_else_is_offered(places, text, similar, near, nearest):
    offered = coverage.alternatives(understand(text))
    names = [str(place) for place in offered.similar], offered.near, [str(place) for place in offered.nearest]
    assert names == (similar, near, nearest)


@pytest.mark.parametrize(
    ("count", "words", "css"),
    [
        (0, "none in stock", "none"),
        (1, "fewer than 5", "few"),
        (4, "fewer than 5", "few"),
        (5, "5 to 20", "some"),
        (20, "5 to 20", "some"),
        (21, "more than 20", "many"),
        (100, "more than 20", "many"),
        (101, "more than 100", "plenty"),
        (5_000_000, "more than 100", "plenty"),
    ],
)
def test_stock_is_shown_in_bands(count, words, css):
    assert (str(coverage.band(count)), coverage.band(count).css) == (words, css)


# --- What is sold where -----------------------------------------------------------------------------------------------
def sold(rate_center: RateCenter) -> list[str]:
    products = coverage.sold_at(rate_center, today=TODAY)
    # Asked for all and for each, the answer is the same.
    one_by_one = [each for each in Product.objects.order_by("position") if coverage.is_sold_at(each, rate_center)]
    assert one_by_one == products
    return [product.code for product in products]


def test_limited_products_are_sold_where_they_are_offered(catalog, places):
    Offering.objects.create(product=Product.objects.get(code="dirt-cheap"), rate_center=places["Brooklyn"])
    assert {name: sold(places[name]) for name in ("Albany", "Brooklyn", "Toll-free")} == {
        "Albany": EVERYWHERE,
        "Brooklyn": [*EVERYWHERE, "dirt-cheap"],
        "Toll-free": ["toll-free"],
    }


def test_what_is_withdrawn_is_sold_nowhere(catalog, places):
    Product.objects.filter(code="office-unlimited").update(is_offered=False)
    assert sold(places["Albany"]) == [code for code in EVERYWHERE if code != "office-unlimited"]


def test_what_is_sold_has_its_price(catalog, places):
    first = coverage.sold_at(places["Albany"], today=TODAY)[0]
    assert (first.code, f"{first.monthly:.2f}", f"{first.setup:.2f}") == ("pay-per-minute", "1.95", "3.95")
    assert coverage.sold_at(places["Albany"], today=date(2019, 12, 31)) == []


def wait_for_one(rate_center: RateCenter, account, **more) -> BackOrder:
    product = Product.objects.get(code="pay-per-minute")
    return BackOrder.objects.create(account=account, product=product, rate_center=rate_center, **more)


def test_what_is_in_stock_belongs_first_to_those_who_wait(catalog, places, alice):
    albany, troy = places["Albany"], RateCenterFactory(name="Troy")
    before = coverage.for_sale([albany, troy])
    wait_for_one(albany, alice)
    one_waits = coverage.for_sale([albany, troy])
    for _ in range(3):
        wait_for_one(albany, alice)
    # Where nobody waits, a number that is free without being counted yet may be sold.
    assert (before, one_waits) == ({albany.pk: 3, troy.pk: 0}, {albany.pk: 2, troy.pk: 0})
    assert coverage.for_sale([albany, troy]) == {troy.pk: 0}


def test_counting_up_changes_nothing(places):
    before = {region.key: region.available for region in regions_with_available()}
    count_up()
    assert before == {region.key: region.available for region in regions_with_available()}
    assert before == {"US-NY": 3, "CA-ON": 0, "GB-GB": 0, "US-TF": 0}


def test_a_region_has_what_its_places_have(catalog, places, alice):
    for _ in range(5):
        wait_for_one(places["Brooklyn"], alice)
    wait_for_one(places["Albany"], alice)
    assert {region.key: region.available for region in regions_with_available()}["US-NY"] == 2


def answer(name: str) -> coverage.Answer:
    return coverage.answer_at(RateCenter.objects.to_show().get(name=name), today=TODAY)


def test_a_place_with_numbers_answers_without_a_wait(catalog, places):
    told = answer("Albany")
    assert (str(told.band), told.available, told.wait, told.nearest) == ("fewer than 5", 3, None, [])
    assert [product.code for product in told.products] == EVERYWHERE


def test_a_place_without_numbers_says_how_long_and_where_else(catalog, places):
    WaitTime.objects.create(country="US", shortest=3, longest=10)
    told = answer("Brooklyn")
    assert (str(told.band), told.wait.words) == ("none in stock", "3–10 business days")
    assert [str(place) for place in told.nearest] == ["Albany, NY"]


def test_a_local_area_with_numbers_is_near_enough(catalog, places, new_york):
    place(new_york, "Troy", "1518270", latitude=42.73, longitude=-73.69)
    told = answer("Troy")
    assert ([str(place) for place in told.local.places], told.local.is_estimate) == (["Albany, NY"], True)
    assert told.nearest == []


# --- What the database holds ------------------------------------------------------------------------------------------
def test_one_region_per_country_and_code(new_york):
    with pytest.raises(IntegrityError, match="one_region_per_country_and_code"):
        type(new_york).objects.create(country="US", code="NY", name="Another")


def test_one_rate_center_per_region_and_name(new_york):
    place(new_york, "Albany")
    with pytest.raises(IntegrityError, match="one_rate_center_per_region_and_name"):
        place(new_york, "Albany")


def test_a_prefix_belongs_to_one_place(new_york):
    place(new_york, "Albany", "1518207")
    with pytest.raises(IntegrityError, match="phone_numbers_prefix_digits"):
        place(new_york, "Troy", "1518207")


@pytest.mark.parametrize("digits", ["", "151", "1118207", "1018107", "15182", "151820x", "015182"])
def test_prefix_begins_with_the_country_code(new_york, digits):
    with pytest.raises(IntegrityError, match="prefix_begins_with_the_country_code"):
        place(new_york, "Albany", digits)
