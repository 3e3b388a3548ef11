"""The ledger under 16 threads that spend one balance: 1,000 rounds, and a control that shows the race is one."""

import threading
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import F

from accounts.models import Account
from billing import audit, ledger
from billing.models import LedgerAccount, Transfer
from callcentric import clock

NOW = clock.now()
House = LedgerAccount.Kind
Kind = Transfer.Kind


def credit(account: Account, amount: str, *, key: str) -> Transfer:
    return ledger.post(
        key=key,
        kind=Kind.CREDIT,
        source=ledger.house(House.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="Credit",
        made_at=NOW,
    )


def balance(account: Account) -> Decimal:
    return ledger.of(account).balance


@dataclass
class Race:
    """Sixteen threads, each with a connection of its own, that spend one balance at the same moment."""

    account: Account
    price: Decimal
    rounds: int
    start: Decimal
    one_key: bool = False

    def run(self) -> list[Counter]:
        """What happened in each round; the balance is filled up to ``start`` before it."""
        self.results, self.surprises = [], []
        self.customer = ledger.of(self.account)
        self.gate = threading.Barrier(16, action=self._fill_up)
        self.done = threading.Barrier(16, action=self._count)
        self.happened: list[str] = []
        threads = [threading.Thread(target=self._go, args=(number,)) for number in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert self.surprises == []
        return self.results

    def _go(self, number: int) -> None:
        try:
            for turn in range(self.rounds):
                self.gate.wait(30)
                self.happened.append(self._spend(f"{turn}" if self.one_key else f"{turn}:{number}"))
                self.done.wait(30)
        except BaseException as surprise:  # noqa: BLE001
            self.surprises.append(surprise)
            self.gate.abort()
            self.done.abort()
        finally:
            connection.close()

    def _spend(self, key: str) -> str:
        try:
            ledger.post(
                key=key,
                kind=Kind.CHARGE,
                source=self.customer,
                target=ledger.house(House.REVENUE),
                amount=self.price,
                memo="Race",
                made_at=NOW,
            )
            return "spent"
        except ledger.InsufficientFunds:
            return "refused"

    def _fill_up(self) -> None:
        missing = self.start - balance(self.account)
        if missing:
            credit(self.account, str(missing), key=f"fill:{len(self.results)}")

    def _count(self) -> None:
        self.results.append(Counter(self.happened) | {"left": balance(self.account)})
        self.happened.clear()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    """1,000 rounds in all. Each case: the price, the balance, how many of 16 get through, and what is left."""

    @pytest.mark.parametrize(
        ("price", "start", "through", "left"),
        [
            ("1.00", "1.00", 1, "0"),
            ("1.00", "10.00", 10, "0"),
            ("0.3333", "1.00", 3, "0.0001"),
            ("7.77", "100.00", 12, "6.76"),
        ],
    )
    def test_16_threads_never_overspend_one_balance(self, alice, price, start, through, left):
        race = Race(alice, Decimal(price), 240, Decimal(start))
        expected = Counter(spent=through, refused=16 - through) | {"left": Decimal(left)}
        assert race.run() == [expected] * 240
        assert list(audit.differences()) == []

    def test_16_threads_with_one_key_move_it_once(self, alice):
        race = Race(alice, Decimal(3), 40, Decimal(10), one_key=True)
        assert race.run() == [Counter(spent=16) | {"left": Decimal(7)}] * 40
        assert Transfer.objects.filter(kind=Kind.CHARGE).count() == 40
        assert list(audit.differences()) == []

    def test_control_the_same_race_overspends_without_the_guard(self, alice, no_guard):
        """If this fails, the tests above prove nothing."""
        race = Race(alice, Decimal("1.00"), 1, Decimal("10.00"))
        assert race.run() == [Counter(spent=16) | {"left": Decimal(-6)}]

    def test_control_looking_before_taking_overspends_too(self, alice, no_guard):
        """What the ledger does not do: read the balance, find it enough, and take the money after that."""
        customer = ledger.of(alice)
        LedgerAccount.objects.filter(pk=customer.pk).update(balance=Decimal(10))
        looked = threading.Barrier(16)
        spent = []

        def spend():
            enough = LedgerAccount.objects.get(pk=customer.pk).balance >= 1
            looked.wait()
            if enough:
                LedgerAccount.objects.filter(pk=customer.pk).update(balance=F("balance") - 1)
                spent.append(1)
            connection.close()

        threads = [threading.Thread(target=spend) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (len(spent), ledger.of(alice).balance) == (16, Decimal(-6))

    @pytest.fixture
    def no_guard(self, transactional_db):
        table = LedgerAccount._meta.db_table
        guard = next(c for c in LedgerAccount._meta.constraints if c.name == "balance_is_never_negative")
        with connection.schema_editor() as editor:
            editor.remove_constraint(LedgerAccount, guard)
        yield
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(LedgerAccount, guard)

    def test_16_threads_at_a_customers_first_use_make_one_account(self, alice):
        gate, made = threading.Barrier(16), []

        def go():
            gate.wait()
            made.append(ledger.of(alice).pk)
            connection.close()

        threads = [threading.Thread(target=go) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert made == [LedgerAccount.objects.get().pk] * 16
