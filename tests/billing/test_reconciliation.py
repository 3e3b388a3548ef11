"""The daily match against localstripe: each kind of difference is found once, parks its account, and can be mended."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pgtrigger
import pytest

from billing import ledger, payments, reconciliation, stripe_api
from billing.models import CardRefund, Difference, Invoice, LedgerAccount, Match, ParkedAccount, Payment, Transfer
from callcentric import clock
from tests.billing.month import add_funds
from tests.localstripe import add_card, call
from tests.stripe_proxy import BROKEN, TIMEOUT_AFTER

TEN = Decimal("10.00")


@pytest.fixture(autouse=True)
def _fresh_stripe(db, stripe_server):
    """What other tests have charged today is not this test's."""
    call("DELETE", "/_config/data")


@pytest.fixture
def now():
    return clock.now()


@pytest.fixture
def paid(alice, now) -> Payment:
    """Alice has deposited $10.00 by card."""
    return pay(alice, now)


def pay(account, now) -> Payment:
    payment = payments.begin(
        account=account, card=add_card(account), amount=TEN, purpose="deposit", token=uuid4(), now=now
    )
    return payments.charge(payment, now=now)


def match(now) -> Match:
    return reconciliation.match(on=clock.today(), now=now)


def found() -> list[tuple]:
    rows = Difference.objects.open().order_by("pk")
    return list(rows.values_list("kind", "key", "account__user__username", "ours", "theirs"))


def parked() -> list[str]:
    return list(ParkedAccount.objects.open().values_list("account__user__username", flat=True))


def put_into_ledger(account, key, amount, now):
    ledger.post(
        key=key,
        kind=Transfer.Kind.DEPOSIT,
        source=ledger.house(LedgerAccount.Kind.CARDS),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="By hand",
        made_at=now,
    )


def charge_at_stripe(account, amount=700) -> str:
    """Somebody charges the card at Stripe, and not through us."""
    return call(
        "POST",
        "/v1/payment_intents",
        amount=amount,
        currency="usd",
        customer=account.card_holder.stripe_id,
        payment_method=account.cards.get().stripe_id,
        confirm=True,
    )["id"]


def check_found_once(now, *expected) -> None:
    """It is found, parks its account, and a second match finds nothing more."""
    assert match(now).differences == len(expected)
    assert found() == list(expected)
    before = list(Difference.objects.values_list("pk", flat=True))
    assert match(now + timedelta(minutes=1)).differences == len(expected)
    assert list(Difference.objects.values_list("pk", flat=True)) == before
    assert ParkedAccount.objects.count() == len({row[2] for row in expected if row[2]})


def check_mended(now) -> None:
    """It is gone; the account stays parked until staff release it."""
    were_parked = parked()
    assert match(now + timedelta(minutes=5)).differences == 0
    assert found() == []
    resolved = Difference.objects.get()
    assert (resolved.resolved_at, resolved.resolved_by) == (now + timedelta(minutes=5), None)
    assert resolved.resolution == f"No longer found by the match of {clock.today():%-d %B %Y}."
    assert parked() == were_parked


def test_a_calm_day(alice, bob, now, paid):
    pay(bob, now)
    add_funds(bob, "3")
    made = match(now)
    assert (made.on, made.stripe_charges, made.ledger, made.differences) == (clock.today(), 20, 20, 0)
    assert (found(), parked()) == ([], [])


def test_many_pages_of_charges(alice, now, monkeypatch):
    monkeypatch.setattr("billing.stripe_lists.PAGE", 2)
    monkeypatch.setattr("billing.stripe_match.BATCH", 2)
    add_card(alice)
    intents = [charge_at_stripe(alice, amount) for amount in (100, 200, 300, 400, 500)]
    made = match(now)
    assert (made.stripe_charges, made.ledger, made.differences) == (15, 0, 5)
    assert [row[1] for row in found()] == intents


class TestCharges:
    def test_a_charge_that_is_not_in_the_ledger(self, alice, now):
        add_card(alice)
        intent = charge_at_stripe(alice)
        check_found_once(now, ("charge", intent, "alice", None, Decimal(7)))
        call("POST", "/v1/refunds", payment_intent=intent)
        check_mended(now)

    def test_a_charge_of_nobody_we_know(self, alice, now):
        add_card(alice)
        alice.cards.all().delete()
        stranger = call("POST", "/v1/customers", email="stranger@example.com")["id"]
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2035, "cvc": "123"}
        method = call("POST", "/v1/payment_methods", type="card", card=card)["id"]
        call("POST", f"/v1/payment_methods/{method}/attach", customer=stranger)
        charge = call("POST", "/v1/charges", amount=500, currency="usd", customer=stranger, source=method)["id"]
        check_found_once(now, ("charge", charge, None, None, Decimal(5)))
        call("POST", "/v1/refunds", charge=charge)
        check_mended(now)

    def test_a_payment_that_we_gave_up_and_stripe_took(self, alice, now, stripe_server):
        stripe_server.fail_next("/payment_intents/.*/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, now)
        # While it is being checked it is no difference.
        assert match(now).differences == 0
        Payment.objects.update(state="failed", problem="Given up", settled_at=now)
        check_found_once(now, ("charge", payment.stripe_id, "alice", None, TEN))
        payments.refresh(payment, now=now)
        check_mended(now)

    def test_a_transfer_that_stripe_knows_nothing_of(self, alice, now):
        put_into_ledger(alice, "stripe:pi_invented", "7", now)
        check_found_once(now, ("transfer", "pi_invented", "alice", Decimal(7), None))
        with pgtrigger.ignore():
            Transfer.objects.all().delete()
        LedgerAccount.objects.filter(account=alice).update(balance=0)
        check_mended(now)

    def test_another_amount(self, alice, now, paid):
        with pgtrigger.ignore():
            Transfer.objects.update(amount=9, target_balance=9)
        LedgerAccount.objects.filter(account=alice).update(balance=9)
        check_found_once(now, ("amount", paid.stripe_id, "alice", Decimal(9), TEN))
        with pgtrigger.ignore():
            Transfer.objects.update(amount=10, target_balance=10)
        LedgerAccount.objects.filter(account=alice).update(balance=10)
        check_mended(now)

    def test_another_customers_money(self, alice, bob, now, paid):
        with pgtrigger.ignore():
            Transfer.objects.update(target=ledger.of(bob))
        LedgerAccount.objects.filter(account=alice).update(balance=0)
        LedgerAccount.objects.filter(account=bob).update(balance=10)
        check_found_once(now, ("amount", paid.stripe_id, "bob", TEN, TEN))

    def test_a_payment_that_says_something_else(self, alice, now, paid):
        Payment.objects.update(amount=8)
        check_found_once(now, ("payment", paid.stripe_id, "alice", TEN, Decimal(8)))
        Payment.objects.update(amount=10)
        check_mended(now)

    def test_a_charge_of_another_day_is_none_of_this_ones(self, alice, now, paid):
        yesterday = reconciliation.match(on=clock.today() - timedelta(days=1), now=now)
        assert (yesterday.stripe_charges, yesterday.ledger, yesterday.differences) == (0, 0, 0)

    def test_a_charge_before_midnight_finds_its_transfer_after_it(self, alice, now, paid):
        with pgtrigger.ignore():
            Transfer.objects.update(made_at=now + timedelta(days=1))
        assert match(now).differences == 0
        tomorrow = reconciliation.match(on=clock.today() + timedelta(days=1), now=now)
        assert (tomorrow.stripe_charges, tomorrow.ledger, tomorrow.differences) == (10, 10, 0)


class TestRefunds:
    @pytest.fixture
    def refund(self, alice, now, paid) -> CardRefund:
        """$4.00 have gone back to Alice's card, as they do when an account is closed."""
        made = call("POST", "/v1/refunds", payment_intent=paid.stripe_id, amount=400)["id"]
        refund = CardRefund.objects.create(
            payment=paid, amount=4, token=uuid4(), state="succeeded", stripe_id=made, created_at=now, settled_at=now
        )
        self.take_out(alice, refund, now)
        return refund

    def take_out(self, account, refund, now, amount=4):
        ledger.post(
            key=f"card-refund:{refund.pk}",
            kind=Transfer.Kind.REFUND,
            source=ledger.of(account),
            target=ledger.house(LedgerAccount.Kind.CARDS),
            amount=Decimal(amount),
            memo="To the card",
            made_at=now,
        )

    def test_a_calm_one(self, refund, now):
        assert match(now).differences == 0

    def test_one_that_somebody_made_at_stripe(self, alice, now, paid):
        made = call("POST", "/v1/refunds", payment_intent=paid.stripe_id, amount=400)["id"]
        check_found_once(now, ("refund", made, "alice", None, Decimal(4)))
        refund = CardRefund.objects.create(
            payment=paid, amount=4, token=uuid4(), state="succeeded", stripe_id=made, created_at=now, settled_at=now
        )
        self.take_out(alice, refund, now)
        check_mended(now)

    def test_one_whose_name_we_have_not_heard_yet(self, alice, now, paid):
        call("POST", "/v1/refunds", payment_intent=paid.stripe_id, amount=400)
        refund = CardRefund.objects.create(payment=paid, amount=4, token=uuid4(), state="sent", created_at=now)
        self.take_out(alice, refund, now)
        assert match(now).differences == 0

    def test_one_that_stripe_has_not_made(self, refund, now):
        CardRefund.objects.update(stripe_id="re_invented")
        call("DELETE", f"/v1/refunds/{refund.stripe_id}")
        check_found_once(now, ("refund", "re_invented", "alice", Decimal(4), None))

    def test_another_amount(self, refund, now):
        CardRefund.objects.update(amount=5)
        with pgtrigger.ignore():
            Transfer.objects.filter(key=f"card-refund:{refund.pk}").update(amount=5, source_balance=5)
        LedgerAccount.objects.filter(account__isnull=False).update(balance=5)
        check_found_once(now, ("refund", refund.stripe_id, "alice", Decimal(5), Decimal(4)))

    def test_one_that_failed_and_whose_money_did_not_come_back(self, alice, refund, now):
        call("DELETE", f"/v1/refunds/{refund.stripe_id}")
        CardRefund.objects.update(state="failed")
        check_found_once(now, ("refund", f"card-refund:{refund.pk}", "alice", Decimal(4), Decimal(4)))
        put_into_ledger(alice, f"card-refund:{refund.pk}:back", "4", now)
        check_mended(now)


class TestInvoices:
    @pytest.fixture
    def invoice(self, alice, now) -> Invoice:
        add_funds(alice, "20")
        invoice = Invoice.objects.create(account=alice, month="2027-01-01", net=10, tax="0.8900", issued_at=now)
        self.pay(invoice, now)
        return invoice

    def pay(self, invoice, now):
        ledger.charge(
            account=invoice.account,
            key=f"renewal:{invoice.account_id}:2027-01:1",
            net=Decimal(invoice.net),
            tax=Decimal(invoice.tax),
            memo="Renewal",
            made_at=now,
        )

    def test_a_calm_one(self, invoice, now):
        made = match(now)
        assert (made.invoices, made.differences) == (Decimal("10.89"), 0)

    def test_one_that_costs_nothing_needs_no_transfer(self, alice, now):
        Invoice.objects.create(account=alice, month="2027-01-01", net=0, tax=0, issued_at=now)
        assert match(now).differences == 0

    def test_one_without_a_transfer(self, alice, now):
        add_funds(alice, "20")
        invoice = Invoice.objects.create(account=alice, month="2027-01-01", net=10, tax=1, issued_at=now)
        check_found_once(now, ("invoice", f"renewal:{alice.pk}:2027-01:1", "alice", None, Decimal(11)))
        self.pay(invoice, now)
        check_mended(now)

    def test_a_transfer_without_one(self, invoice, alice, now):
        Invoice.objects.all().delete()
        check_found_once(now, ("invoice", f"renewal:{alice.pk}:2027-01:1", "alice", Decimal("10.8900"), None))

    @pytest.mark.parametrize("changed", [{"net": 9}, {"tax": 0}])
    def test_another_amount(self, invoice, alice, now, changed):
        Invoice.objects.update(**changed)
        other = Invoice.objects.get().total
        key = f"renewal:{alice.pk}:2027-01:1"
        check_found_once(now, ("invoice", key, "alice", Decimal("10.8900"), other))

    def test_it_is_looked_at_again_on_a_later_day(self, invoice, alice, now):
        Invoice.objects.update(net=9)
        assert match(now).differences == 1
        Invoice.objects.update(net=10)
        tomorrow = now + timedelta(days=1)
        assert reconciliation.match(on=clock.today() + timedelta(days=1), now=tomorrow).differences == 0
        assert found() == []


class TestBalances:
    def test_a_balance_that_is_not_the_sum(self, alice, bob, now):
        add_funds(alice, "10")
        add_funds(bob, "10")
        LedgerAccount.objects.filter(account=alice).update(balance=11)
        check_found_once(now, ("balance", alice.number, "alice", Decimal(11), TEN))
        LedgerAccount.objects.filter(account=alice).update(balance=10)
        check_mended(now)

    def test_a_tampered_transfer_is_one_difference_however_many_follow_it(self, alice, now):
        for amount in ("10", "11", "12"):
            add_funds(alice, amount)
        with pgtrigger.ignore():
            Transfer.objects.filter(amount=10).update(amount=9)
        check_found_once(now, ("balance", alice.number, "alice", Decimal(33), Decimal(32)))


class TestStaff:
    def test_what_staff_have_explained_is_not_found_again_by_the_same_day(self, alice, sam, now):
        add_card(alice)
        charge_at_stripe(alice)
        match(now)
        made = Difference.objects.get()
        assert reconciliation.resolve(made, by=sam, how="A fee that we agreed on by telephone.", now=now)
        assert not reconciliation.resolve(made, by=sam, how="Once more", now=now)
        match(now)
        made.refresh_from_db()
        assert (found(), made.resolved_by, made.resolution) == ([], sam, "A fee that we agreed on by telephone.")
        assert parked() == ["alice"]

    def test_what_has_changed_since_is_found_again(self, alice, sam, now, paid):
        Payment.objects.update(amount=8)
        match(now)
        reconciliation.resolve(Difference.objects.get(), by=sam, how="Known.", now=now)
        Payment.objects.update(amount=7)
        match(now)
        assert found() == [("payment", paid.stripe_id, "alice", TEN, Decimal(7))]

    def test_a_wrong_balance_is_never_explained_away(self, alice, sam, now):
        add_funds(alice, "10")
        LedgerAccount.objects.filter(account=alice).update(balance=11)
        match(now)
        reconciliation.resolve(Difference.objects.get(), by=sam, how="Known.", now=now)
        match(now)
        assert [row[0] for row in found()] == ["balance"]


class TestDays:
    def days(self) -> list[int]:
        return [(clock.today() - on).days for on in Match.objects.order_by("-on").values_list("on", flat=True)]

    def test_the_first_time_yesterday_is_matched(self, now):
        assert [made.on for made in reconciliation.match_missed(now=now)] == [clock.today() - timedelta(days=1)]
        assert reconciliation.match_missed(now=now) == []

    def test_days_that_were_missed_are_caught_up_with(self, now):
        reconciliation.match_missed(now=now - timedelta(days=4))
        reconciliation.match(on=clock.today() - timedelta(days=2), now=now)
        assert self.days() == [2, 5]
        assert len(reconciliation.match_missed(now=now)) == 3
        assert self.days() == [1, 2, 3, 4, 5]

    def test_a_day_that_was_matched_before_it_was_over_is_matched_again(self, now):
        reconciliation.match(on=clock.today(), now=now)
        tomorrow = now + timedelta(days=1)
        assert [made.on for made in reconciliation.match_missed(now=tomorrow)] == [clock.today()]
        assert reconciliation.match_missed(now=tomorrow) == []

    def test_while_stripe_is_away_nothing_is_written_down(self, alice, now, stripe_server):
        add_funds(alice, "10")
        LedgerAccount.objects.filter(account=alice).update(balance=11)
        stripe_server.fail_next("/charges$", BROKEN)
        assert reconciliation.match_missed(now=now) == []
        assert (found(), Match.objects.count()) == ([], 0)
        stripe_server.fail_next("/refunds$", BROKEN)
        with pytest.raises(stripe_api.NoAnswer):
            match(now)
        assert (found(), Match.objects.count()) == ([], 0)
        assert len(reconciliation.match_missed(now=now)) == 1
        assert len(found()) == 1


@pytest.mark.parametrize("charges", [1, 3])
def test_a_days_charges_cost_a_fixed_number_of_queries(alice, now, charges, django_assert_num_queries):
    add_card(alice)
    for _ in range(charges):
        charge_at_stripe(alice)
    match(now)
    with django_assert_num_queries(17):
        match(now)
