"""The ledger: exact under any sequence of movements. Its races are in test_ledger_races.py."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from billing import audit, ledger
from billing.models import LedgerAccount, Transfer
from callcentric import clock

NOW = clock.now()
D = Decimal
House = LedgerAccount.Kind
Kind = Transfer.Kind


def credit(account: Account, amount: str, *, key: str = "credit") -> Transfer:
    return ledger.post(
        key=key,
        kind=Kind.CREDIT,
        source=ledger.house(House.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="Credit",
        made_at=NOW,
    )


def spend(account: Account, amount: str, *, key: str = "spent") -> Transfer:
    return ledger.post(
        key=key,
        kind=Kind.CHARGE,
        source=ledger.of(account),
        target=ledger.house(House.REVENUE),
        amount=Decimal(amount),
        memo="Charge",
        made_at=NOW,
    )


def balance(account: Account) -> Decimal:
    return ledger.of(account).balance


def refused(account: Account, amount: str) -> None:
    with pytest.raises(ledger.InsufficientFunds, match="does not cover"), transaction.atomic():
        spend(account, amount, key=f"refused:{amount}")


class TestAccounts:
    def test_a_customers_begins_with_nothing(self, alice):
        made = ledger.of(alice)
        assert (made.kind, made.account, made.balance) == (House.CUSTOMER, alice, 0)
        assert ledger.of(alice).pk == made.pk

    def test_the_houses_need_no_query(self, db, django_assert_num_queries):
        with django_assert_num_queries(0):
            ids = {ledger.house(kind).pk for kind in House.values if kind != House.CUSTOMER}
        assert len(ids) == len(House.values) - 1

    def test_a_customers_is_no_house(self):
        with pytest.raises(KeyError):
            ledger.house(House.CUSTOMER)


class TestPost:
    def test_it_moves_money_into_a_balance_and_out(self, alice):
        credit(alice, "10.00")
        transfer = spend(alice, "3.2505")
        assert (transfer.source_balance, transfer.target_balance) == (Decimal("6.7495"), None)
        stored = Transfer.objects.get(pk=transfer.pk)
        assert {name: getattr(stored, name) for name in vars(transfer) if name != "_state"} == {
            name: value for name, value in vars(transfer).items() if name != "_state"
        }
        assert balance(alice) == Decimal("6.7495")

    def test_the_same_key_is_the_same_transfer(self, alice):
        first, again = credit(alice, "10.00"), credit(alice, "10.00")
        assert (again.pk, again.target_balance, balance(alice)) == (first.pk, 10, 10)

    def test_the_same_key_for_another_amount_is_a_mistake(self, alice):
        credit(alice, "10.00")
        with pytest.raises(ledger.KeyReused, match="credit moved 10.0000 before, and now"):
            credit(alice, "11.00")
        assert balance(alice) == 10

    def test_the_same_key_for_another_account_is_a_mistake(self, alice, bob):
        credit(alice, "10.00")
        with pytest.raises(ledger.KeyReused):
            credit(bob, "10.00")
        assert balance(bob) == 0

    def test_too_much_is_refused_and_changes_nothing(self, alice):
        credit(alice, "10.00")
        refused(alice, "10.0001")
        assert (balance(alice), Transfer.objects.count()) == (10, 1)
        spend(alice, "10.00")
        assert balance(alice) == 0

    def test_a_key_that_was_refused_is_not_used_up(self, alice):
        refused(alice, "1")
        credit(alice, "1")
        spend(alice, "1", key="refused:1")
        assert balance(alice) == 0

    def test_it_is_one_statement(self, alice, django_assert_num_queries):
        customer, revenue = ledger.of(alice), ledger.house(House.REVENUE)
        credit(alice, "10.00")
        spend(alice, "1", key="the house has its row now")
        with django_assert_num_queries(1):
            ledger.post(
                key="one",
                kind=Kind.CHARGE,
                source=customer,
                target=revenue,
                amount=Decimal(1),
                memo="Charge",
                made_at=NOW,
            )

    def test_between_houses_no_balance_is_kept(self, db):
        transfer = ledger.post(
            key="moved",
            kind=Kind.CREDIT,
            source=ledger.house(House.COMMISSION),
            target=ledger.house(House.REVENUE),
            amount=Decimal(5),
            memo="Moved",
            made_at=NOW,
        )
        assert (transfer.source_balance, transfer.target_balance) == (None, None)
        assert Transfer.objects.get().pk == transfer.pk

    def test_never_between_two_customers(self, alice, bob):
        with pytest.raises(ValueError, match="never between two customers"):
            ledger.post(
                key="gift",
                kind=Kind.CREDIT,
                source=ledger.of(alice),
                target=ledger.of(bob),
                amount=Decimal(1),
                memo="Gift",
                made_at=NOW,
            )

    def test_an_account_that_was_never_stored(self, db):
        with pytest.raises(LedgerAccount.DoesNotExist):
            ledger.post(
                key="nowhere",
                kind=Kind.CREDIT,
                source=ledger.house(House.ADJUSTMENT),
                target=LedgerAccount(pk=404, kind=House.CUSTOMER),
                amount=Decimal(1),
                memo="Lost",
                made_at=NOW,
            )


class TestCharge:
    def charge(self, account, net, tax="0", key="order:1"):
        return ledger.charge(
            account=account, key=key, net=Decimal(net), tax=Decimal(tax), memo="Order ABC", made_at=NOW
        )

    def test_the_tax_is_a_transfer_of_its_own(self, alice):
        credit(alice, "10.00")
        charged = self.charge(alice, "4.00", "0.36")
        tax = charged.tax
        assert (charged.amount, charged.source_balance, charged.target_id) == (4, 6, ledger.HOUSE_IDS["revenue"])
        assert (tax.key, tax.amount, tax.source_balance, tax.memo) == (
            "order:1:tax",
            Decimal("0.36"),
            Decimal("5.64"),
            "Tax: Order ABC",
        )

    def test_without_tax_there_is_none(self, alice):
        credit(alice, "10.00")
        self.charge(alice, "4.00")
        assert Transfer.objects.filter(kind=Kind.TAX).count() == 0

    def test_nothing_to_pay_moves_nothing(self, alice):
        assert self.charge(alice, "0") is None
        assert Transfer.objects.count() == 0

    def test_both_or_none(self, alice):
        credit(alice, "4.10")
        with pytest.raises(ledger.InsufficientFunds), transaction.atomic():
            self.charge(alice, "4.00", "0.36")
        assert balance(alice) == Decimal("4.10")

    def test_twice_is_once(self, alice):
        credit(alice, "10.00")
        assert self.charge(alice, "4.00", "0.36").pk == self.charge(alice, "4.00", "0.36").pk
        assert balance(alice) == Decimal("5.64")


class TestRefund:
    @pytest.fixture(autouse=True)
    def _charged(self, alice):
        """$10.00 and $0.89 of tax, which is all that Alice has."""
        credit(alice, "10.89")
        amounts = {"net": Decimal(10), "tax": Decimal("0.89")}
        ledger.charge(account=alice, key="order:1", **amounts, memo="Order ABC", made_at=NOW)

    def refund(self, account, net, tax="0", key="refund:1", charge_key="order:1"):
        amounts = {"net": Decimal(net), "tax": Decimal(tax)}
        return ledger.refund(account=account, charge_key=charge_key, key=key, **amounts, memo="Order ABC", made_at=NOW)

    def test_it_goes_back_where_the_charge_came_from(self, alice):
        refunded = self.refund(alice, "4.00", "0.36")
        assert (refunded.kind, refunded.source_id, refunded.target_balance, refunded.refund_of.key) == (
            "refund",
            ledger.HOUSE_IDS["revenue"],
            4,
            "order:1",
        )
        tax = refunded.tax
        assert (tax.key, tax.source_id, tax.target_balance) == (
            "refund:1:tax",
            ledger.HOUSE_IDS["tax"],
            Decimal("4.36"),
        )

    def test_both_or_none(self, alice):
        credit(alice, "1.00", key="refund:1:tax")
        with pytest.raises(ledger.KeyReused), transaction.atomic():
            self.refund(alice, "4.00", "0.36")
        assert balance(alice) == 1

    def test_nothing_to_give_back_moves_nothing(self, alice):
        assert (self.refund(alice, "0"), balance(alice)) == (None, 0)

    def test_a_key_gives_one_charge_back(self, alice):
        self.refund(alice, "1.00")
        for key, charge_key in [("refund:1", "order:2"), ("order:1", "order:1"), ("credit", "order:1")]:
            with pytest.raises(ledger.KeyReused), transaction.atomic():
                self.refund(alice, "1.00", key=key, charge_key=charge_key)
        assert balance(alice) == 1

    def test_never_more_comes_back_than_was_paid(self, alice):
        self.refund(alice, "7.00", "0.62", key="refund:1")
        rest = self.refund(alice, "7.00", "0.62", key="refund:2")
        assert (rest.amount, rest.tax.amount, balance(alice)) == (3, Decimal("0.27"), Decimal("10.89"))
        assert self.refund(alice, "0.01", key="refund:3") is None
        # Nor does it where the first is asked for again.
        assert self.refund(alice, "7.00", "0.62", key="refund:1").amount == 7
        assert balance(alice) == Decimal("10.89")

    def test_with_the_last_part_comes_all_the_tax(self, alice):
        """Rounded by itself, each part would leave a cent."""
        self.refund(alice, "3.33", "0.29", key="refund:1")
        self.refund(alice, "3.33", "0.29", key="refund:2")
        assert self.refund(alice, "3.34", "0.30", key="refund:3").tax.amount == D("0.31")
        assert balance(alice) == D("10.89")

    def test_the_longest_memo_has_room_for_its_tax(self, alice):
        amounts = {"net": D(1), "tax": D("0.09")}
        made = ledger.refund(
            account=alice, charge_key="order:1", key="refund:1", **amounts, memo="x" * 200, made_at=NOW
        )
        assert made.tax.memo == "Tax: " + "x" * 195

    @pytest.mark.parametrize("charge_key", ["order:2", "credit", "order:1:tax"])
    def test_only_what_was_charged_comes_back(self, alice, bob, charge_key):
        ledger.of(bob)
        with pytest.raises(Transfer.DoesNotExist), transaction.atomic():
            self.refund(alice, "1.00", charge_key=charge_key)
        with pytest.raises(Transfer.DoesNotExist), transaction.atomic():
            self.refund(bob, "1.00")

    def test_twice_is_once(self, alice):
        assert self.refund(alice, "4.00", "0.36").pk == self.refund(alice, "4.00", "0.36").pk
        assert (balance(alice), list(audit.differences())) == (Decimal("4.36"), [])


movements = st.lists(
    st.tuples(
        st.sampled_from(["in", "out"]),
        st.decimals(min_value="0.0001", max_value="50", places=4),
        st.integers(min_value=0, max_value=8),
    ),
    max_size=14,
)


@pytest.fixture
def customer(alice) -> Account:
    return alice


@given(movements)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_movements_the_balance_is_their_sum(customer, wanted):
    """Against a model that anybody can read: a number, and the keys that were used."""
    expected, used = Decimal(0), {}
    with transaction.atomic():
        for way, amount, number in wanted:
            key = f"{way}:{number}"
            move = credit if way == "in" else spend
            change = amount if way == "in" else -amount
            if key in used:
                problem = None if used[key] == amount else ledger.KeyReused
            else:
                problem = ledger.InsufficientFunds if expected + change < 0 else None
                if not problem:
                    used[key], expected = amount, expected + change
            try:
                with transaction.atomic():
                    move(customer, str(amount), key=key)
                    raised = None
            except (ledger.KeyReused, ledger.InsufficientFunds) as error:
                raised = type(error)
            assert raised is problem
        assert balance(customer) == expected
        assert list(audit.differences()) == []
        transaction.set_rollback(True)


class TestCheckLedger:
    def test_all_is_well(self, alice, capsys):
        credit(alice, "10.00")
        spend(alice, "4.00")
        call_command("check_ledger")
        assert capsys.readouterr().out == "1 balances and 2 transfers agree.\n"

    def test_it_names_the_account_whose_balance_is_wrong(self, alice, bob):
        credit(alice, "10.00")
        credit(bob, "10.00", key="credit bob")
        LedgerAccount.objects.filter(account=bob).update(balance=Decimal("11"))
        with pytest.raises(CommandError) as problem:
            call_command("check_ledger")
        assert str(problem.value) == (f"{bob.number}: the balance is 11.0000 and its transfers add up to 10.0000.")

    def test_it_names_the_transfer_whose_running_total_is_wrong(self, alice):
        customer = ledger.of(alice)
        credit(alice, "10.00")
        Transfer.objects.create(
            key="forged",
            kind=Kind.CREDIT,
            source_id=ledger.HOUSE_IDS["adjustment"],
            target=customer,
            amount=Decimal(5),
            target_balance=Decimal(99),
            memo="Forged",
        )
        LedgerAccount.objects.filter(account=alice).update(balance=Decimal(15))
        assert list(audit.differences()) == [f"{alice.number}: transfer forged says 99.0000 was left, and 15.0000 was."]


class TestAppendOnly:
    """Whoever comes with another client finds the same rules: they are the database's."""

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE billing_transfer SET amount = 1",
            "DELETE FROM billing_transfer",
            "DELETE FROM billing_ledgeraccount",
        ],
    )
    def test_nothing_is_changed_or_deleted(self, alice, statement):
        credit(alice, "10.00")
        with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic():
            connection.cursor().execute(statement)
        assert (Transfer.objects.get().amount, balance(alice)) == (10, 10)
