"""The month as domain.md §6 has it: who is charged when, from what, and what becomes of those who cannot pay."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from post_office.models import Email

from billing import audit, ending, parking, taxes
from billing.models import Cycle, Invoice, InvoiceLine, ParkedAccount, Service, Transfer
from catalog.models import Product
from phone_numbers.models import BackOrder, PhoneNumber
from tests.billing.month import (
    FEBRUARY,
    add_funds,
    at_noon,
    balance,
    customer,
    hold_911,
    hold_plan,
    paid_until,
    run,
)
from tests.factories import RateCenterFactory, hold_number

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_20TH, THE_26TH, THE_27TH, THE_28TH = (date(2027, 1, day) for day in (20, 26, 27, 28))
LAST_DAY, THE_1ST = date(2027, 1, 31), FEBRUARY


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def subjects(account) -> list[str]:
    return list(Email.objects.filter(to=account.user.email).order_by("pk").values_list("subject", flat=True))


def cycle_of(account, month=FEBRUARY) -> Cycle:
    return Cycle.objects.get(account=account, month=month)


def test_a_balance_that_covers_all_pays_the_next_month_on_the_27th():
    alice = customer("alice", funds="10")
    hold_plan(alice)
    hold_911(alice)

    outcome = run(THE_27TH)

    assert (outcome.month, outcome.planned, outcome.settled, outcome.failed) == (FEBRUARY, 1, 1, 0)
    # 1.95 for the number, 6.95 for the plan, 911 inside it; 8.875 % of 8.90 is 0.79.
    assert balance(alice) == Decimal("0.3100")
    assert paid_until(alice) == [date(2027, 2, 28)] * 3
    invoice = Invoice.objects.get()
    assert (invoice.account, invoice.month, invoice.net, invoice.tax) == (
        alice,
        FEBRUARY,
        Decimal("8.90"),
        Decimal("0.79"),
    )
    assert sorted(line.amount for line in invoice.lines.all()) == [Decimal("0"), Decimal("1.95"), Decimal("6.95")]
    charge = Transfer.objects.get(key=invoice.key)
    assert (charge.amount, charge.tax.amount, charge.memo) == (
        Decimal("8.90"),
        Decimal("0.79"),
        "Services for February 2027",
    )
    assert list(audit.differences()) == []


@pytest.mark.parametrize("day", [date(2027, 1, 2), date(2027, 1, 19), THE_20TH, THE_26TH])
def test_nothing_is_charged_before_the_27th(day):
    alice = customer("alice", funds="10")

    outcome = run(day)

    assert (outcome.settled, balance(alice)) == (0, Decimal("10"))


def test_a_second_run_charges_nothing():
    alice = customer("alice", funds="10")
    run(THE_27TH)
    left = balance(alice)

    for day in (THE_27TH, THE_28TH, LAST_DAY, THE_1ST):
        outcome = run(day)
        assert (outcome.planned, outcome.settled, outcome.failed, outcome.cancelled) == (0, 0, 0, 0)

    assert (balance(alice), Invoice.objects.count()) == (left, 1)


def test_who_cannot_pay_is_told_tried_every_day_and_cancelled_on_the_1st():
    alice = customer("alice")
    number = Service.objects.get(account=alice).phone_number
    first = run(THE_27TH)

    assert (first.failed, first.told) == (1, 1)
    assert subjects(alice) == ["Your services are going to be cancelled on 1 February 2027"]
    for day in (THE_28TH, date(2027, 1, 29), date(2027, 1, 30), LAST_DAY):
        outcome = run(day)
        # The same reason is not told again.
        assert (outcome.failed, outcome.told, outcome.cancelled) == (1, 0, 0)
        assert cycle_of(alice).attempted_on == day

    last = run(THE_1ST)

    assert (last.failed, last.cancelled, last.told) == (1, 1, 0)
    service = Service.objects.get(account=alice)
    assert (service.state, service.reason, service.cancelled_on) == ("cancelled", "failed_rebilling", THE_1ST)
    number.refresh_from_db()
    assert (number.state, number.last_holder, number.disconnected_on) == (PhoneNumber.State.KEPT, alice, THE_1ST)
    assert subjects(alice)[1:] == ["Your services were cancelled: how to get them back"]
    assert run(THE_1ST).cancelled == 0


def test_money_that_comes_in_time_is_taken_at_the_next_look_of_the_same_day():
    alice = customer("alice")
    run(THE_28TH)
    add_funds(alice, "5")

    outcome = run(THE_28TH)

    assert (outcome.settled, balance(alice), cycle_of(alice).state) == (1, Decimal("2.88"), "settled")
    assert run(THE_1ST).cancelled == 0


def test_a_balance_that_covers_a_part_pays_nothing():
    alice = customer("alice", funds="2.11")

    assert run(THE_27TH).failed == 1
    assert (balance(alice), Invoice.objects.count(), InvoiceLine.objects.count()) == (Decimal("2.11"), 0, 0)


def test_a_late_run_attempts_first_tells_and_cancels_a_day_later():
    alice = customer("alice")
    late = date(2027, 2, 3)

    first = run(late)
    assert (first.failed, first.told, first.cancelled) == (1, 1, 0)
    assert subjects(alice) == ["Your services are going to be cancelled on 4 February 2027"]
    second = run(late + timedelta(days=1))

    assert (second.cancelled, Service.objects.get(account=alice).cancelled_on) == (1, date(2027, 2, 4))


def test_a_late_run_charges_who_can_pay():
    alice = customer("alice", funds="10")

    assert run(date(2027, 2, 3)).settled == 1
    assert paid_until(alice) == [date(2027, 2, 28)]


def test_a_service_without_a_fee_goes_on_without_money():
    alice = customer("alice", funds="3")
    Service.objects.filter(account=alice).delete()
    hold_plan(alice, "pay-per-call")

    run(THE_27TH)

    assert (balance(alice), paid_until(alice), Invoice.objects.get().total) == (Decimal("3"), [date(2027, 2, 28)], 0)
    assert not Transfer.objects.filter(kind="charge").exists()


@pytest.mark.parametrize(
    ("code", "state", "fee"),
    [
        ("pay-per-call", "active", "1.50"),
        ("pay-per-call", "pending", "1.50"),
        ("pay-per-call", "failed", "0"),
        ("north-america-500", "active", "0"),
        ("world-select-residential", "active", "0"),
    ],
)
def test_911_costs_its_month_unless_a_plan_includes_it_or_it_does_not_work(code, state, fee):
    alice = customer("alice", funds="50")
    hold_plan(alice, code)
    failed = {"failed_at": at_noon(THE_20TH), "problem": "No such street."} if state == "failed" else {}
    e911 = hold_911(alice, state=state, **failed)

    run(THE_27TH)

    assert InvoiceLine.objects.get(service=e911).amount == Decimal(fee)
    e911.refresh_from_db()
    assert (e911.paid_until, e911.fee_paid_until) == (date(2027, 2, 28), date(2027, 2, 28) if fee != "0" else None)


def test_what_its_customer_has_cancelled_is_not_billed_and_ends_with_its_month():
    alice = customer("alice", funds="50")
    number = Service.objects.get(account=alice)
    hold_plan(alice)
    ending.cancel(number, today=date(2027, 1, 12), now=at_noon(date(2027, 1, 12)))

    run(THE_27TH)
    run(LAST_DAY)
    number.refresh_from_db()
    assert (number.state, number.paid_until) == ("active", LAST_DAY)
    outcome = run(THE_1ST)

    number.refresh_from_db()
    assert (outcome.ended, number.state, number.reason, number.cancelled_on) == (1, "cancelled", "customer", LAST_DAY)
    assert number.phone_number.disconnected_on == LAST_DAY
    assert [line.service.product.code for line in InvoiceLine.objects.all()] == ["north-america-500"]


def test_a_cancellation_taken_back_after_the_27th_is_billed_by_itself():
    alice = customer("alice", funds="50")
    number = Service.objects.get(account=alice)
    hold_plan(alice)
    ending.cancel(number, today=date(2027, 1, 12), now=at_noon(date(2027, 1, 12)))
    run(THE_27TH)
    ending.keep(number, today=THE_28TH)

    outcome = run(THE_28TH)

    assert (outcome.planned, outcome.settled) == (1, 1)
    invoices = Invoice.objects.order_by("part")
    assert [(invoice.part, invoice.net) for invoice in invoices] == [(1, Decimal("6.95")), (2, Decimal("1.95"))]
    assert paid_until(alice) == [date(2027, 2, 28)] * 2


def test_channels_are_billed_each_and_end_with_their_number():
    alice = customer("alice", funds="50")
    number = Service.objects.get(account=alice)
    channels = [hold_plan(alice, "additional-channel", number_service=number, slot=slot) for slot in (1, 2)]
    run(THE_27TH)
    assert Invoice.objects.get().net == Decimal("7.95")
    ending.cancel(number, today=date(2027, 2, 3), now=at_noon(date(2027, 2, 3)))

    run(date(2027, 2, 27))
    run(date(2027, 3, 1))

    assert Invoice.objects.count() == 1
    for channel in channels:
        channel.refresh_from_db()
        assert (channel.state, channel.cancelled_on) == ("cancelled", date(2027, 2, 28))


def test_a_number_that_has_not_come_is_not_billed():
    alice = customer("alice", funds="50")
    place = RateCenterFactory()
    Service.objects.filter(account=alice).update(
        state="pending",
        phone_number=None,
        back_order=BackOrder.objects.create(
            account=alice,
            product=Product.objects.get(code="pay-per-minute"),
            rate_center=place,
            ordered_at=at_noon(THE_20TH),
        ),
    )

    run(THE_27TH)
    run(THE_1ST)

    assert Invoice.objects.count() == 0


def test_an_account_whose_service_has_no_price_is_parked_and_everybody_else_is_billed():
    alice, bob = customer("alice", funds="10"), customer("bob", funds="10")
    service = Service.objects.get(account=alice)
    service.product = Product.objects.create(code="odd", kind="did", name="Odd", summary="Odd.")
    service.save()

    outcome = run(THE_27TH)

    assert (outcome.settled, outcome.parked, outcome.parked_now) == (1, 1, [alice.number])
    assert (cycle_of(alice).state, cycle_of(bob).state) == ("parked", "settled")
    assert ParkedAccount.objects.get().account == alice
    # Nothing is cancelled while staff have not looked.
    assert run(THE_1ST).cancelled == 0


def test_a_parked_account_is_left_alone_until_it_is_released(sam):
    alice = customer("alice", funds="10")
    parking.park(account_id=alice.pk, reason="Stripe says something else.", now=at_noon(THE_20TH))

    outcome = run(THE_27TH)
    assert (outcome.settled, cycle_of(alice).state, cycle_of(alice).problem) == (
        0,
        "parked",
        "Stripe says something else.",
    )
    parking.release(ParkedAccount.objects.get(), by=sam, reason="Looked at.", now=at_noon(THE_28TH))

    assert run(THE_28TH).settled == 1


def test_the_20th_tells_everybody_once_what_is_coming():
    alice, bob = customer("alice", funds="10"), customer("bob", funds="1")

    assert run(date(2027, 1, 19)).forecasts == 0
    assert run(THE_20TH).forecasts == 2
    assert run(THE_20TH).forecasts == 0
    assert run(date(2027, 1, 21)).forecasts == 0

    assert subjects(alice) == subjects(bob) == ["Your services in February: $2.12 on 27 January"]
    assert "covers it" in Email.objects.get(to=alice.user.email).message
    assert "$1.12 is missing" in Email.objects.get(to=bob.user.email).message


def test_a_chunk_that_breaks_is_settled_one_by_one_and_who_breaks_it_is_parked():
    alice, bob = customer("alice", funds="10"), customer("bob", funds="10")
    # A transfer of the key that the renewal will have: a defect that nothing else shows.
    add_funds(alice, "1", key=f"renewal:{alice.pk}:2027-02:1")

    outcome = run(THE_27TH)

    assert (outcome.settled, outcome.parked) == (1, 1)
    assert (cycle_of(alice).state, cycle_of(bob).state) == ("parked", "settled")
    assert (balance(alice), paid_until(alice)) == (Decimal("11"), [LAST_DAY])


def test_two_numbers_of_one_account_are_one_invoice():
    alice = customer("alice", funds="10")
    hold_number(alice)

    run(THE_27TH)

    assert [(invoice.net, invoice.lines.count()) for invoice in Invoice.objects.all()] == [(Decimal("3.90"), 2)]
