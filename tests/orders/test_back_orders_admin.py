"""The queue as staff see it: the oldest first, the next numbers in stock, and the very number they have found."""

from datetime import date

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from phone_numbers.models import BackOrder, PhoneNumber, Prefix
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory, UserFactory
from tests.orders.checkouts import NOON
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import wait_for_number

QUEUE = "/admin/phone_numbers/backorder/"


@pytest.fixture(autouse=True)
def _a_week_later():
    """Tuesday 19 January 2027 in New York."""
    with time_machine.travel("2027-01-19T17:00:00Z", tick=False):
        yield


@pytest.fixture
def customers(alice, bob, catalog, taxes) -> tuple[Account, Account]:
    for account in (alice, bob):
        credit(account, "500")
        live_at_the_billing_address(account)
    return alice, bob


@pytest.fixture
def line(customers) -> list[BackOrder]:
    """Alice's order in Albany, Bob's a day later, and Bob's in Troy."""
    alice, bob = customers
    return [
        wait_for_number(alice),
        wait_for_number(bob, now=NOON.replace(day=12)),
        wait_for_number(bob, at=RateCenterFactory(name="Troy"), now=NOON.replace(day=13)),
    ]


def assign_next(client, chosen: list[BackOrder]) -> list[str]:
    data = {"action": "assign_next", "_selected_action": [each.pk for each in chosen]}
    return [str(message) for message in get_messages(client.post(QUEUE, data).wsgi_request)]


def assign(client, back_order: BackOrder, number: str):
    return client.post(f"{QUEUE}{back_order.pk}/assign/", {"number": number})


def states(line: list[BackOrder]) -> list[str]:
    return [BackOrder.objects.get(pk=each.pk).state for each in line]


class TestQueue:
    def test_the_oldest_first_with_their_age_and_what_is_in_stock(self, line, sam_client):
        PhoneNumberFactory.create_batch(2)
        page = sam_client.get(QUEUE)
        assert page.content.decode().count("Assign…") == 3
        shown = page.context["cl"].model_admin
        assert [(each.pk, shown.age(each), shown.in_stock(each)) for each in page.context["cl"].result_list] == [
            (line[0].pk, 6, 2),
            (line[1].pk, 5, 2),
            (line[2].pk, 4, 0),
        ]

    def test_those_that_wait_no_more_are_asked_for(self, line, sam_client):
        PhoneNumberFactory()
        assign_next(sam_client, line[:1])
        assert [each.pk for each in sam_client.get(QUEUE).context["cl"].result_list] == [line[1].pk, line[2].pk]
        filled = sam_client.get(QUEUE, {"state": "filled"})
        assert [each.pk for each in filled.context["cl"].result_list] == [line[0].pk]

    def test_it_takes_the_same_queries_for_one_and_for_three(self, line, sam_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert sam_client.get(QUEUE).status_code == 200
            return len(captured)

        three = queries()
        BackOrder.objects.exclude(pk=line[0].pk).update(state="withdrawn", closed_at=NOON)
        assert (queries(), three) == (5, 5)

    def test_customers_do_not_see_it(self, line, alice_client):
        assert alice_client.get(QUEUE).status_code == 302
        assert assign(alice_client, line[0], "(518) 555-0142").status_code == 302
        assert states(line) == ["waiting"] * 3

    def test_staff_who_may_only_look_assign_nothing(self, line, client):
        trainee = UserFactory(username="trainee", is_staff=True)
        client.force_login(trainee)
        assert client.get(QUEUE).status_code == 403
        trainee.user_permissions.add(Permission.objects.get(codename="view_backorder"))
        page = client.get(QUEUE)
        assert (page.status_code, page.content.decode().count("Assign…")) == (200, 0)
        assert assign(client, line[0], "(518) 555-0142").status_code == 403
        assert states(line) == ["waiting"] * 3


class TestAssignNext:
    def test_each_place_gives_what_it_has_to_its_oldest(self, line, sam_client):
        number = PhoneNumberFactory()
        # Bob's rows are chosen; the number goes to Alice, who has waited longer.
        assert assign_next(sam_client, line[1:]) == [
            f"The oldest orders of each place got a number, 1 in all: {number} to Alice.",
            "Not served: Troy, NY (1). No number was free there, or somebody else has just taken up these orders. "
            "Look at the queue again.",
        ]
        assert states(line) == ["filled", "waiting", "waiting"]

    def test_all_at_once(self, line, sam_client):
        first, second = PhoneNumberFactory.create_batch(2)
        third = PhoneNumberFactory(rate_center=line[2].rate_center)
        assert assign_next(sam_client, line) == [
            "The oldest orders of each place got a number, 3 in all: "
            f"{first} to Alice, {second} to Bob, {third} to Bob."
        ]
        assert states(line) == ["filled"] * 3

    def test_what_waits_no_more_is_said(self, line, sam_client):
        BackOrder.objects.update(state="withdrawn", closed_at=NOON)
        data = {"action": "assign_next", "_selected_action": [each.pk for each in line]}
        response = sam_client.post(f"{QUEUE}?state=withdrawn", data)
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "None of these orders waits any more."
        ]


class TestAssignThis:
    @pytest.mark.parametrize("typed", ["(518) 555-0142", "518-555-0142", "+1 518 555 0142", "15185550142"])
    def test_a_number_that_is_new_to_the_stock_however_it_is_typed(self, line, sam_client, typed):
        response = assign(sam_client, line[0], typed)
        assert (response.status_code, response.url) == (302, QUEUE)
        number = PhoneNumber.objects.get()
        assert (number.digits, number.state, number.holder.name) == ("15185550142", "assigned", "Alice")
        assert (number.rate_center, number.in_stock_since) == (line[0].rate_center, date(2027, 1, 19))
        assert states(line) == ["filled", "waiting", "waiting"]

    def test_a_number_in_stock(self, line, sam_client):
        number = PhoneNumberFactory()
        response = assign(sam_client, line[0], number.national)
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            f"{number} is Alice's now; an e-mail says so."
        ]

    def test_the_oldest_gets_it_and_the_page_says_so(self, line, sam_client):
        page = sam_client.get(f"{QUEUE}{line[1].pk}/assign/")
        assert (page.context["oldest"], "You came from a later order." in page.content.decode()) == (line[0], True)
        assign(sam_client, line[1], "(518) 555-0142")
        assert states(line) == ["filled", "waiting", "waiting"]

    @pytest.mark.parametrize(
        ("typed", "reason"),
        [
            ("", "This field is required."),
            ("518 555 CALL", "“518 555 CALL” is not a phone number."),
            ("+1 777 555 0100", "+1 777 555 0100 begins with 1777: that is an account, not a phone number."),
            ("+44 20 7946 0000", "+44 20 7946 0000 is not a number of the country that Albany, NY is in."),
            ("+1 416 207 0100", "(416) 207-0100 is a number of Toronto, ON, and not of Albany, NY."),
            ("800 555 0100", "(800) 555-0100 is a toll-free number, and not one of Albany, NY."),
        ],
    )
    def test_what_is_no_number_of_the_place_is_refused(self, line, sam_client, typed, reason):
        ontario = RegionFactory(country="CA", code="ON", name="Ontario")
        Prefix.objects.create(rate_center=RateCenterFactory(region=ontario, name="Toronto"), digits="1416207")
        Prefix.objects.create(rate_center=RateCenterFactory(name="Toll-free", is_toll_free=True), digits="1800")
        response = assign(sam_client, line[0], typed)
        assert (response.status_code, response.context["form"].errors) == (422, {"number": [reason]})
        assert (PhoneNumber.objects.count(), states(line)) == (0, ["waiting"] * 3)

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            ({"state": "assigned", "holder": "bob"}, "(518) 555-0142 is assigned to a customer."),
            (
                {"state": "kept", "last_holder": "bob", "disconnected_on": date(2027, 1, 4)},
                "(518) 555-0142 is kept for its last holder, disconnected 2027-01-04.",
            ),
            ({"state": "out", "note": "Lost in a port"}, "(518) 555-0142 is out of service: Lost in a port."),
            (
                {
                    "state": "held",
                    "held_by": "5f0c3f0e-8d5d-4a7c-9f3a-0a1b2c3d4e5f",
                    "held_until": NOON.replace(day=20),
                },
                "(518) 555-0142 is held for a cart until 12:00 PM. Choose another.",
            ),
            (
                {"rate_center": "Troy"},
                "(518) 555-0142 is a number of Troy, NY. The order waits for one in Albany, NY.",
            ),
        ],
    )
    def test_a_number_that_is_not_free_is_refused_with_the_reason(self, line, bob, sam_client, facts, reason):
        facts = {name: bob if value == "bob" else value for name, value in facts.items()}
        if "rate_center" in facts:
            facts["rate_center"] = line[2].rate_center
        PhoneNumberFactory(digits="15185550142", **facts)
        response = assign(sam_client, line[0], "(518) 555-0142")
        assert (response.status_code, response.context["form"].errors) == (422, {"number": [reason]})
        assert "(518) 555-0142" in response.content.decode()
        assert states(line) == ["waiting"] * 3

    def test_when_nobody_waits_any_more_nothing_is_added(self, line, sam_client):
        BackOrder.objects.update(state="withdrawn", closed_at=NOON)
        response = assign(sam_client, line[0], "(518) 555-0142")
        assert response.status_code == 422
        assert "Nobody waits for a number in Albany, NY any more." in response.content.decode()
        assert PhoneNumber.objects.count() == 0
