"""The public catalogue, as a visitor reads it."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.utils.html import strip_tags

from catalog.models import Price, Product

pytestmark = pytest.mark.django_db
PAGES = ["/", "/products/outbound/", "/products/inbound/", "/products/additional/"]


def text_of(response) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def articles(response) -> dict[str, str]:
    """The text of each product's card, by the product's name."""
    cards = re.findall(r"<article.*?</article>", response.content.decode(), re.DOTALL)
    found = {}
    for card in cards:
        name = re.search(r"<h2[^>]*>(.*?)</h2>", card).group(1)
        found[name] = " ".join(strip_tags(card).split())
    return found


@pytest.mark.parametrize("page", PAGES)
def test_visitors_customers_and_staff_may_read_it(catalog, client, alice_client, sam_client, page):
    statuses = [reader.get(page).status_code for reader in (client, alice_client, sam_client)]
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize("page", PAGES)
def test_it_is_read_only(client, page):
    assert client.post(page).status_code == 405


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_catalogue_is_a_page_too(client, page):
    assert client.get(page).status_code == 200


def test_home_shows_the_lowest_prices_of_the_catalogue(catalog, client):
    text = text_of(client.get("/"))
    shown = re.findall(r"(?:From|911 alone:) \$[\d.]+ a month|\$0\.0198 a minute|\$3\.00 a month each", text)
    assert shown == [
        "$0.0198 a minute",
        "From $1.95 a month",
        "From $0.95 a month",
        "$3.00 a month each",
        "911 alone: $1.50 a month",
    ]


def test_home_leads_a_visitor_to_coverage_and_sign_up(catalog, client):
    content = client.get("/").content.decode()
    assert content.count('action="/coverage/"') == 1
    assert content.count('<a class="button" href="/accounts/signup/">Sign Up</a>') == 2


def test_home_leads_a_customer_to_the_order_page(catalog, alice_client):
    content = alice_client.get("/").content.decode()
    assert content.count('<a class="button" href="/order/">Order products and services</a>') == 1
    assert content.count("/accounts/signup/") == 0


def test_every_plan_but_the_free_one_has_order_now(catalog, client):
    cards = articles(client.get("/products/outbound/"))
    assert {name: "Order Now" in card for name, card in cards.items()} == {
        "IP Freedom": False,
        "Pay Per Call": True,
        "North America Basic": True,
        "North America 500": True,
        "North America 1000": True,
        "North America 2500": True,
        "North America Residential": True,
        "World Select Residential": True,
    }
    assert cards["IP Freedom"].endswith("Yours without a plan")


def test_order_now_sends_the_code_to_the_cart(catalog, client):
    content = client.get("/products/outbound/").content.decode()
    forms = re.findall(r'<form method="post" action="/cart/add/">.*?</form>', content, re.DOTALL)
    codes = [re.search(r'name="product" value="([^"]+)"', form).group(1) for form in forms]
    assert codes == list(
        Product.objects.plans().filter(is_default=False).order_by("position").values_list("code", flat=True)
    )


def test_only_pay_per_call_says_it_needs_money_in_the_balance(catalog, client):
    cards = articles(client.get("/products/outbound/"))
    saying = [name for name, card in cards.items() if f"{name} needs money in the balance to call." in card]
    assert saying == ["Pay Per Call"]


def test_minutes_beyond_a_plan_cost_what_pay_per_call_costs_today(catalog, client, time_machine):
    pay_per_call = Product.objects.get(code="pay-per-call")
    Price.objects.create(product=pay_per_call, effective_on=date(2027, 2, 1), monthly=0, per_minute=Decimal("0.0250"))
    Product.objects.filter(code="pay-per-call").update(is_offered=False)
    found = []
    for day in (date(2027, 1, 31), date(2027, 2, 1)):
        time_machine.move_to(f"{day}T17:00:00+00:00")
        found += re.findall(
            r"Beyond the minutes of a plan, each costs (\S+), the Pay Per Call rate",
            text_of(client.get("/products/outbound/")),
        )
    assert found == ["$0.0198", "$0.0250"]


def test_each_did_product_says_whether_it_takes_more_channels_and_why_not(catalog, client):
    cards = articles(client.get("/products/inbound/"))
    told = {
        name: re.search(r"(\d calls at a time\. .*|As many .*?)(?= Get a number)", card)[1]
        for name, card in cards.items()
    }
    assert told == {
        "Pay Per Minute": "2 calls at a time. Extra channels can be added.",
        "Dollar Unlimited": "2 calls at a time. Extra channels can be added.",
        "Personal Unlimited": "2 calls at a time. Extra channels cannot be added: "
        "Personal Unlimited is sold for 2 calls at a time and no more.",
        "Office Unlimited": "3 calls at a time. Extra channels can be added.",
        "Service Provider Unlimited": "As many calls at a time as you can take, so extra channels are not needed.",
        "Dirt Cheap": "2 calls at a time. Extra channels cannot be added: "
        "Dirt Cheap is sold for 2 calls at a time and no more.",
        "Toll Free": "2 calls at a time. Extra channels can be added.",
    }


def test_did_products_of_few_locations_say_so(catalog, client):
    cards = articles(client.get("/products/inbound/"))
    assert [name for name, card in cards.items() if "Some locations only" in card] == [
        "Dollar Unlimited",
        "Dirt Cheap",
    ]


def test_toll_free_shows_both_rates(catalog, client):
    card = articles(client.get("/products/inbound/"))["Toll Free"]
    rates = re.findall(r"\$0\.\d{4} (?:an incoming minute )?from [\w ]+?(?=,| A)", card)
    assert rates == ["$0.0290 an incoming minute from the US", "$0.0990 from Canada"]


def test_additional_products_show_what_they_cost(catalog, client):
    text = text_of(client.get("/products/additional/"))
    prices = re.findall(r"\$3\.00 a month each, no set-up fee|\$1\.50 a month, \$1\.50 once", text)
    assert prices == ["$3.00 a month each, no set-up fee", "$1.50 a month, $1.50 once"]


@pytest.mark.parametrize(
    ("page", "code", "name"),
    [
        ("/products/outbound/", "north-america-500", "North America 500"),
        ("/products/inbound/", "toll-free", "Toll Free"),
        ("/products/additional/", "additional-channel", "Additional Incoming Channels"),
        ("/products/additional/", "e911", "911 recovery fee"),
    ],
)
def test_a_withdrawn_product_is_gone(catalog, client, page, code, name):
    before = text_of(client.get(page)).count(name)
    Product.objects.filter(code=code).update(is_offered=False)
    assert (before > 0, text_of(client.get(page)).count(name)) == (True, 0)


@pytest.mark.parametrize(
    ("page", "queries"),
    [("/", 1), ("/products/outbound/", 2), ("/products/inbound/", 1), ("/products/additional/", 1)],
)
def test_the_number_of_queries_does_not_grow(catalog, django_assert_num_queries, page, queries):
    with django_assert_num_queries(queries):
        Client().get(page)
    keep = [Product.objects.filter(kind=kind).order_by("-position")[0].pk for kind in ("plan", "did", "channel")]
    Product.objects.exclude(pk__in=keep).update(is_offered=False)
    with django_assert_num_queries(queries):
        Client().get(page)
