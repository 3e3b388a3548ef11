"""`manage.py run_cycle`: the day's work by hand, and its rehearsal, which says beforehand what it will do."""

import csv
import json
import re
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from post_office.models import Email

from billing import parking, rehearsal, taxes
from billing.models import Cycle, CycleRun, Invoice, Payment, RehearsedAccount, Service, Transfer
from callcentric import clock
from catalog.models import Product
from tests.billing.month import (
    FEBRUARY,
    MARCH,
    add_funds,
    at_noon,
    balance,
    charge_cards,
    customer,
    hold_911,
    hold_plan,
    run,
)
from tests.factories import AddressFactory, hold_number
from tests.localstripe import DECLINED_WHEN_CHARGED, add_card, charges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_20TH, THE_27TH, THE_1ST = date(2027, 1, 20), date(2027, 1, 27), FEBRUARY


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


@pytest.fixture(autouse=True)
def _on_the_20th(settings, tmp_path):
    settings.CLOCK_FILE = tmp_path / "clock"
    clock.set_today(THE_20TH)


def say(*options: str) -> str:
    out = StringIO()
    call_command("run_cycle", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def rehearsed(on: date = THE_27TH) -> CycleRun:
    found = rehearsal.begin(on=on, now=clock.now())
    rehearsal.rehearse(found, now=clock.now)
    return found


class TestTheCommand:
    def test_it_does_what_its_day_calls_for(self):
        customer("alice", funds="10")

        assert json.loads(say("--on", "2027-01-27", "--json")) == {
            "on": "2027-01-27",
            "month": "2027-02-01",
            "ended": 0,
            "planned": 1,
            "forecasts": 0,
            "settled": 1,
            "by_card": 0,
            "failed": 0,
            "parked": 0,
            "told": 0,
            "cancelled": 0,
            "parked_now": [],
        }

    def test_without_a_date_it_is_the_business_date(self):
        customer("alice", funds="10")

        outcome = json.loads(say("--json"))

        assert (outcome["on"], outcome["forecasts"], outcome["settled"]) == ("2027-01-20", 1, 0)

    def test_in_words(self):
        alice = customer("alice")
        parking.park(account_id=alice.pk, reason="Odd.", now=clock.now())

        assert say("--on", "2027-01-27").splitlines() == [
            "on           2027-01-27",
            "month        2027-02-01",
            "ended        0",
            "planned      1",
            "forecasts    0",
            "settled      0",
            "by card      0",
            "failed       0",
            "parked       0",
            "told         0",
            "cancelled    0",
            f"parked now   {alice.number}",
        ]

    @pytest.mark.parametrize("day", ["2027-02-30", "tomorrow", "27", ""])
    def test_text_that_is_no_date_is_refused(self, day):
        with pytest.raises(CommandError, match="argument --on: invalid"):
            say("--on", day)

    def test_in_production_a_day_to_come_is_refused_and_nothing_done(self, settings):
        alice = customer("alice", funds="10")
        settings.CLOCK_FILE = None

        with pytest.raises(CommandError, match="2099-01-27 is still to come"):
            say("--on", "2099-01-27")
        assert (balance(alice), Cycle.objects.count()) == (Decimal(10), 0)

    def test_in_production_a_day_to_come_may_be_rehearsed(self, settings):
        customer("alice", funds="10")
        settings.CLOCK_FILE = None

        assert json.loads(say("--on", "2099-01-27", "--dry-run", "--json"))["balance"]["accounts"] == 1

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("stripe_server")
    def test_it_charges_cards_itself_and_says_how_far_it_is(self):
        customers = [customer(f"customer{n}") for n in range(3)]
        for account in customers:
            add_card(account)
        progress = StringIO()

        call_command("run_cycle", "--on", "2027-01-27", stdout=StringIO(), stderr=progress)

        assert [len(charges(account)) for account in customers] == [1, 1, 1]
        assert Cycle.objects.filter(state="settled").count() == 3
        said = ["3 of 3 accounts", "2 cards left", "1 cards left", "0 cards left"]
        assert progress.getvalue().split("\n")[:4] == [f"\r{words}".ljust(41) for words in said]


FIGURES = ["Account", "Fate", "Services", "Net", "Tax", "From balance", "From card"]
MONEY = (Transfer, Invoice, Payment, Service, Cycle, Email)


class TestADryRun:
    def test_it_writes_nothing_but_what_it_saw(self):
        alice, bob = customer("alice", funds="10"), customer("bob")
        before = [model.objects.count() for model in MONEY]

        with CaptureQueriesContext(connection) as queries:
            outcome = json.loads(say("--on", "2027-01-27", "--dry-run", "--json"))

        assert [model.objects.count() for model in MONEY] == before
        changes = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')
        written = {table for query in queries for table in changes.findall(query["sql"])}
        assert written == {"billing_cyclerun", "billing_rehearsedaccount"}
        nothing = {"accounts": 0, "total": "0.0000", "from_balance": "0.0000", "from_card": "0.0000"}
        assert outcome == {
            "on": "2027-01-27",
            "month": "2027-02-01",
            "balance": {"accounts": 1, "total": "2.1200", "from_balance": "2.1200", "from_card": "0.0000"},
            "card": nothing,
            "fail": {"accounts": 1, "total": "2.1200", "from_balance": "0.0000", "from_card": "0.0000"},
            "parked": nothing,
            # None of them was billed in the month before.
            "more": {"accounts": 2, "difference": "3.9000"},
            "less": {"accounts": 0, "difference": "0.0000"},
            "same": {"accounts": 0, "difference": "0.0000"},
        }
        assert [balance(account) for account in (alice, bob)] == [Decimal(10), 0]

    def test_every_account_for_a_spreadsheet_the_largest_difference_first(self, tmp_path):
        """Who pays the same as the month before comes last."""
        alice, bob, third = (customer(name, funds="100") for name in ("alice", "bob", "third"))
        run(THE_27TH)
        hold_plan(bob, "north-america-2500", paid_until=date(2027, 2, 28))
        Service.objects.filter(account=third).update(ending_asked_at=clock.now())
        hold_plan(third, "pay-per-call", paid_until=date(2027, 2, 28))
        file = tmp_path / "rehearsal.csv"

        say("--on", "2027-02-27", "--dry-run", "--csv", str(file))

        with file.open(newline="") as rows:
            assert list(csv.reader(rows)) == [
                [*FIGURES, "Last month", "Difference", "Why not"],
                [bob.number, "balance", "2", "26.9000", "2.3900", "29.2900", "0.0000", "1.9500", "24.9500", ""],
                [third.number, "balance", "1", "0.0000", "0.0000", "0.0000", "0.0000", "1.9500", "-1.9500", ""],
                [alice.number, "balance", "1", "1.9500", "0.1700", "2.1200", "0.0000", "1.9500", "0.0000", ""],
            ]

    def test_a_second_one_sees_what_has_changed(self):
        alice = customer("alice")
        first = rehearsed()
        add_funds(alice, "10")
        second = rehearsed()

        assert [run.outcome["fail"]["accounts"] for run in (first, second)] == [1, 0]
        assert [run.outcome["balance"]["accounts"] for run in (first, second)] == [0, 1]

    def test_one_that_is_carried_out_twice_counts_nobody_twice(self):
        customer("alice", funds="10")
        run = rehearsed()

        rehearsal.rehearse(run, now=clock.now)

        assert (run.outcome["balance"]["accounts"], run.rehearsed.count(), run.accounts, run.done) == (1, 1, 1, 1)

    def test_the_latest_are_kept(self):
        customer("alice", funds="10")
        runs = [rehearsed() for _ in range(rehearsal.KEPT + 2)]

        kept = CycleRun.objects.filter(is_dry_run=True).order_by("pk")
        assert list(kept) == runs[2:]
        assert RehearsedAccount.objects.count() == rehearsal.KEPT

    @pytest.mark.parametrize(("on", "month"), [(THE_20TH, FEBRUARY), (THE_27TH, FEBRUARY), (date(2027, 2, 26), MARCH)])
    def test_before_the_27th_it_is_about_the_month_that_is_collected_next(self, on, month):
        assert rehearsal.begin(on=on, now=clock.now()).month == month


@pytest.mark.usefixtures("stripe_server")
class TestWhatIsForetoldIsDone:
    """A customer of each fate: the rehearsal's figures, and then what the run does."""

    def test_every_fate(self):
        everybody = {
            "covered": customer("covered", funds="10"),
            "short": customer("short", funds="1.005"),
            "card": customer("card", funds="10", pays_from="card"),
            "small": customer("small", funds="2"),
            "none": customer("none", funds="2.11"),
            "parked": customer("parked", funds="10"),
            "unpriced": customer("unpriced", funds="10"),
            "abroad": customer("abroad", funds="10", billing_address=AddressFactory(region="CA")),
            "emergency": customer("emergency", funds="10"),
        }
        for name in ("short", "card", "small"):
            add_card(everybody[name], now=at_noon(THE_27TH))
        parking.park(account_id=everybody["parked"].pk, reason="Odd.", now=clock.now())
        odd = Product.objects.create(code="odd", kind="did", name="Odd", summary="Odd.")
        Service.objects.filter(account=everybody["unpriced"]).update(product=odd)
        hold_911(everybody["emergency"])
        before = {name: balance(account) for name, account in everybody.items()}

        foretold = {row.account.user.username: row for row in rehearsed().rehearsed.select_related("account__user")}
        run(THE_27TH)

        fates = {name: row.fate for name, row in foretold.items()}
        assert fates == {
            "covered": "balance",
            "short": "card",
            "card": "card",
            "small": "card",
            "none": "fail",
            "parked": "parked",
            "unpriced": "parked",
            "abroad": "balance",
            "emergency": "balance",
        }
        for name, account in everybody.items():
            row, cycle = foretold[name], Cycle.objects.get(account=account)
            state = {"balance": "settled", "card": "settled", "fail": "failed", "parked": "parked"}[row.fate]
            took = sum((Decimal(c["amount"]) / 100 for c in charges(account)), Decimal(0)) if row.from_card else 0
            spent = before[name] + took - balance(account)
            invoiced = row.net + row.tax if state == "settled" else 0
            assert (name, cycle.state, took, spent) == (name, state, row.from_card, invoiced)
            assert row.from_balance == (max(invoiced - row.from_card, 0) if state == "settled" else 0)

    def test_a_card_that_will_be_declined_is_foretold_as_asked(self):
        alice = customer("alice")
        add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))

        assert rehearsed().outcome["card"]["from_card"] == "2.1200"
        run(THE_27TH, charges=False)
        assert charge_cards(THE_27TH) == 1
        assert Cycle.objects.get().state == "failed"

    def test_what_was_invoiced_is_the_sum_of_what_was_foretold(self):
        customers = [customer(f"customer{n}", funds="50") for n in range(3)]
        for n, account in enumerate(customers):
            for _ in range(n):
                hold_number(account)
        foretold = rehearsed().outcome["balance"]

        run(THE_27TH)

        charged = sum(50 - balance(account) for account in customers)
        assert (foretold["accounts"], Decimal(foretold["total"])) == (3, charged)
        assert sum(invoice.total for invoice in Invoice.objects.all()) == charged
