"""Closing an account: what ends, what goes back to which card, what stays; once, and never with something undecided."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from post_office.models import Email

from billing import audit, card_refunds, deposits
from billing.models import BalanceWatch, CardRefund, Cycle, Payment, Service
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from orders import closing
from orders.closing import CannotClose, ClosingChanged, shares
from orders.models import CartLine, Order
from phone_numbers.models import PhoneNumber
from tests.factories import hold_number
from tests.localstripe import add_card, refunds
from tests.orders.channels import hold_channels
from tests.orders.checkouts import NOON, add_number, balance, held
from tests.orders.closings import card_of, close, deposit, spend
from tests.orders.conftest import credit
from tests.orders.waiting import wait_for_number


class TestShares:
    """Newest first, as far as the balance reaches."""

    @pytest.mark.parametrize(
        ("left", "balance", "back"),
        [
            ([], "10", []),
            (["20"], "0", []),
            (["20"], "0.0099", []),
            (["20"], "20", ["20"]),
            (["20"], "19.9999", ["19.99"]),
            (["20"], "50", ["20"]),
            (["20", "30"], "50", ["20", "30"]),
            (["20", "30"], "25.50", ["20", "5.50"]),
            (["20", "30"], "20", ["20"]),
        ],
    )
    def test_it_reaches_as_far_as_it_does(self, left, balance, back):
        deposits = [Payment() for _ in left]
        for payment, amount in zip(deposits, left, strict=True):
            payment.left = Decimal(amount)
        assert [amount for _, amount in shares(deposits, Decimal(balance))] == [Decimal(each) for each in back]


class TestWhatGoesBack:
    @pytest.mark.parametrize(
        ("days_ago", "purpose", "back"),
        [
            (0, "deposit", 20),
            (90, "deposit", 20),
            (91, "deposit", 0),
            (3, "recharge", 20),
            (3, "order", 0),
            (3, "renewal", 0),
        ],
    )
    def test_deposits_of_90_days(self, leaver, days_ago, purpose, back):
        deposit(leaver, "20", days_ago=days_ago, purpose=purpose)
        done = close(leaver)
        assert (done.to_cards, done.stays, balance(leaver)) == (back, 20 - back, 20 - back)

    def test_to_the_cards_they_came_from_newest_first(self, leaver):
        old, new = card_of(leaver, "1111"), card_of(leaver, "2222")
        deposit(leaver, "30", days_ago=40, card=old)
        deposit(leaver, "20", days_ago=2, card=new)
        credit(leaver, "1.005")
        spend(leaver, "6.50")
        done = close(leaver)
        assert [(str(each.payment.card), each.amount) for each in done.refunds] == [
            ("Visa 2222", 20),
            ("Visa 1111", Decimal("24.50")),
        ]
        assert done.stays == Decimal("0.005")
        assert list(audit.differences()) == []

    def test_not_what_went_back_before(self, leaver):
        paid = deposit(leaver, "20")
        card_refunds.begin(paid, amount=Decimal("15"), token=uuid4(), now=NOON)
        credit(leaver, "100")
        assert close(leaver).to_cards == 5

    def test_credits_stay(self, leaver):
        credit(leaver, "100")
        done = close(leaver)
        assert (done.refunds, done.stays) == ((), 100)

    def test_stripe_is_asked_afterwards(self, leaver, stripe_server):
        card = add_card(leaver, now=NOON)
        paid = deposits.make(account=leaver, card=card, amount=Decimal("20"), token=uuid4(), now=NOON)
        close(leaver)
        assert (refunds(paid.stripe_id), CardRefund.objects.get().state) == ([], "created")
        assert card_refunds.settle_unknown(now=NOON + timedelta(minutes=3)) == 1
        assert (refunds(paid.stripe_id), balance(leaver)) == ([2000], 0)


class TestWhatEnds:
    def test_everything_today(self, leaver):
        number = hold_number(leaver)
        hold_channels(number, 2)
        Service.objects.create(
            account=leaver,
            product=Product.objects.get(code="north-america-500"),
            kind="plan",
            started_on=date(2027, 1, 1),
            paid_until=date(2027, 1, 31),
        )
        done = close(leaver)
        assert [service.title for service in done.services] == [
            str(number.phone_number),
            *[f"An extra channel on {number.phone_number}"] * 2,
            "North America 500",
        ]
        ended = Service.objects.values_list("state", "reason", "cancelled_on").distinct()
        assert list(ended) == [("cancelled", "customer", NOON.date())]
        kept = PhoneNumber.objects.get()
        assert (kept.state, kept.last_holder, kept.disconnected_on) == ("kept", leaver, NOON.date())
        leaver.refresh_from_db()
        assert leaver.closed_on == NOON.date()

    def test_waiting_numbers_are_withdrawn_with_their_money_and_their_911(self, leaver):
        credit(leaver, "200")
        for _ in range(2):
            wait_for_number(leaver)
        paid = 200 - balance(leaver)
        shown = closing.preview(leaver, now=NOON)
        assert (balance(leaver), Service.objects.held().count()) == (200 - paid, 3)
        done = close(leaver)
        assert (sum(each.refund.total for each in done.withdrawals), done.stays) == (paid, 200)
        assert [each.refund.total for each in shown.withdrawals] == [each.refund.total for each in done.withdrawals]
        assert (done.services, held(leaver)) == ((), [])

    def test_carts_are_emptied_and_holds_let_go(self, leaver, number):
        add_number(leaver, number.rate_center)
        close(leaver)
        number.refresh_from_db()
        assert (CartLine.objects.count(), number.state) == (0, "in_stock")

    def test_auto_recharge_is_off(self, leaver):
        BalanceWatch.objects.create(account=leaver, recharges=True, low_since=NOON)
        close(leaver)
        watch = BalanceWatch.objects.get()
        assert (watch.recharges, watch.low_since) == (False, None)

    def test_an_email_lists_it(self, leaver):
        hold_number(leaver)
        deposit(leaver, "20", days_ago=2)
        credit(leaver, "1.50")
        close(leaver)
        mail = Email.objects.get(subject__endswith="is closed")
        for words in [
            "is closed since today, 11 January 2027",
            f"{PhoneNumber.objects.get()} (Pay Per Minute)",
            "$20.00 to Visa 4242, from your deposit of 9 January 2027",
            "$1.50 stays in the balance.",
        ]:
            assert words in mail.message


class TestRefused:
    @pytest.mark.parametrize(
        ("day", "refusal"),
        [
            (date(2027, 1, 26), None),
            (date(2027, 1, 27), "You can close yours from 1 February 2027."),
            (date(2027, 1, 31), "You can close yours from 1 February 2027."),
            (date(2027, 2, 1), None),
            (date(2027, 12, 27), "You can close yours from 1 January 2028."),
        ],
    )
    def test_while_the_next_month_is_billed(self, leaver, day, refusal):
        now = datetime(day.year, day.month, day.day, 12, tzinfo=BUSINESS_ZONE)
        if refusal is None:
            assert close(leaver, now=now).account == leaver
            return
        with pytest.raises(CannotClose, match=refusal):
            closing.preview(leaver, now=now)
        with pytest.raises(CannotClose, match=refusal):
            closing.close(leaver, seen="", now=now)

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("created", "is being checked with the bank"),
            ("sent", "is being checked with the bank"),
            ("needs_customer", "Confirm it or cancel it first"),
        ],
    )
    @pytest.mark.parametrize("purpose", ["deposit", "recharge", "renewal"])
    def test_while_a_payment_is_undecided(self, leaver, state, words, purpose):
        Payment.objects.create(
            account=leaver, card=card_of(leaver), amount=5, purpose=purpose, token=uuid4(), state=state
        )
        hold_number(leaver)
        with pytest.raises(CannotClose, match=words):
            close(leaver)
        leaver.refresh_from_db()
        assert (leaver.closed_on, Service.objects.held().count()) == (None, 1)

    @pytest.mark.parametrize(
        ("month", "state", "is_refused"),
        [
            (date(2027, 1, 1), "planned", True),
            (date(2027, 1, 1), "failed", True),
            (date(2026, 12, 1), "failed", True),
            (date(2027, 1, 1), "parked", False),
            # Planned for the e-mail of the 20th.
            (date(2027, 2, 1), "planned", False),
        ],
    )
    def test_while_this_month_is_still_being_billed(self, leaver, month, state, is_refused):
        Cycle.objects.create(account=leaver, month=month, state=state, problem="Why it is so.")
        if is_refused:
            with pytest.raises(CannotClose, match="The renewal of your services for January is still being billed."):
                close(leaver)
        else:
            assert close(leaver).account == leaver

    def test_while_an_order_is_being_paid(self, leaver):
        address = leaver.billing_address
        amounts = {"tax_rate": 0, "subtotal": 0, "tax": 0, "total": 0}
        Order.objects.create(account=leaver, token=uuid4(), billing_address=address, service_address=address, **amounts)
        with pytest.raises(CannotClose, match="An order of yours is being paid right now."):
            close(leaver)

    @pytest.mark.parametrize("change", [lambda a: credit(a, "3"), hold_number])
    def test_what_was_shown_is_not_so_any_more(self, leaver, change):
        credit(leaver, "1")
        seen = closing.preview(leaver, now=NOON).digest
        change(leaver)
        with pytest.raises(ClosingChanged):
            closing.close(leaver, seen=seen, now=NOON)
        leaver.refresh_from_db()
        assert leaver.closed_on is None


def test_looking_changes_nothing(leaver, number):
    hold_number(leaver)
    deposit(leaver, "20")
    add_number(leaver, number.rate_center)
    shown = closing.preview(leaver, now=NOON)
    assert (len(shown.services), shown.to_cards) == (1, 20)
    leaver.refresh_from_db()
    assert (leaver.closed_on, balance(leaver), CardRefund.objects.count()) == (None, 20, 0)
    assert (Service.objects.held().count(), CartLine.objects.count(), Email.objects.count()) == (1, 1, 0)


def test_a_second_time_does_nothing(leaver):
    deposit(leaver, "20")
    seen = closing.preview(leaver, now=NOON).digest
    closing.close(leaver, seen=seen, now=NOON)
    assert closing.close(leaver, seen=seen, now=NOON) is None
    assert (CardRefund.objects.count(), Email.objects.count()) == (1, 1)
