"""What staff see of the customer beside a ticket: services, money, lost numbers, other tickets."""

from datetime import date

import pytest
import time_machine
from django.test import Client

from phone_numbers.models import PhoneNumber
from support.models import Ticket
from tests.factories import hold_number
from tests.orders.conftest import credit
from tests.support.conversations import desk_of, lose_number, open_ticket


@pytest.fixture(autouse=True)
def _one_o_clock():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T18:00:00Z", tick=False):
        yield


def lost_numbers(client: Client, ticket: Ticket) -> list[tuple[str, date, str]]:
    found = client.get(desk_of(ticket)).context["customer"].lost
    return [(str(each.service.phone_number), each.until, each.why_not) for each in found]


def test_services_money_and_other_tickets(ticket, alice, sam_client, catalog):
    held = hold_number(alice)
    credit(alice, "20")
    other = open_ticket(alice, "Another")
    customer = sam_client.get(desk_of(ticket)).context["customer"]
    assert (customer.account, customer.balance, customer.services, customer.tickets) == (alice, 20, [held], [other])
    assert [(line.kind, line.total) for line in customer.lines] == [("Credit", 20)]


@pytest.mark.parametrize(
    ("ago", "shown"),
    [(0, [date(2027, 2, 24)]), (19, [date(2027, 2, 5)]), (44, [date(2027, 1, 11)]), (45, []), (46, [])],
)
def test_numbers_lost_within_45_days_and_until_when_they_can_be_reclaimed(
    ticket, alice, sam_client, catalog, ago, shown
):
    lose_number(alice, ago=ago)
    assert [until for _, until, _ in lost_numbers(sam_client, ticket)] == shown


def test_those_that_cannot_say_why(ticket, alice, bob, sam_client, catalog):
    lose_number(alice, reason="violation")
    taken_out = lose_number(alice)
    PhoneNumber.objects.filter(pk=taken_out.phone_number_id).update(state="out", note="Ported away")
    hold_number(alice, reclaims=lose_number(alice))
    lose_number(bob)
    assert [why for _, _, why in lost_numbers(sam_client, ticket)] == [
        "cancelled for a violation of the terms",
        "out of service: Ported away",
    ]
