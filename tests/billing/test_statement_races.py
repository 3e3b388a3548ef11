"""Eight runs at once, a run that is killed half-way, and payments that go on meanwhile."""

import threading
from datetime import date

import pytest
from django.db import connection, transaction

from billing import statements
from billing.models import Statement
from tests.billing.movements import at, charge, put_in
from tests.factories import AccountFactory

JANUARY, FEBRUARY = date(2027, 1, 1), date(2027, 2, 1)
ACCOUNTS = 40


@pytest.fixture
def accounts(transactional_db, monkeypatch):
    monkeypatch.setattr(statements, "CHUNK", 7)
    found = AccountFactory.create_batch(ACCOUNTS)
    for account in found:
        put_in(account, "20.00", at(1, 3))
        charge(account, "4.00", "0.36", at(2, 11))
    return found


def at_once(*works) -> list:
    gate, results, surprises = threading.Barrier(len(works)), [], []

    def go(work):
        try:
            gate.wait(30)
            results.append(work())
        except BaseException as surprise:  # noqa: BLE001
            surprises.append(surprise)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(work,)) for work in works]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert surprises == []
    return results


def numbers() -> list[int]:
    return list(Statement.objects.order_by("number").values_list("number", flat=True))


@pytest.mark.race
class TestRaces:
    def test_eight_runs_at_once_make_each_once(self, accounts):
        made = at_once(*[lambda: statements.make_due(now=at(3, 1, 3))] * 8)
        assert sum(made) == 2 * ACCOUNTS
        assert numbers() == list(range(1, 2 * ACCOUNTS + 1))
        assert Statement.objects.filter(month=JANUARY, closing=20).count() == ACCOUNTS
        assert Statement.objects.filter(month=FEBRUARY, opening=20, closing="15.64").count() == ACCOUNTS

    def test_payments_neither_wait_nor_are_lost(self, accounts):
        def pay():
            for account in accounts:
                charge(account, "1.00", "0", at(3, 1, 3))

        at_once(pay, *[lambda: statements.make_due(now=at(3, 1, 3))] * 3, pay)
        assert statements.make_due(now=at(4, 1, 3)) == ACCOUNTS
        assert numbers() == list(range(1, 3 * ACCOUNTS + 1))
        assert Statement.objects.filter(opening="15.64", closing="13.64").count() == ACCOUNTS

    def test_a_payment_does_not_wait_for_the_numbers(self, accounts):
        """While somebody holds the lock, money moves: control that it is held, and a payment beside it."""
        held, paid = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                assert statements.make_all(month=JANUARY, now=at(3, 1, 3)) == ACCOUNTS
                held.set()
                assert paid.wait(20)

        def pay():
            assert held.wait(20)
            charge(accounts[0], "1.00", "0", at(3, 1, 3))
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [statements._LOCK])
                assert cursor.fetchone() == (False,)
            paid.set()

        at_once(hold, pay)

    def test_killed_half_way_the_next_run_finishes(self, accounts, monkeypatch):
        chunks, make = [], statements._make_chunk

        def killed(values):
            if len(chunks) == 3:
                raise KeyboardInterrupt
            chunks.append(make(values))
            return chunks[-1]

        monkeypatch.setattr(statements, "_make_chunk", killed)
        with pytest.raises(KeyboardInterrupt):
            statements.make_due(now=at(2, 1, 3))
        monkeypatch.setattr(statements, "_make_chunk", make)
        assert numbers() == list(range(1, 22))
        assert statements.make_due(now=at(2, 1, 4)) == ACCOUNTS - 21
        assert numbers() == list(range(1, ACCOUNTS + 1))
