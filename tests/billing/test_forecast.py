"""What a customer reads of the next renewal, and that it is what is charged."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from billing import ending, forecast, taxes
from billing.models import Card, Service
from tests.billing.month import FEBRUARY, MARCH, add_funds, at_noon, balance, customer, hold_plan, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_11TH, THE_27TH, THE_28TH = (date(2027, 1, day) for day in (11, 27, 28))


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def with_card(account) -> Card:
    return Card.objects.create(
        account=account, stripe_id=f"pm_{account.pk}", brand="visa", last4="4242", expires_month=12, expires_year=2035
    )


@pytest.mark.parametrize(
    ("funds", "pays_from", "has_card", "words"),
    [
        ("10", "balance", True, "On 27 January: $9.69 — $9.69 from your balance."),
        ("4.20", "balance", True, "On 27 January: $9.69 — $4.20 from your balance, $5.49 from Visa 4242."),
        ("", "balance", True, "On 27 January: $9.69 — $9.69 from Visa 4242."),
        ("50", "card", True, "On 27 January: $9.69 — $9.69 from Visa 4242."),
        ("50", "card", False, "On 27 January: $9.69 — $9.69 from your balance."),
        (
            "4.205",
            "balance",
            False,
            "On 27 January: $9.69 — $5.49 is missing: your balance does not cover it, and there is no valid card.",
        ),
    ],
)
def test_it_says_when_how_much_and_from_what(funds, pays_from, has_card, words):
    alice = customer("alice", funds=funds, pays_from=pays_from)
    hold_plan(alice)
    if has_card:
        with_card(alice)

    found = forecast.of(alice, today=THE_11TH)

    assert (found.words, found.consequence) == (words, "If it fails, these 2 services end on 1 February.")


def test_it_changes_at_once_with_a_cancellation_and_a_deposit():
    alice = customer("alice")
    plan = hold_plan(alice)
    assert forecast.of(alice, today=THE_11TH).missing == Decimal("9.69")

    ending.cancel(plan, today=THE_11TH, now=at_noon(THE_11TH))
    assert forecast.of(alice, today=THE_11TH).missing == Decimal("2.12")
    add_funds(alice, "2.12")

    found = forecast.of(alice, today=THE_11TH)
    assert found.words == "On 27 January: $2.12 — $2.12 from your balance."
    assert found.consequence == "If it fails, this service ends on 1 February."


def test_it_foretells_what_is_charged():
    alice = customer("alice", funds="50")
    hold_plan(alice)
    foretold = forecast.of(alice, today=THE_11TH).decided.total

    run(THE_27TH)

    assert balance(alice) == 50 - foretold


def test_once_paid_it_looks_a_month_ahead():
    alice = customer("alice", funds="50")
    run(THE_27TH)

    found = forecast.of(alice, today=THE_28TH)

    assert (found.month, found.words) == (MARCH, "On 27 February: $2.12 — $2.12 from your balance.")


def test_while_it_is_collected_it_says_today():
    alice = customer("alice", funds="50")

    assert forecast.of(alice, today=THE_28TH).charged_on == THE_28TH


def test_a_failed_renewal_says_why_and_when_the_services_end():
    alice = customer("alice")
    run(THE_27TH)

    found = forecast.of(alice, today=THE_28TH)

    assert (found.month, found.has_failed, found.ends_on) == (FEBRUARY, True, FEBRUARY)
    assert found.problem == "The balance does not cover it, and there is no valid card to charge."


def test_nothing_that_goes_on_is_no_forecast():
    alice = customer("alice")
    Service.objects.update(ending_asked_at=at_noon(THE_11TH))

    assert forecast.of(alice, today=THE_11TH) is None


def test_services_without_a_fee_go_on_without_a_charge():
    alice = customer("alice")
    Service.objects.all().delete()
    hold_plan(alice, "pay-per-call")

    found = forecast.of(alice, today=THE_11TH)

    assert (found.words, found.consequence) == (
        "On 27 January: your services go on for February without a charge.",
        "",
    )


def test_the_dashboard_shows_the_notice_while_a_renewal_has_failed(time_machine):
    alice = customer("alice")
    run(THE_27TH)
    time_machine.move_to(at_noon(THE_28TH))
    client = Client()
    client.force_login(alice.user)

    page = client.get("/dashboard/")

    assert page.context["forecast"].has_failed
    assert "Your services are going to be cancelled on 1 February 2027" in page.content.decode()
