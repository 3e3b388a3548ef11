"""Staff change a price by adding a row, and by nothing else."""

from datetime import date
from decimal import Decimal

import pytest

from catalog.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def basic(catalog) -> Product:
    return Product.objects.get(code="north-america-basic")


def form_of(product: Product, **changes: object) -> dict[str, object]:
    fields = {
        "name": product.name,
        "summary": product.summary,
        "included": product.included,
        "not_included": product.not_included,
        "is_offered": "on",
        "position": product.position,
        "opens_pstn": "on",
        "minutes": product.minutes,
        "includes_911": "on",
        "prices-TOTAL_FORMS": "1",
        "prices-INITIAL_FORMS": "0",
        "prices-MIN_NUM_FORMS": "0",
        "prices-MAX_NUM_FORMS": "1000",
    }
    return fields | changes


def price(day: date, monthly: str) -> dict[str, object]:
    row = {"effective_on": day, "monthly": monthly, "setup": "0", "per_minute": "0", "per_minute_canada": "0"}
    return {f"prices-0-{name}": value for name, value in row.items()}


@pytest.fixture
def noon(time_machine) -> None:
    time_machine.move_to("2027-01-11T17:00:00+00:00")


def test_staff_add_a_price_from_a_later_day_on(noon, basic, sam_client):
    url = f"/admin/catalog/product/{basic.pk}/change/"
    response = sam_client.post(url, form_of(basic, **price(date(2027, 2, 1), "2.95")))
    assert response.status_code == 302
    assert list(basic.prices.order_by("effective_on").values_list("effective_on", "monthly")) == [
        (date(2020, 1, 1), Decimal("1.95")),
        (date(2027, 2, 1), Decimal("2.95")),
    ]


def test_a_price_of_the_past_is_refused(noon, basic, sam_client):
    url = f"/admin/catalog/product/{basic.pk}/change/"
    response = sam_client.post(url, form_of(basic, **price(date(2027, 1, 10), "2.95")))
    errors = response.context["inline_admin_formsets"][0].formset.errors
    assert errors == [{"effective_on": ["A price cannot begin in the past: what was charged then stays explained."]}]
    assert basic.prices.count() == 1


def test_old_prices_are_shown_but_cannot_be_typed_into(basic, sam_client):
    content = sam_client.get(f"/admin/catalog/product/{basic.pk}/change/").content.decode()
    assert (content.count("1.9500"), content.count('name="prices-0-monthly"')) == (1, 0)


def test_products_are_withdrawn_never_deleted(basic, sam_client):
    assert sam_client.post(f"/admin/catalog/product/{basic.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Product.objects.filter(pk=basic.pk).exists()


def test_the_list_shows_todays_price_at_a_constant_number_of_queries(basic, sam_client, django_assert_num_queries):
    with django_assert_num_queries(4):
        response = sam_client.get("/admin/catalog/product/?kind__exact=plan")
    assert response.content.decode().count("$1.95") == 1
    with django_assert_num_queries(4):
        sam_client.get("/admin/catalog/product/?kind__exact=e911")


def test_customers_have_no_way_in(basic, alice_client):
    response = alice_client.get("/admin/catalog/product/")
    assert (response.status_code, response.url) == (302, "/admin/login/?next=/admin/catalog/product/")
