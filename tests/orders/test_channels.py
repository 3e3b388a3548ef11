"""Extra channels: the page, and into the cart (domain.md §2)."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import Service
from callcentric import clock
from catalog.models import Product
from tests.factories import PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels, in_cart, wait_for_number

PAGE = "/order/channels/"
pytestmark = pytest.mark.usefixtures("catalog")


def ask(client, number: Service, quantity: object = 1):
    return client.post(PAGE, {"number": number.pk, "quantity": quantity})


class TestThePage:
    def test_it_offers_the_numbers_that_take_channels_and_says_why_the_others_take_none(self, alice, alice_client):
        number = hold_number(
            alice, phone_number=PhoneNumberFactory(digits="15185550101", state="assigned", holder=alice)
        )
        full = hold_number(alice, phone_number=PhoneNumberFactory(digits="15185550102", state="assigned", holder=alice))
        hold_channels(number, 3)
        hold_channels(full, 20)
        for last, code in [(3, "personal-unlimited"), (4, "dirt-cheap"), (5, "service-provider-unlimited")]:
            assigned = PhoneNumberFactory(digits=f"1518555010{last}", state="assigned", holder=alice)
            hold_number(alice, code, phone_number=assigned)
        wait_for_number(alice)
        page = alice_client.get(PAGE)
        assert [(key, str(label)) for key, label in page.context["form"].fields["number"].choices] == [
            (
                str(number.pk),
                '<span><strong class="nowrap">(518) 555-0101</strong><br><span class="hint">'
                "Albany, NY, Pay Per Minute. 5 calls at a time now: 2 included, 3 extra. Up to 17 more.</span></span>",
            )
        ]
        assert [other.problem for other in page.context["others"]] == [
            "(518) 555-0102 has 20 extra channels already, and a number has no more than that.",
            "(518) 555-0103 is a Personal Unlimited number, and Personal Unlimited takes no extra channels.",
            "(518) 555-0104 is a Dirt Cheap number, and Dirt Cheap takes no extra channels.",
            "(518) 555-0105 takes any number of calls at a time under Service Provider Unlimited: "
            "it needs no extra channels.",
            "Your Pay Per Minute number in Albany, NY has not come yet. Order channels for it once you have it.",
        ]
        assert page.content.decode().count('<h2 id="others">Your other numbers</h2>') == 1
        assert page.context["form"]["number"].value() == str(number.pk)

    def test_a_number_that_is_cancelled_takes_none(self, alice, alice_client):
        """A channel ordered from the 27th on is paid to the end of the next month, and would end before it began."""
        number = hold_number(alice, ending_asked_at=clock.now())
        page = alice_client.get(PAGE)
        assert [other.problem for other in page.context["others"]] == [
            f"{number.phone_number} ends on 31 January 2027, because you cancelled it. "
            "Take the cancellation back on My Account first, then order channels for it."
        ]

    def test_a_channel_that_has_ended_takes_no_place(self, alice, alice_client):
        hold_channels(hold_number(alice), 4, state="cancelled")
        assert alice_client.get(PAGE).context["takers"][0].used == 0

    def test_the_number_that_a_link_names_is_chosen(self, alice, alice_client):
        hold_number(alice)
        second = hold_number(alice)
        assert alice_client.get(PAGE).context["form"]["number"].value() is None
        assert alice_client.get(PAGE, {"number": second.pk}).context["form"]["number"].value() == str(second.pk)
        assert alice_client.get(PAGE, {"number": "999999999"}).context["form"]["number"].value() is None

    def test_nobody_elses_numbers_are_on_it(self, alice, bob_client):
        hold_number(alice)
        page = bob_client.get(PAGE)
        assert (page.context["takers"], page.context["others"]) == ([], [])
        assert "You have no phone number yet" in page.content.decode()

    def test_only_numbers_that_take_none(self, alice, alice_client):
        hold_number(alice, "personal-unlimited")
        text = alice_client.get(PAGE).content.decode()
        assert ("None of your numbers takes extra channels" in text, ">Continue<" in text) == (True, False)

    def test_it_takes_the_same_queries_for_one_number_and_for_three(self, alice, alice_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get(PAGE).status_code == 200
            return len(captured)

        hold_number(alice)
        one = queries()
        for _ in range(2):
            hold_channels(hold_number(alice), 2)
        assert (one, queries()) == (5, 5)

    def test_order_products_and_services_leads_here(self, alice, alice_client):
        assert f'href="{PAGE}"' in alice_client.get("/order/").content.decode().split("Additional Incoming Channels")[1]

    def test_channels_that_are_withdrawn_are_not_sold(self, alice, alice_client):
        number = hold_number(alice)
        Product.objects.filter(kind="channel").update(is_offered=False)
        assert "No channels are on offer today" in alice_client.get(PAGE).content.decode()
        assert (ask(alice_client, number).status_code, in_cart(alice)) == (422, [])


class TestIntoTheCart:
    def test_continue_leads_to_the_cart(self, alice, alice_client):
        number = hold_number(
            alice, phone_number=PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice)
        )
        response = ask(alice_client, number, 3)
        assert (response.status_code, response.url) == (302, "/cart/")
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "3 channels for (518) 555-0100 are in your cart."
        ]
        assert in_cart(alice) == [(number.pk, 3)]

    def test_a_second_choice_for_the_number_takes_the_place_of_the_first(self, alice, alice_client):
        number, other = hold_number(alice), hold_number(alice)
        for chosen, quantity in [(number, 3), (other, 1), (number, 5)]:
            ask(alice_client, chosen, quantity)
        assert in_cart(alice) == [(number.pk, 5), (other.pk, 1)]

    @pytest.mark.parametrize(
        ("quantity", "words"),
        [
            ("11", "Choose 1 to 10 channels. For more, order again afterwards."),
            ("0", "Choose 1 to 10 channels."),
            ("-1", "Choose 1 to 10 channels."),
            ("three", "Type a whole number from 1 to 10."),
            ("1.5", "Type a whole number from 1 to 10."),
            ("9" * 40, "Choose 1 to 10 channels. For more, order again afterwards."),
            ("", "Say how many channels you want."),
            ("6", "{number} has 15 extra channels, and a number has 20 at most. You can add 5."),
        ],
    )
    def test_a_quantity_that_cannot_be(self, alice, alice_client, quantity, words):
        number = hold_number(alice)
        hold_channels(number, 15)
        response = ask(alice_client, number, quantity)
        assert response.status_code == 422
        form = response.context["form"]
        assert form.errors == {"quantity": [words.format(number=number.phone_number)]}
        assert (form["number"].value(), form["quantity"].value()) == (str(number.pk), quantity)
        assert in_cart(alice) == []

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("dirt-cheap", "{number} is a Dirt Cheap number, and Dirt Cheap takes no extra channels."),
            (
                "personal-unlimited",
                "{number} is a Personal Unlimited number, and Personal Unlimited takes no extra channels.",
            ),
            (
                "service-provider-unlimited",
                "{number} takes any number of calls at a time under Service Provider Unlimited: "
                "it needs no extra channels.",
            ),
        ],
    )
    @pytest.mark.parametrize("has_another", [True, False])
    def test_a_number_that_takes_none_cannot_be_forced(self, alice, alice_client, code, words, has_another):
        if has_another:
            hold_number(alice)
        number = hold_number(alice, code)
        response = ask(alice_client, number, 4)
        assert response.status_code == 422
        expected = words.format(number=number.phone_number)
        assert response.context["form"].errors == {"number": [expected]}
        assert (response.content.decode().count(expected), in_cart(alice)) == (2, [])

    def test_a_number_that_ends_takes_none(self, alice, alice_client):
        number = hold_number(alice, ending_asked_at=datetime(2027, 1, 5, tzinfo=UTC))
        page = ask(alice_client, number)
        assert page.status_code == 422
        assert page.context["form"].errors["number"] == [
            f"{number.phone_number} ends on 31 January 2027, because you cancelled it. "
            "Take the cancellation back on My Account first, then order channels for it."
        ]

    def test_a_number_that_has_not_come_cannot_be_forced(self, alice, alice_client):
        response = ask(alice_client, wait_for_number(alice))
        assert response.context["form"].errors == {
            "number": [
                "Your Pay Per Minute number in Albany, NY has not come yet. Order channels for it once you have it."
            ]
        }

    @pytest.mark.parametrize("number", ["", "x", "-1", "\x00"])
    def test_no_number_at_all(self, alice, alice_client, number):
        hold_number(alice)
        response = alice_client.post(PAGE, {"number": number, "quantity": 2})
        assert (response.status_code, list(response.context["form"].errors)) == (422, ["number"])
        assert response.context["form"]["quantity"].value() == "2"

    def test_a_strangers_number_is_not_found(self, alice, bob, bob_client):
        assert ask(bob_client, hold_number(alice)).status_code == 404
        assert bob_client.post(PAGE, {"number": "9" * 30, "quantity": 1}).status_code == 404
        assert in_cart(bob) == []

    def test_a_number_that_has_ended_is_not_found(self, alice, alice_client):
        ended = hold_number(alice, state="cancelled", cancelled_on=date(2027, 1, 5), reason="customer")
        assert ask(alice_client, ended).status_code == 404
