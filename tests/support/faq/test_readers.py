"""What an answer tells its reader of their own: numbers, renewal, balance, Agent ID."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from billing import ledger
from billing.models import LedgerAccount, Service, Transfer
from callcentric import clock
from phone_numbers.models import Offering, PhoneNumber
from support.faq import readers
from tests.agents.making import an_agent
from tests.factories import PhoneNumberFactory, hold_number
from tests.support.faq.conftest import TODAY

LOST_ON = date(2026, 12, 1)


def told(reader: str, account: Account, today: date = TODAY) -> list[str]:
    own = readers.own(reader, account=account, today=today)
    return list(own.sentences) if own else []


def lose(
    account: Account,
    *,
    code: str = "pay-per-minute",
    reason: str = "failed_rebilling",
    on: date = LOST_ON,
    digits: str = "15185550100",
) -> Service:
    """A number of ``account`` that ended on a day, as the cycle or a customer would have left it."""
    number = PhoneNumberFactory(digits=digits, state=PhoneNumber.State.ASSIGNED, holder=account)
    service = hold_number(account, code, phone_number=number, started_on=on - timedelta(days=60), paid_until=on)
    service.state, service.reason, service.cancelled_on = Service.State.CANCELLED, reason, on
    service.save()
    number.state, number.holder, number.last_holder, number.disconnected_on = "kept", None, account, on
    number.save()
    return service


class TestReclaim:
    @pytest.mark.parametrize(
        ("days", "words"),
        [
            (0, "until 14 January 2027, without a set-up fee until 20 December 2026"),
            (19, "until 14 January 2027, without a set-up fee until 20 December 2026"),
            (20, "until 14 January 2027, with its set-up fee, if any"),
            (44, "until 14 January 2027, with its set-up fee, if any"),
        ],
    )
    def test_until_when_it_can_be_had_back(self, catalog, alice, days, words):
        lose(alice)
        assert told("reclaim", alice, LOST_ON + timedelta(days=days)) == [
            f"Your number (518) 555-0100 can be had back {words}."
        ]

    def test_from_day_45_nothing_is_said(self, catalog, alice):
        lose(alice)
        assert told("reclaim", alice, LOST_ON + timedelta(days=45)) == []

    def test_not_what_was_lost_to_a_violation(self, catalog, alice):
        lose(alice, reason="violation")
        assert told("reclaim", alice) == []

    def test_not_what_staff_have_taken_out_or_somebody_has(self, catalog, alice):
        lost = lose(alice)
        PhoneNumber.objects.filter(pk=lost.phone_number_id).update(state="out")
        assert told("reclaim", alice) == []

    def test_not_what_is_back(self, catalog, alice):
        lost = lose(alice)
        number = lost.phone_number
        number.state, number.holder = "assigned", alice
        number.save()
        hold_number(alice, phone_number=number, reclaims=lost)
        assert told("reclaim", alice) == []

    @pytest.mark.parametrize(
        ("reason", "is_offered", "says"),
        [("failed_rebilling", True, 1), ("failed_rebilling", False, 0), ("customer", False, 1)],
    )
    def test_dirt_cheap_lost_to_failed_rebilling_only_while_offered(self, catalog, alice, reason, is_offered, says):
        lost = lose(alice, code="dirt-cheap", reason=reason)
        if is_offered:
            Offering.objects.create(product=lost.product, rate_center=lost.rate_center)
        assert len(told("reclaim", alice)) == says

    def test_a_number_that_was_lost_twice_is_told_once(self, catalog, alice):
        first = lose(alice, on=LOST_ON - timedelta(days=70))
        PhoneNumber.objects.filter(pk=first.phone_number_id).update(state="kept", disconnected_on=LOST_ON)
        Service.objects.create(
            **{name: getattr(first, name) for name in ("account", "product", "kind", "rate_center", "phone_number")},
            state="cancelled",
            reason="customer",
            started_on=LOST_ON - timedelta(days=60),
            paid_until=LOST_ON,
            cancelled_on=LOST_ON,
        )
        assert told("reclaim", alice) == [
            "Your number (518) 555-0100 can be had back until 14 January 2027, with its set-up fee, if any."
        ]

    def test_a_stranger_is_told_nothing(self, catalog, alice, bob):
        lose(alice)
        assert told("reclaim", bob) == []


def test_the_next_renewal_is_told_in_its_own_words(catalog, alice):
    hold_number(alice, paid_until=date(2027, 1, 31))
    assert told("renewal", alice) == [
        "On 27 January: $1.95 — $1.95 is missing: your balance does not cover it, and there is no valid card.",
        "If it fails, this service ends on 1 February.",
    ]


def test_who_has_nothing_is_told_so(catalog, alice):
    assert told("renewal", alice) == ["You have nothing that is renewed."]


def test_the_balance_is_told_rounded_down(alice):
    ledger.post(
        key="test:1",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(alice),
        amount=Decimal("12.3499"),
        memo="Credit",
        made_at=clock.now(),
    )
    assert told("balance", alice) == [
        "Your balance is $12.34.",
        "Your billing preference: Balance first, then card.",
    ]


@pytest.mark.parametrize("state", ["applied", "declined"])
def test_an_agent_is_told_once_approved(alice, bob, settings, state):
    an_agent(alice, state=state)
    an_agent(bob, "bobs", percent="4.5")
    assert told("agent", alice) == []
    assert told("agent", bob) == [
        "Your Agent ID is bobs, and you earn 4.5 %.",
        f"Your link: {settings.SITE_URL}/?aid=bobs",
    ]


@pytest.mark.parametrize("reader", ["", "everything"])
def test_an_answer_that_names_no_reader_tells_nothing(alice, reader):
    assert readers.own(reader, account=alice, today=TODAY) is None


def test_every_reader_that_staff_can_choose_tells_something():
    assert set(readers._TELLERS) == set(readers.Reader.values) - {""}


def test_queries_do_not_grow_with_what_is_told(catalog, alice, django_assert_num_queries):
    ledger.of(alice)
    hold_number(alice, paid_until=date(2027, 1, 31))
    lose(alice)
    queries = {"reclaim": 3, "renewal": 3, "balance": 1, "agent": 1}
    for reader, count in queries.items():
        # Nobody is remembered from the one before.
        account = Account.objects.get(pk=alice.pk)
        with django_assert_num_queries(count):
            told(reader, account)
    lose(alice, digits="15185550101")
    lose(alice, digits="15185550102")
    hold_number(alice, paid_until=date(2027, 1, 31))
    for reader, count in queries.items():
        account = Account.objects.get(pk=alice.pk)
        with django_assert_num_queries(count):
            told(reader, account)
    assert len(told("reclaim", alice)) == 3
