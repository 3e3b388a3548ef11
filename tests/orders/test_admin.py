"""What staff see of orders and services, and the one thing they do there: confirm 911."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from post_office.models import Email

from accounts import moving
from accounts.models import Account
from billing import emergency
from billing.models import Service
from orders import checkout
from orders.models import Order
from tests.factories import AddressFactory
from tests.orders.checkouts import NOON


@pytest.fixture
def ordered(shopper: Account) -> Order:
    confirmation = checkout.Confirmation(
        token=uuid4(), total=Decimal("6.76"), from_card=Decimal(0), pays_from="balance", card=None
    )
    order = checkout.place(account=shopper, confirmation=confirmation, now=NOON)
    Email.objects.all().delete()
    return order


def confirm_911(client, *services: Service, **more):
    data = {"action": "confirm_911", "_selected_action": [service.pk for service in services], **more}
    return client.post(reverse("admin:billing_service_changelist"), data)


def shown(service: Service) -> str:
    return f"{service.pk}:{service.address_id}"


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_staff_see_the_address_before_they_confirm_911(ordered, sam_client):
    service = Service.objects.get(kind="e911")
    page = confirm_911(sam_client, service, *Service.objects.filter(kind="plan"))
    text = page.content.decode()
    assert (page.status_code, page.context["form"]) == (200, None)
    assert text.count("1 Test Street, Albany, NY 12207") == 1
    assert text.count("which does not wait for this: nothing is changed") == 1
    assert text.count(f'name="shown" value="{shown(service)}"') == 1
    service.refresh_from_db()
    assert (service.state, Email.objects.count()) == ("pending", 0)


def test_an_address_that_staff_have_not_seen_is_not_confirmed(ordered, sam_client, alice):
    service = Service.objects.get(kind="e911")
    seen = shown(service)
    moving.serve_at(alice, AddressFactory(street="99 Far Road"), now=NOON)
    Email.objects.all().delete()
    assert said(confirm_911(sam_client, service, shown=seen)) == [
        "911 confirmed for 0 of 1 chosen services. The others do not wait for it, or have just moved: look again."
    ]
    service.refresh_from_db()
    assert (service.state, service.address.street, Email.objects.count()) == ("pending", "99 Far Road", 0)


def test_confirming_911_makes_it_active_and_tells_the_customer(ordered, sam_client):
    service = Service.objects.get(kind="e911")
    response = confirm_911(sam_client, service, shown=shown(service))
    service.refresh_from_db()
    assert (service.state, service.confirmed_at is not None) == (Service.State.ACTIVE, True)
    mail = Email.objects.get()
    assert (mail.to, mail.subject) == (["alice@example.com"], "Your 911 service is active")
    assert "1 Test Street, Albany, NY 12207" in mail.message
    assert said(response) == ["911 confirmed for 1 of 1 chosen services. Each customer is told."]


def test_confirming_again_tells_nobody_twice(ordered):
    service = Service.objects.get(kind="e911")
    assert [emergency.confirm(service, now=NOON), emergency.confirm(service, now=NOON)] == [True, False]
    assert Email.objects.count() == 1


def test_a_rate_plan_has_nothing_to_confirm(ordered):
    assert emergency.confirm(Service.objects.get(kind="plan"), now=NOON) is False
    assert Email.objects.count() == 0


def test_staff_look_at_orders_and_change_none(ordered, sam_client):
    page = sam_client.get(reverse("admin:orders_order_change", args=[ordered.pk]))
    assert page.status_code == 200
    assert page.context["has_change_permission"] is False
    assert sam_client.get(reverse("admin:orders_order_add")).status_code == 403
    assert sam_client.post(reverse("admin:orders_order_delete", args=[ordered.pk])).status_code == 403
    assert sam_client.get(reverse("admin:orders_order_changelist"), {"q": ordered.reference}).status_code == 200
