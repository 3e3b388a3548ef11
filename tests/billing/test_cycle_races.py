"""The cycle, several times at once and beside its customers: each is charged once, and nobody for what they ended."""

import threading
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import task_postrun
from django.db import connection

from accounts.models import Account
from billing import audit, cycle, ending, ledger, months, parking, taxes
from billing.ending import CannotKeep
from billing.models import Cycle, Invoice, InvoiceLine, Payment, Service, Transfer
from billing.tasks import run_cycle
from callcentric import clock
from callcentric.celery import app as celery_app
from orders import back_orders
from phone_numbers.models import BackOrder
from tests.billing.crowd import at_once, crowd
from tests.billing.killing import killed_after
from tests.billing.month import FEBRUARY, add_funds, at_noon, balance, customer, hold_911, hold_plan, run
from tests.factories import AccountFactory, AddressFactory, PhoneNumberFactory, RateCenterFactory, hold_number
from tests.localstripe import add_card, charges
from tests.orders.conftest import put_into_cart
from tests.orders.waiting import order_what_is_in_the_cart, wait_for_number

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("catalog")]

THE_12TH, THE_26TH, THE_27TH = date(2027, 1, 12), date(2027, 1, 26), date(2027, 1, 27)
DUE = Decimal("2.12")


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


@pytest.fixture
def small_chunks(monkeypatch):
    """Many transactions, so that the runs meet again and again."""
    monkeypatch.setattr(cycle, "CHUNK", 100)


def all_are_paid_once(count: int) -> None:
    assert Invoice.objects.count() == InvoiceLine.objects.count() == count
    assert Transfer.objects.filter(kind="charge").count() == Transfer.objects.filter(kind="tax").count() == count
    assert Cycle.objects.filter(state="settled", part=1).count() == Cycle.objects.count() == count
    assert set(Service.objects.values_list("paid_until", flat=True)) == {months.last_day(FEBRUARY)}
    assert list(audit.differences()) == []


@pytest.mark.usefixtures("small_chunks")
class TestAThousandAccounts:
    @pytest.mark.parametrize("runs", [2, 8])
    def test_several_runs_at_once_bill_each_once(self, runs):
        crowd(1_000)

        at_once([partial(run, THE_27TH)] * runs)

        all_are_paid_once(1_000)

    def test_in_processes_of_their_own_too(self):
        """Each thread waits for a child, which nobody kills."""
        crowd(1_000)

        at_once([lambda: killed_after(10**6, lambda: run(THE_27TH))] * 2)

        all_are_paid_once(1_000)


@pytest.mark.usefixtures("stripe_server")
def test_eight_runs_that_charge_the_same_cards_charge_each_once():
    accounts = [customer(f"customer{n}", pays_from="card" if n % 2 else "balance") for n in range(4)]
    for account in accounts:
        add_card(account, now=at_noon(THE_27TH))

    at_once([partial(run, THE_27TH)] * 8)
    # Whose cycle was locked when an answer came is settled by the next.
    run(THE_27TH)

    assert [[charge["amount"] for charge in charges(account)] for account in accounts] == [[212]] * 4
    assert [balance(account) for account in accounts] == [0] * 4
    assert Payment.objects.filter(state="succeeded").count() == Payment.objects.count() == 4
    all_are_paid_once(4)


def test_a_task_that_was_sent_eight_times_does_it_once(settings, tmp_path):
    """A beat that was started twice, and more."""
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    clock.set_today(THE_27TH)
    crowd(20)
    done = []

    def note(sender, **signal):
        done.append(sender.name)

    task_postrun.connect(note, sender=run_cycle)
    with start_worker(celery_app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        for _ in range(8):
            run_cycle.delay()
        deadline = time.monotonic() + 60
        while len(done) < 8 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(done) == 8
    all_are_paid_once(20)


class TestBesideItsCustomers:
    """What a customer does at the very moment at which their account is settled comes before it or after it, whole."""

    ROUNDS = 6

    def meet(self, accounts: list[Account], act: Callable[[Account], object]) -> None:
        """The cycle, while each of them acts; and then once more, for whom it passed over."""
        at_once([partial(run, THE_27TH), *(partial(act, account) for account in accounts)])
        run(THE_27TH)
        assert list(audit.differences()) == []
        assert not Cycle.objects.filter(state="planned").exists()
        for account in accounts:
            ordered = sum(order.total for order in account.orders.filter(state="completed"))
            invoiced = sum(invoice.total for invoice in account.invoices.all())
            came = Transfer.objects.filter(target__account=account, kind__in=["credit", "refund", "tax"])
            assert balance(account) == sum(transfer.amount for transfer in came) - ordered - invoiced
        lined = set(InvoiceLine.objects.values_list("service", flat=True))
        ordered_on = set(Service.objects.filter(started_on=THE_27TH).values_list("pk", flat=True))
        paid = set(Service.objects.filter(paid_until__gte=FEBRUARY).values_list("pk", flat=True))
        assert paid - ordered_on == lined

    def everybody(self, funds: str = "50") -> list[Account]:
        """911 before their number, so that what is locked first is not what was made first."""
        return [self.somebody(f"customer{n}", funds) for n in range(self.ROUNDS)]

    def somebody(self, name: str, funds: str) -> Account:
        address = AddressFactory()
        account = AccountFactory(user__username=name, service_address=address, billing_address=address)
        hold_911(account)
        hold_number(account)
        if funds:
            add_funds(account, funds)
        return account

    def test_a_cancellation(self):
        accounts = self.everybody()
        for account in accounts:
            hold_plan(account)

        def cancel(account):
            ending.cancel(Service.objects.get(account=account, kind="plan"), today=THE_26TH, now=at_noon(THE_26TH))

        self.meet(accounts, cancel)

        for plan in Service.objects.filter(kind="plan"):
            # Either it was not charged and ends now, or it was and ends a month later.
            is_paid = InvoiceLine.objects.filter(service=plan).exists()
            assert (plan.is_ending, plan.paid_until) == (True, date(2027, 2, 28) if is_paid else date(2027, 1, 31))

    def test_a_cancellation_taken_back(self):
        accounts = self.everybody()
        for account in accounts:
            hold_plan(account, ending_asked_at=at_noon(THE_12TH))

        self.meet(
            accounts, lambda account: ending.keep(Service.objects.get(account=account, kind="plan"), today=THE_27TH)
        )

        assert set(Service.objects.values_list("paid_until", flat=True)) == {date(2027, 2, 28)}

    def test_a_cancellation_taken_back_when_it_ends(self):
        """At midnight: it is kept and billed, or it has ended and says so."""
        accounts = self.everybody()
        Service.objects.filter(kind="did").update(ending_asked_at=at_noon(THE_12TH))

        def keep(account):
            try:
                return ending.keep(Service.objects.get(account=account, kind="did"), today=date(2027, 1, 31))
            except CannotKeep:
                return None

        works = [partial(keep, account) for account in accounts]
        _, *kept = at_once([partial(run, FEBRUARY), *works])
        run(FEBRUARY)

        states = Service.objects.filter(kind="did").order_by("account").values_list("state", "paid_until")
        last = {True: ("active", date(2027, 2, 28)), False: ("cancelled", date(2027, 1, 31))}
        assert list(states) == [last[service is not None] for service in kept]

    def test_a_plan_that_replaces_the_one_they_have(self):
        accounts = self.everybody("100")
        for account in accounts:
            hold_plan(account)
            put_into_cart(account, "north-america-2500")

        self.meet(accounts, partial(order_what_is_in_the_cart, now=at_noon(THE_27TH)))

        for account in accounts:
            old, new = Service.objects.filter(account=account, kind="plan").order_by("pk")
            assert (old.state, old.reason) == ("cancelled", "replaced")
            assert (new.state, new.paid_until, new.invoice_lines.count()) == ("active", date(2027, 2, 28), 0)
            e911 = Service.objects.get(account=account, kind="e911")
            assert (e911.paid_until, e911.invoice_lines.count()) == (date(2027, 2, 28), 1)

    def test_a_deposit(self):
        accounts = self.everybody("")

        self.meet(accounts, lambda account: add_funds(account, "10", key=f"deposit:{account.pk}"))

        assert Cycle.objects.filter(state="settled").count() == len(accounts)
        assert {balance(account) for account in accounts} == {10 - Decimal("3.76")}

    def test_money_that_is_spent_otherwise(self):
        """Enough for one of the two: the renewal or the call."""
        accounts = self.everybody("4")

        def spend(account):
            try:
                charge = {"net": Decimal(3), "tax": Decimal(0), "memo": "Calls", "made_at": at_noon(THE_27TH)}
                return ledger.charge(account=account, key=f"calls:{account.pk}", **charge)
            except ledger.InsufficientFunds:
                return None

        _, *spent = at_once([partial(run, THE_27TH), *(partial(spend, account) for account in accounts)])
        run(THE_27TH)

        states = Cycle.objects.order_by("account").values_list("state", flat=True)
        assert list(states) == ["failed" if charge else "settled" for charge in spent]
        assert list(audit.differences()) == []

    def test_a_waiting_number_that_is_withdrawn(self):
        accounts = self.everybody("100")
        place = RateCenterFactory(name="Troy")
        for account in accounts:
            wait_for_number(account, at=place)

        def withdraw(account):
            back_orders.withdraw(BackOrder.objects.get(account=account), now=at_noon(THE_27TH))

        self.meet(accounts, withdraw)

        assert Service.objects.filter(reason="withdrawn", invoice_lines=None).count() == len(accounts)

    def test_a_waiting_number_that_comes(self):
        accounts = self.everybody("100")
        place = RateCenterFactory(name="Troy")
        for account in accounts:
            wait_for_number(account, at=place)
        numbers = dict(zip(accounts, [PhoneNumberFactory(rate_center=place) for _ in accounts], strict=True))

        def fill(account):
            back_orders.fill(BackOrder.objects.get(account=account), number=numbers[account], now=at_noon(THE_27TH))

        self.meet(accounts, fill)

        assert set(Service.objects.values_list("paid_until", flat=True)) == {date(2027, 2, 28)}

    def test_staff_who_end_or_park_them(self, sam):
        accounts = self.everybody()

        def end(account):
            if account.pk % 2:
                return parking.park(account_id=account.pk, reason="Odd.", now=at_noon(THE_27TH))
            number = Service.objects.get(account=account, kind="did")
            return ending.end_at_once(number, reason="staff", by=sam, now=at_noon(THE_27TH))

        self.meet(accounts, end)

        for account in accounts:
            held = Service.objects.held().filter(account=account).count()
            state = Cycle.objects.get(account=account).state
            # Where staff were first there is nothing to bill, or nobody to bill it.
            assert (held, state in ("parked", "settled")) == (2, True) if account.pk % 2 else (0, state == "settled")

    def test_staff_who_end_a_number_do_not_wait_for_the_cycle_while_it_waits_for_them(self, sam, monkeypatch):
        """911 ends with the number: whoever locked it after the number would meet the cycle, which goes by keys."""
        account = self.somebody("alice", "50")
        began, disconnect = threading.Event(), ending.stock.disconnect

        def disconnect_when_the_cycle_waits(*number, **more):
            began.set()
            deadline = time.monotonic() + 10
            while not somebody_waits() and time.monotonic() < deadline:
                time.sleep(0.01)
            return disconnect(*number, **more)

        monkeypatch.setattr(ending.stock, "disconnect", disconnect_when_the_cycle_waits)
        number = Service.objects.get(account=account, kind="did")
        end = partial(ending.end_at_once, number, reason="staff", by=sam, now=at_noon(THE_27TH))
        at_once([end, lambda: began.wait(10) and run(THE_27TH)])

        assert Service.objects.filter(state="cancelled").count() == 2
        assert (balance(account), Cycle.objects.get().state) == (Decimal(50), "settled")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]
