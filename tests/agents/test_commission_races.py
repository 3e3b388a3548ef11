"""Agents and their clients pay at the same moment, in whatever order: nobody waits for ever, and the ledger adds up."""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import Account
from billing import audit, commission, cycle, ledger, taxes
from billing.models import Invoice, LedgerAccount, OwedCommission, Transfer
from orders import closing
from phone_numbers.models import PhoneNumber
from tests.billing.crowd import at_once, crowd
from tests.billing.month import at_noon, balance, run
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, add_number
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import wait_for_number

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("catalog")]

THE_27TH = date(2027, 1, 27)
AMOUNTS = {"net": Decimal("0.10"), "tax": Decimal("0.01"), "memo": "Calls", "made_at": at_noon(THE_27TH)}


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(cycle, "CHUNK", 25)


def chain(count: int) -> list[Account]:
    """Customers of whom each has brought the three after it: most are agents and clients at once."""
    accounts = crowd(count, funds="50")
    for n, account in enumerate(accounts):
        account.referred_by = accounts[(n - 1) // 3] if n else None
        account.commission_percent = Decimal(3)
    Account.objects.bulk_update(accounts, ["referred_by", "commission_percent"])
    return accounts


def every_charge_earned_once() -> None:
    assert list(audit.differences()) == []
    charged = Transfer.objects.filter(kind="charge").select_related("source__account__referred_by")
    on = {each.commission_on_id: each for each in Transfer.objects.filter(kind="commission", source_id=-4)}
    said = {charge.pk: charge.source.account.referred_by_id for charge in charged if charge.source.account.referred_by}
    assert {pk: each.target.account_id for pk, each in on.items()} == said
    assert all(
        on[charge.pk].amount == commission.on(charge.amount, Decimal(3)) for charge in charged if charge.pk in on
    )


def pays(account: Account, times: int) -> Callable[[], object]:
    return lambda: [ledger.charge(account=account, key=f"calls:{account.pk}:{n}", **AMOUNTS) for n in range(times)]


@pytest.mark.usefixtures("small_chunks")
def test_runs_and_customers_at_once(django_db_blocker):
    accounts = chain(120)
    paying = [pays(account, 20) for account in (accounts[0], accounts[1], accounts[4], accounts[13], accounts[40])]
    at_once([partial(run, THE_27TH), partial(run, THE_27TH), *paying])
    assert (Invoice.objects.count(), Transfer.objects.filter(kind="charge").count()) == (120, 120 + 5 * 20)
    every_charge_earned_once()


def test_refunds_and_charges_at_once():
    accounts = chain(13)
    client, agent = accounts[-1], accounts[-1].referred_by
    for n in range(20):
        ledger.charge(account=client, key=f"order:{n}", **AMOUNTS)

    def refunds() -> None:
        for n in range(20):
            ledger.refund(account=client, charge_key=f"order:{n}", key=f"refund:{n}", **AMOUNTS)

    # Two refund the same, the client pays on, and the agent, whose own agent earns by it, spends.
    at_once([refunds, refunds, pays(client, 20), pays(agent, 20), partial(run, THE_27TH)])
    every_charge_earned_once()
    assert Transfer.objects.filter(kind="refund").count() == 20
    back = Transfer.objects.filter(kind="commission", target_id=-4)
    assert sum(each.amount for each in back) == 20 * commission.on(AMOUNTS["net"], Decimal(3))
    assert OwedCommission.objects.unpaid().exists() is False
    assert balance(agent) > 0


class Held:
    """A transaction in a thread of its own that does ``first``, waits until another waits for it, and does ``then``."""

    def __init__(self, first: Callable[[], object], then: Callable[[], object]) -> None:
        self.holds, self.problem = threading.Event(), None
        self.thread = threading.Thread(target=self._run, args=(first, then))

    def _run(self, first: Callable[[], object], then: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                first()
                self.holds.set()
                time.sleep(0.5)
                then()
        except Exception as error:  # noqa: BLE001 (told to the test)
            self.problem = error
        finally:
            self.holds.set()
            connection.close()

    def __enter__(self) -> None:
        self.thread.start()
        self.holds.wait(10)

    def __exit__(self, *_: object) -> None:
        self.thread.join(20)
        assert self.problem is None


@pytest.mark.parametrize("road", ["charge", "cycle"])
def test_who_is_closed_while_a_charge_waits_earns_nothing(road):
    client = chain(2)[1]
    agent = client.referred_by
    Account.objects.filter(pk=agent.pk).update(commission_percent=3)
    own = ledger.of(agent)
    locks = LedgerAccount.objects.select_for_update(no_key=True).filter(pk=own.pk).get
    closes = partial(Account.objects.filter(pk=agent.pk).update, closed_on=THE_27TH)
    with Held(locks, closes):
        pays(client, 1)() if road == "charge" else run(THE_27TH)
    assert Transfer.objects.filter(kind="charge", source__account=client).count() == 1
    assert Transfer.objects.filter(kind="commission").exists() is False


def test_closing_an_account_does_not_meet_a_checkout_over_a_number():
    """Both are clients of one agent: a withdrawn order moves its balance, and a cart lets go of a number."""
    agent = AccountFactory(commission_percent=3)
    leaver, shopper = [live_at_the_billing_address(AccountFactory(referred_by=agent)) for _ in range(2)]
    for client in (leaver, shopper):
        credit(client, "50")
    wait_for_number(leaver, now=NOON)
    line = add_number(leaver, PhoneNumberFactory(rate_center=RateCenterFactory(name="Troy")).rate_center, now=NOON)
    later = NOON + timedelta(hours=1)
    takes = PhoneNumber.objects.select_for_update().filter(pk=line.phone_number_id).get
    with Held(takes, pays(shopper, 1)):
        closing.preview(Account.objects.get(pk=leaver.pk), now=later)
    assert list(audit.differences()) == []
