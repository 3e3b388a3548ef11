"""Every address of the portal, looked at by staff: it is shown, or it says in words why not; nothing is changed."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import AuditEntry
from billing.models import LedgerAccount, Payment
from orders.models import Order
from support.faq.loading import load as load_faq
from support.faq.models import FaqQuestion, MissedSearch
from tests.billing.movements import at, put_in
from tests.staff.desk import charge, order
from tests.test_access import FRAGMENTS, POST_ONLY, addresses  # noqa: F401

# Each asks the bank, belongs to a login, or asks for the customer's password.
NOT_SHOWN = {"card_add", "forgot", "account_signup", "account_reset_password", "close_account", "usersessions_list"}
# To the address, which Alice has not given yet; and the machine's answer, which has no header.
ELSEWHERE = {"checkout": "/checkout/address/"}
MACHINES = {"healthz", "stripe_webhook"}
FILES = {"transactions_csv", "statement_csv", "statement_pdf", "ticket_attachment"}


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


def names_of_logins() -> set[str]:
    """allauth's addresses that need no arguments."""

    def walk(patterns):
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            elif isinstance(pattern, URLPattern) and pattern.name and "<" not in str(pattern.pattern):
                yield pattern.name

    accounts = next(each for each in get_resolver().url_patterns if str(each.pattern) == "accounts/")
    return {name for name in walk(accounts.url_patterns) if name not in ("profile", "account_logout")}


def words_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_a_page_is_shown_or_says_why_not_and_changes_nothing(addresses, looks):  # noqa: F811
    names = addresses.keys() - POST_ONLY - MACHINES - FRAGMENTS
    before = everything()
    for name in names:
        answer = looks.get(addresses[name])
        assert (name, everything()) == (name, before)
        if name in ELSEWHERE:
            assert (name, answer.status_code, answer.url) == (name, 302, ELSEWHERE[name])
            continue
        assert (name, answer.status_code) == (name, 403 if name in NOT_SHOWN else 200)
        if name not in FILES:
            assert (name, words_of(answer).count("You are looking at the pages of Alice")) == (name, 1)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_sent(addresses, looks, method):  # noqa: F811
    before = everything()
    answers = {name: getattr(looks, method)(addresses[name]) for name in addresses.keys() - MACHINES}
    assert {
        name: (answer.status_code, "You can only look" in words_of(answer)) for name, answer in answers.items()
    } == (dict.fromkeys(answers, (403, True)))
    assert everything() == before


def test_what_belongs_to_a_login_is_shown_to_nobody_else(looks, alice):
    for name in names_of_logins():
        words = words_of(looks.get(reverse(name)))
        found = "needs the customer's own login" in words, alice.user.email in words
        assert (name, *found) == (name, True, False)


@pytest.mark.parametrize("of", ["alice", "sam"])
def test_a_customer_is_shown_the_same_page_as_staff_are(addresses, looks, alice_client, of):  # noqa: F811
    client = {"alice": alice_client, "sam": looks}[of]
    assert client.get(addresses["dashboard"]).context["account"].name == "Alice"


def test_a_payment_that_waits_for_the_customers_bank_is_not_shown(looks, alice):
    """Its page asks Stripe for the secret that confirms it."""
    payment = charge(alice, "deposit", state=Payment.State.NEEDS_CUSTOMER)
    answer = looks.get(reverse("payment", args=[payment.token]))
    assert (answer.status_code, "It asks the bank something" in words_of(answer)) == (403, True)


def test_an_order_that_the_bank_has_decided_is_left_to_the_sweep(looks, alice):
    """Whoever opens its page finishes it; staff who look do not."""
    payment = charge(alice, "order")
    waits = order(alice, state="paying")
    Order.objects.filter(pk=waits.pk).update(from_card=10, payment=payment)
    assert [looks.get(f"/{page}/").status_code for page in ("dashboard", "orders")] == [200, 200]
    answer = looks.get(reverse("order_detail", args=[waits.reference]))
    assert (answer.status_code, "It writes something down" in words_of(answer)) == (403, True)
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
    answer = looks.get(reverse("faq_question", args=[asked.category.slug, asked.slug]))
    assert answer.context["own"].sentences[0] == "Your balance is $12.00."
