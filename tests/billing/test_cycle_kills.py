"""kill -9 after each statement of the cycle: nothing is half done, and the next run finishes what was begun."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from post_office.models import Email

from accounts.models import Account
from billing import audit, card_renewals, cycle, ending, payments, taxes
from billing.models import Cycle, Invoice, InvoiceLine, LedgerAccount, Service, Transfer
from phone_numbers.models import PhoneNumber
from tests.billing.killing import killed_after, remembered, statements_of
from tests.billing.month import FEBRUARY, add_funds, at_noon, customer, hold_911, hold_plan, run
from tests.factories import AddressFactory
from tests.localstripe import DECLINED_WHEN_CHARGED, add_card, charges
from tests.orders.channels import hold_channels

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("catalog")]

THE_20TH, THE_27TH, LAST_DAY, THE_1ST = date(2027, 1, 20), date(2027, 1, 27), date(2027, 1, 31), FEBRUARY


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def final_state() -> dict[str, object]:
    """All that a run leaves, but for keys and moments."""
    return {
        "services": list(
            Service.objects.order_by("pk").values_list("pk", "state", "reason", "paid_until", "cancelled_on")
        ),
        "cycles": list(
            Cycle.objects.order_by("account", "month").values_list(
                "account",
                "month",
                "part",
                "state",
                "net",
                "tax",
                "problem",
                "forecast_on",
                "attempted_on",
                "told_on",
                "cancelled_on",
                "turn_at",
            )
        ),
        "invoices": sorted(Invoice.objects.values_list("account", "month", "part", "net", "tax")),
        "lines": sorted(InvoiceLine.objects.values_list("service", "month", "amount")),
        "balances": sorted(LedgerAccount.objects.exclude(balance=None).values_list("account", "balance")),
        "numbers": list(PhoneNumber.objects.order_by("pk").values_list("state", "last_holder", "disconnected_on")),
        "emails": Counter((str(to), subject) for to, subject in Email.objects.values_list("to", "subject")),
    }


def check_nothing_is_half_done() -> None:
    """What must be true at any moment, whoever was killed a moment ago."""
    assert list(audit.differences()) == []
    # A service is paid for February where it has a line, and only there; an invoice is as much as its lines and charge.
    lined = set(InvoiceLine.objects.filter(month=FEBRUARY).values_list("service", flat=True))
    assert set(Service.objects.filter(paid_until__gte=FEBRUARY).values_list("pk", flat=True)) == lined
    invoices = Invoice.objects.prefetch_related("lines")
    assert all(invoice.net == sum(line.amount for line in invoice.lines.all()) for invoice in invoices)
    charged = Transfer.objects.filter(kind="charge").values_list("key", "amount")
    assert dict(charged) == {invoice.key: invoice.net for invoice in invoices if invoice.net}
    settled = Cycle.objects.filter(state="settled", month=FEBRUARY, net__gt=0).values_list("account", flat=True)
    assert sorted(settled) == sorted(invoice.account_id for invoice in invoices if invoice.net)
    # Nobody lost what they were not told of, and a number is somebody's or kept for them.
    emails = Counter(subject.partition(" cancelled")[0] for subject in Email.objects.values_list("subject", flat=True))
    assert emails["Your services are going to be"] == Cycle.objects.filter(told_on__isnull=False).count()
    gone = Cycle.objects.filter(cancelled_on__isnull=False)
    assert emails["Your services were"] == gone.count()
    lost = set(Service.objects.filter(reason="failed_rebilling").values_list("account", flat=True))
    assert lost == set(gone.values_list("account", flat=True))
    kept = Service.objects.filter(phone_number__state="kept").values_list("pk", flat=True)
    assert set(kept) == set(Service.objects.filter(kind="did", state="cancelled").values_list("pk", flat=True))


def a_small_world() -> dict[str, Account]:
    """One who pays, with everything one can hold; one who cannot; one who has cancelled; one whose money comes late."""
    pays = customer("pays", funds="50", service_address=AddressFactory())
    number = Service.objects.get(account=pays)
    hold_channels(number, 1)
    hold_plan(pays, "pay-per-call")
    hold_911(pays)
    fails = customer("fails", service_address=AddressFactory())
    hold_channels(Service.objects.get(account=fails), 1)
    hold_911(fails)
    leaves = customer("leaves", funds="50")
    ending.cancel(Service.objects.get(account=leaves), today=date(2027, 1, 12), now=at_noon(date(2027, 1, 12)))
    return {"pays": pays, "fails": fails, "leaves": leaves, "late": customer("late")}


def lived_until(day: date, world: dict[str, Account]) -> None:
    """The days before ``day``, undisturbed; on the eve of the 1st the late one's money comes."""
    for before in (date(2027, 1, 20), date(2027, 1, 27), date(2027, 1, 28)):
        if before < day:
            run(before)
    if day == THE_1ST:
        add_funds(world["late"], "5")


def test_control_without_a_transaction_it_would_be_half_done():
    """If this fails, the tests below prove nothing."""
    customer("alice"), customer("bob")

    def each_by_itself() -> None:
        for service in Service.objects.order_by("pk"):
            Service.objects.filter(pk=service.pk).update(paid_until=FEBRUARY)

    statements = len(statements_of(each_by_itself))
    Service.objects.update(paid_until=LAST_DAY)

    assert (statements, killed_after(2, each_by_itself)) == (3, True)
    assert sorted(Service.objects.values_list("paid_until", flat=True)) == [LAST_DAY, FEBRUARY]
    assert killed_after(4, each_by_itself) is False


# On each of these days the loop goes through every statement there is.
@pytest.mark.parametrize("day", [THE_20TH, THE_27TH, THE_1ST])
def test_a_run_killed_after_any_statement_is_finished_by_the_next(day):
    lived_until(day, a_small_world())
    with remembered() as put_back:
        statements = statements_of(lambda: run(day))
        undisturbed = final_state()
        for statement in range(1, len(statements) + 1):
            put_back()

            assert killed_after(statement, lambda: run(day)), statements[statement - 1]

            check_nothing_is_half_done()
            run(day)
            check_nothing_is_half_done()
            assert final_state() == undisturbed, statements[statement - 1]


def finish(day: date, now: datetime) -> None:
    """What the beat does on: payments that nobody knows of, cards whose turn was lost, and the cycle."""

    def charge() -> int:
        waiting = Cycle.objects.open().filter(turn_at__isnull=False).order_by("pk").values_list("pk", flat=True)
        for pk in list(waiting):
            card_renewals.charge(pk, today=day, now=now)
        return 0

    payments.settle_unknown(now=now)
    cycle.run(on=day, now=now, charge_cards=charge)


@pytest.mark.usefixtures("stripe_server")
def test_a_charge_killed_after_any_statement_is_made_once(stripe_server):
    """A card that is good beside a balance, and one that is declined. Every statement, the bank's answers between."""
    good, bad = customer("good", funds="1"), customer("bad", pays_from="card")
    add_card(good, now=at_noon(THE_27TH))
    add_card(bad, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))
    with remembered() as put_back:
        statements = statements_of(lambda: run(THE_27TH))
        undisturbed = final_state()
        assert [row[3] for row in undisturbed["cycles"]] == ["settled", "failed"]
        for statement in range(1, len(statements) + 1):
            put_back()
            stripe_server.reset()
            before = len(charges(good))

            assert killed_after(statement, lambda: run(THE_27TH)), statements[statement - 1]

            check_nothing_is_half_done()
            finish(THE_27TH, at_noon(THE_27TH) + timedelta(minutes=10))
            check_nothing_is_half_done()
            assert final_state() == undisturbed, statements[statement - 1]
            assert (len(charges(good)) - before, len(charges(bad))) == (1, 0), statements[statement - 1]
            assert Transfer.objects.filter(kind="card_payment").get().amount == Decimal("1.12")
