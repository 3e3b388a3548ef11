"""The page of what happens when the balance runs low: two forms, each saved by itself."""

from decimal import Decimal

import pytest
from django.urls import reverse

from billing import ledger
from billing.models import BalanceWatch
from tests.localstripe import add_card

URL = "/billing/auto-recharge/"
ON = {"form": "recharge", "recharges": "on", "recharge_below": "7.50", "recharge_amount": "25"}


def card_of(account, **more):
    facts = {"brand": "visa", "last4": "4242", "expires_month": 12, "expires_year": 2040, "is_default": True} | more
    return account.cards.create(stripe_id=f"pm_{account.pk}", **facts)


def stored(account) -> tuple:
    watch = BalanceWatch.objects.get(account=account)
    return watch.low_below, watch.low_is_chosen, watch.recharges, watch.recharge_below, watch.recharge_amount


def said(client) -> list[str]:
    return [str(message) for message in client.get(URL).context["messages"]]


def test_auto_recharge_is_turned_on_and_off(alice, alice_client):
    card_of(alice)
    answer = alice_client.post(URL, ON)
    assert (answer.status_code, answer.url) == (303, URL)
    assert stored(alice) == (2, False, True, Decimal("7.50"), 25)
    assert said(alice_client) == [
        "Auto-recharge is on: when your balance falls below $7.50, your default card adds $25.00."
    ]
    alice_client.post(URL, {name: value for name, value in ON.items() if name != "recharges"})
    assert (stored(alice), said(alice_client)) == ((2, False, False, Decimal("7.50"), 25), ["Auto-recharge is off."])


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("12.34", "We e-mail you when your balance falls below $12.34."),
        ("100", "We e-mail you when your balance falls below $100.00."),
        ("0", "We do not e-mail you."),
    ],
)
def test_the_limit_is_the_customers(alice, alice_client, typed, words):
    assert alice_client.post(URL, {"form": "low", "low_below": typed}).status_code == 303
    assert stored(alice) == (Decimal(typed), True, False, 5, 20)
    assert said(alice_client) == [words]


@pytest.mark.parametrize(
    ("form", "field", "typed", "problem"),
    [
        ("low", "low_below", "-1", "This is $0 at least."),
        ("low", "low_below", "100.01", "This is $100 at most."),
        ("low", "low_below", "some", "Enter a number."),
        ("low", "low_below", "", "This field is required."),
        ("recharge", "recharge_below", "1.99", "This is $2 at least."),
        ("recharge", "recharge_below", "50.01", "This is $50 at most."),
        ("recharge", "recharge_amount", "9.99", "This is $10 at least."),
        ("recharge", "recharge_amount", "100.01", "This is $100 at most."),
        ("recharge", "recharge_amount", "20.005", "Ensure that there are no more than 2 decimal places."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    alice, alice_client, form, field, typed, problem
):
    card_of(alice)
    sent = {"form": form, "low_below": "3"} | (ON if form == "recharge" else {}) | {field: typed}
    page = alice_client.post(URL, sent)
    refused = page.context["low" if form == "low" else "auto"]
    assert (page.status_code, refused.errors, refused[field].value()) == (422, {field: [problem]}, typed)
    assert BalanceWatch.objects.count() == 0


def test_the_other_form_stays_as_it_is(alice, alice_client):
    page = alice_client.post(URL, {"form": "low", "low_below": "-1"})
    assert (page.context["auto"].is_bound, page.context["auto"]["recharge_below"].value()) == (False, "5")


@pytest.mark.parametrize("sent", [{}, {"form": "other"}])
def test_a_form_that_we_do_not_have(alice_client, sent):
    assert alice_client.post(URL, sent).status_code == 404


@pytest.mark.parametrize(
    ("card", "words", "problem"),
    [
        (None, "You have no card yet", "You have none: add a card first."),
        ({"expires_year": 2026, "expires_month": 1}, "Your default card has expired", "Your Visa 4242 expired 01/2026"),
    ],
)
def test_without_a_card_it_says_what_to_do(alice, alice_client, card, words, problem):
    if card:
        card_of(alice, **card)
    page = alice_client.get(URL).content.decode()
    assert words in page
    refused = alice_client.post(URL, ON)
    assert refused.status_code == 422
    assert (
        refused.context["auto"].errors["recharges"][0].startswith(f"Auto-recharge charges your default card. {problem}")
    )
    assert refused.context["auto"]["recharge_below"].value() == "7.50"


def test_whoever_adds_a_card_comes_back_to_what_was_typed(alice, alice_client, stripe_server):
    refused = alice_client.post(URL, ON)
    add = refused.context["add_card"]
    back = "/billing/auto-recharge/?recharge_below=7.50&recharge_amount=25"
    assert alice_client.get(add).context["next"] == back
    add_card(alice)
    form = alice_client.get(back).context["auto"]
    assert [form[name].value() for name in ("recharges", "recharge_below", "recharge_amount")] == [False, "7.50", "25"]


def test_it_is_everybodys_own(alice, alice_client, bob, bob_client):
    card_of(alice)
    alice_client.post(URL, ON)
    assert bob_client.get(URL).context["auto"]["recharges"].value() is False
    bob_client.post(URL, {"form": "low", "low_below": "9"})
    assert (stored(alice)[0], stored(bob)[0]) == (2, 9)


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        ({}, ["Auto-recharge is off.", "We e-mail you below $2.00.", "Auto-recharge and e-mails"]),
        ({"recharges": True, "low_below": 0}, ["below $5.00, it adds $20.00.", "We do not e-mail you.", "turn it off"]),
    ],
)
def test_billing_leads_there(alice, alice_client, watch, words):
    BalanceWatch.objects.create(account=alice, **watch)
    page = " ".join(alice_client.get(reverse("billing")).content.decode().split())
    assert [each for each in [f'href="{URL}"', *words] if each not in page] == []


def test_as_many_queries_with_1_card_as_with_3(alice, alice_client, django_assert_num_queries):
    card_of(alice)
    ledger.of(alice)
    with django_assert_num_queries(7):
        alice_client.get(URL)
    for number in range(2):
        alice.cards.create(stripe_id=f"pm_x{number}", brand="visa", last4="1", expires_month=1, expires_year=2040)
    with django_assert_num_queries(7):
        alice_client.get(URL)
