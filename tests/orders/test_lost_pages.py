"""The pages of getting back: the dashboard's link, the lookup page, and everything that was lost."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from accounts.models import Account
from billing.models import Service
from catalog.models import Product
from orders.models import CartLine
from phone_numbers import stock
from phone_numbers.models import Offering, PhoneNumber
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.orders.channels import hold_channels
from tests.orders.losing import FIRST, a_911, a_number, a_plan, lose
from tests.orders.waiting import order_what_is_in_the_cart

WORDS = "Click here to reorder these products"
# The button as it is on the page: it looks and is read like a link, and posts.
BUTTON = f'<button class="button link" type="submit" role="link">{WORDS}</button>'


@pytest.fixture
def travel():
    """The moment it is, in New York at noon unless an hour is named; the fifth of January at first."""
    with time_machine.travel("2027-01-05T17:00:00Z", tick=False) as traveller:

        def go(to: date | str) -> None:
            traveller.move_to(to if isinstance(to, str) else f"{to}T17:00:00Z", tick=False)

        yield go


@pytest.fixture
def number(customer, albany, travel) -> Service:
    return lose(a_number(customer, "15185550123", at=albany))


def text_of(response) -> str:
    # A term and what is said of it are words of their own.
    return " ".join(strip_tags(response.content.decode().replace("<dd>", " ")).split())


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def ticket(service: Service) -> str:
    return f'<a href="/support/tickets/new/?category=orders&amp;service={service.pk}">Open a trouble ticket'


class TestTheLink:
    def test_it_stands_directly_under_my_products(self, number, alice_client):
        page = alice_client.get("/dashboard/").content.decode()
        _, _, below = page.partition("MY PRODUCTS</h2>")
        assert below.split()[:4] == ["<form", 'method="post"', 'action="/services/lost/reorder/">', "<input"]
        assert below.partition("</form>")[0].count(BUTTON) == 1

    def test_it_puts_all_into_the_cart_and_goes_there(self, customer, number, alice_client):
        lose(a_plan(customer))
        response = alice_client.post("/services/lost/reorder/", follow=True)
        assert response.redirect_chain == [("/cart/", 302)]
        text = text_of(response)
        assert "What you lost is in your cart, without set-up fees." in text
        assert "Set-up fee $3.95: waived, because you lost it 4 days ago." in text
        assert "Yours to reclaim until 14 February 2027." in text
        assert "Held for you until" not in text
        assert sorted(line.product.code for line in CartLine.objects.all()) == ["north-america-500", "pay-per-minute"]

    def test_twice_is_once(self, number, alice_client):
        [alice_client.post("/services/lost/reorder/") for _ in range(2)]
        assert CartLine.objects.count() == 1

    @pytest.mark.parametrize(
        ("moment", "is_there"),
        [
            ("2027-01-01T05:00:00Z", True),
            # It is the 20th in London and in Tokyo, and the 19th in New York until midnight there.
            ("2027-01-20T04:59:59Z", True),
            ("2027-01-20T05:00:00Z", False),
            # The 19th still in Honolulu.
            ("2027-01-20T07:00:00Z", False),
            ("2027-02-01T05:00:00Z", False),
        ],
    )
    @pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Pacific/Honolulu"])
    def test_midnight_is_new_yorks_for_everybody(self, number, alice, alice_client, travel, moment, is_there, zone):
        Account.objects.filter(pk=alice.pk).update(time_zone=zone)
        travel(moment)
        assert (WORDS in alice_client.get("/dashboard/").content.decode()) is is_there
        assert alice_client.post("/services/lost/reorder/").status_code == (302 if is_there else 409)

    def test_on_the_20th_a_forced_post_is_refused_with_words(self, number, alice_client, travel):
        travel(date(2027, 1, 20))
        response = alice_client.post("/services/lost/reorder/")
        assert response.status_code == 409
        assert response.context["problem"] == (
            "Reordering by one click is possible from the 1st to the 19th of a month. "
            "Below you see what you can still get back, and how."
        )
        assert CartLine.objects.count() == 0

    def test_who_lost_nothing_has_no_link(self, number, bob_client):
        assert WORDS not in bob_client.get("/dashboard/").content.decode()
        assert bob_client.post("/services/lost/reorder/").status_code == 409
        assert CartLine.objects.count() == 0

    @pytest.mark.parametrize("reason", ["customer", "staff", "violation"])
    def test_what_was_not_lost_to_failed_rebilling_has_none(self, customer, albany, alice_client, travel, reason):
        lose(a_number(customer, "15185550123", at=albany), reason=reason)
        page = alice_client.get("/dashboard/").content.decode()
        assert (WORDS in page, 'href="/services/lost/"' in page) == (False, True)

    def test_it_is_gone_once_all_is_back(self, customer, number, alice_client):
        alice_client.post("/services/lost/reorder/")
        order_what_is_in_the_cart(customer)
        assert WORDS not in alice_client.get("/dashboard/").content.decode()

    def test_what_cannot_come_back_is_named_under_it_and_after_the_click(self, customer, number, alice_client):
        out = lose(a_number(customer, "15185550155"))
        stock.take_out(PhoneNumber.objects.filter(pk=out.phone_number_id), note="Misdialled")
        words = (
            "Pay Per Minute (518) 555-0155 in Albany, NY: (518) 555-0155 has been taken out of service. "
            "Open a trouble ticket"
        )
        dashboard = alice_client.get("/dashboard/")
        assert (words in text_of(dashboard), ticket(out) in dashboard.content.decode()) == (True, True)
        cart = alice_client.post("/services/lost/reorder/", follow=True)
        assert words in text_of(cart)
        assert f'<a href="/support/tickets/new/?category=orders&service={out.pk}">Open a trouble ticket</a>' in (
            cart.content.decode().replace("&amp;", "&")
        )

    def test_the_dashboard_says_that_something_was_lost_for_45_days(self, number, alice_client, travel):
        link = 'href="/services/lost/"'
        travel(date(2027, 2, 14))
        assert link in alice_client.get("/dashboard/").content.decode()
        travel(date(2027, 2, 15))
        assert link not in alice_client.get("/dashboard/").content.decode()

    def test_as_many_queries_for_one_as_for_three(self, customer, number, alice_client):
        one = queries(alice_client, "/dashboard/")
        [lose(a_number(customer, f"1518555020{each}")) for each in range(2)]
        assert (one, queries(alice_client, "/dashboard/")) == (14, 14)


class TestLookup:
    def look_up(self, client: Client, place, code="pay-per-minute"):
        return client.get("/order/inbound/lookup/", {"product": code, "area": place.pk})

    @pytest.mark.parametrize(
        ("today", "fee"),
        [
            (date(2027, 1, 20), "No set-up fee until 20 January 2027: the $3.95 are waived."),
            (date(2027, 1, 21), "The set-up fee is $3.95: it was waived until 20 January 2027."),
        ],
    )
    def test_it_says_that_the_number_is_still_yours(self, number, albany, alice_client, travel, today, fee):
        travel(today)
        text = text_of(self.look_up(alice_client, albany))
        assert "Your number (518) 555-0123 is still yours to reclaim It is kept for you until 14 February 2027." in text
        assert fee in text

    def test_order_now_puts_that_very_number_into_the_cart(self, number, albany, alice_client, travel):
        travel(date(2027, 1, 31))
        page = self.look_up(alice_client, albany).content.decode()
        assert f'action="/services/lost/{number.pk}/reclaim/"' in page
        response = alice_client.post(f"/services/lost/{number.pk}/reclaim/", follow=True)
        assert response.redirect_chain == [("/cart/", 302)]
        text = text_of(response)
        assert "Pay Per Minute (518) 555-0123 in Albany, NY is in your cart." in text
        assert "Set-up fee, once: $3.95. It is waived for 19 days, and you lost it 30 days ago." in text

    def test_the_ordinary_order_now_gives_it_too(self, number, albany, alice_client):
        PhoneNumberFactory(digits="15185550111", rate_center=albany)
        response = alice_client.post("/cart/add/", {"product": "pay-per-minute", "area": albany.pk}, follow=True)
        assert "(518) 555-0123, which you had before, is yours to reclaim. It is in your cart." in text_of(response)

    def test_another_one_can_be_chosen(self, number, albany, alice_client):
        PhoneNumberFactory(digits="15185550111", rate_center=albany)
        page = self.look_up(alice_client, albany).content.decode()
        path = f"/order/inbound/{albany.pk}/numbers/?product=pay-per-minute"
        assert f'To take another one, <a href="{path}">choose a number</a> instead.' in page

    def test_several_are_all_listed(self, customer, number, albany, alice_client):
        lose(a_number(customer, "15185550124", at=albany), on=date(2026, 12, 30))
        text = text_of(self.look_up(alice_client, albany))
        assert [text.count(f"Your number (518) 555-012{each} is still yours to reclaim") for each in (3, 4)] == [1, 1]

    @pytest.mark.parametrize(
        ("reason", "today", "happens", "words"),
        [
            ("customer", date(2027, 2, 15), None, ["You lost it 45 days ago, and a number is kept for 44 days"]),
            ("violation", date(2027, 1, 5), None, ["It was cancelled for a violation of the terms"]),
            ("staff", date(2027, 1, 5), "out", ["(518) 555-0123 has been taken out of service."]),
            ("staff", date(2027, 1, 5), "withdrawn", ["Pay Per Minute is no longer offered."]),
            (
                "violation",
                date(2027, 2, 20),
                "out",
                ["It was cancelled for a violation", "You lost it 50 days ago", "has been taken out of service."],
            ),
        ],
    )
    def test_it_says_which_condition_fails(self, customer, albany, alice_client, travel, reason, today, happens, words):
        lost = lose(a_number(customer, "15185550123", at=albany), reason=reason)
        travel(today)
        if happens == "out":
            stock.take_out(PhoneNumber.objects.all(), note="Misdialled")
        elif happens == "withdrawn":
            Product.objects.filter(code="pay-per-minute").update(is_offered=False)
        page = self.look_up(alice_client, albany)
        text = text_of(page)
        assert "Your number (518) 555-0123 cannot be given back to you" in text
        assert [text.count(each) for each in words] == [1] * len(words)
        assert page.content.decode().count(ticket(lost)) == 1

    def test_dirt_cheap_that_is_sold_there_no_more(self, customer, albany, alice_client, travel):
        lose(a_number(customer, "15185550123", code="dirt-cheap", at=albany))
        assert "comes back only while it is." in text_of(self.look_up(alice_client, albany, "dirt-cheap"))
        Offering.objects.create(product=Product.objects.get(code="dirt-cheap"), rate_center=albany)
        text = text_of(self.look_up(alice_client, albany, "dirt-cheap"))
        assert "is still yours to reclaim It is kept for you until 14 February 2027. There is no set-up fee." in text

    def test_another_product_another_place_and_a_stranger_see_nothing_of_it(
        self, number, albany, alice_client, bob_client
    ):
        troy = RateCenterFactory(name="Troy")
        pages = [
            self.look_up(alice_client, albany, "office-unlimited"),
            self.look_up(alice_client, troy),
            self.look_up(bob_client, albany),
        ]
        assert ["(518) 555-0123" in text_of(page) for page in pages] == [False] * 3

    def test_as_many_queries_for_one_as_for_three(self, customer, number, albany, alice_client):
        path = f"/order/inbound/lookup/?product=pay-per-minute&area={albany.pk}"
        one = queries(alice_client, path)
        [lose(a_number(customer, f"1518555020{each}", at=albany)) for each in range(2)]
        assert (one, queries(alice_client, path)) == (15, 15)


class TestEverythingThatWasLost:
    def rows(self, client: Client) -> list[tuple]:
        return [
            (row.lost.name, row.today and row.today.amount, row.later and (row.later.on, row.later.amount))
            for row in client.get("/services/lost/").context["rows"]
        ]

    def test_it_says_how_each_comes_back_and_what_that_costs(self, customer, albany, alice_client, travel):
        number = a_number(customer, "15185550123", at=albany)
        hold_channels(number, 3)
        for each in (a_plan(customer), number, a_911(customer)):
            lose(each)
        # In January, and on the 21st: 11 of 31 days are left then.
        assert self.rows(alice_client) == [
            ("North America 500", Decimal("6.05"), None),
            ("Pay Per Minute (518) 555-0123 in Albany, NY", Decimal("9.53"), (date(2027, 1, 21), Decimal("7.82"))),
            ("911", Decimal("1.31"), (date(2027, 1, 21), Decimal("2.03"))),
        ]
        text = text_of(alice_client.get("/services/lost/"))
        for words in [
            "with 3 extra channels",
            "Ended on 1 January 2027: Failed rebilling.",
            "By one click, from My Account until 19 January 2027",
            "The same number without set-up fee until 20 January 2027",
            "The same number with set-up fee, if any until 14 February 2027",
            "Today $9.53 without set-up fee",
            "From 21 January 2027 $7.82 that day, with $3.95 set-up",
            "rate plans have no set-up fee",
            "911 comes back by itself with a rate plan or a phone number",
        ]:
            assert (words, text.count(words) > 0) == (words, True)

    def test_after_day_19_todays_price_is_the_price(self, number, alice_client, travel):
        travel(date(2027, 1, 21))
        assert self.rows(alice_client) == [("Pay Per Minute (518) 555-0123 in Albany, NY", Decimal("4.64"), None)]
        text = text_of(alice_client.get("/services/lost/"))
        assert "By one click, from My Account was possible until 19 January 2027" in text
        assert "Today $4.64 with $3.95 set-up" in text

    def test_each_has_its_button(self, customer, albany, alice_client, travel):
        number = a_number(customer, "15185550123", at=albany)
        hold_channels(number, 2)
        lose(number, reason="customer")
        page = alice_client.get("/services/lost/").content.decode()
        assert page.count(f'action="/services/lost/{number.pk}/reclaim/"') == 1
        alice_client.post(f"/services/lost/{number.pk}/reclaim/", {"channels": "on"})
        assert [(line.kind, line.quantity) for line in CartLine.objects.order_by("pk")] == [("did", 1), ("channel", 2)]
        page = alice_client.get("/services/lost/").content.decode()
        assert (page.count("/reclaim/"), page.count(">In your cart</a>")) == (0, 1)

    def test_911_has_one_where_it_is_missing(self, customer, albany, alice_client, travel):
        a_number(customer, "15185550123", at=albany)
        lost = lose(a_911(customer))
        alice_client.post(f"/services/lost/{lost.pk}/reclaim/")
        assert [line.product.code for line in CartLine.objects.all()] == ["e911"]

    def test_what_cannot_come_back_says_why(self, number, alice_client):
        stock.take_out(PhoneNumber.objects.all(), note="Misdialled")
        page = alice_client.get("/services/lost/")
        assert "It cannot come back: (518) 555-0123 has been taken out of service." in text_of(page)
        assert ("Get it back" in text_of(page), ticket(number) in page.content.decode()) == (False, True)

    def test_day_45_is_refused_with_words(self, number, alice_client, travel):
        travel(date(2027, 2, 15))
        response = alice_client.post(f"/services/lost/{number.pk}/reclaim/")
        assert (response.status_code, CartLine.objects.count()) == (409, 0)
        assert response.context["problem"] == (
            "Pay Per Minute (518) 555-0123 in Albany, NY: You lost it 45 days ago, and a number is kept for 44 days: "
            "until 14 February 2027."
        )

    def test_what_is_back_is_refused_with_words(self, customer, number, alice_client):
        alice_client.post(f"/services/lost/{number.pk}/reclaim/")
        order_what_is_in_the_cart(customer)
        response = alice_client.post(f"/services/lost/{number.pk}/reclaim/")
        assert (response.status_code, response.context["problem"]) == (
            409,
            "You have it back already. See My Account.",
        )

    def test_what_was_never_lost_is_not_found(self, customer, albany, alice_client, travel):
        held = a_number(customer, "15185550123", at=albany)
        replaced = lose(a_plan(customer), reason="replaced")
        answers = [alice_client.post(f"/services/lost/{pk}/reclaim/") for pk in (held.pk, replaced.pk, 999_999)]
        assert [answer.status_code for answer in answers] == [404] * 3

    def test_it_is_nobody_elses(self, number, bob_client):
        assert bob_client.post(f"/services/lost/{number.pk}/reclaim/").status_code == 404
        assert "(518) 555-0123" not in text_of(bob_client.get("/services/lost/"))

    def test_nothing_lost(self, customer, alice_client, travel):
        assert "You have lost nothing" in text_of(alice_client.get("/services/lost/"))

    def test_it_has_pages(self, customer, alice_client, travel):
        for each in range(21):
            lose(a_number(customer, f"151855502{each:02}"), on=FIRST - timedelta(days=each))
        assert [len(alice_client.get(f"/services/lost/?page={page}").context["rows"]) for page in (1, 2)] == [20, 1]

    def test_as_many_queries_for_one_as_for_three(self, customer, number, alice_client):
        one = queries(alice_client, "/services/lost/")
        [lose(a_number(customer, f"1518555020{each}")) for each in range(2)]
        assert (one, queries(alice_client, "/services/lost/")) == (9, 9)
