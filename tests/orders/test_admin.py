"""What staff see of orders and services, and the one thing they do there: confirm 911."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from post_office.models import Email

from accounts.models import Account
from billing import emergency
from billing.models import Service
from orders import checkout
from orders.models import Order
from tests.orders.checkouts import NOON


@pytest.fixture
def ordered(shopper: Account) -> Order:
    confirmation = checkout.Confirmation(
        token=uuid4(), total=Decimal("6.76"), from_card=Decimal(0), pays_from="balance", card=None
    )
    order = checkout.place(account=shopper, confirmation=confirmation, now=NOON)
    Email.objects.all().delete()
    return order


def confirm_911(client, *services: Service):
    data = {"action": "confirm_911", "_selected_action": [service.pk for service in services]}
    return client.post(reverse("admin:billing_service_changelist"), data)


def test_confirming_911_makes_it_active_and_tells_the_customer(ordered, sam_client):
    service = Service.objects.get(kind="e911")
    response = confirm_911(sam_client, service)
    service.refresh_from_db()
    assert (service.state, service.confirmed_at is not None) == (Service.State.ACTIVE, True)
    mail = Email.objects.get()
    assert (mail.to, mail.subject) == (["alice@example.com"], "Your 911 service is active")
    assert "1 Test Street, Albany, NY 12207" in mail.message
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "911 confirmed for 1 of 1 chosen services. Each customer is told."
    ]


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
