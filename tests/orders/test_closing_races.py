"""Closing an account while something else happens to it: real threads on the real database."""

from decimal import Decimal
from uuid import uuid4

import pytest
from post_office.models import Email

from accounts.models import Account
from accounts.standing import AccountClosed
from billing import audit, deposits
from billing.models import CardRefund
from orders import back_orders, closing
from orders.closing import CannotClose, ClosingChanged
from tests.crowds import at_once, surprises
from tests.factories import PhoneNumberFactory, hold_number
from tests.localstripe import add_card
from tests.orders.checkouts import NOON, balance, held
from tests.orders.closings import deposit
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import wait_for_number


@pytest.mark.race
class TestRaces:
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def leaver(self, transactional_db, alice, catalog, taxes) -> Account:
        return live_at_the_billing_address(alice)

    def test_8_presses_close_once(self, leaver):
        hold_number(leaver)
        deposit(leaver, "20")
        seen = closing.preview(leaver, now=NOON).digest
        answers = at_once(*[lambda: closing.close(leaver, seen=seen, now=NOON)] * 8)
        assert [bool(answer) for answer in answers].count(True) == 1
        assert surprises(answers) == []
        assert (CardRefund.objects.count(), balance(leaver), Email.objects.count()) == (1, 0, 1)

    @pytest.mark.parametrize("_round", range(4))
    def test_a_deposit_at_the_same_moment_is_made_before_or_not_at_all(self, leaver, stripe_server, _round):
        card = add_card(leaver, now=NOON)
        seen = closing.preview(leaver, now=NOON).digest
        paying = lambda: deposits.make(account=leaver, card=card, amount=Decimal(20), token=uuid4(), now=NOON)  # noqa: E731
        closed, paid = at_once(lambda: closing.close(leaver, seen=seen, now=NOON), paying)
        leaver.refresh_from_db()
        if leaver.closed_on:
            assert (type(paid), balance(leaver)) == (AccountClosed, 0)
        else:
            assert (type(closed) in (CannotClose, ClosingChanged), balance(leaver)) == (True, 20)

    @pytest.mark.parametrize("_round", range(4))
    def test_a_number_that_comes_at_the_same_moment(self, leaver, _round):
        credit(leaver, "100")
        waiting = wait_for_number(leaver)
        PhoneNumberFactory()
        seen = closing.preview(leaver, now=NOON).digest
        at_once(
            lambda: closing.close(leaver, seen=seen, now=NOON),
            lambda: back_orders.assign_next(waiting.rate_center, now=NOON),
        )
        leaver.refresh_from_db()
        waiting.refresh_from_db()
        assert (waiting.state, held(leaver) == []) == (("withdrawn", True) if leaver.closed_on else ("filled", False))
        assert list(audit.differences()) == []
