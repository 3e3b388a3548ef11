"""Monthly statements: who gets one, what it begins and ends with, numbers without a gap, and who is parked."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection

from billing import ledger, statements, tasks
from billing.models import LedgerAccount, ParkedAccount, Statement
from tests.billing.movements import at, charge, put_in, refund
from tests.factories import AccountFactory, AddressFactory

NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
JANUARY, FEBRUARY, MARCH, APRIL = (date(2027, month, 1) for month in range(1, 5))


def make(month=JANUARY, now=None) -> int:
    return statements.make_all(month=month, now=now or at(5, 1, 3))


def made(account=None) -> list[tuple]:
    """Every statement: its month, what it begins and ends with."""
    found = Statement.objects.filter(account=account) if account else Statement.objects.all()
    return list(found.order_by("number").values_list("month", "opening", "closing"))


def numbers() -> list[int]:
    return list(Statement.objects.order_by("number").values_list("number", flat=True))


class TestWhatItSays:
    def test_a_month_from_beginning_to_end(self, alice):
        put_in(alice, "20.00", at(1, 3))
        charge(alice, "4.00", "0.36", at(1, 11))
        assert make() == 1
        statement = Statement.objects.get()
        assert (statement.account, statement.month, statement.number, statement.made_at) == (
            alice,
            JANUARY,
            1,
            at(5, 1, 3),
        )
        assert (statement.opening, statement.closing) == (0, Decimal("15.64"))
        assert str(statement) == "00000001"

    def test_the_next_begins_where_the_last_ended(self, alice):
        put_in(alice, "20.00", at(1, 3))
        charge(alice, "4.00", "0.36", at(2, 11))
        make(JANUARY)
        make(FEBRUARY)
        assert made() == [(JANUARY, 0, 20), (FEBRUARY, 20, Decimal("15.64"))]

    def test_without_a_statement_before_it_begins_with_what_the_ledger_says(self, alice):
        put_in(alice, "20.00", at(1, 3))
        charge(alice, "1.00", "0", at(2, 3))
        make(FEBRUARY)
        assert made() == [(FEBRUARY, 20, 19)]

    @pytest.mark.parametrize(
        ("when", "closing"),
        [
            (at(1, 1, 0), 15),
            (at(1, 31, 23, minute=59), 15),
            (at(2, 1, 0), 10),
            (at(12, 31, 23, year=2026), 15),
        ],
    )
    def test_a_month_begins_and_ends_at_midnight_in_new_york(self, alice, when, closing):
        put_in(alice, "10.00", at(1, 1, 0))
        put_in(alice, "5.00", when)
        make()
        assert [closing for _, _, closing in made()] == [closing]

    def test_it_keeps_the_address_that_was_billed(self, alice):
        put_in(alice, "20.00", at(1, 3))
        then = alice.billing_address
        make()
        alice.bill_to(AddressFactory(city="Utica"))
        assert Statement.objects.get().billing_address == then


class TestWhoGetsOne:
    def test_money_that_only_lies_there_is_stated(self, alice):
        put_in(alice, "20.00", at(1, 3))
        make(JANUARY)
        assert (make(FEBRUARY), made()[1:]) == (1, [(FEBRUARY, 20, 20)])

    def test_nothing_moved_and_nothing_there(self, alice, bob):
        ledger.of(alice)
        put_in(bob, "1.00", at(1, 3))
        charge(bob, "1.00", "0", at(1, 4))
        make(JANUARY)
        assert (make(FEBRUARY), made()) == (0, [(JANUARY, 0, 0)])

    def test_after_months_without_money_it_goes_on(self, alice):
        put_in(alice, "1.00", at(1, 3))
        charge(alice, "1.00", "0", at(1, 4))
        put_in(alice, "2.00", at(4, 4))
        assert [make(month) for month in [JANUARY, FEBRUARY, MARCH, APRIL]] == [1, 0, 0, 1]
        assert made() == [(JANUARY, 0, 0), (APRIL, 0, 2)]

    def test_what_moves_after_the_month_is_none_of_its_business(self, alice):
        put_in(alice, "20.00", at(2, 1, 0))
        assert make() == 0

    def test_a_month_that_is_not_over(self, alice):
        put_in(alice, "20.00", at(1, 3))
        with pytest.raises(statements.MonthNotOver):
            make(now=at(1, 31, 23))


class TestOrderOfTheLedger:
    """A movement's time is when it was begun, its id when the ledger took it: around midnight they may cross."""

    def test_what_the_ledger_took_in_between_counts_with_the_month(self, alice):
        put_in(alice, "10.00", at(2, 1, 0))
        charge(alice, "10.00", "0", at(1, 31, 23))
        put_in(alice, "3.00", at(2, 2))
        make(JANUARY)
        make(FEBRUARY)
        assert made() == [(JANUARY, 0, 0), (FEBRUARY, 0, 3)]

    def test_what_comes_after_the_statement_is_on_the_next(self, alice):
        put_in(alice, "10.00", at(1, 31))
        make(JANUARY)
        charge(alice, "4.00", "0", at(1, 31, 23))
        assert make(JANUARY) == 0
        make(FEBRUARY)
        assert made() == [(JANUARY, 0, 10), (FEBRUARY, 10, 6)]
        assert list(Statement.objects.order_by("month").values_list("after", "through")) == [
            (0, statement_end(0)),
            (statement_end(0), statement_end(1)),
        ]


def statement_end(position: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM billing_transfer ORDER BY id OFFSET %s LIMIT 1", [position])
        return cursor.fetchone()[0]


class TestNumbers:
    def test_twice_makes_them_once(self, alice, bob):
        put_in(alice, "20.00", at(1, 3))
        put_in(bob, "20.00", at(1, 3))
        assert (make(), make(), numbers()) == (2, 0, [1, 2])

    def test_they_run_on_over_chunks_and_months(self, db, monkeypatch):
        monkeypatch.setattr(statements, "CHUNK", 2)
        for account in AccountFactory.create_batch(5):
            put_in(account, "20.00", at(1, 3))
        assert (make(JANUARY), make(FEBRUARY), numbers()) == (5, 5, list(range(1, 11)))
        assert [month for month, _, _ in made()] == [JANUARY] * 5 + [FEBRUARY] * 5

    def test_who_is_new_gets_the_next_one(self, alice, bob):
        put_in(alice, "20.00", at(1, 3))
        make()
        put_in(bob, "20.00", at(1, 4))
        assert (make(), numbers()) == (1, [1, 2])


def falsify(account, balance) -> None:
    LedgerAccount.objects.filter(account=account).update(balance=Decimal(balance))


def falsify_transfer(transfer, **columns) -> None:
    """Change what is never changed: the trigger is away for the moment."""
    sets = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE billing_transfer SET {sets} WHERE id = %s", [*columns.values(), transfer.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


class TestParked:
    @pytest.fixture
    def three(self, alice, bob):
        third = AccountFactory()
        moved = [put_in(account, "20.00", at(1, 3)) for account in (alice, bob, third)]
        put_in(bob, "5.00", at(2, 1))
        return moved

    def test_a_balance_that_is_not_what_moved(self, three, alice, bob):
        falsify(bob, "26.00")
        assert (make(), numbers()) == (2, [1, 2])
        assert not Statement.objects.filter(account=bob).exists()
        parked = ParkedAccount.objects.get()
        assert (parked.account, parked.parked_at, parked.reason) == (
            bob,
            at(5, 1, 3),
            "Statement of January 2027: it began with 0.0000, 20.0000 moved, which makes 20.0000, and the ledger says "
            "20.0000 was left. Since then 5.0000 moved, and the balance is 26.0000.",
        )

    def test_a_running_balance_that_is_not_what_moved(self, three, bob):
        falsify_transfer(three[1], target_balance=Decimal(21))
        assert (make(), ParkedAccount.objects.get().account) == (2, bob)

    def test_an_amount_that_was_changed(self, three, bob):
        falsify_transfer(three[1], amount=Decimal(19))
        assert (make(), ParkedAccount.objects.get().account) == (2, bob)

    def test_a_balance_below_zero(self, three, bob):
        falsify_transfer(three[1], amount=Decimal(1), target_balance=Decimal(-1), made_at=at(1, 2))
        falsify(bob, "3.00")
        assert (make(), ParkedAccount.objects.get().account) == (2, bob)

    def test_it_is_left_alone_until_staff_have_released_it(self, three, bob, sam):
        falsify(bob, "26.00")
        make()
        falsify(bob, "25.00")
        assert (make(JANUARY), make(FEBRUARY)) == (0, 2)
        ParkedAccount.objects.update(released_at=at(3, 2), released_by=sam)
        # Its months in their order, although the others are further.
        assert statements.due(now=at(3, 2)) == [JANUARY, FEBRUARY]
        assert statements.make_due(now=at(3, 2)) == 2
        assert made(bob) == [(JANUARY, 0, 20), (FEBRUARY, 20, 25)]
        assert numbers() == [1, 2, 3, 4, 5, 6]

    def test_what_is_still_wrong_is_parked_again(self, three, bob, sam):
        falsify(bob, "26.00")
        make()
        ParkedAccount.objects.update(released_at=at(3, 2), released_by=sam)
        make()
        make()
        assert list(ParkedAccount.objects.values_list("account", "released_at").order_by("pk")) == [
            (bob.pk, at(3, 2)),
            (bob.pk, None),
        ]


class TestDue:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (at(1, 31, 23), []),
            (at(2, 1, 0), []),
            (at(2, 1, 1, minute=59), []),
            (at(2, 1, 2), [JANUARY]),
            (at(2, 19), [JANUARY]),
            (at(3, 1, 1), [JANUARY]),
            (at(3, 1, 2), [JANUARY, FEBRUARY]),
            (at(5, 7), [JANUARY, FEBRUARY, MARCH, APRIL]),
        ],
    )
    def test_from_two_o_clock_on_the_first_and_what_is_missing_before(self, alice, now, expected):
        put_in(alice, "20.00", at(1, 31))
        assert statements.due(now=now) == expected

    def test_nobody_has_anything(self, alice):
        assert statements.due(now=at(2, 1, 2)) == []
        ledger.of(alice)
        assert statements.due(now=at(2, 1, 2)) == []

    def test_the_earliest_of_all_accounts(self, alice, bob):
        put_in(alice, "20.00", at(3, 3))
        put_in(bob, "20.00", at(12, 31, 23, year=2026))
        assert statements.due(now=at(4, 1, 2)) == [DECEMBER, JANUARY, FEBRUARY, MARCH]

    def test_made_is_no_longer_due(self, alice, bob):
        put_in(alice, "20.00", at(1, 3))
        assert statements.make_due(now=at(2, 1, 2)) == 1
        assert statements.due(now=at(2, 1, 3)) == []
        # Bob's first movement was begun before midnight and came late.
        put_in(bob, "20.00", at(1, 31, 23))
        assert statements.due(now=at(2, 1, 3)) == [JANUARY]

    def test_late_for_a_statement_that_is_there_waits_for_the_next(self, alice):
        put_in(alice, "20.00", at(1, 3))
        statements.make_due(now=at(2, 1, 2))
        charge(alice, "20.00", "0", at(1, 31, 23))
        assert statements.due(now=at(2, 2)) == []
        assert statements.due(now=at(3, 1, 2)) == [FEBRUARY]
        statements.make_due(now=at(3, 1, 2))
        # An account without money, and nothing late any more.
        assert (statements.due(now=at(4, 1, 2)), made()) == ([], [(JANUARY, 0, 20), (FEBRUARY, 20, 0)])

    def test_catching_up_makes_a_chain_over_the_turn_of_the_year(self, alice):
        put_in(alice, "20.00", at(11, 30, 23, year=2026))
        paid = charge(alice, "5.00", "0.44", at(1, 2))
        refund(alice, "5.00", "0.44", at(2, 2), of=paid)
        assert statements.make_due(now=at(3, 9)) == 4
        assert made() == [
            (NOVEMBER, 0, 20),
            (DECEMBER, 20, 20),
            (JANUARY, 20, Decimal("14.56")),
            (FEBRUARY, Decimal("14.56"), 20),
        ]
        assert statements.make_due(now=at(3, 9)) == 0

    def test_the_task_makes_them(self, alice, time_machine):
        put_in(alice, "20.00", at(1, 3))
        time_machine.move_to(at(2, 1, 3))
        tasks.make_statements()
        tasks.make_statements()
        assert made() == [(JANUARY, 0, 20)]


def a_statement(account, **columns) -> Statement:
    values = {"month": JANUARY, "number": 1, "opening": 1, "closing": 1, "after": 0, "through": 0, "made_at": at(2, 1)}
    return Statement.objects.create(account=account, billing_address=account.billing_address, **values | columns)


class TestConstraints:
    @pytest.mark.parametrize(
        ("columns", "name"),
        [
            ({"month": date(2027, 1, 2)}, "a_statement_is_of_a_calendar_month"),
            ({"opening": -1, "through": 1}, "statement_balances_are_real"),
            ({"closing": -1, "through": 1}, "statement_balances_are_real"),
            ({"closing": 2}, "a_statement_without_lines_ends_as_it_began"),
            ({"after": 2, "through": 1}, "a_statement_without_lines_ends_as_it_began"),
        ],
    )
    def test_of_one_row(self, alice, columns, name):
        with pytest.raises(IntegrityError, match=name):
            a_statement(alice, **columns)

    def test_one_a_month(self, alice):
        a_statement(alice)
        with pytest.raises(IntegrityError, match="one_statement_per_account_and_month"):
            a_statement(alice, number=2)

    def test_a_number_is_given_once(self, alice, bob):
        a_statement(alice)
        with pytest.raises(IntegrityError, match="number"):
            a_statement(bob)

    def test_never_changed(self, alice):
        put_in(alice, "20.00", at(1, 3))
        make()
        with pytest.raises(ProgrammingError, match="Cannot update or delete"):
            Statement.objects.update(closing=1)

    def test_never_deleted(self, alice):
        put_in(alice, "20.00", at(1, 3))
        make()
        with pytest.raises(ProgrammingError, match="Cannot update or delete"):
            Statement.objects.all().delete()
