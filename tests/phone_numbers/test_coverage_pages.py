"""The pages of the coverage tool: search, steps, map, and what a place has."""

import re

import pytest
from django.test import Client
from django.utils.html import strip_tags

from catalog.models import Product
from phone_numbers.models import BackOrder, RateCenter, WaitTime
from tests.factories import PhoneNumberFactory
from tests.phone_numbers.conftest import place


def text_of(response) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def answer_of(response) -> str:
    heading = re.search(r'<h2 id="(?:answer|numbers)">(.*?)</h2>', response.content.decode())
    return heading.group(1)


def error_of(response) -> str:
    return re.search(r'<ul class="[^"]*field-error[^"]*"[^>]*><li>(.*?)</li>', response.content.decode()).group(1)


def places_of(response) -> list[str]:
    return re.findall(r'<h3><a href="/coverage/\d+/">(.*?)</a></h3>', response.content.decode())


# --- Search -----------------------------------------------------------------------------------------------------------
def test_visitors_customers_and_staff_may_ask(places, client, alice_client, sam_client):
    statuses = [reader.get("/coverage/?q=718").status_code for reader in (client, alice_client, sam_client)]
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize(
    ("query", "answer", "found"),
    [
        ("Brooklyn", "Yes, Brooklyn is covered", ["Brooklyn, NY"]),
        ("718", "Yes, 718 is covered", ["Brooklyn, NY"]),
        ("12207", "Areas around 12207", ["Albany, NY"]),
        ("+44 20", "Yes, +44 20 is covered", ["London, United Kingdom"]),
        ("800", "Yes, 800 is covered", ["Toll-free"]),
        ("Xyzzy", "No coverage found for Xyzzy", []),
        ("718-555", "No coverage found for 718-555", []),
        ("ends 9999", "No number in stock ends in 9999", []),
        ("<script>", "No coverage found for &lt;script&gt;", []),
    ],
)
def test_a_search_is_answered_in_words(places, client, query, answer, found):
    response = client.get("/coverage/", {"q": query})
    assert (response.status_code, answer_of(response), places_of(response)) == (200, answer, found)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("Brookling", "We know no place of that name. Check how it is spelled, or type the area code."),
        ("718-555", "We have no numbers that begin so. These places have the same area code."),
        ("Menands", "We have no numbers in Menands, NY itself."),
        ("291", "We have no numbers in area code 291. Check it, or type the name of the place."),
        ("+33", "We have no numbers that begin so. Type the name of a place or of its country."),
        ("90210", "We have no places within 40 km of Beverly Hills, CA 90210."),
        ("00000", "We know no ZIP code 00000 in the US. Check it, or type the name of the place."),
        ("ends 9999", "Try fewer digits, or look for a place."),
    ],
)
def test_no_coverage_says_what_to_do_next(places, client, query, sentence):
    assert text_of(client.get("/coverage/", {"q": query})).count(sentence) == 1


def test_no_coverage_offers_similar_names_and_the_nearest_with_numbers(places, client):
    similar = text_of(client.get("/coverage/?q=Brookling"))
    assert similar.count("Similar names Brooklin, ON None in stock Brooklyn, NY None in stock") == 1
    nearest = text_of(client.get("/coverage/?q=Menands"))
    assert nearest.count("Nearest to Menands, NY with numbers in stock Albany, NY 4 km Fewer than 5 in stock") == 1


def test_a_place_in_a_list_says_its_stock_or_its_wait_and_its_area_codes(places, client):
    WaitTime.objects.create(country="US", shortest=3, longest=10)
    assert text_of(client.get("/coverage/?q=Albany,NY")).count("Albany, NY Fewer than 5 in stock Area code 518") == 1
    brooklyn = "Brooklyn, NY None in stock A manual order takes 3–10 business days. Area codes 347, 718"
    assert text_of(client.get("/coverage/?q=Brooklyn")).count(brooklyn) == 1


def test_numbers_by_their_ending_are_listed_with_their_place(places, client):
    number = PhoneNumberFactory(digits="15185559942", rate_center=places["Albany"])
    response = client.get("/coverage/?q=ends+9942")
    assert answer_of(response) == "Numbers that end in 9942"
    assert text_of(response).count("(518) 555-9942 Albany, NY Order Now") == 1
    link = f"/coverage/{number.rate_center_id}/?number=15185559942"
    assert response.content.decode().count(f'href="{link}"') == 1
    assert text_of(client.get(link)).count("Order (518) 555-9942") == 1


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("718x", "A number is searched by digits alone: type 718-555, without letters."),
        ("x" * 61, "Ensure this value has at most 60 characters (it has 61)."),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
def test_nonsense_is_refused_beside_the_box_and_kept(places, client, query, error):
    response = client.get("/coverage/", {"q": query})
    assert (response.status_code, error_of(response)) == (422, error)
    assert response.context["search"]["q"].value() == query


def test_further_pages_keep_the_question(new_york, client):
    RateCenter.objects.bulk_create(RateCenter(region=new_york, name=f"Town {n:02}") for n in range(31))
    first = client.get("/coverage/?q=Town").content.decode()
    assert re.findall(r'rel="next" href="([^"]+)"', first) == ["?q=Town&amp;page=2"]
    assert places_of(client.get("/coverage/?q=Town&page=2")) == ["Town 30, NY"]


# --- Steps and map ----------------------------------------------------------------------------------------------------
def test_the_page_works_without_any_place(db, client):
    assert text_of(client.get("/coverage/")).count("No places are listed yet") == 1


def test_the_map_says_in_words_what_its_colours_mean(places, client):
    for digits in range(15185552000, 15185552018):
        PhoneNumberFactory(digits=str(digits), rate_center=places["Albany"])
    page = client.get("/coverage/").content.decode()
    assert re.findall(r'<a class="stock (\w+)" href="([^"]+)" aria-label="([^"]+)">', page) == [
        ("none", "/coverage/?region=CA-ON", "Ontario: none in stock"),
        ("many", "/coverage/?region=US-NY", "New York: more than 20 in stock"),
    ]


def test_what_is_not_on_the_map_is_listed_beside_it(places, client):
    page = client.get("/coverage/").content.decode()
    assert re.findall(r'<li><a href="(/coverage/\?region=[^"]+)">(.*?)</a>', page) == [
        ("/coverage/?region=US-TF", "Toll-free"),
        ("/coverage/?region=GB-GB", "United Kingdom"),
    ]


@pytest.mark.parametrize("query", ["", "?country=CA", "?country=CA&region=US-NY&show=next"])
def test_the_map_is_there_until_a_region_is_chosen(places, client, query):
    page = client.get(f"/coverage/{query}").content.decode()
    assert page.count('aria-label="New York: fewer than 5 in stock"') == 1


@pytest.mark.parametrize(
    ("query", "selects"),
    [
        ("", ["country", "region"]),
        ("?country=CA", ["country", "region"]),
        ("?country=CA&show=next", ["country", "region"]),
        ("?country=CA&region=US-NY&show=next", ["country", "region"]),
        ("?country=US&region=US-NY&show=next", ["country", "region", "area"]),
    ],
)
def test_the_steps_work_without_a_script(places, client, query, selects):
    response = client.get(f"/coverage/{query}")
    assert (response.status_code, re.findall(r'<select [^>]*name="(\w+)"', response.content.decode())) == (200, selects)
    assert response.content.decode().count('<button class="button" type="submit">Lookup</button>') == 1


def test_a_region_lists_its_areas(places, client):
    response = client.get("/coverage/?region=US-NY")
    assert (answer_of(response), places_of(response)) == ("New York is covered", ["Albany, NY", "Brooklyn, NY"])


def test_lookup_leads_to_the_page_of_the_place(places, client):
    albany = places["Albany"].pk
    chosen = client.get(f"/coverage/?country=US&region=US-NY&area={albany}")
    assert (chosen.status_code, chosen.headers["Location"]) == (302, f"/coverage/{albany}/")
    only = client.get("/coverage/?region=US-TF")
    assert (only.status_code, only.headers["Location"]) == (302, f"/coverage/{places['Toll-free'].pk}/")


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("country=ZZ", "We have no numbers there. Choose one of the list."),
        ("region=US-ZZ", "We know no such place. Choose one of the list."),
        ("country=CA&region=US-NY", "New York is not in Canada. Choose one of the list."),
        ("area=0", "We know no such area. Choose one of the list."),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(places, client, query, error):
    response = client.get(f"/coverage/?{query}")
    assert (response.status_code, error_of(response)) == (422, error)


def test_asking_is_all_it_does(places, client):
    addresses = ["/coverage/", f"/coverage/{places['Albany'].pk}/"]
    assert [client.post(address, {"q": "718"}).status_code for address in addresses] == [405, 405]


# --- A place ----------------------------------------------------------------------------------------------------------
def orders_of(response) -> list[tuple[str, ...]]:
    """The hidden fields of each Order Now, but for the token and the CSRF token."""
    forms = re.findall(r'<form[^>]+action="/cart/add/">(.*?)</form>', response.content.decode(), re.DOTALL)
    fields = [re.findall(r'name="(product|area|number)" value="([^"]*)"', form) for form in forms]
    return [tuple(value for _, value in found) for found in fields]


def test_a_place_with_numbers_sells_them(catalog, places, client):
    albany = places["Albany"]
    response = client.get(f"/coverage/{albany.pk}/")
    products = ["pay-per-minute", "personal-unlimited", "office-unlimited", "service-provider-unlimited"]
    assert orders_of(response) == [(product, str(albany.pk)) for product in products]
    page = text_of(response)
    assert page.count("Phone numbers in Albany, New York: area code 518.") == 1
    assert page.count("Pay Per Minute $1.95 a month, $3.95 set-up") == 1
    assert (page.count("Order Now"), page.count("Choose your number")) == (4, 4)
    assert page.count("A manual order takes") == 0


def test_a_place_without_numbers_says_how_long_and_where_else(catalog, places, client):
    WaitTime.objects.create(country="US", shortest=3, longest=10)
    page = text_of(client.get(f"/coverage/{places['Brooklyn'].pk}/"))
    assert page.count("A manual order takes 3–10 business days.") == 1
    assert (page.count("Order Now"), page.count("Choose your number")) == (4, 0)
    assert page.count("Nearest with numbers in stock Albany, NY") == 1


def test_local_areas_are_an_estimate_and_link_to_their_own_page(catalog, places, new_york, client):
    troy = place(new_york, "Troy", "1518270", latitude=42.73, longitude=-73.69)
    response = client.get(f"/coverage/{troy.pk}/")
    estimate = "Local to Troy, NY Areas within 40 km, an estimate. Albany, NY"
    assert text_of(response).count(estimate) == 1
    assert response.content.decode().count(f'<a href="/coverage/{places["Albany"].pk}/">Albany, NY</a>') == 1


def test_a_chosen_number_is_ordered_as_it_is(catalog, places, client):
    albany = places["Albany"]
    digits = albany.numbers.order_by("digits").first().digits
    response = client.get(f"/coverage/{albany.pk}/?number={digits}")
    assert orders_of(response)[0] == ("pay-per-minute", str(albany.pk), digits)


@pytest.mark.parametrize("number", ["15185559999", "x", "\x00", "9" * 40])
def test_a_number_that_is_gone_is_said_to_be(catalog, places, client, number):
    response = client.get(f"/coverage/{places['Albany'].pk}/", {"number": number})
    gone = "This number is not in stock any more. Choose another one, or let us choose."
    assert text_of(response).count(gone) == (number != "\x00")
    assert [len(fields) for fields in orders_of(response)] == [2, 2, 2, 2]


def test_a_number_that_others_wait_for_is_not_offered(catalog, new_york, alice, client):
    troy = place(new_york, "Troy", numbers=1)
    product = Product.objects.get(code="pay-per-minute")
    BackOrder.objects.create(account=alice, product=product, rate_center=troy)
    response = client.get(f"/coverage/{troy.pk}/", {"number": troy.numbers.get().digits})
    assert text_of(response).count("This number is not in stock any more.") == 1
    assert [len(fields) for fields in orders_of(response)] == [2, 2, 2, 2]


def test_toll_free_has_products_of_its_own_and_nothing_local(catalog, places, client):
    response = client.get(f"/coverage/{places['Toll-free'].pk}/")
    assert orders_of(response) == [("toll-free", str(places["Toll-free"].pk))]
    assert text_of(response).count("Local to") == 0


def test_a_place_that_does_not_exist_is_not_found(places, client):
    assert client.get("/coverage/0/").status_code == 404


# --- Queries ----------------------------------------------------------------------------------------------------------
def test_a_search_takes_no_more_queries_for_more_places(new_york, django_assert_num_queries):
    place(new_york, "Town 1", "1518201", "1518202")
    # The places, the table of waits, our own back-orders.
    with django_assert_num_queries(3):
        Client().get("/coverage/?q=518")
    # Regions of that name as well.
    with django_assert_num_queries(4):
        Client().get("/coverage/?q=Town")
    place(new_york, "Town 2", "1518301", "1518302")
    place(new_york, "Town 3", "1518401", "1518402")
    with django_assert_num_queries(3):
        Client().get("/coverage/?q=518")
    with django_assert_num_queries(4):
        Client().get("/coverage/?q=Town")


def test_places_are_counted_only_where_a_page_does_not_hold_them(new_york, django_assert_num_queries):
    for number in range(30):
        place(new_york, f"Town {number:02}", f"1518{number + 200}")
    with django_assert_num_queries(3):
        page = Client().get("/coverage/?q=518")
    assert (len(page.context["rows"]), page.context["page"].paginator.count) == (30, 30)
    place(new_york, "Town 30", "1518230")
    # How many there are as well, on whichever page.
    for asked, shown in (("", 30), ("&page=1", 30), ("&page=2", 1)):
        with django_assert_num_queries(4):
            page = Client().get(f"/coverage/?q=518{asked}")
        assert (len(page.context["rows"]), page.context["page"].paginator.count) == (shown, 31)


def test_a_region_takes_no_more_queries_for_more_places(new_york, django_assert_num_queries):
    place(new_york, "Town 0", "1518200")
    place(new_york, "Town 1", "1518201")
    # Regions, areas to choose from, the places, the table of waits, our own back-orders.
    with django_assert_num_queries(5):
        Client().get("/coverage/?region=US-NY")
    place(new_york, "Town 2", "1518301")
    place(new_york, "Town 3", "1518401")
    with django_assert_num_queries(5):
        Client().get("/coverage/?region=US-NY")


def test_numbers_take_no_more_queries_for_more_of_them(new_york, django_assert_num_queries):
    albany = place(new_york, "Albany")
    PhoneNumberFactory(digits="15185550042", rate_center=albany)
    # The numbers, each with its place.
    with django_assert_num_queries(1):
        Client().get("/coverage/?q=ends+42")
    PhoneNumberFactory(digits="15185550142", rate_center=albany)
    PhoneNumberFactory(digits="15185550242", rate_center=place(new_york, "Troy"))
    with django_assert_num_queries(1):
        Client().get("/coverage/?q=ends+42")


def test_a_place_takes_no_more_queries_for_more_neighbours(catalog, places, new_york, django_assert_num_queries):
    there = f"/coverage/{places['Brooklyn'].pk}/"
    place(new_york, "Queens", "1718270", latitude=40.7, longitude=-73.8)
    # The place, its local areas, the products, two for the wait, the nearest with numbers.
    with django_assert_num_queries(6):
        Client().get(there)
    place(new_york, "Bronx", "1718271", latitude=40.8, longitude=-73.8)
    place(new_york, "Manhattan", "1212271", latitude=40.7, longitude=-73.9)
    with django_assert_num_queries(6):
        Client().get(there)
    with django_assert_num_queries(6):
        Client().get(f"{there}?number=17185550142")
    # With numbers in stock there is no wait, and nowhere else to look.
    albany = f"/coverage/{places['Albany'].pk}/"
    with django_assert_num_queries(3):
        Client().get(albany)
    with django_assert_num_queries(4):
        Client().get(f"{albany}?number=15185550142")


def test_the_first_page_takes_one_query(places, django_assert_num_queries):
    with django_assert_num_queries(1):
        Client().get("/coverage/")
