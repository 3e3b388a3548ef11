"""Who gets in where: every address of the portal, for a visitor, its owner, another customer and staff.

An address that is missing from the table fails the test, so that no page is added without saying whom it is for.
"""

from datetime import date
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from billing import statements
from catalog.models import Product
from orders.models import Cart, CartLine, Order
from support.attachments import judge
from support.faq.loading import load as load_faq
from tests.billing.movements import at, put_in
from tests.factories import PhoneNumberFactory, RateCenterFactory, hold_number
from tests.orders.losing import a_number, lose
from tests.orders.waiting import wait_in_line
from tests.support.conversations import PNG, open_ticket

# Visitors are sent to the login page, staff to the admin.
CUSTOMERS = {
    "dashboard",
    "order",
    "order_outbound",
    "order_inbound",
    "order_lookup",
    "order_channels",
    "checkout",
    "checkout_address",
    "orders",
    "order_detail",
    "back_order_withdraw",
    "lost_services",
    "reorder",
    "reclaim",
    "billing",
    "transactions",
    "transactions_csv",
    "statements",
    "statement",
    "statement_pdf",
    "statement_csv",
    "spending",
    "deposit",
    "payment",
    "payment_check",
    "card_add",
    "card_default",
    "card_remove",
    "profile",
    "payment_cancel",
    "email_resend",
    "service",
    "service_cancel",
    "service_keep",
    "tickets",
    "ticket_new",
    "ticket",
    "ticket_close",
    "ticket_reopen",
    "ticket_rate",
    "ticket_attachment",
    "recharge",
    "close_account",
    "agents_apply",
    "agents_commission",
    "agents_commission_csv",
    "agents_qr_code",
}
PUBLIC = {
    "home",
    "outbound",
    "inbound",
    "additional",
    "coverage",
    "coverage_area",
    "order_numbers",
    "cart",
    "healthz",
    "forgot",
    "account_signup",
    "account_reset_password",
    "faq",
    "faq_search",
    "faq_category",
    "faq_question",
    "agents",
}
# Customers and staff alike, each their own.
LOGGED_IN = {"usersessions_list"}
# Parts of a page, which htmx asks for.
FRAGMENTS = {"address_fields"}
# Pages that answer to a POST alone, or to a machine.
POST_ONLY = {
    "cart_add",
    "cart_hold",
    "cart_remove",
    "reorder",
    "reclaim",
    "card_default",
    "card_remove",
    "payment_check",
    "payment_cancel",
    "email_resend",
    "stripe_webhook",
    "service_cancel",
    "service_keep",
    "ticket_close",
    "ticket_reopen",
    "ticket_rate",
}


def names(patterns=None, *, prefix="") -> set[str]:
    found = set()
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            # The admin, allauth and the development tools guard their own addresses.
            if not route.startswith(("admin/", "dev/")) and "allauth" not in str(pattern.urlconf_name):
                found |= names(pattern.url_patterns, prefix=route)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.add(pattern.name)
    return found


@pytest.fixture
def addresses(alice, catalog) -> dict[str, str]:
    """A real address for each name, with Alice's own things in it."""
    cart = Cart.objects.create(account=alice)
    line = CartLine.objects.create(cart=cart, product=Product.objects.get(code="pay-per-call"), kind="plan")
    order = Order.objects.create(
        account=alice,
        token=uuid4(),
        billing_address=alice.billing_address,
        service_address=alice.billing_address,
        tax_rate=0,
        subtotal=0,
        tax=0,
        total=0,
    )
    card = alice.cards.create(
        stripe_id="pm_alice", brand="visa", last4="4242", expires_month=12, expires_year=2040, is_default=True
    )
    payment = alice.payments.create(card=card, purpose="deposit", amount=5, token=uuid4())
    number = CartLine.objects.create(
        cart=cart,
        product=Product.objects.get(code="pay-per-minute"),
        kind="did",
        rate_center=RateCenterFactory(),
        phone_number=PhoneNumberFactory(),
    )
    waiting = wait_in_line(order)
    service = hold_number(alice)
    put_in(alice, "20.00", at(1, 3))
    statements.make_all(month=date(2027, 1, 1), now=at(2, 1, 3))
    lost = lose(a_number(alice, "15185550199"))
    load_faq()
    arguments = {
        "statement": [date(2027, 1, 1)],
        "statement_pdf": [date(2027, 1, 1)],
        "statement_csv": [date(2027, 1, 1)],
        "cart_remove": [line.pk],
        "cart_hold": [number.pk],
        "order_numbers": [number.rate_center_id],
        "coverage_area": [number.rate_center_id],
        "order_detail": [order.reference],
        "back_order_withdraw": [waiting.pk],
        "reclaim": [lost.pk],
        "card_default": [card.pk],
        "card_remove": [card.pk],
        "payment": [payment.token],
        "payment_check": [payment.token],
        "payment_cancel": [payment.token],
        "service": [service.pk],
        "service_cancel": [service.pk],
        "service_keep": [service.pk],
        **addresses_of_tickets(alice),
        "faq_category": ["billing"],
        "faq_question": ["billing", "add-funds"],
    }
    # What these pages are asked for; without it they have nothing to show.
    asked = {"order_lookup": "?product=pay-per-minute", "order_numbers": "?product=pay-per-minute"}
    return {name: reverse(name, args=arguments.get(name)) + asked.get(name, "") for name in names()}


def addresses_of_tickets(alice) -> dict[str, list]:
    """What names a ticket of Alice's, and a file in it."""
    ticket = open_ticket(alice, attached=[judge("screen.png", PNG)])
    of_the_ticket = dict.fromkeys(["ticket", "ticket_close", "ticket_reopen", "ticket_rate"], [ticket.reference])
    return {**of_the_ticket, "ticket_attachment": [ticket.messages.get().attachments.get().key]}


def ask(client: Client, name: str, path: str):
    return client.post(path) if name in POST_ONLY else client.get(path)


def test_every_address_is_in_the_table():
    assert names() - CUSTOMERS - PUBLIC - LOGGED_IN - POST_ONLY - FRAGMENTS == set()


def test_a_visitor_is_asked_to_log_in(addresses, client):
    answers = {name: ask(client, name, addresses[name]) for name in CUSTOMERS | LOGGED_IN}
    assert {name: (each.status_code, each.headers.get("Location")) for name, each in answers.items()} == {
        name: (302, f"/accounts/login/?next={quote(addresses[name])}") for name in CUSTOMERS | LOGGED_IN
    }


def test_staff_have_no_way_in_but_the_admin(addresses, sam_client):
    answers = {name: ask(sam_client, name, addresses[name]) for name in CUSTOMERS}
    assert {name: (each.status_code, each.headers.get("Location")) for name, each in answers.items()} == dict.fromkeys(
        CUSTOMERS, (302, "/admin/")
    )


@pytest.mark.parametrize(
    "name",
    [
        "cart_hold",
        "cart_remove",
        "order_detail",
        "back_order_withdraw",
        "reclaim",
        "payment",
        "payment_check",
        "payment_cancel",
        "statement",
        "statement_pdf",
        "statement_csv",
        "card_default",
        "card_remove",
        "service",
        "service_cancel",
        "service_keep",
        "ticket",
        "ticket_close",
        "ticket_reopen",
        "ticket_rate",
        "ticket_attachment",
    ],
)
def test_what_is_alices_is_not_found_by_bob(addresses, bob_client, name):
    assert ask(bob_client, name, addresses[name]).status_code == 404


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_pages_are_open_to_visitors(addresses, client, name):
    answer = client.get(addresses[name])
    # The page itself and not the login page in its place.
    assert (answer.status_code, answer.resolver_match.url_name) == (200, name)
    assert "Sign Up" in answer.content.decode() or name == "healthz"


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/admin/", "/admin/login/?next="),
        ("/admin/orders/order/", "/accounts/login/?next="),
        ("/admin/billing/transfer/", "/accounts/login/?next="),
        ("/admin/support/ticket/", "/accounts/login/?next="),
    ],
)
def test_customers_and_visitors_do_not_enter_the_admin(alice_client, client, path, login):
    visitor, customer = client.get(path), alice_client.get(path)
    assert (visitor.status_code, visitor.url) == (302, f"{login}{path}")
    assert (customer.status_code, customer.url) == (302, f"/admin/login/?next={path}")
    # The admin has no login of its own: it sends visitors to ours, and refuses customers.
    assert client.get("/admin/login/").url.startswith("/accounts/login/")
    assert alice_client.get(customer.url).status_code == 403


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_what_changes_something_asks_for_a_post(addresses, alice_client, name):
    assert alice_client.get(addresses[name]).status_code == 405


def test_an_unknown_address_is_answered_in_our_words(client):
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "Callcentric" in answer.content.decode()
