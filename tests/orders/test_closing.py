"""Closing an account: what ends, what goes back to which card, what stays; once, and never with something undecided."""

import threading
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts.models import Account
from accounts.standing import AccountClosed
from billing import audit, card_refunds, deposits, ledger, low_balance, recharge
from billing.models import BalanceWatch, CardRefund, Payment, Service
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders import back_orders, checkout, closing
from orders import cart as carts
from orders.closing import CannotClose, ClosingChanged, shares
from orders.models import CartLine, Order
from phone_numbers.models import PhoneNumber
from tests.accounts.logins import log_in
from tests.factories import PASSWORD, PhoneNumberFactory, hold_number
from tests.localstripe import add_card, refunds
from tests.orders.channels import hold_channels
from tests.orders.checkouts import NOON, add_number, balance, held
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import wait_for_number

URL = "/accounts/close/"


@pytest.fixture
def leaver(alice, catalog, taxes) -> Account:
    return live_at_the_billing_address(alice)


def deposit(account, amount, *, days_ago=0, purpose="deposit", card=None) -> Payment:
    """What a card has put into the balance so many days ago, without Stripe."""
    at = NOON - timedelta(days=days_ago)
    card = card or account.cards.first() or card_of(account)
    payment = Payment.objects.create(
        account=account,
        card=card,
        amount=Decimal(amount),
        purpose=purpose,
        token=uuid4(),
        state="succeeded",
        stripe_id=f"pi_{uuid4().hex}",
        created_at=at,
        settled_at=at,
    )
    credit_by_card(payment, at)
    return payment


def card_of(account, last4="4242"):
    facts = {"brand": "visa", "expires_month": 12, "expires_year": 2040}
    return account.cards.create(stripe_id=f"pm_{uuid4()}", last4=last4, **facts)


def credit_by_card(payment, at) -> None:
    ledger.post(
        key=f"stripe:{payment.stripe_id}",
        kind="deposit",
        source=ledger.house("cards"),
        target=ledger.of(payment.account),
        amount=payment.amount,
        memo=str(payment.card),
        made_at=at,
    )


def spend(account, amount) -> None:
    ledger.charge(account=account, key=f"s:{uuid4()}", net=Decimal(amount), tax=Decimal(0), memo="Order", made_at=NOON)


def close(account, *, now=NOON):
    return closing.close(account, seen=closing.preview(account, now=now).digest, now=now)


class TestShares:
    """Newest first, as far as the balance reaches."""

    @pytest.mark.parametrize(
        ("left", "balance", "back"),
        [
            ([], "10", []),
            (["20"], "0", []),
            (["20"], "0.0099", []),
            (["20"], "20", ["20"]),
            (["20"], "19.9999", ["19.99"]),
            (["20"], "50", ["20"]),
            (["20", "30"], "50", ["20", "30"]),
            (["20", "30"], "25.50", ["20", "5.50"]),
            (["20", "30"], "20", ["20"]),
        ],
    )
    def test_it_reaches_as_far_as_it_does(self, left, balance, back):
        deposits = [Payment() for _ in left]
        for payment, amount in zip(deposits, left, strict=True):
            payment.left = Decimal(amount)
        assert [amount for _, amount in shares(deposits, Decimal(balance))] == [Decimal(each) for each in back]


class TestWhatGoesBack:
    @pytest.mark.parametrize(
        ("days_ago", "purpose", "back"),
        [
            (0, "deposit", 20),
            (90, "deposit", 20),
            (91, "deposit", 0),
            (3, "recharge", 20),
            (3, "order", 0),
            (3, "renewal", 0),
        ],
    )
    def test_deposits_of_90_days(self, leaver, days_ago, purpose, back):
        deposit(leaver, "20", days_ago=days_ago, purpose=purpose)
        done = close(leaver)
        assert (done.to_cards, done.stays, balance(leaver)) == (back, 20 - back, 20 - back)

    def test_to_the_cards_they_came_from_newest_first(self, leaver):
        old, new = card_of(leaver, "1111"), card_of(leaver, "2222")
        deposit(leaver, "30", days_ago=40, card=old)
        deposit(leaver, "20", days_ago=2, card=new)
        credit(leaver, "1.005")
        spend(leaver, "6.50")
        done = close(leaver)
        assert [(str(each.payment.card), each.amount) for each in done.refunds] == [
            ("Visa 2222", 20),
            ("Visa 1111", Decimal("24.50")),
        ]
        assert done.stays == Decimal("0.005")
        assert list(audit.differences()) == []

    def test_not_what_went_back_before(self, leaver):
        paid = deposit(leaver, "20")
        card_refunds.begin(paid, amount=Decimal("15"), token=uuid4(), now=NOON)
        credit(leaver, "100")
        assert close(leaver).to_cards == 5

    def test_credits_stay(self, leaver):
        credit(leaver, "100")
        done = close(leaver)
        assert (done.refunds, done.stays) == ((), 100)

    def test_stripe_is_asked_afterwards(self, leaver, stripe_server):
        card = add_card(leaver, now=NOON)
        paid = deposits.make(account=leaver, card=card, amount=Decimal("20"), token=uuid4(), now=NOON)
        close(leaver)
        assert (refunds(paid.stripe_id), CardRefund.objects.get().state) == ([], "created")
        assert card_refunds.settle_unknown(now=NOON + timedelta(minutes=3)) == 1
        assert (refunds(paid.stripe_id), balance(leaver)) == ([2000], 0)


class TestWhatEnds:
    def test_everything_today(self, leaver):
        number = hold_number(leaver)
        hold_channels(number, 2)
        Service.objects.create(
            account=leaver,
            product=Product.objects.get(code="north-america-500"),
            kind="plan",
            started_on=date(2027, 1, 1),
            paid_until=date(2027, 1, 31),
        )
        done = close(leaver)
        assert [service.title for service in done.services] == [
            str(number.phone_number),
            *[f"An extra channel on {number.phone_number}"] * 2,
            "North America 500",
        ]
        ended = Service.objects.values_list("state", "reason", "cancelled_on").distinct()
        assert list(ended) == [("cancelled", "customer", NOON.date())]
        kept = PhoneNumber.objects.get()
        assert (kept.state, kept.last_holder, kept.disconnected_on) == ("kept", leaver, NOON.date())
        leaver.refresh_from_db()
        assert leaver.closed_on == NOON.date()

    def test_waiting_numbers_are_withdrawn_with_their_money_and_their_911(self, leaver):
        credit(leaver, "200")
        for _ in range(2):
            wait_for_number(leaver)
        paid = 200 - balance(leaver)
        shown = closing.preview(leaver, now=NOON)
        assert (balance(leaver), Service.objects.held().count()) == (200 - paid, 3)
        done = close(leaver)
        assert (sum(each.refund.total for each in done.withdrawals), done.stays) == (paid, 200)
        assert [each.refund.total for each in shown.withdrawals] == [each.refund.total for each in done.withdrawals]
        assert (done.services, held(leaver)) == ((), [])

    def test_carts_are_emptied_and_holds_let_go(self, leaver, number):
        add_number(leaver, number.rate_center)
        close(leaver)
        number.refresh_from_db()
        assert (CartLine.objects.count(), number.state) == (0, "in_stock")

    def test_auto_recharge_is_off(self, leaver):
        BalanceWatch.objects.create(account=leaver, recharges=True, low_since=NOON)
        close(leaver)
        watch = BalanceWatch.objects.get()
        assert (watch.recharges, watch.low_since) == (False, None)

    def test_an_email_lists_it(self, leaver):
        hold_number(leaver)
        deposit(leaver, "20", days_ago=2)
        credit(leaver, "1.50")
        close(leaver)
        mail = Email.objects.get(subject__endswith="is closed")
        for words in [
            "is closed since today, 11 January 2027",
            f"{PhoneNumber.objects.get()} (Pay Per Minute)",
            "$20.00 to Visa 4242, from your deposit of 9 January 2027",
            "$1.50 stays in the balance.",
        ]:
            assert words in mail.message


class TestRefused:
    @pytest.mark.parametrize(
        ("day", "refusal"),
        [
            (date(2027, 1, 26), None),
            (date(2027, 1, 27), "You can close yours from 1 February 2027."),
            (date(2027, 1, 31), "You can close yours from 1 February 2027."),
            (date(2027, 2, 1), None),
            (date(2027, 12, 27), "You can close yours from 1 January 2028."),
        ],
    )
    def test_while_the_next_month_is_billed(self, leaver, day, refusal):
        now = datetime(day.year, day.month, day.day, 12, tzinfo=BUSINESS_ZONE)
        if refusal is None:
            assert close(leaver, now=now).account == leaver
            return
        with pytest.raises(CannotClose, match=refusal):
            closing.preview(leaver, now=now)
        with pytest.raises(CannotClose, match=refusal):
            closing.close(leaver, seen="", now=now)

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("created", "is being checked with the bank"),
            ("sent", "is being checked with the bank"),
            ("needs_customer", "Confirm it or cancel it first"),
        ],
    )
    @pytest.mark.parametrize("purpose", ["deposit", "recharge", "renewal"])
    def test_while_a_payment_is_undecided(self, leaver, state, words, purpose):
        Payment.objects.create(
            account=leaver, card=card_of(leaver), amount=5, purpose=purpose, token=uuid4(), state=state
        )
        hold_number(leaver)
        with pytest.raises(CannotClose, match=words):
            close(leaver)
        leaver.refresh_from_db()
        assert (leaver.closed_on, Service.objects.held().count()) == (None, 1)

    def test_while_an_order_is_being_paid(self, leaver):
        address = leaver.billing_address
        amounts = {"tax_rate": 0, "subtotal": 0, "tax": 0, "total": 0}
        Order.objects.create(account=leaver, token=uuid4(), billing_address=address, service_address=address, **amounts)
        with pytest.raises(CannotClose, match="An order of yours is being paid right now."):
            close(leaver)

    @pytest.mark.parametrize("change", [lambda a: credit(a, "3"), hold_number])
    def test_what_was_shown_is_not_so_any_more(self, leaver, change):
        credit(leaver, "1")
        seen = closing.preview(leaver, now=NOON).digest
        change(leaver)
        with pytest.raises(ClosingChanged):
            closing.close(leaver, seen=seen, now=NOON)
        leaver.refresh_from_db()
        assert leaver.closed_on is None


def test_looking_changes_nothing(leaver, number):
    hold_number(leaver)
    deposit(leaver, "20")
    add_number(leaver, number.rate_center)
    shown = closing.preview(leaver, now=NOON)
    assert (len(shown.services), shown.to_cards) == (1, 20)
    leaver.refresh_from_db()
    assert (leaver.closed_on, balance(leaver), CardRefund.objects.count()) == (None, 20, 0)
    assert (Service.objects.held().count(), CartLine.objects.count(), Email.objects.count()) == (1, 1, 0)


def test_a_second_time_does_nothing(leaver):
    deposit(leaver, "20")
    seen = closing.preview(leaver, now=NOON).digest
    closing.close(leaver, seen=seen, now=NOON)
    assert closing.close(leaver, seen=seen, now=NOON) is None
    assert (CardRefund.objects.count(), Email.objects.count()) == (1, 1)


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
        assert alice_client.get(URL).status_code == 200

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
        with django_assert_num_queries(44):
            assert len(owner.get(URL).context["closing"].services) == rows

    def test_the_profile_leads_there(self, owner):
        assert f'href="{URL}"' in owner.get(reverse("profile")).content.decode()


@pytest.mark.race
class TestRaces:
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def leaver(self, transactional_db, alice, catalog, taxes) -> Account:
        return live_at_the_billing_address(alice)

    def run(self, *deeds):
        gate, answers = threading.Barrier(len(deeds)), [None] * len(deeds)

        def do(place):
            try:
                gate.wait()
                answers[place] = deeds[place]()
            except BaseException as surprise:  # noqa: BLE001
                answers[place] = surprise
            finally:
                connection.close()

        threads = [threading.Thread(target=do, args=(place,)) for place in range(len(deeds))]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        return answers

    def test_8_presses_close_once(self, leaver):
        hold_number(leaver)
        deposit(leaver, "20")
        seen = closing.preview(leaver, now=NOON).digest
        answers = self.run(*[lambda: closing.close(leaver, seen=seen, now=NOON)] * 8)
        assert [bool(answer) for answer in answers].count(True) == 1
        assert [answer for answer in answers if isinstance(answer, BaseException)] == []
        assert (CardRefund.objects.count(), balance(leaver), Email.objects.count()) == (1, 0, 1)

    @pytest.mark.parametrize("_round", range(4))
    def test_a_deposit_at_the_same_moment_is_made_before_or_not_at_all(self, leaver, stripe_server, _round):
        card = add_card(leaver, now=NOON)
        seen = closing.preview(leaver, now=NOON).digest
        paying = lambda: deposits.make(account=leaver, card=card, amount=Decimal(20), token=uuid4(), now=NOON)  # noqa: E731
        closed, paid = self.run(lambda: closing.close(leaver, seen=seen, now=NOON), paying)
        leaver.refresh_from_db()
        if leaver.closed_on:
            assert (type(paid), balance(leaver)) == (AccountClosed, 0)
        else:
            assert (type(closed) in (CannotClose, ClosingChanged), balance(leaver)) == (True, 20)

    @pytest.mark.parametrize("_round", range(4))
    def test_a_number_that_comes_at_the_same_moment(self, leaver, _round):
        credit(leaver, "100")
        waiting = wait_for_number(leaver)
        PhoneNumberFactory()
        seen = closing.preview(leaver, now=NOON).digest
        self.run(
            lambda: closing.close(leaver, seen=seen, now=NOON),
            lambda: back_orders.assign_next(waiting.rate_center, now=NOON),
        )
        leaver.refresh_from_db()
        waiting.refresh_from_db()
        assert (waiting.state, held(leaver) == []) == (("withdrawn", True) if leaver.closed_on else ("filled", False))
        assert list(audit.differences()) == []
