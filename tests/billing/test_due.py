"""What the cycle's SQL says of an account is what the rules in Python say; and what is foretold is what is charged."""

from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import due, ledger, renewals, taxes
from billing.models import Card, Invoice, LedgerAccount, Service
from billing.split import split
from callcentric.money import cents_up
from catalog.models import Price, Product
from tests.billing.month import FEBRUARY, add_funds, at_noon, balance, customer, hold_911, hold_plan, run
from tests.factories import AccountFactory, hold_number

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_27TH = date(2027, 1, 27)
PLANS = ["", "pay-per-call", "north-america-basic", "north-america-500", "world-select-residential"]
NUMBERS = ["pay-per-minute", "office-unlimited", "dirt-cheap", "toll-free"]

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
amounts = st.decimals(min_value=0, max_value=60, places=2)
balances = st.decimals(min_value=0, max_value=60, places=4)
holdings = {
    "plan": st.sampled_from(PLANS),
    "numbers": st.lists(st.sampled_from(NUMBERS), max_size=3),
    "channels": st.integers(0, 2),
    "emergency": st.sampled_from(["", "pending", "active", "failed"]),
}


@contextmanager
def thrown_away():
    """Each example begins with what the test has made, and leaves nothing."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def decided(account, **more) -> due.Decided:
    (found,) = due.decide(accounts=[account.pk], month=FEBRUARY, today=THE_27TH, **more)
    return found


def hold(account, plan: str, numbers: list[str], channels: int, emergency: str) -> list[Service]:
    """What the customer holds; 911 and channels where something carries them."""
    held = [hold_plan(account, plan)] if plan else []
    held += [hold_number(account, code) for code in numbers]
    if numbers:
        number = held[-1]
        held += [hold_plan(account, "additional-channel", number_service=number, slot=n + 1) for n in range(channels)]
    if held and emergency:
        why = {"failed_at": at_noon(THE_27TH), "problem": "No such street."} if emergency == "failed" else {}
        held.append(hold_911(account, state=emergency, **why))
    return held


@few
@given(net=amounts, has=balances, pays_from=st.sampled_from(["balance", "card"]), has_card=st.booleans())
def test_who_pays_is_what_an_order_of_the_same_total_would_split(net, has, pays_from, has_card):
    with thrown_away():
        taxes.load()
        alice = AccountFactory(pays_from=pays_from)
        odd = Product.objects.create(code="odd", kind="did", name="Odd", summary="Odd.")
        Price.objects.create(product=odd, monthly=net, setup=0, effective_on=date(2027, 1, 1))
        service = hold_number(alice)
        Service.objects.filter(pk=service.pk).update(product=odd)
        LedgerAccount.objects.filter(pk=ledger.of(alice).pk).update(balance=has)
        if has_card:
            Card.objects.create(
                account=alice, stripe_id="pm_1", brand="visa", last4="4242", expires_month=1, expires_year=2027
            )

        found = decided(alice)
        total = net + taxes.tax_on(net, taxes.rate_at(alice.billing_address))
        expected = split(total=total, balance=has, pays_from=pays_from)

        assert found.total == total
        if total and has_card and expected.from_card:
            assert (found.fate, found.from_card, found.from_balance) == (
                "card",
                expected.from_card,
                expected.from_balance,
            )
        else:
            # Without a card the balance pays whatever the customer prefers.
            fate = "balance" if has >= total else "fail"
            assert (found.fate, found.from_card, found.from_balance) == (fate, 0, total if fate == "balance" else 0)


@few
@given(**holdings)
def test_what_each_service_costs_is_what_the_dashboard_says(plan, numbers, channels, emergency):
    with thrown_away():
        alice = AccountFactory()
        held = hold(alice, plan, numbers, channels, emergency)
        priced = Product.objects.priced(FEBRUARY).in_bulk()
        its_plan = Product.objects.filter(code=plan).first()

        def fee(service: Service) -> Decimal:
            if service.state == "failed":
                return Decimal(0)
            return renewals.monthly_price(priced[service.product_id], its_plan)

        found = dict(due.services_due(account_id=alice.pk, month=FEBRUARY))
        assert found == {service.pk: fee(service) for service in held}


@few
@given(**holdings, has=balances, ends=st.sets(st.integers(0, 6), max_size=3))
def test_what_is_foretold_is_what_is_charged(plan, numbers, channels, emergency, has, ends):
    with thrown_away():
        taxes.load()
        alice = AccountFactory()
        held = hold(alice, plan, numbers, channels, emergency)
        if has:
            add_funds(alice, has)
        for service in (service for place, service in enumerate(held) if place in ends and service.kind != "e911"):
            Service.objects.filter(pk=service.pk).update(ending_asked_at=at_noon(date(2027, 1, 12)))
        foretold = due.decide(accounts=[alice.pk], month=FEBRUARY, today=THE_27TH)

        outcome = run(THE_27TH)

        assert (outcome.settled, outcome.failed) == (
            sum(each.fate == "balance" for each in foretold),
            sum(each.fate == "fail" for each in foretold),
        )
        paid = [each for each in foretold if each.fate == "balance"]
        invoices = [(each.net, each.tax, each.lines.count()) for each in Invoice.objects.all()]
        assert invoices == [(each.net, each.tax, each.services) for each in paid]
        assert has - balance(alice) == sum(each.from_balance for each in paid)


def test_a_price_changes_with_the_month_it_is_of():
    alice = customer("alice", funds="50")
    number = Product.objects.get(code="pay-per-minute")
    for day, monthly in ((FEBRUARY, "3.00"), (date(2027, 2, 2), "9.00")):
        Price.objects.create(product=number, monthly=monthly, setup=0, effective_on=day)

    assert decided(alice).net == Decimal("3.00")


@pytest.mark.parametrize(
    ("month", "year", "fate"), [(1, 2027, "card"), (12, 2026, "fail"), (2, 2027, "card"), (1, 2026, "fail")]
)
def test_a_card_is_good_to_the_end_of_its_month(month, year, fate):
    alice = customer("alice")
    card = {"stripe_id": "pm_1", "brand": "visa", "last4": "4242", "expires_month": month, "expires_year": year}
    alice.cards.create(**card)
    assert decided(alice).fate == fate


def test_the_customers_default_card_is_asked_and_none_that_was_removed():
    alice = customer("alice")
    card = {"brand": "visa", "last4": "4242", "expires_month": 12, "expires_year": 2035}
    alice.cards.create(stripe_id="pm_1", removed_at=at_noon(THE_27TH), **card)
    other = alice.cards.create(stripe_id="pm_2", **card)
    assert decided(alice).card_id == other.pk
    default = alice.cards.create(stripe_id="pm_3", is_default=True, **card)
    assert decided(alice).card_id == default.pk
    assert decided(alice).from_card == cents_up(decided(alice).total)


def test_it_is_one_statement_however_many_accounts(django_assert_num_queries):
    accounts = [customer(f"customer{n}").pk for n in range(3)]
    for some in (accounts[:1], accounts):
        with django_assert_num_queries(1):
            assert len(due.decide(accounts=some, month=FEBRUARY, today=THE_27TH)) == len(some)
