import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import embargo
from accounts.address_rules import postal_code_problem, rules_for, tidy_postal_code
from accounts.addresses import AddressForm, country_choices
from accounts.models import Address
from tests.factories import AddressFactory


def posted(prefix: str = "billing", **values) -> dict[str, str]:
    return {f"{prefix}-{name}": value for name, value in values.items()}


ALBANY = {"country": "US", "street": "1 Test Street", "city": "Albany", "region": "NY", "postal_code": "12207"}


# --- The rules, by table ---


@pytest.mark.parametrize(
    ("country", "order", "optional"),
    [
        ("US", ["street", "city", "region", "postal_code"], set()),
        ("CA", ["street", "city", "region", "postal_code"], set()),
        ("GB", ["street", "city", "postal_code"], set()),
        ("DE", ["street", "postal_code", "city"], set()),
        ("JP", ["street", "region", "postal_code"], set()),
        ("HK", ["street", "city", "region"], {"city"}),
        ("AE", ["street", "region"], set()),
        ("IE", ["street", "city", "region", "postal_code"], {"region", "postal_code"}),
        ("SS", ["street", "city"], set()),
        ("PR", ["street", "city", "postal_code"], set()),
    ],
)
def test_the_country_decides_the_fields(country, order, optional):
    rules = rules_for(country)
    assert list(rules.order) == order
    assert set(order) - rules.required == optional


@pytest.mark.parametrize(
    ("country", "region", "postal_code"),
    [
        ("US", "State", "ZIP code"),
        ("CA", "Province", "Postal code"),
        ("GB", "Province", "Postcode"),
        ("AU", "State", "Postcode"),
        ("IE", "County", "Eircode"),
        ("IN", "State", "PIN code"),
        ("JP", "Prefecture", "Postal code"),
        ("KR", "Province or city", "Postal code"),
        ("AE", "Emirate", "Postal code"),
    ],
)
def test_the_country_decides_the_words(country, region, postal_code):
    labels = rules_for(country).labels
    assert (labels["region"], labels["postal_code"]) == (region, postal_code)


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "problem"),
    [
        ("US", "NY", "12207", ""),
        ("US", "NY", "12207-1234", ""),
        ("US", "", "12207", ""),
        ("US", "NY", "1220", "This is not a US ZIP code, which looks like 95014."),
        ("US", "NY", "90210", "This is not a US ZIP code for New York. Check the ZIP code and the state."),
        ("CA", "ON", "M5V 2T6", ""),
        ("CA", "ON", "12207", "This is not a postal code, which looks like H3Z 2Y7."),
        ("CA", "ON", "V5K 0A1", "This is not a postal code for Ontario. Check the postal code and the province."),
        ("GB", "", "EC1Y 8SY", ""),
        ("GB", "", "12207", "This is not a postcode, which looks like EC1Y 8SY."),
        ("JP", "Tokyo", "154-0023", ""),
        ("HK", "", "whatever", ""),
    ],
)
def test_postal_codes(country, region, postal_code, problem):
    assert postal_code_problem(country=country, region=region, postal_code=postal_code) == problem


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("CA", "m5v2t6", "M5V 2T6"),
        ("CA", "M5V  2T6", "M5V 2T6"),
        ("GB", "ec1y 8sy", "EC1Y 8SY"),
        ("US", "12207", "12207"),
    ],
)
def test_postal_codes_are_tidied(country, typed, kept):
    assert tidy_postal_code(country=country, postal_code=typed) == kept


def test_every_country_has_rules_that_fit_the_columns():
    for country, _ in country_choices():
        rules = rules_for(country)
        assert "street" in rules.order
        assert all(len(value) <= 100 and value.isprintable() for value, _ in rules.regions)
        assert len({value for value, _ in rules.regions}) == len(rules.regions)


def test_regions_are_in_latin_letters():
    assert dict(rules_for("US").regions)["NY"] == "New York"
    assert dict(rules_for("CA").regions)["NS"] == "Nova Scotia"
    assert ("Tokyo", "Tokyo") in rules_for("JP").regions


# --- The form ---


@pytest.mark.django_db
def test_an_address_is_saved_as_typed():
    form = AddressForm(posted(**ALBANY | {"street": " 1  Test Street \r\n\r\n Floor 2 "}))
    assert form.is_valid()
    assert Address.objects.filter(pk=form.save().pk).values().get() | {"id": 0} == {
        "id": 0,
        **ALBANY,
        "street": "1 Test Street\nFloor 2",
    }


@pytest.mark.django_db
def test_what_has_not_changed_is_the_same_row():
    address = AddressFactory()
    form = AddressForm(posted(**ALBANY), initial_address=address)
    assert form.is_valid()
    assert form.save() == address
    assert Address.objects.count() == 1


@pytest.mark.django_db
def test_a_change_is_a_new_row_and_the_old_one_stays():
    address = AddressFactory()
    form = AddressForm(posted(**ALBANY | {"street": "2 Test Street"}), initial_address=address)
    assert form.is_valid()
    assert form.save() != address
    assert sorted(Address.objects.values_list("street", flat=True)) == ["1 Test Street", "2 Test Street"]


@pytest.mark.django_db
def test_another_country_forgets_the_fields_it_has_not():
    form = AddressForm(
        posted(**ALBANY | {"country": "GB", "postal_code": "ec1y 8sy"}), initial_address=AddressFactory()
    )
    assert form.is_valid()
    assert form.save().region == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"street": ""}, {"street": ["Enter the street address."]}),
        ({"city": " "}, {"city": ["Enter the city."]}),
        ({"region": ""}, {"region": ["Choose the state."]}),
        ({"region": "Ontario"}, {"region": ["Choose the state."]}),
        ({"postal_code": ""}, {"postal_code": ["Enter the ZIP code."]}),
        (
            {"postal_code": "90210"},
            {"postal_code": ["This is not a US ZIP code for New York. Check the ZIP code and the state."]},
        ),
        ({"country": "GB", "postal_code": ""}, {"postal_code": ["Enter the postcode."]}),
        ({"street": "1\n2\n3"}, {"street": ["Write the street address in two lines."]}),
        ({"street": "1 Test\x00 Street"}, {"street": ["Null characters are not allowed."]}),
        ({"city": "A" * 101}, {"city": ["Ensure this value has at most 100 characters (it has 101)."]}),
        ({"country": "ZZ"}, {"country": ["Choose a country of the list."]}),
        ({"country": "us"}, {"country": ["Choose a country of the list."]}),
        ({"country": "US\x00"}, {"country": ["Choose a country of the list."]}),
        ({"country": ""}, {"country": ["This field is required."]}),
    ],
)
def test_refusals_stand_beside_their_fields(changes, errors):
    form = AddressForm(posted(**ALBANY | changes))
    assert form.errors == errors


@pytest.mark.django_db
@pytest.mark.parametrize("country", embargo.FIRST_LIST)
def test_embargoed_countries_are_refused(country):
    embargo.load_embargo()
    form = AddressForm(posted(country=country, street="1 Test Street", city="Test"))
    assert form.errors["country"].data[0].code == "embargoed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        {"country": "KR", "street": "1", "city": "Gangnam-gu", "region": "Seoul", "postal_code": "06236"},
        {"country": "SS", "street": "1", "city": "Juba"},
    ],
)
def test_south_korea_and_south_sudan_are_served(address):
    embargo.load_embargo()
    assert AddressForm(posted(**address)).errors == {}


def test_two_forms_in_a_page_do_not_meet():
    data = posted(**ALBANY) | posted("service", country="CA")
    billing, service = AddressForm(data), AddressForm(data, prefix="service")
    assert (billing.rules.country, service.rules.country) == ("US", "CA")
    assert (billing.fields_id, service.fields_id) == ("billing-address-fields", "service-address-fields")


@pytest.mark.parametrize(
    ("given", "country"),
    [
        ({}, "US"),
        ({"country": "CA"}, "CA"),
        ({"initial_address": Address(country="DE")}, "DE"),
        ({"initial_address": Address(country="DE"), "country": "CA"}, "CA"),
        ({"country": "nonsense"}, "US"),
    ],
)
def test_which_country_a_fresh_form_is_for(given, country):
    assert AddressForm(**given).rules.country == country


# --- The fragment ---


def fields_of(response) -> list[str]:
    return list(response.context["form"].fields)


def test_choosing_a_country_shows_its_fields_to_anybody(client):
    response = client.post(
        reverse("address_fields") + "?prefix=service", posted("service", **ALBANY | {"country": "JP"})
    )
    assert response.status_code == 200
    assert fields_of(response) == ["country", "street", "region", "postal_code"]
    assert response.context["form"]["street"].value() == "1 Test Street"
    assert response.context["form"].errors == {}


@pytest.mark.parametrize("prefix", ["", "BILLING", "a b", '"><script>', "x" * 21, "a\x00"])
def test_a_prefix_that_is_none_is_not_found(client, prefix):
    assert client.post(reverse("address_fields"), query_params={"prefix": prefix}).status_code == 404


def test_the_fragment_is_asked_for_by_post(client):
    assert client.get(reverse("address_fields")).status_code == 405


def test_the_fragment_works_without_javascript_too():
    page = render_to_string("accounts/_address_fields.html", {"form": AddressForm(prefix="service")})
    assert "Show the fields for this country</button>" in page
    assert 'hx-post="/accounts/address-fields/?prefix=service"' in page
    assert " style=" not in page
