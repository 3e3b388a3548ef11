"""The page of a service: what happens next, cancelling it, and taking that back."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from post_office.models import Email

from billing.models import Service
from callcentric import clock
from tests.billing.month import hold_911, hold_plan
from tests.factories import PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels, wait_for_number

pytestmark = pytest.mark.usefixtures("catalog")

THE_12TH = date(2027, 1, 12)


@pytest.fixture(autouse=True)
def _on_the_12th(settings, tmp_path):
    settings.CLOCK_FILE = tmp_path / "clock"
    clock.set_today(THE_12TH)


@pytest.fixture
def number(alice) -> Service:
    assigned = PhoneNumberFactory(digits="15185550123", state="assigned", holder=alice)
    return hold_number(alice, phone_number=assigned)


def page_of(service: Service) -> str:
    return f"/services/{service.pk}/"


def cancel(client, service: Service):
    return client.post(f"{page_of(service)}cancel/")


def keep(client, service: Service):
    return client.post(f"{page_of(service)}keep/")


def said(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def is_ending(service: Service) -> bool:
    return Service.objects.get(pk=service.pk).is_ending


class TestThePage:
    def test_it_says_what_it_is_and_what_can_be_done(self, alice_client, number):
        page = alice_client.get(page_of(number))
        text = page.content.decode()
        assert (page.status_code, page.context["why_not"]) == (200, "")
        assert page.context["about"].monthly == Decimal("1.95")
        assert "<h1>(518) 555-0123</h1>" in text
        assert f'action="{page_of(number)}cancel/"' in text
        assert "The number is kept for you for 45 days after that" in text

    def test_one_that_is_cancelled_offers_to_keep_it(self, alice_client, number):
        cancel(alice_client, number)
        text = alice_client.get(page_of(number)).content.decode()
        assert "It ends on 31 January 2027" in text
        assert (f'action="{page_of(number)}keep/"' in text, f'action="{page_of(number)}cancel/"' in text) == (
            True,
            False,
        )

    def test_one_that_has_ended_says_when_and_why_and_offers_nothing(self, alice, alice_client):
        plan = hold_plan(alice, state="cancelled", cancelled_on=date(2027, 1, 1), reason="failed_rebilling")
        text = alice_client.get(page_of(plan)).content.decode()
        assert "1 January 2027: Failed rebilling" in text
        assert (f'action="{page_of(plan)}' in text) is False

    def test_from_the_27th_it_says_when_it_can_be_cancelled_again(self, alice_client, number):
        clock.set_today(date(2027, 1, 27))
        text = alice_client.get(page_of(number)).content.decode()
        assert "You can cancel again from 1 February 2027." in text
        assert (f'action="{page_of(number)}cancel/"' in text) is False

    def test_a_number_that_has_not_come_links_to_its_withdrawal(self, alice, alice_client):
        waiting = wait_for_number(alice)
        text = alice_client.get(page_of(waiting)).content.decode()
        assert f'href="{reverse("back_order_withdraw", args=[waiting.back_order_id])}"' in text
        assert (f'action="{page_of(waiting)}' in text) is False

    def test_1_and_3_channels_take_the_same_queries(self, alice_client, number, django_assert_num_queries):
        alice_client.get(page_of(number))
        for more, channels in ((1, 1), (2, 3)):
            hold_channels(number, more)
            with django_assert_num_queries(6):
                page = alice_client.get(page_of(number))
            assert len(page.context["channels"]) == channels


class TestCancel:
    def test_it_is_done_and_said(self, alice_client, number):
        answer = cancel(alice_client, number)
        assert (answer.status_code, answer.url) == (302, page_of(number))
        assert said(answer) == ["(518) 555-0123 ends on 31 January 2027. Until then you can keep it."]
        assert is_ending(number)

    def test_a_double_press_does_it_once(self, alice_client, number):
        answers = [cancel(alice_client, number) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [302, 302]
        assert Email.objects.count() == 1

    def test_from_the_27th_it_is_refused_with_the_date(self, alice_client, number):
        clock.set_today(date(2027, 1, 29))
        answer = cancel(alice_client, number)
        assert answer.status_code == 409
        assert "You can cancel again from 1 February 2027." in str(answer.context["refusal"])
        assert not is_ending(number)

    def test_911_is_not_cancelled_alone(self, alice, alice_client):
        e911 = hold_911(alice)
        answer = cancel(alice_client, e911)
        assert (answer.status_code, is_ending(e911)) == (409, False)
        assert "is not cancelled alone" in answer.content.decode()

    def test_a_channel_by_itself_and_back_to_its_number(self, alice_client, number):
        first, second = hold_channels(number, 2)
        answer = cancel(alice_client, first)
        assert answer.url == page_of(number)
        assert said(answer) == [
            "An extra channel on (518) 555-0123 ends on 31 January 2027. Until then you can keep it."
        ]
        assert [is_ending(each) for each in (number, first, second)] == [False, True, False]
        text = alice_client.get(answer.url).content.decode()
        assert (f"{page_of(first)}keep/" in text, f"{page_of(second)}cancel/" in text) == (True, True)

    def test_a_number_with_its_channels(self, alice_client, number):
        (channel,) = hold_channels(number, 1)
        answer = cancel(alice_client, number)
        text = alice_client.get(answer.url).content.decode()
        assert (f"{page_of(channel)}cancel/" in text, "Ends then" in text) == (False, True)

    def test_a_stranger_finds_nothing(self, bob_client, number):
        answers = [bob_client.get(page_of(number)), cancel(bob_client, number), keep(bob_client, number)]
        assert ([answer.status_code for answer in answers], is_ending(number)) == ([404] * 3, False)


class TestKeep:
    def test_it_is_done_and_said(self, alice_client, number):
        cancel(alice_client, number)
        answer = keep(alice_client, number)
        assert (answer.status_code, answer.url, is_ending(number)) == (302, page_of(number), False)
        assert said(answer)[-1] == "(518) 555-0123 goes on. Nothing is cancelled."

    def test_while_the_cycle_collects_too(self, alice_client, number):
        cancel(alice_client, number)
        clock.set_today(date(2027, 1, 31))
        assert (keep(alice_client, number).status_code, is_ending(number)) == (302, False)

    def test_after_the_end_it_is_refused(self, alice_client, number):
        cancel(alice_client, number)
        clock.set_today(date(2027, 2, 1))
        answer = keep(alice_client, number)
        assert (answer.status_code, is_ending(number)) == (409, True)
        assert "This service has ended already. You can order it again" in answer.content.decode()

    def test_a_channel_of_a_number_that_is_cancelled_is_refused(self, alice_client, number):
        (channel,) = hold_channels(number, 1)
        cancel(alice_client, channel), cancel(alice_client, number)
        answer = keep(alice_client, channel)
        assert (answer.status_code, is_ending(channel)) == (409, True)
        assert "Keep the number first." in answer.content.decode()
