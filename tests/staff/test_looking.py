"""Staff look at a customer's pages: who may, why, for how long, and what the customer reads of it."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import audit_log
from accounts.models import AuditEntry, User
from billing.models import LedgerAccount
from callcentric import clock
from catalog.models import Product
from orders import cart
from orders.models import Cart
from staff import looking
from tests.factories import AccountFactory
from tests.staff.people import client_of
from tests.staff.rights import member_of_staff
from tests.support.conversations import open_ticket

REASON = "She asked why her order waits."
NOON = datetime(2027, 1, 11, 17, 0, tzinfo=UTC)


def page(account) -> str:
    return reverse("view_as_customer", args=[account.pk])


def shown(client: Client) -> str:
    """Whose dashboard a client is shown; where it is sent to, if to none."""
    answer = client.get("/dashboard/")
    return answer.context["account"].name if answer.status_code == 200 else answer.url


def test_staff_see_what_the_customer_sees(looks, alice, sam):
    assert shown(looks) == "Alice"
    answer = looks.get("/dashboard/")
    # Who is logged in stays who they are.
    assert (answer.context["user"], answer.context["request"].account) == (sam, alice)
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.django_db
def test_before_they_look_staff_are_told_that_the_customer_reads_why(sam_client, alice):
    words = sam_client.get(page(alice)).content.decode()
    assert "The customer reads this on their profile page" in words
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
def test_the_account_and_the_ticket_lead_there(sam_client, alice):
    account = reverse("admin:accounts_account_change", args=[alice.pk])
    assert page(alice) in sam_client.get(account).content.decode()
    ticket = reverse("admin:support_ticket_change", args=[open_ticket(alice).pk])
    assert page(alice) in sam_client.get(ticket).content.decode()


@pytest.mark.django_db
def test_who_may_not_look_is_led_nowhere(alice):
    client = client_of(member_of_staff("sam", "accounts.view_account", "support.view_ticket"))
    account = client.get(reverse("admin:accounts_account_change", args=[alice.pk]))
    ticket = client.get(reverse("admin:support_ticket_change", args=[open_ticket(alice).pk]))
    assert [("View as customer" in each.content.decode()) for each in (account, ticket)] == [False, False]


@pytest.mark.django_db
def test_it_is_written_down_who_looked_and_why(looks, alice, sam):
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.account, entry.action, entry.reason) == (sam, alice, "view", REASON)
    assert entry.details.startswith("Until ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "Say why"),
        ("   ", "Say why"),
        ("One\nand another", "Write this in one line."),
        ("x" * 501, "at most 500 characters"),
        ("NUL \0", "Null characters are not allowed."),
        ("\u200b\u202e", "There is nothing to be read in this."),
    ],
)
def test_without_a_reason_nothing_is_shown(sam_client, alice, reason, said):
    answer = sam_client.post(page(alice), {"reason": reason})
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors)
    assert answer.context["form"]["reason"].value() == reason
    assert shown(sam_client) == "/admin/"
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
def test_a_reason_is_asked_of_whoever_calls_the_verb(sam, alice, sam_client):
    with pytest.raises(audit_log.NoReason):
        looking.begin(alice, by=sam, session=sam_client.session, reason=" ", now=NOON)
    assert LedgerAccount.objects.filter(account=alice).count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        ([], 403),
        (["accounts.view_account", "accounts.change_account"], 403),
        (["accounts.view_as_customer"], 302),
    ],
)
def test_only_who_may_looks(alice, permissions, status):
    client = client_of(member_of_staff("sam", *permissions))
    assert client.post(page(alice), {"reason": REASON}).status_code == status
    assert shown(client) == ("Alice" if status == 302 else "/admin/")


@pytest.mark.django_db
def test_a_customer_looks_at_nobody(bob_client, alice):
    assert bob_client.post(page(alice), {"reason": REASON}).status_code == 302
    assert shown(bob_client) == "Bob"
    assert AuditEntry.objects.count() == 0


@pytest.mark.django_db
def test_there_is_no_account_to_look_at(sam_client):
    assert sam_client.post(reverse("view_as_customer", args=[404404]), {"reason": REASON}).status_code == 404


@pytest.mark.django_db
def test_staffs_own_accounts_are_not_looked_at(sam_client):
    colleague = AccountFactory(user__username="colleague", user__is_staff=True)
    answer = sam_client.post(page(colleague), {"reason": REASON})
    assert answer.status_code == 409
    assert "Only customers" in answer.content.decode()
    assert shown(sam_client) == "/admin/"


def test_a_closed_account_is_looked_at(sam_client, alice):
    alice.closed_on = clock.today()
    alice.save(update_fields=["closed_on"])
    sam_client.post(page(alice), {"reason": REASON})
    assert shown(sam_client) == "Alice"


def test_one_at_a_time(looks, alice, bob):
    answer = looks.post(page(bob), {"reason": "He asked."})
    assert answer.status_code == 409
    assert f"You are looking at the pages of {alice} already" in answer.content.decode()
    assert (shown(looks), AuditEntry.objects.count()) == ("Alice", 1)


def test_others_among_staff_look_for_themselves(looks, bob):
    colleague = client_of(member_of_staff("colleague", looking.PERMISSION))
    assert shown(colleague) == "/admin/"
    colleague.post(page(bob), {"reason": "He asked."})
    assert (shown(looks), shown(colleague)) == ("Alice", "Bob")


def test_the_customer_goes_on_undisturbed(looks, alice, alice_client):
    assert alice_client.post("/accounts/profile/", {"form": "time_zone", "time_zone": "UTC"}).status_code == 302
    alice.refresh_from_db()
    assert alice.time_zone == "UTC"
    assert "You look at the pages" not in alice_client.get("/dashboard/").content.decode()


def test_it_ends_when_staff_stop(looks, alice):
    answer = looks.post(reverse("stop_looking"))
    assert (answer.status_code, answer.url) == (302, reverse("admin:accounts_account_change", args=[alice.pk]))
    assert shown(looks) == "/admin/"
    assert looks.post(reverse("stop_looking")).url == "/admin/"


def test_the_banner_stops_it(looks):
    """With the token that the page has for its form."""
    looks.handler.enforce_csrf_checks = True
    banner = re.search(r'<form class="looking".*?</form>', looks.get("/dashboard/").content.decode(), re.DOTALL)[0]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', banner)[1]
    assert looks.post(reverse("stop_looking")).status_code == 403
    assert looks.post(reverse("stop_looking"), {"csrfmiddlewaretoken": token}).status_code == 302


@pytest.mark.django_db
def test_who_may_not_see_accounts_stops_too(alice):
    client = client_of(member_of_staff("sam", looking.PERMISSION))
    client.post(page(alice), {"reason": REASON})
    assert client.post(reverse("stop_looking")).url == "/admin/"
    assert shown(client) == "/admin/"


def test_it_is_stopped_by_a_post_alone(looks):
    assert looks.get(reverse("stop_looking")).status_code == 405
    assert shown(looks) == "Alice"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("later", "whose"),
    [
        (timedelta(minutes=30) - timedelta(seconds=1), "Alice"),
        (timedelta(minutes=30), "/admin/"),
        (timedelta(hours=3), "/admin/"),
    ],
)
def test_it_ends_by_itself_after_half_an_hour(sam_client, alice, later, whose, time_machine):
    time_machine.move_to(NOON, tick=False)
    sam_client.post(page(alice), {"reason": REASON})
    time_machine.shift(later)
    assert shown(sam_client) == whose
    said = [str(message) for message in sam_client.get("/admin/").context["messages"]]
    over = "You are no longer looking at a customer's pages: the half hour is over."
    assert said == ([over] if whose == "/admin/" else [])


@pytest.mark.django_db
def test_what_is_pressed_after_it_ended_is_nobodys_deed(sam_client, sam, alice, time_machine):
    """Not even where whoever looked has an account of their own."""
    own = AccountFactory(user=sam)
    time_machine.move_to(NOON, tick=False)
    sam_client.post(page(alice), {"reason": REASON})
    time_machine.shift(timedelta(minutes=31))
    answer = sam_client.post("/accounts/profile/", {"form": "contact", "name": "Alice", "phone": ""})
    assert (answer.status_code, "The half hour is over" in answer.content.decode()) == (403, True)
    own.refresh_from_db()
    assert own.name == "Sam"


@pytest.mark.parametrize("path", ["/dashboard/", "/no/such/page/", "/support/tickets/NOPE/", "/accounts/email/", "/"])
def test_no_cache_keeps_a_page_that_names_the_customer(looks, path):
    assert looks.get(path).headers["Cache-Control"] == "private, no-store"


def test_it_ends_with_the_login(looks, sam):
    looks.post("/accounts/logout/")
    looks.force_login(sam)
    assert shown(looks) == "/admin/"


@pytest.mark.django_db
def test_it_ends_with_the_right(alice):
    client = client_of(member_of_staff("sam", looking.PERMISSION))
    client.post(page(alice), {"reason": REASON})
    User.objects.get(username="sam").user_permissions.clear()
    assert shown(client) == "/admin/"


def test_the_admin_goes_on_and_says_whose_pages_are_looked_at(looks, alice):
    answer = looks.get(reverse("admin:accounts_account_changelist"))
    assert answer.status_code == 200
    assert f"Looking at {alice.number}" in answer.content.decode()
    sent = {"name": "Alice B.", "phone": "", "time_zone": "UTC", "pays_from": "card"}
    assert looks.post(reverse("admin:accounts_account_change", args=[alice.pk]), sent).status_code == 302
    alice.refresh_from_db()
    assert alice.name == "Alice B."


def test_an_address_that_is_none_says_whose_pages_are_looked_at(looks):
    answer = looks.get("/no/such/page/")
    assert (answer.status_code, "You are looking at the pages of Alice" in answer.content.decode()) == (404, True)


def test_what_is_bobs_is_not_found_among_alices(looks, bob):
    card = bob.cards.create(stripe_id="pm_1", brand="visa", last4="4242", expires_month=12, expires_year=2040)
    payment = bob.payments.create(card=card, purpose="deposit", amount=5, token=uuid4())
    assert looks.get(reverse("payment", args=[payment.token])).status_code == 404


@pytest.mark.django_db
def test_a_cart_that_staff_filled_as_visitors_does_not_become_the_customers(sam_client, alice, catalog):
    sam_client.post("/cart/add/", {"product": "pay-per-call"})
    assert sam_client.session[cart.SESSION_KEY] == Cart.objects.get().pk
    sam_client.post(page(alice), {"reason": REASON})
    answer = sam_client.get("/cart/")
    assert (answer.status_code, answer.context["rows"], answer.context["cart_count"] == 0) == (200, [], True)
    assert list(Cart.objects.values_list("account")) == [(None,)]


def test_the_customers_own_cart_is_shown(looks, alice, catalog):
    own = Cart.objects.create(account=alice)
    own.lines.create(product=Product.objects.get(code="pay-per-call"), kind="plan")
    rows = looks.get("/cart/").context["rows"]
    assert [row.in_cart.cart_id for row in rows if row.in_cart] == [own.pk]


def test_a_page_is_shown_with_as_many_queries_as_its_customer_needs_and_a_few(looks, alice_client):
    """The rights, the account, and the transaction around it."""
    alice_client.get("/orders/")
    with connection.execute_wrapper(counted := _Counted()):
        alice_client.get("/orders/")
    with connection.execute_wrapper(by_staff := _Counted()):
        looks.get("/orders/")
    assert by_staff.queries - counted.queries <= 4


class _Counted:
    queries = 0

    def __call__(self, execute, sql, params, many, context):
        self.queries += 1
        return execute(sql, params, many, context)


@pytest.mark.django_db
def test_a_customer_who_was_never_looked_at_reads_nothing_of_it(alice_client):
    assert "Our staff looked" not in alice_client.get("/accounts/profile/").content.decode()


def test_the_customer_reads_when_staff_looked_and_why(looks, alice_client, bob_client):
    words = alice_client.get("/accounts/profile/").content.decode()
    assert ("Our staff looked at your account" in words, REASON in words, "sam" in words) == (True, True, False)
    assert REASON not in bob_client.get("/accounts/profile/").content.decode()


@pytest.mark.django_db
def test_customers_read_of_twelve_months_and_twenty_times_at_most(alice, bob, sam):
    def look(account, days_ago: int, action: str = "view") -> AuditEntry:
        return AuditEntry.objects.create(
            by=sam, account=account, action=action, reason="x", done_at=NOON - timedelta(days=days_ago)
        )

    kept = [look(alice, days) for days in (1, 365)]
    look(alice, 366)
    look(alice, 1, action="credit")
    look(bob, 1)
    assert audit_log.looks_at(alice, now=NOON) == kept
    for days in range(2, 30):
        look(alice, days)
    assert len(audit_log.looks_at(alice, now=NOON)) == audit_log.TOLD_AT_MOST
