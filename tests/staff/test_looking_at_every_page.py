"""Every address of the portal, looked at by staff: it is shown, or it says in words why not; nothing is changed."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from billing.models import LedgerAccount, Payment
from orders.models import Order
from support.faq.loading import load as load_faq
from support.faq.models import FaqQuestion, MissedSearch
from tests.access.tables import PORTAL, POST_ONLY
from tests.access.test_access import addresses, answer  # noqa: F401
from tests.billing.movements import at, put_in
from tests.staff.desk import charge, order

# What asks the bank; below accounts/ nothing but the profile is shown.
ASKS = {"card_add"}
MACHINES = {"healthz", "stripe_webhook"}
STAFFS = {"view_as_customer", "stop_looking", "account_logout"}
PAGES = set(PORTAL) - POST_ONLY - MACHINES - STAFFS


def everything() -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a sum over all that is in them; but for sessions, which are staff's own."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - {"django_session", "usersessions_usersession"}
        found = {}
        for table in sorted(tables):
            rows = f'SELECT count(*), md5(string_agg(row::text, chr(10) ORDER BY row::text)) FROM "{table}" AS row'
            cursor.execute(rows)
            found[table] = cursor.fetchone()
    return found


def words_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def is_refused(name: str, address: str) -> bool:
    return name in ASKS or address.startswith("/accounts/") and name not in ("profile", "address_fields")


def test_a_page_is_the_customers_own_or_says_why_not_and_changes_nothing(addresses, looks):  # noqa: F811
    before = everything()
    for name in sorted(PAGES):
        told = looks.get(addresses[name])
        assert (name, everything()) == (name, before)
        # An agent's pages are not found where the customer is none.
        expected = "403" if is_refused(name, addresses[name]) else PORTAL[name]["alice"]
        assert (name, answer(told)) == (name, expected)
        if told.status_code != 302 and "html" in told.headers["Content-Type"] and not name.startswith("dev"):
            assert (name, words_of(told).count("You are looking at the pages of Alice")) == (name, 1)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent(addresses, looks, method):  # noqa: F811
    before = everything()
    names = set(PORTAL) - MACHINES - STAFFS
    told = {name: getattr(looks, method)(addresses[name]) for name in names}
    said = {name: (each.status_code, "You can only look" in words_of(each)) for name, each in told.items()}
    assert said == dict.fromkeys(names, (403, True))
    assert everything() == before


def test_what_belongs_to_a_login_is_shown_to_nobody_else(addresses, looks, alice):  # noqa: F811
    for name in sorted(PAGES):
        if is_refused(name, addresses[name]) and name not in ASKS:
            words = words_of(looks.get(addresses[name]))
            found = "needs the customer's own login" in words, alice.user.email in words
            assert (name, *found) == (name, True, False)


def test_a_payment_that_waits_for_the_customers_bank_is_not_shown(looks, alice):
    """Its page asks Stripe for the secret that confirms it."""
    payment = charge(alice, "deposit", state=Payment.State.NEEDS_CUSTOMER)
    told = looks.get(reverse("payment", args=[payment.token]))
    assert (told.status_code, "It asks the bank something" in words_of(told)) == (403, True)


def test_an_order_that_the_bank_has_decided_is_left_to_the_sweep(looks, alice):
    """Whoever opens its page finishes it; staff who look do not."""
    payment = charge(alice, "order")
    waits = order(alice, state="paying")
    Order.objects.filter(pk=waits.pk).update(from_card=10, payment=payment)
    assert [looks.get(f"/{page}/").status_code for page in ("dashboard", "orders")] == [200, 200]
    told = looks.get(reverse("order_detail", args=[waits.reference]))
    assert (told.status_code, "It writes something down" in words_of(told)) == (403, True)
    waits.refresh_from_db()
    assert waits.state == Order.State.PAYING


def test_what_staff_do_not_find_in_the_faq_is_not_a_customers_question(looks):
    assert looks.get("/faq/search/", {"q": "wombat"}).status_code == 200
    assert MissedSearch.objects.count() == 0


def test_an_account_that_never_had_money_is_shown_too(sam_client, bob):
    assert LedgerAccount.objects.filter(account=bob).count() == 0
    sam_client.post(f"/admin/customer-pages/{bob.pk}/", {"reason": "He asked."})
    assert [sam_client.get(f"/{page}/").status_code for page in ("dashboard", "billing")] == [200, 200]


def test_a_visitor_cannot_look(client: Client, alice):
    assert client.post(f"/admin/customer-pages/{alice.pk}/", {"reason": "Why not"}).status_code == 302
    assert AuditEntry.objects.count() == 0


def test_the_faq_tells_the_customers_own_amounts(looks, alice, bob):
    load_faq()
    put_in(alice, "12.00", at(1, 3))
    asked = FaqQuestion.objects.published().filter(reader=FaqQuestion.Reader.BALANCE).first()
    told = looks.get(reverse("faq_question", args=[asked.category.slug, asked.slug]))
    assert told.context["own"].sentences[0] == "Your balance is $12.00."
