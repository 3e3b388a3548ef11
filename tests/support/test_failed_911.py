"""Tickets that open by themselves: 911 that failed (domain.md §9, §12)."""

import threading
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection

from accounts import moving
from accounts.models import Account, Address
from billing import emergency
from billing.models import Service
from catalog.models import Product
from support import tickets
from support.models import Message, Ticket
from support.tasks import open_tickets_for_failed_911
from tests.factories import AddressFactory
from tests.support.conversations import NOON, lines


@pytest.fixture
def failed(alice: Account, catalog) -> Service:
    """Alice's 911, whose address was not accepted."""
    alice.service_address = alice.billing_address
    alice.save()
    for code in ["north-america-500", "e911"]:
        product = Product.objects.get(code=code)
        is_911 = code == "e911"
        service = Service.objects.create(
            account=alice,
            product=product,
            kind=product.kind,
            state="pending" if is_911 else "active",
            address=alice.service_address if is_911 else None,
            started_on=date(2027, 1, 1),
            paid_until=date(2027, 1, 31),
        )
    emergency.fail(service, problem="There is no such street.", now=NOON)
    service.refresh_from_db()
    return service


def test_a_ticket_opens_once(failed, alice):
    assert [tickets.open_for_failed_911(now=NOON) for _ in range(2)] == [1, 0]
    ticket = Ticket.objects.get()
    assert (ticket.account, ticket.service, ticket.failed_at, ticket.category, ticket.state, ticket.opened_at) == (
        alice,
        failed,
        NOON,
        "e911",
        "open",
        NOON,
    )
    assert (ticket.subject, ticket.opened_by, ticket.state_since) == (
        "911 is not active: the address was not accepted",
        "portal",
        NOON,
    )
    assert lines(ticket) == [
        "The portal: The address for 911 was not accepted: 1 Test Street, Albany, NY 12207, United States of America.\n"
        "There is no such street.\n\n"
        "Correct the address in the profile. If it is right as it is, answer here and say so."
    ]


def test_a_ticket_that_staff_have_closed_is_not_opened_again(failed):
    tickets.open_for_failed_911(now=NOON)
    Ticket.objects.get().come_to("closed", now=NOON)
    assert tickets.open_for_failed_911(now=NOON) == 0


def typed_again(address: Address) -> Address:
    """The same address in another row."""
    return AddressFactory(
        **{name: getattr(address, name) for name in ["country", "street", "city", "region", "postal_code"]}
    )


def fail_later(service: Service, hours: int) -> None:
    service.refresh_from_db()
    assert emergency.fail(service, problem="There is no such road.", now=NOON + timedelta(hours=hours))


def test_a_failure_at_another_address_is_a_ticket_of_its_own(failed, alice):
    tickets.open_for_failed_911(now=NOON)
    moving.serve_at(alice, AddressFactory(street="9 Far Road"), now=NOON)
    assert tickets.open_for_failed_911(now=NOON) == 0
    fail_later(failed, 1)
    assert (tickets.open_for_failed_911(now=NOON), Ticket.objects.count()) == (1, 2)


def test_the_same_address_typed_again_is_the_same_failure(failed, alice):
    tickets.open_for_failed_911(now=NOON)
    there = typed_again(failed.address)
    moving.serve_at(alice, there, now=NOON)
    failed.refresh_from_db()
    assert (failed.state, failed.address, failed.failed_at) == ("failed", there, NOON)
    assert (tickets.open_for_failed_911(now=NOON), Ticket.objects.count()) == (0, 1)


def test_an_address_that_fails_once_more_later_is_another_failure(failed, alice):
    tickets.open_for_failed_911(now=NOON)
    Ticket.objects.get().come_to("closed", now=NOON)
    address = failed.address
    for there in [AddressFactory(street="9 Far Road"), address]:
        moving.serve_at(alice, there, now=NOON)
    fail_later(failed, 1)
    assert failed.address == address
    assert tickets.open_for_failed_911(now=NOON) == 1
    assert list(Ticket.objects.order_by("pk").values_list("state", flat=True)) == ["closed", "open"]


def test_the_task_finds_it(failed):
    open_tickets_for_failed_911()
    assert Ticket.objects.count() == 1


def test_nothing_failed_nothing_opened(alice, catalog):
    assert tickets.open_for_failed_911(now=NOON) == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_at_once_open_one_ticket(failed):
    gate, opened = threading.Barrier(8), []

    def sweep():
        gate.wait(30)
        opened.append(tickets.open_for_failed_911(now=NOON))
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (sorted(opened), Ticket.objects.count(), Message.objects.count()) == ([0] * 7 + [1], 1, 1)


def test_one_ticket_per_failure_of_911(failed, alice):
    tickets.open_for_failed_911(now=NOON)
    with pytest.raises(IntegrityError, match="one_ticket_per_failure_of_911"):
        Ticket.objects.create(account=alice, category="e911", service=failed, failed_at=failed.failed_at)
