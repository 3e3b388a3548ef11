"""The coverage tool: what is typed, what is found, and what the page says."""

import re

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils.html import strip_tags

from phone_numbers import coverage
from phone_numbers.models import Prefix, RateCenter, Region


@pytest.fixture
def new_york(db) -> Region:
    return Region.objects.create(country="US", code="NY", name="New York")


@pytest.fixture
def ontario(db) -> Region:
    return Region.objects.create(country="CA", code="ON", name="Ontario")


def place(region: Region, name: str, *prefixes: str) -> RateCenter:
    made = RateCenter.objects.create(region=region, name=name)
    Prefix.objects.bulk_create(Prefix(rate_center=made, digits=f"1{digits}") for digits in prefixes)
    return made


@pytest.fixture
def places(new_york, ontario) -> None:
    place(new_york, "Albany", "518207", "518209")
    place(new_york, "Brooklyn", "347221", "718209", "718210")
    place(ontario, "Brooklin", "905425")
    place(ontario, "New Albany", "905999")


def found(text: str, region: Region | None = None) -> list[tuple[str, list[str]]]:
    answer = coverage.places(question=coverage.understand(text), region=region)
    return [(str(place), [str(prefix) for prefix in place.prefixes.all()]) for place in answer]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("718", "718"),
        ("718-555", "718555"),
        ("(718) 555-0100", "7185550100"),
        ("+1 718", "718"),
        ("1.718.555", "718555"),
        ("Brooklyn", ""),
        ("Brooklyn 718", ""),
        ("718x", ""),
    ],
)
def test_digits_are_read_however_they_are_written(text, digits):
    assert coverage.understand(text) == coverage.Question(text, digits)


@pytest.mark.parametrize(("text", "is_toll_free"), [("800", True), ("888-555", True), ("808", False), ("80", False)])
def test_toll_free_codes_belong_to_no_place(text, is_toll_free):
    assert coverage.understand(text).is_toll_free is is_toll_free


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("brook", [("Brooklin, ON", ["905-425"]), ("Brooklyn, NY", ["347-221", "718-209", "718-210"])]),
        ("albany, ny", [("Albany, NY", ["518-207", "518-209"])]),
        ("Albany, New York", [("Albany, NY", ["518-207", "518-209"])]),
        ("Albany,", [("Albany, NY", ["518-207", "518-209"]), ("New Albany, ON", ["905-999"])]),
        ("Albany, TX", []),
        ("718", [("Brooklyn, NY", ["718-209", "718-210"])]),
        ("7182", [("Brooklyn, NY", ["718-209", "718-210"])]),
        ("718-210-0100", [("Brooklyn, NY", ["718-210"])]),
        ("718-555", []),
        ("%", []),
    ],
)
def test_places_are_found_by_name_area_code_and_prefix(places, text, answer):
    assert found(text) == answer


def test_a_whole_area_code_answers_for_each_of_its_prefixes(db):
    district = Region.objects.create(country="US", code="DC", name="District of Columbia")
    place(district, "Washington", "202")
    assert [found(text) for text in ("202", "202-555", "203")] == [
        [("Washington, DC", ["202"])],
        [("Washington, DC", ["202"])],
        [],
    ]


def test_a_region_narrows_the_answer(places, ontario):
    assert found("albany", ontario) == [("New Albany, ON", ["905-999"])]


# --- The page -------------------------------------------------------------------------------------------------------
def text_of(response) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def answer_of(response) -> str:
    heading = re.search(r'<h2 id="answer">(.*?)</h2>', response.content.decode())
    return heading.group(1)


def test_visitors_customers_and_staff_may_ask(places, client, alice_client, sam_client):
    statuses = [reader.get("/coverage/?q=718").status_code for reader in (client, alice_client, sam_client)]
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("q=Brooklyn", "Yes, Brooklyn is covered"),
        ("q=718", "Yes, 718 is covered"),
        ("region=CA-ON", "Ontario is covered"),
        ("q=albany&region=CA-ON", "Yes, albany is covered in Ontario"),
        ("q=Xyzzy", "No coverage found for Xyzzy"),
        ("q=718-555", "No coverage found for 718-555"),
        ("q=Brooklyn&region=CA-ON", "No coverage found for Brooklyn in Ontario"),
        ("q=%3Cscript%3E", "No coverage found for &lt;script&gt;"),
    ],
)
def test_the_page_answers_in_words(places, client, query, answer):
    assert answer_of(client.get(f"/coverage/?{query}")) == answer


def test_a_toll_free_code_leads_to_its_product(places, client):
    response = client.get("/coverage/?q=800")
    assert response.content.decode().count("800 is a toll-free code.") == 1
    assert response.content.decode().count('href="/products/inbound/#did-toll-free"') == 1


def test_the_page_promises_no_stock(places, client):
    assert text_of(client.get("/coverage/")).count("Ordering numbers on-line opens soon.") == 1


def test_the_page_works_without_any_place(db, client):
    assert text_of(client.get("/coverage/")).count("No places are listed yet.") == 1


@pytest.mark.parametrize("query", ["q=" + "x" * 61, "q=a%00b"])
def test_nonsense_is_refused(places, client, query):
    assert client.get(f"/coverage/?{query}").status_code == 422


@pytest.mark.parametrize("region", ["US-ZZ", "NY", "US-NY'--"])
def test_a_region_that_does_not_exist_is_not_found(places, client, region):
    assert client.get("/coverage/", {"region": region}).status_code == 404


def test_asking_is_all_it_does(client):
    assert client.post("/coverage/", {"q": "718"}).status_code == 405


def test_further_pages_keep_the_question(new_york, client):
    RateCenter.objects.bulk_create(RateCenter(region=new_york, name=f"Town {n:02}") for n in range(31))
    first = client.get("/coverage/?q=Town&region=US-NY").content.decode()
    assert re.findall(r'rel="next" href="([^"]+)"', first) == ["?q=Town&amp;region=US-NY&amp;page=2"]
    second = client.get("/coverage/?q=Town&region=US-NY&page=2").content.decode()
    assert re.findall(r"<h3>(Town.*?)</h3>", second) == ["Town 30, NY"]


def test_the_number_of_queries_does_not_grow(new_york, django_assert_num_queries):
    place(new_york, "Town 1", "518201", "518202")
    # Regions, how many places, the places, their prefixes.
    with django_assert_num_queries(4):
        Client().get("/coverage/?q=518")
    place(new_york, "Town 2", "518301", "518302")
    place(new_york, "Town 3", "518401", "518402")
    with django_assert_num_queries(4):
        Client().get("/coverage/?q=518")


# --- What the database holds ------------------------------------------------------------------------------------------
def test_one_region_per_country_and_code(new_york):
    with pytest.raises(IntegrityError, match="one_region_per_country_and_code"):
        Region.objects.create(country="US", code="NY", name="Another")


def test_one_rate_center_per_region_and_name(new_york):
    place(new_york, "Albany")
    with pytest.raises(IntegrityError, match="one_rate_center_per_region_and_name"):
        place(new_york, "Albany")


def test_a_prefix_belongs_to_one_place(new_york):
    place(new_york, "Albany", "518207")
    with pytest.raises(IntegrityError, match="phone_numbers_prefix_digits"):
        place(new_york, "Troy", "518207")


@pytest.mark.parametrize("digits", ["", "51", "118207", "018107", "5182", "51820x"])
def test_prefix_begins_with_the_country_code(new_york, digits):
    with pytest.raises(IntegrityError, match="prefix_begins_with_the_country_code"):
        place(new_york, "Albany", digits)
