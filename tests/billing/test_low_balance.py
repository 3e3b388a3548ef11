"""A low balance is told once an episode, to those whom it concerns."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from post_office.models import Email

from accounts.models import Account
from billing import ledger, low_balance
from billing.models import BalanceWatch, LedgerAccount, Service
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from tests.billing.test_recharge import credit, payment_of, spend
from tests.crowds import at_once, surprises
from tests.factories import AccountFactory, hold_number

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)

pytestmark = pytest.mark.django_db


def hold_plan(account: Account, code: str, **more) -> Service:
    product = Product.objects.get(code=code)
    paid = {"started_on": date(2027, 1, 1), "paid_until": date(2027, 1, 31)} | more
    return Service.objects.create(account=account, product=product, kind="plan", **paid)


@pytest.fixture
def talker(alice, catalog) -> Account:
    """Alice, whose calls are paid by the minute, with $2.00."""
    hold_plan(alice, "pay-per-call")
    credit(alice, "2")
    return alice


def told(now=NOON) -> int:
    return low_balance.tell(now=now)


class TestOncePerEpisode:
    def test_below_the_limit_it_is_told(self, talker):
        assert told() == 0
        spend(talker, "0.0001")
        assert (told(), told(NOON + timedelta(days=9))) == (1, 0)
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], "Your Callcentric balance is low: $1.99")
        assert "which is below $2.00" in mail.message
        watch = BalanceWatch.objects.get()
        assert (watch.low_since, watch.low_is_chosen, watch.low_below) == (NOON, False, 2)

    def test_up_and_low_again_is_another_episode(self, talker):
        spend(talker, "1")
        assert told() == 1
        credit(talker, "0.9999")
        assert told() == 0
        credit(talker, "0.0001")
        assert told() == 0
        assert BalanceWatch.objects.get().low_since is None
        spend(talker, "0.5")
        assert (told(), Email.objects.count()) == (1, 2)

    def test_a_mail_that_cannot_be_written_is_no_episode(self, talker, monkeypatch):
        spend(talker, "1")

        def broken(*args, **facts):
            raise ConnectionError

        with monkeypatch.context() as patch:
            patch.setattr("billing.balance_mails.balance_low", broken)
            with pytest.raises(ConnectionError):
                told()
        assert (told(), Email.objects.count()) == (1, 1)


class TestWhom:
    @pytest.mark.parametrize(
        ("code", "is_told"),
        [
            ("pay-per-call", True),
            ("pay-per-minute", True),
            ("toll-free", True),
            ("dirt-cheap", True),
            ("north-america-500", False),
            ("personal-unlimited", False),
        ],
    )
    def test_those_who_hold_what_is_paid_by_the_minute(self, alice, catalog, code, is_told):
        ledger.of(alice)
        hold = hold_plan if Product.objects.get(code=code).kind == "plan" else hold_number
        hold(alice, code)
        assert told() == int(is_told)

    def test_not_those_who_held_it_once(self, alice, catalog):
        ledger.of(alice)
        hold_plan(alice, "pay-per-call", state="cancelled", cancelled_on=date(2027, 1, 5), reason="customer")
        assert told() == 0

    def test_whoever_has_chosen_a_limit_is_told_whatever_they_hold(self, alice, catalog):
        credit(alice, "9")
        low_balance.set_limit(alice, below=Decimal("2.00"))
        assert told() == 0
        low_balance.set_limit(alice, below=Decimal("9.01"))
        assert told() == 1

    def test_with_0_nobody_is_told(self, talker):
        low_balance.set_limit(talker, below=Decimal(0))
        spend(talker, "2")
        assert told() == 0

    def test_a_closed_account_is_not_told(self, talker):
        spend(talker, "2")
        Account.objects.update(closed_on=NOON.date())
        assert told() == 0


class TestBesideAutoRecharge:
    @pytest.fixture
    def card(self, talker):
        BalanceWatch.objects.create(account=talker, recharges=True)
        spend(talker, "2")
        return talker.cards.create(
            stripe_id="pm_1", brand="visa", last4="4242", expires_month=12, expires_year=2040, is_default=True
        )

    @pytest.mark.parametrize(
        ("payments", "is_told"),
        [
            ([], False),
            ([{"state": "sent"}], False),
            ([{"state": "needs_customer"}], False),
            ([{"state": "failed"}], True),
            ([{"state": "failed", "created_at": NOON - timedelta(hours=1)}, {}], False),
            ([{"created_at": NOON - timedelta(hours=1)}, {"state": "failed"}], True),
            ([{"state": "failed", "purpose": "deposit"}], False),
            # Its three of the day are used up.
            ([{}, {}, {}], True),
            ([{}, {}, {"created_at": NOON - timedelta(hours=13)}], False),
        ],
    )
    def test_only_what_it_could_not_help_is_told(self, talker, card, payments, is_told):
        for facts in payments:
            payment_of(talker, card, **facts)
        assert told() == int(is_told)

    def test_once_it_is_off_the_balance_is_told(self, talker, card):
        BalanceWatch.objects.update(recharges=False)
        assert told() == 1


def test_as_many_queries_for_3_as_for_1_but_for_their_mails(talker, django_assert_num_queries):
    spend(talker, "1")
    mail = 1
    with django_assert_num_queries(6 + mail):
        assert told() == 1
    for _ in range(3):
        account = AccountFactory()
        ledger.of(account)
        hold_plan(account, "pay-per-call")
    with django_assert_num_queries(6 + 3 * mail):
        assert told() == 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("known", [False, True])
def test_8_sweeps_at_once_tell_each_once(catalog, monkeypatch, known):
    """Also where they work through several chunks, and the rows are there already."""
    monkeypatch.setattr(low_balance, "CHUNK", 7)
    accounts = AccountFactory.create_batch(40)
    LedgerAccount.objects.bulk_create(LedgerAccount(account=each, balance=1) for each in accounts)
    for account in accounts:
        hold_plan(account, "pay-per-call")
    if known:
        BalanceWatch.objects.bulk_create(BalanceWatch(account=each) for each in accounts)
    sums = at_once(*[told] * 8)
    assert surprises(sums) == []
    assert sum(sums) + told() == 40
    assert sorted(Email.objects.values_list("to", flat=True)) == sorted([each.user.email] for each in accounts)
