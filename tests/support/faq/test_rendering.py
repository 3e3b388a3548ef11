"""Markdown becomes safe HTML with real addresses and today's prices."""

from datetime import date
from decimal import Decimal

import pytest

from catalog.models import Price, Product
from support.faq import rendering

TODAY = date(2027, 1, 11)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("**Order Now**", "<p><strong>Order Now</strong></p>"),
        ("[Billing](page:billing)", '<p><a href="/billing/">Billing</a></p>'),
        ("[it](page:profile#security)", '<p><a href="/accounts/profile/#security">it</a></p>'),
        ("[it](faq:billing/add-funds)", '<p><a href="/faq/billing/add-funds/">it</a></p>'),
        ("[it](https://example.com/a)", '<p><a href="https://example.com/a">it</a></p>'),
        ("[us](mailto:help@example.com)", '<p><a href="mailto:help@example.com">us</a></p>'),
        # Nowhere to go: the words alone.
        ("[**Statements**](page:not_there_yet)", "<p><strong>Statements</strong></p>"),
        ("[it](faq:billing)", "<p>it</p>"),
        ("[order](page:order_detail)", "<p>order</p>"),
        ("[it](/billing/)", "<p>it</p>"),
        ("[a](page:nowhere) [b](page:billing)", '<p>a <a href="/billing/">b</a></p>'),
        ("# One\n\n### Two\n\n###### Three", "<h2>One</h2>\n<h4>Two</h4>\n<h4>Three</h4>"),
        ("### Alone", "<h2>Alone</h2>"),
        ("3. three\n4. four", '<ol start="3">\n<li>three</li>\n<li>four</li>\n</ol>'),
    ],
)
def test_markdown_is_made_into_html(text, made):
    assert rendering.as_html(text).strip() == made


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](data:text/html,<script>alert(1)</script>)",
        "[click](page:javascript:alert)",
        "![x](https://evil.example.com/x.png)",
        "<a href='javascript:alert(1)'>x</a>",
        '[x](https://example.com "onmouseover=alert(1)")',
        "<style>body{display:none}</style>",
        "<svg/onload=alert(1)>",
        "`<script>`",
    ],
)
def test_nothing_that_acts_comes_through(attack):
    made = rendering.as_html(attack)
    tags = [part.split(">")[0] for part in made.split("<")[1:]]
    allowed = {
        "p",
        "/p",
        "code",
        "/code",
        "/a",
        'a href="https://example.com"',
        'a href="https://evil.example.com/x.png"',
    }
    assert set(tags) - allowed == set()


def test_prices_are_those_of_the_catalogue(catalog):
    Price.objects.create(
        product=Product.objects.get(code="e911"), effective_on=date(2027, 2, 1), monthly=Decimal("1.75"), setup=2
    )
    text = "{price:e911:monthly}, {price:e911:setup}, {price:pay-per-call:per_minute}"
    assert rendering.filled(text, rendering.prices(TODAY)) == "$1.50, $1.50, $0.0198"
    assert rendering.filled(text, rendering.prices(date(2027, 2, 1))) == "$1.75, $2.00, $0.0198"


@pytest.mark.parametrize("text", ["{price:e911:secret}", "{price:e911.__class__:monthly}", "{0}", "{price:%s:monthly}"])
def test_nothing_else_is_filled_in(catalog, text):
    assert rendering.filled(text, rendering.prices(TODAY)) == text


def test_a_product_that_is_gone_leaves_words(catalog):
    assert rendering.filled("It costs {price:gone:monthly}.", rendering.prices(TODAY)) == (
        "It costs the price on the order page."
    )


def test_prices_take_one_query(catalog, django_assert_num_queries):
    with django_assert_num_queries(1):
        rendering.prices(TODAY)


def test_the_words_alone():
    text = "## Head\n\n- **One** & [two](page:billing)\n- `<three>`"
    assert rendering.as_text(text) == "Head One & two <three>"


def test_pages_to_go_to_are_those_that_exist():
    links = "billing Billing\nnot_there Not there\nprofile\n\n  home   The home page "
    assert rendering.pages(links) == [("/billing/", "Billing"), ("/", "The home page")]
