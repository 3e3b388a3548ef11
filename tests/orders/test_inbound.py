"""Get a number, Lookup, Order Now: the pages, and what they say to bad input."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from callcentric import clock
from catalog.models import Product
from orders.models import CartLine
from phone_numbers.models import PhoneNumber
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory

pytestmark = pytest.mark.usefixtures("catalog")


@pytest.fixture
def albany(db):
    return RateCenterFactory(name="Albany")


@pytest.fixture
def number(albany) -> PhoneNumber:
    return PhoneNumberFactory(digits="15185550123", rate_center=albany)


def text_of(response) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def order_now(client: Client, area, *, product="pay-per-minute", **more):
    return client.post("/cart/add/", {"product": product, "area": area.pk, **more})


def lapse() -> None:
    PhoneNumber.objects.update(held_until=clock.now() - timedelta(seconds=1))


class TestGetANumber:
    def test_each_product_leads_to_its_lookup(self, alice_client, alice):
        page = alice_client.get("/order/inbound/")
        codes = [did.code for did in page.context["dids"]]
        assert codes == list(Product.objects.dids().order_by("position").values_list("code", flat=True))
        assert [page.content.decode().count(f'href="/order/inbound/lookup/?product={code}"') for code in codes] == [
            1 for _ in codes
        ]

    def test_a_withdrawn_product_is_not_there(self, alice_client):
        Product.objects.filter(code="toll-free").update(is_offered=False)
        assert "Toll Free" not in text_of(alice_client.get("/order/inbound/"))
        assert alice_client.get("/order/inbound/lookup/?product=toll-free").status_code == 404


class TestLookup:
    def look_up(self, client, **asked):
        return client.get("/order/inbound/lookup/", {"product": "pay-per-minute", **asked})

    def test_it_asks_for_the_place_first(self, alice_client, albany):
        page = self.look_up(alice_client)
        assert (page.status_code, page.context.get("answer")) == (200, None)
        assert list(page.context["form"].fields) == ["country", "region"]

    def test_it_says_what_is_sold_there_and_puts_the_wanted_product_first(self, alice_client, number):
        page = self.look_up(alice_client, product="office-unlimited", area=number.rate_center.pk)
        assert (page.context["answer"].place, page.context["is_sold"]) == (number.rate_center, True)
        shown = page.content.decode()
        assert shown.index('id="sold-office-unlimited"') < shown.index('id="sold-pay-per-minute"')

    def test_a_product_that_is_not_sold_there_is_said_to_be_not(self, alice_client, albany):
        page = self.look_up(alice_client, product="dirt-cheap", area=albany.pk)
        assert text_of(page).count("Dirt Cheap is not sold in Albany, NY. These products are.") == 1

    @pytest.mark.parametrize(
        "asked",
        [
            {"country": "US", "region": "US-NY", "area": "999999"},
            {"country": "US", "region": "US-NY", "area": "x"},
            {"country": "CA", "region": "US-NY"},
            {"country": "ZZ"},
            {"area": "1' or 1=1"},
        ],
    )
    def test_a_place_that_does_not_exist_is_refused_beside_the_field(self, alice_client, albany, asked):
        RateCenterFactory(name="Troy")
        RateCenterFactory(name="Toronto", region=RegionFactory(country="CA", code="ON", name="Ontario"))
        page = self.look_up(alice_client, **asked)
        assert (page.status_code, page.context["form"].is_valid()) == (422, False)

    @pytest.mark.parametrize("product", ["", "north-america-500", "additional-channel", "no-such", "a\x00b"])
    def test_what_is_no_did_product_is_not_found(self, alice_client, product):
        assert self.look_up(alice_client, product=product).status_code == 404


class TestChooseANumber:
    def choose(self, client, area, **asked):
        return client.get(f"/order/inbound/{area.pk}/numbers/", {"product": "pay-per-minute", **asked})

    def test_the_numbers_in_stock_are_listed_in_order(self, client, number):
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        PhoneNumberFactory(digits="15185550111", rate_center=number.rate_center, state="out")
        PhoneNumberFactory(digits="15185550100", rate_center=RateCenterFactory(name="Troy"))
        page = self.choose(client, number.rate_center)
        assert [str(each) for each in page.context["numbers"]] == ["(518) 555-0123", "(518) 555-0199"]

    @pytest.mark.parametrize(
        ("digits", "found"),
        [
            ("123", 1),
            ("(518) 555", 2),
            ("0123", 1),
            ("", 2),
            ("77", 0),
            ("15", 0),
            ("1-518-555-0123", 1),
            ("+1 (518) 555-0123", 1),
        ],
    )
    def test_digits_narrow_the_list(self, client, number, digits, found):
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        assert len(self.choose(client, number.rate_center, digits=digits).context["numbers"]) == found

    def test_letters_are_refused_and_stay_in_the_box(self, client, number):
        page = self.choose(client, number.rate_center, digits="CALLME")
        assert (page.status_code, page.context["form"].errors) == (
            422,
            {"digits": ["Type digits only, such as 42: letters are on the keypad, not in the number."]},
        )
        assert page.content.decode().count('value="CALLME"') == 1

    @pytest.mark.parametrize("digits", ["4" * 21, "12\x00", "٤٢"])
    def test_nonsense_is_refused(self, client, number, digits):
        assert self.choose(client, number.rate_center, digits=digits).status_code == 422

    def test_an_area_that_does_not_exist_is_not_found(self, client, db):
        assert client.get("/order/inbound/999/numbers/?product=pay-per-minute").status_code == 404

    def test_more_than_a_page_is_said_to_be_more(self, client, albany):
        PhoneNumberFactory.create_batch(61, rate_center=albany)
        page = self.choose(client, albany)
        assert (len(page.context["numbers"]), page.context["has_more"]) == (60, True)

    def test_the_queries_do_not_grow(self, client, number):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                self.choose(client, number.rate_center)
            return len(captured)

        one = queries()
        PhoneNumberFactory.create_batch(2, rate_center=number.rate_center)
        assert (one, queries()) == (4, 4)


class TestOrderNow:
    def test_it_holds_a_number_and_shows_the_cart(self, client, number):
        page = order_now(client, number.rate_center)
        assert (page.status_code, page.url) == (302, "/cart/")
        cart = client.get("/cart/")
        row = cart.context["rows"][0]
        assert (row.line.about, row.held_until) == (
            "(518) 555-0123 in Albany, NY",
            PhoneNumber.objects.get().held_until,
        )
        assert cart.content.decode().count("data-countdown") == 1

    def test_the_chosen_number(self, client, number):
        chosen = PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        order_now(client, number.rate_center, number=chosen.digits)
        assert CartLine.objects.get().phone_number == chosen

    def test_a_number_that_was_taken_leads_back_to_the_others(self, client, number):
        order_now(Client(), number.rate_center, number=number.digits)
        PhoneNumberFactory(rate_center=number.rate_center)
        page = order_now(client, number.rate_center, number=number.digits)
        assert page.status_code == 409
        assert text_of(page).count("(518) 555-0123 was taken just now. Choose another number.") == 1
        assert page.content.decode().count(f"/order/inbound/{number.rate_center.pk}/numbers/") == 1

    def test_a_product_that_is_not_sold_there_is_refused(self, client, number):
        page = order_now(client, number.rate_center, product="dirt-cheap")
        assert (page.status_code, CartLine.objects.count()) == (409, 0)

    @pytest.mark.parametrize(
        "more", [{"area": "0"}, {"area": "x"}, {"area": "9" * 30}, {"number": "15185559999"}, {"number": "abc"}]
    )
    def test_what_does_not_exist_is_not_found(self, client, number, more):
        assert (
            client.post("/cart/add/", {"product": "pay-per-minute", "area": number.rate_center.pk} | more).status_code
            == 404
        )

    def test_without_an_area_it_is_refused(self, client, number):
        assert client.post("/cart/add/", {"product": "pay-per-minute"}).status_code == 409

    def test_a_hold_that_ran_out_is_said_and_can_be_had_again(self, client, number):
        order_now(client, number.rate_center)
        lapse()
        page = client.get("/cart/")
        assert text_of(page).count("The 15 minutes are over, so the number is not kept for you any more.") == 1
        line = CartLine.objects.get()
        assert client.post(f"/cart/{line.pk}/hold/").status_code == 302
        assert client.get("/cart/").context["rows"][0].has_lapsed is False

    def test_it_cannot_be_had_again_from_somebody_else(self, client, number):
        order_now(client, number.rate_center)
        lapse()
        order_now(Client(), number.rate_center)
        line = CartLine.objects.earliest("pk")
        page = client.post(f"/cart/{line.pk}/hold/")
        assert page.status_code == 409
        cart = client.get("/cart/")
        assert cart.context["quote"].problems == (
            "(518) 555-0123 is not kept for you any more, and it is no longer free. "
            "Remove it and choose another number.",
        )

    def test_the_carts_queries_do_not_grow(self, client, number):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                client.get("/cart/")
            return len(captured)

        PhoneNumberFactory.create_batch(2, rate_center=number.rate_center)
        order_now(client, number.rate_center)
        client.get("/cart/")
        one = queries()
        order_now(client, number.rate_center)
        order_now(client, number.rate_center)
        assert (one, queries()) == (6, 6)

    def test_a_line_for_staff_to_fill_can_take_a_number_that_has_come(self, client, albany):
        order_now(client, albany)
        PhoneNumberFactory(digits="15185550123", rate_center=albany)
        cart = client.get("/cart/")
        assert (cart.context["rows"][0].has_come, cart.content.decode().count("Take a number now")) == (True, 1)
        client.post(f"/cart/{CartLine.objects.get().pk}/hold/")
        assert client.get("/cart/").context["rows"][0].line.about == "(518) 555-0123 in Albany, NY"

    def test_taking_one_that_is_gone_again_is_said(self, client, albany):
        order_now(client, albany)
        page = client.post(f"/cart/{CartLine.objects.get().pk}/hold/", follow=True)
        assert text_of(page).count("No number is in stock there at the moment: somebody else was quicker.") == 1

    def test_a_visitor_who_holds_too_many_has_to_wait(self, number, alice_client):
        """However many sessions a visitor begins; customers are limited by their carts."""
        RateCenterFactory(name="Troy")
        answers = [order_now(Client(), number.rate_center).status_code for _ in range(31)]
        assert answers == [302] * 30 + [429]
        assert order_now(alice_client, number.rate_center).status_code == 302
