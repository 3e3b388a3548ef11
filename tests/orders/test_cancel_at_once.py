"""Staff's cancellation takes effect at once, after a page that shows what ends."""

from datetime import date

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from billing.models import Service
from catalog.models import Product
from phone_numbers.models import PhoneNumber
from tests.factories import UserFactory, hold_number
from tests.orders import channels
from tests.orders.checkouts import NOON
from tests.orders.conftest import live_at_the_billing_address


@pytest.fixture(autouse=True)
def _noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def number(alice, catalog) -> Service:
    number = hold_number(live_at_the_billing_address(alice))
    channels.hold_channels(number, 2)
    return number


def hold_911(account) -> Service:
    return Service.objects.create(
        account=account,
        product=Product.objects.get(kind="e911"),
        kind="e911",
        address=account.billing_address,
        started_on=date(2027, 1, 1),
        paid_until=date(2027, 1, 31),
    )


def cancel(client, *services, **more):
    data = {"action": "cancel_at_once", "_selected_action": [service.pk for service in services], **more}
    return client.post(reverse("admin:billing_service_changelist"), data)


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def states() -> list[tuple]:
    return list(Service.objects.order_by("pk").values_list("kind", "state", "reason", "cancelled_on"))


def test_staff_see_first_what_ends(number, alice, sam_client):
    hold_911(alice)
    page = cancel(sam_client, number)
    assert (page.status_code, page.context["ends"]) == (200, [number])
    assert [each.kind for each in page.context["with_them"]] == ["channel", "channel", "e911"]
    assert {state for _, state, _, _ in states()} == {"active"}


def test_911_stays_where_something_else_calls_for_it(number, alice, sam_client):
    hold_911(alice)
    hold_number(alice)
    assert [each.kind for each in cancel(sam_client, number).context["with_them"]] == ["channel", "channel"]


def test_a_reason_is_asked_for(number, sam_client):
    page = cancel(sam_client, number, reasoned="1")
    assert (page.status_code, page.context["form"].errors) == (422, {"reason": ["Say why these services end."]})
    assert cancel(sam_client, number, reasoned="1", reason="customer").status_code == 422
    assert Service.objects.held().count() == 3


@pytest.mark.parametrize("reason", ["staff", "violation"])
def test_it_ends_today_for_that_reason_and_is_told(number, alice, sam_client, reason):
    hold_911(alice)
    # A channel that was chosen too ends with its number, once.
    done = cancel(sam_client, number, number.channels.first(), reasoned="1", reason=reason)
    today = date(2027, 1, 11)
    assert states() == [
        ("did", "cancelled", reason, today),
        ("channel", "cancelled", reason, today),
        ("channel", "cancelled", reason, today),
        ("e911", "cancelled", "not_needed", today),
    ]
    assert said(done) == ["3 services ended today, channels included. Their customers are told."]
    kept = PhoneNumber.objects.get()
    assert (kept.state, kept.last_holder, kept.disconnected_on) == ("kept", alice, today)
    assert list(Email.objects.order_by("pk").values_list("subject", flat=True)) == [
        "Your 911 service has ended",
        "Services that ended on 11 January 2027",
    ]


def test_what_waits_or_has_ended_is_left_alone(alice, number, sam_client):
    waiting = channels.wait_for_number(alice)
    ended = hold_number(alice, state="cancelled", cancelled_on=date(2027, 1, 5), reason="customer")
    page = cancel(sam_client, waiting, ended)
    assert (page.context["ends"], page.context["stay"]) == ([], [waiting, ended])
    done = cancel(sam_client, waiting, ended, reasoned="1", reason="staff")
    assert said(done) == [
        "Orders that wait for a number are not cancelled here: their customers withdraw them.",
        "Nothing was cancelled: none of these services could be.",
    ]
    waiting.refresh_from_db()
    ended.refresh_from_db()
    assert (waiting.state, ended.reason, Email.objects.count()) == ("pending", "customer", 0)


@pytest.mark.parametrize(("codename", "may"), [("view_service", False), ("cancel_service", True)])
def test_only_staff_who_may_cancel_services(number, codename, may):
    looker = UserFactory(is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__in=["view_service", codename]))
    client = Client()
    client.force_login(looker)
    cancel(client, number, reasoned="1", reason="staff")
    assert Service.objects.held().count() == (0 if may else 3)
