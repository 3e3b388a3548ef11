"""The page that closes an account, and a closed account's pages."""

from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts.models import Account
from accounts.standing import AccountClosed
from billing import deposits, low_balance, recharge
from billing.models import BalanceWatch, Payment
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders import cart as carts
from orders import checkout
from tests.accounts.logins import log_in
from tests.factories import PASSWORD, hold_number
from tests.orders.channels import hold_channels
from tests.orders.checkouts import NOON
from tests.orders.closings import card_of, close, deposit
from tests.orders.conftest import credit

URL = "/accounts/close/"


class TestAClosedAccount:
    @pytest.fixture
    def closed(self, leaver) -> Account:
        credit(leaver, "50")
        close(leaver)
        return Account.objects.select_related("user", "billing_address", "service_address").get(pk=leaver.pk)

    def test_orders_nothing(self, closed):
        plan = Product.objects.get(code="pay-per-call")
        with pytest.raises(AccountClosed, match="This account is closed since 11 January 2027."):
            carts.add_plan(account=closed, session={}, product=plan, today=NOON.date())
        with pytest.raises(checkout.CheckoutRefused, match="This account is closed."):
            checkout.check_customer(closed)

    def test_deposits_nothing_though_the_page_was_opened_before(self, closed, leaver):
        leaver.closed_on = None
        with pytest.raises(AccountClosed):
            deposits.make(account=leaver, card=card_of(leaver), amount=Decimal(20), token=uuid4(), now=NOON)
        assert Payment.objects.count() == 0

    def test_is_neither_recharged_nor_told(self, closed):
        BalanceWatch.objects.update_or_create(account=closed, defaults={"recharges": True, "recharge_below": 50})
        low_balance.set_limit(closed, below=Decimal(100))
        assert (recharge.due(now=NOON), low_balance.tell(now=NOON)) == ([], 0)

    @pytest.mark.parametrize("name", ["dashboard", "billing", "transactions", "orders", "profile"])
    def test_reads_its_history_and_is_told_in_words(self, closed, alice_client, name):
        page = alice_client.get(reverse(name))
        assert page.status_code == 200
        assert "This account is closed since 11 January 2027." in page.content.decode()

    @pytest.mark.parametrize(
        "name",
        ["deposit", "card_add", "recharge", "checkout", "order", "order_outbound", "order_inbound", "order_channels"],
    )
    def test_pages_that_change_something_say_so(self, closed, alice_client, name):
        page = alice_client.get(reverse(name))
        assert (page.status_code, page.templates[0].name) == (409, "accounts/closed.html")

    def test_may_still_write_to_us(self, closed, alice_client):
        page = alice_client.get(reverse("ticket_new"))
        assert (page.status_code, page.templates[0].name) == (200, "support/ticket_new.html")
        # Refused as a form that lacks something, and not because the account is closed.
        assert alice_client.post(reverse("ticket_new"), {}).status_code == 422

    def test_changes_nothing(self, closed, alice_client):
        page = alice_client.post(reverse("profile"), {"form": "contact", "name": "Another"})
        assert (page.status_code, page.templates[0].name) == (409, "accounts/closed.html")
        page = alice_client.post(reverse("cart_add"), {"product": "pay-per-call"})
        assert (page.status_code, "This account is closed" in page.content.decode()) == (409, True)


class TestPage:
    @pytest.fixture(autouse=True)
    def _noon(self, time_machine):
        time_machine.move_to(NOON, tick=False)

    @pytest.fixture
    def owner(self, leaver) -> Client:
        """Alice, who has just typed her password once more."""
        client = Client()
        log_in(client, "alice")
        self.type_password(client)
        return client

    def type_password(self, client):
        return client.post(f"/accounts/reauthenticate/?next={URL}", {"password": PASSWORD})

    def test_the_password_is_asked_for_again(self, leaver, alice_client):
        asked = alice_client.get(URL)
        assert (asked.status_code, asked.url) == (302, "/accounts/reauthenticate/?next=%2Faccounts%2Fclose%2F")
        typed = self.type_password(alice_client)
        assert (typed.status_code, typed.url) == (302, URL)
        page = alice_client.get(URL)
        assert (page.status_code, page.context["closing"].account) == (200, leaver)

    def test_a_confirmation_waits_for_the_password(self, leaver, owner, alice_client):
        sent = {"seen": owner.get(URL).context["closing"].digest, "confirmed": "on"}
        assert alice_client.post(URL, sent).url.startswith("/accounts/reauthenticate/")
        leaver.refresh_from_db()
        assert leaver.closed_on is None
        assert self.type_password(alice_client).url == "/dashboard/"
        leaver.refresh_from_db()
        assert leaver.closed_on == NOON.date()

    def test_it_shows_what_happens(self, leaver, owner):
        number = hold_number(leaver)
        deposit(leaver, "20", days_ago=2)
        credit(leaver, "7")
        page = " ".join(owner.get(URL).content.decode().split())
        for words in [
            str(number.phone_number),
            "31 January 2027",
            "To Visa 4242, from your deposit of 9 January 2027",
            "<dd>$20.00</dd>",
            "<dd>$7.00</dd>",
            "Your phone numbers are lost.",
        ]:
            assert words in page

    def test_it_closes_once_it_is_confirmed(self, leaver, owner):
        seen = owner.get(URL).context["closing"].digest
        refused = owner.post(URL, {"seen": seen})
        assert (refused.status_code, refused.context["form"].errors) == (
            422,
            {"confirmed": ["Tick this box to close the account. Nothing was changed."]},
        )
        for _ in range(2):
            done = owner.post(URL, {"seen": seen, "confirmed": "on"})
            assert (done.status_code, done.url) == (302, "/dashboard/")
        leaver.refresh_from_db()
        assert (leaver.closed_on, Email.objects.filter(subject__endswith="is closed").count()) == (NOON.date(), 1)
        assert owner.get(URL).url == "/dashboard/"

    def test_what_has_changed_is_shown_again(self, leaver, owner):
        seen = owner.get(URL).context["closing"].digest
        credit(leaver, "3")
        page = owner.post(URL, {"seen": seen, "confirmed": "on"})
        assert page.status_code == 409
        assert "Something has changed since this page was shown." in page.content.decode()
        assert owner.post(URL, {"seen": page.context["closing"].digest, "confirmed": "on"}).status_code == 302

    def test_a_refusal_says_when_it_is_possible(self, leaver, alice_client, time_machine):
        time_machine.move_to(datetime(2027, 1, 27, 12, tzinfo=BUSINESS_ZONE), tick=False)
        self.type_password(alice_client)
        page = alice_client.get(URL)
        assert (page.status_code, "You can close yours from 1 February 2027." in page.content.decode()) == (409, True)

    @pytest.mark.parametrize("rows", [1, 3])
    def test_as_many_queries_to_look_at_1_service_as_at_3(self, leaver, owner, django_assert_num_queries, rows):
        hold_channels(hold_number(leaver), rows - 1)
        with django_assert_num_queries(46):
            assert len(owner.get(URL).context["closing"].services) == rows

    def test_the_profile_leads_there(self, owner):
        assert f'href="{URL}"' in owner.get(reverse("profile")).content.decode()
