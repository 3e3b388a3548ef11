"""The pages of ordering: each with its happy path, its refusal and a stranger."""

from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, EmbargoedCountry
from billing import ledger
from orders.models import CartLine, Order
from tests.factories import AddressFactory
from tests.orders.conftest import put_into_cart

ADDRESS = {"country": "US", "street": "5 Test Road", "city": "Albany", "region": "NY", "postal_code": "12207"}


@pytest.fixture(autouse=True)
def _noon():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T17:00:00Z", tick=False):
        yield


def confirm(client: Client, total="6.76", **more):
    shown = {"total": total, "from_card_balance": "0", "from_card_card": total}
    return client.post("/checkout/", {"token": str(uuid4()), **shown, "pays_from": "balance", **more})


def address(prefix: str, **more) -> dict[str, str]:
    return {f"{prefix}-{name}": value for name, value in {**ADDRESS, **more}.items()}


class TestCheckoutAddress:
    def test_checkout_asks_for_the_address_first(self, alice, alice_client, catalog):
        put_into_cart(alice)
        response = alice_client.get("/checkout/")
        assert (response.status_code, response.url) == (302, "/checkout/address/")

    def test_one_address_for_both(self, alice, alice_client):
        response = alice_client.post("/checkout/address/", {**address("billing"), "same": "on"})
        assert (response.status_code, response.url) == (302, "/checkout/")
        alice.refresh_from_db()
        assert (alice.billing_address.street, alice.service_address) == ("5 Test Road", alice.billing_address)

    def test_two_addresses(self, alice, alice_client):
        alice_client.post("/checkout/address/", {**address("billing"), **address("service", street="9 Far Road")})
        alice.refresh_from_db()
        assert (alice.billing_address.street, alice.service_address.street) == ("5 Test Road", "9 Far Road")

    def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(self, alice, alice_client):
        before = alice.billing_address
        response = alice_client.post("/checkout/address/", {**address("billing", city=""), "same": "on"})
        assert response.status_code == 422
        assert response.context["billing"].errors == {"city": ["Enter the city."]}
        assert "5 Test Road" in response.content.decode()
        alice.refresh_from_db()
        assert alice.billing_address == before

    @pytest.mark.parametrize("prefix", ["billing", "service"])
    def test_an_embargoed_country_is_refused_by_name(self, alice, alice_client, prefix):
        EmbargoedCountry.objects.create(country="CU")
        data = {**address("billing"), **address("service")}
        data |= {f"{prefix}-country": "CU", f"{prefix}-city": "Havana"}
        response = alice_client.post("/checkout/address/", data)
        assert response.status_code == 422
        assert "We cannot serve addresses in Cuba" in response.content.decode()
        assert "Havana" in response.content.decode()

    def test_without_javascript_a_button_shows_the_fields_of_another_country(self, alice_client):
        data = {
            **address("billing", country="DE", street="Teststr. 1"),
            "same": "on",
            "show_fields": "billing",
        }
        response = alice_client.post("/checkout/address/", data)
        assert response.status_code == 200
        assert "region" not in response.context["billing"].fields
        assert "Teststr. 1" in response.content.decode()


class TestCheckout:
    def test_the_split_is_shown_before_it_is_confirmed(self, shopper, alice_client):
        page = alice_client.get("/checkout/")
        assert page.context["quote"].total == Decimal("6.76")
        assert [(way, split.from_balance, split.from_card) for way, split in page.context["ways"]] == [
            ("balance", Decimal("6.76"), 0),
            ("card", 0, Decimal("6.76")),
        ]
        assert "Balance: $6.76" in page.content.decode()
        assert Order.objects.count() == 0

    def test_confirming_leads_to_the_order(self, shopper, alice_client):
        response = confirm(alice_client)
        order = Order.objects.get()
        assert (response.status_code, response.url) == (302, f"/orders/{order.reference}/")
        page = alice_client.get(response.url)
        assert "Thank you. Your order is complete." in page.content.decode()

    def test_an_unconfirmed_e_mail_address_blocks_and_leads_to_the_link(self, shopper, alice_client):
        shopper.user.emailaddress_set.update(verified=False)
        text = alice_client.get("/checkout/").content.decode()
        assert "Confirm your e-mail address before your first order: we sent you a link." in text
        assert ('href="/accounts/email/"' in text, "Confirm order" in text) == (True, False)
        response = confirm(alice_client)
        assert (response.status_code, CartLine.objects.count(), Order.objects.count()) == (422, 1, 0)

    def test_a_refusal_keeps_the_page_and_says_why(self, shopper, alice_client):
        response = confirm(alice_client, total="1.00")
        assert response.status_code == 422
        assert "The total has changed to $6.76" in response.content.decode()
        assert "Your cart is as it was." in response.content.decode()
        assert CartLine.objects.count() == 1

    @pytest.mark.parametrize(
        "wrong",
        [{"token": "no token"}, {"total": "much"}, {"pays_from": "luck"}, {"card": "999999"}, {"card": "x"}],
    )
    def test_a_form_that_was_tampered_with_is_refused(self, shopper, alice_client, wrong):
        response = confirm(alice_client, **wrong)
        assert response.status_code == 422
        assert Order.objects.count() == 0

    def test_another_customers_card_cannot_be_named(self, shopper, alice_client, bob):
        card = bob.cards.create(
            stripe_id="pm_bob",
            brand="visa",
            last4="4242",
            expires_month=12,
            expires_year=2040,
            is_default=True,
        )
        response = confirm(alice_client, card=str(card.pk), pays_from="card")
        assert (response.status_code, Order.objects.count()) == (422, 0)

    def test_an_empty_cart_has_nothing_to_check_out(self, shopper, alice_client):
        CartLine.objects.all().delete()
        assert "Your cart is empty." in alice_client.get("/checkout/").content.decode()
        response = confirm(alice_client)
        assert response.status_code == 422
        assert "Your cart is empty." in response.content.decode()


class TestOrders:
    @pytest.fixture
    def ordered(self, shopper, alice_client) -> Order:
        confirm(alice_client)
        return Order.objects.get()

    def test_an_order_explains_itself(self, ordered, alice_client):
        text = alice_client.get(f"/orders/{ordered.reference}/").content.decode()
        assert "21 of the 31 days of January are left, today included: $4.71 of $6.95." in text
        assert "911 is not active yet." in text

    def test_a_strangers_order_is_not_found(self, ordered, bob_client):
        assert bob_client.get(f"/orders/{ordered.reference}/").status_code == 404

    def test_an_order_that_failed_is_not_in_the_list(self, ordered, alice_client):
        Order.objects.update(state=Order.State.FAILED, completed_at=None)
        assert list(alice_client.get("/orders/").context["page"]) == []

    def test_the_list_takes_the_same_queries_for_one_order_and_for_three(self, ordered, alice_client, alice):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get("/orders/").status_code == 200
            return len(captured)

        one = queries()
        for code in ["north-america-basic", "north-america-1000"]:
            put_into_cart(alice, code)
            total = alice_client.get("/checkout/").context["quote"].total
            assert confirm(alice_client, total=str(total)).status_code == 302
        assert (one, queries()) == (7, 7)
        assert len(alice_client.get("/orders/").context["page"]) == 3


def test_order_products_and_services_lists_what_is_on_offer(alice_client, catalog):
    page = alice_client.get("/order/")
    assert [plan.code for plan in page.context["plans"]] == [
        "pay-per-call",
        "north-america-basic",
        "north-america-500",
        "north-america-1000",
        "north-america-2500",
        "north-america-residential",
        "world-select-residential",
    ]


def test_the_plan_one_has_is_marked(shopper, alice_client):
    confirm(alice_client)
    text = alice_client.get("/order/outbound/").content.decode()
    assert text.count("Order Now") == 7  # once in the sentence above, six plans; the present one has no button
    assert "Your plan" in text


def test_911_follows_the_service_address_and_not_the_bill(shopper, alice_client):
    shopper.service_address = AddressFactory(country="DE", city="Berlin", region="", postal_code="10115")
    shopper.save()
    quote = alice_client.get("/checkout/").context["quote"]
    assert [line.product.code for line in quote.lines] == ["north-america-500"]
    assert Account.objects.get(pk=shopper.pk).billing_address.country.code == "US"
    assert ledger.of(shopper).balance == 200
