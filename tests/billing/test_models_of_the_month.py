"""Each constraint of the month's tables, violated once."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError

from billing.models import Cycle, CycleRun, Invoice, InvoiceLine, ParkedAccount, RehearsedAccount, Service
from callcentric import clock
from tests.billing.month import FEBRUARY, hold_plan
from tests.factories import hold_number

pytestmark = pytest.mark.usefixtures("catalog")

NOW = clock.now()
LAST_DAY = FEBRUARY - timedelta(days=1)


def violates(name: str):
    return pytest.raises(IntegrityError, match=name)


def cycle(account, **more) -> Cycle:
    return Cycle.objects.create(account=account, **{"month": FEBRUARY, **more})


def invoice(account, **more) -> Invoice:
    return Invoice.objects.create(account=account, **{"month": FEBRUARY, "net": 1, "tax": 0, "issued_at": NOW, **more})


# As it is once its services were cancelled on the 1st.
CANCELLED = {"state": "failed", "told_on": LAST_DAY, "attempted_on": FEBRUARY, "cancelled_on": FEBRUARY}


class TestCycle:
    def test_one_per_account_and_month(self, alice, bob):
        cycle(alice), cycle(bob), cycle(alice, month=date(2027, 3, 1))
        with violates("one_cycle_per_account_and_month"):
            cycle(alice)

    def test_it_is_of_a_calendar_month(self, alice):
        with violates("a_cycle_is_of_a_calendar_month"):
            cycle(alice, month=date(2027, 2, 2))

    def test_a_settled_one_says_when(self, alice):
        cycle(alice, state="settled", settled_at=NOW)
        with violates("a_settled_cycle_says_when"):
            cycle(alice, state="settled", month=date(2027, 3, 1))

    def test_a_parked_one_says_why(self, alice):
        cycle(alice, state="parked", problem="Odd.")
        with violates("a_parked_cycle_says_why"):
            cycle(alice, state="parked", month=date(2027, 3, 1))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"state": "planned"},
            {"state": "settled", "settled_at": NOW},
            {"state": "parked", "problem": "Odd."},
            {"attempted_on": None},
            {"attempted_on": LAST_DAY},
            {"told_on": None},
            # On the day itself: nobody was told before.
            {"told_on": FEBRUARY},
            # Before the month that was not paid.
            {"cancelled_on": LAST_DAY, "attempted_on": LAST_DAY, "told_on": date(2027, 1, 27)},
        ],
    )
    def test_nothing_is_cancelled_that_was_not_attempted_and_told(self, alice, bob, wrong):
        cycle(bob, **CANCELLED)
        with violates("nothing_is_cancelled_that_was_not_attempted_and_told"):
            cycle(alice, **CANCELLED | wrong)


class TestInvoice:
    def test_one_per_account_and_month_and_part(self, alice, bob):
        invoice(alice), invoice(bob), invoice(alice, part=2), invoice(alice, month=date(2027, 3, 1))
        with violates("one_invoice_per_account_and_month"):
            invoice(alice)

    @pytest.mark.parametrize("wrong", [{"net": Decimal("-0.0001")}, {"tax": Decimal("-0.0001")}])
    def test_it_is_not_negative(self, alice, wrong):
        with violates("an_invoice_is_not_negative"):
            invoice(alice, **wrong)

    def test_it_is_known_by_the_key_of_its_transfer(self, alice):
        assert invoice(alice, part=2).key == f"renewal:{alice.pk}:2027-02:2"


class TestInvoiceLine:
    def test_a_service_is_paid_once_for_a_month_whatever_the_invoice(self, alice):
        service = hold_number(alice)
        for month in (FEBRUARY, date(2027, 3, 1)):
            InvoiceLine.objects.create(invoice=invoice(alice, month=month), service=service, month=month, amount=1)
        with violates("a_service_is_paid_once_for_a_month"):
            InvoiceLine.objects.create(invoice=invoice(alice, part=2), service=service, month=FEBRUARY, amount=1)

    def test_it_is_not_negative(self, alice):
        with violates("an_invoice_line_is_not_negative"):
            InvoiceLine.objects.create(
                invoice=invoice(alice), service=hold_number(alice), month=FEBRUARY, amount=Decimal("-0.0001")
            )


class TestParkedAccount:
    def test_an_account_is_parked_once_at_a_time(self, alice, sam):
        ParkedAccount.objects.create(account=alice, reason="Odd.", released_at=NOW, released_by=sam)
        ParkedAccount.objects.create(account=alice, reason="Odd again.")
        with violates("an_account_is_parked_once"):
            ParkedAccount.objects.create(account=alice, reason="Odd.")

    @pytest.mark.parametrize("released", ["released_at", "released_by"])
    def test_a_release_says_who_and_when(self, alice, sam, released):
        with violates("who_released_an_account_and_when"):
            ParkedAccount.objects.create(
                account=alice, reason="Odd.", **{released: {"released_at": NOW, "released_by": sam}[released]}
            )


NOTHING_DUE = {"fate": "balance", "services": 1, "net": 0, "tax": 0, "from_balance": 0, "from_card": 0}


class TestRehearsedAccount:
    def test_a_dry_run_looks_at_an_account_once(self, alice):
        run = CycleRun.objects.create(on=LAST_DAY, month=FEBRUARY, is_dry_run=True)
        row = {
            "account": alice,
            "fate": "balance",
            "services": 1,
            "net": 1,
            "tax": 0,
            "from_balance": 1,
            "from_card": 0,
        }
        RehearsedAccount.objects.create(run=run, **row)
        with violates("a_dry_run_looks_at_an_account_once"):
            RehearsedAccount.objects.create(run=run, **row)

    def test_it_goes_with_its_run(self, alice):
        run = CycleRun.objects.create(on=LAST_DAY, month=FEBRUARY, is_dry_run=True)
        row = {
            "account": alice,
            "fate": "balance",
            "services": 1,
            "net": 1,
            "tax": 0,
            "from_balance": 1,
            "from_card": 0,
        }
        RehearsedAccount.objects.create(run=run, **row)
        run.delete()
        assert RehearsedAccount.objects.count() == 0


class TestService:
    def test_a_lost_one_is_brought_back_once(self, alice):
        lost = hold_plan(alice, state="cancelled", cancelled_on=FEBRUARY, reason="failed_rebilling")
        assert list(Service.objects.lost()) == [lost]
        back = hold_plan(alice, reclaims=lost)
        assert list(Service.objects.lost()) == []
        Service.objects.filter(pk=back.pk).update(state="cancelled", cancelled_on=FEBRUARY, reason="customer")
        assert list(Service.objects.lost()) == [back]
        with violates("reclaims_id"):
            hold_plan(alice, reclaims=lost)

    def test_what_continues_is_what_nobody_has_ended(self, alice):
        """A channel ends with its number, and what has ended does not go on."""
        number = hold_number(alice)
        channel = hold_plan(alice, "additional-channel", number_service=number, slot=1)
        plan = hold_plan(alice)
        assert list(Service.objects.continuing().order_by("pk")) == [number, channel, plan]
        Service.objects.filter(pk=number.pk).update(ending_asked_at=NOW)
        assert list(Service.objects.continuing()) == [plan]
        assert list(Service.objects.ended(FEBRUARY)) == [number]
        assert list(Service.objects.ended(LAST_DAY)) == []
        Service.objects.filter(pk=plan.pk).update(state="cancelled", cancelled_on=FEBRUARY, reason="staff")
        assert list(Service.objects.continuing()) == []

    def test_one_that_was_cancelled_for_its_end_is_ending_until_it_has_ended(self, alice):
        plan = hold_plan(alice, ending_asked_at=NOW)
        assert plan.is_ending
        plan.state = "cancelled"
        assert not plan.is_ending
