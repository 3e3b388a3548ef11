"""Whether Stripe, a payment and the ledger say the same of one charge: a table of all that they can say."""

from datetime import datetime
from decimal import Decimal

import pytest

from billing.stripe_lists import Charge
from billing.stripe_match import Facts, InLedger, Paid, difference
from callcentric.clock import BUSINESS_ZONE

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
TEN, NINE = Decimal("10.00"), Decimal("9.00")
ALICE, BOB = 1, 2


def charge(amount=TEN, refunded="0") -> Charge:
    return Charge("pi_1", "cus_alice", amount, Decimal(refunded))


def transfer(amount=TEN, account=ALICE) -> InLedger:
    return InLedger(account, amount, NOON)


def paid(state="succeeded", amount=TEN, account=ALICE) -> Paid:
    return Paid(account, amount, state)


@pytest.mark.parametrize(
    ("charged", "moved", "payment", "holder", "found"),
    [
        (charge(), transfer(), paid(), ALICE, None),
        # Stripe's customer is not known here any more; the rest agrees.
        (charge(), transfer(), paid(), None, None),
        # A refund is a matter of its own.
        (charge(refunded="4"), transfer(), paid(), ALICE, None),
        (None, None, paid("failed"), None, None),
        (None, None, None, None, None),
        # Being checked: not a difference, whatever Stripe says already.
        (charge(), None, paid("created"), ALICE, None),
        (charge(), None, paid("sent"), ALICE, None),
        (charge(), None, paid("needs_customer"), ALICE, None),
        # Taken and not in the ledger, unless it went back.
        (charge(), None, None, ALICE, ("charge", ALICE, None, TEN)),
        (charge(), None, None, None, ("charge", None, None, TEN)),
        (charge(), None, paid("failed"), ALICE, ("charge", ALICE, None, TEN)),
        (charge(), None, paid("succeeded"), ALICE, ("charge", ALICE, None, TEN)),
        (charge(refunded="4"), None, None, ALICE, ("charge", ALICE, None, Decimal(6))),
        (charge(refunded="10"), None, None, ALICE, None),
        (charge(refunded="10"), None, paid("failed"), ALICE, None),
        # In the ledger and not taken.
        (None, transfer(), paid(), None, ("transfer", ALICE, TEN, None)),
        (None, transfer(), None, None, ("transfer", ALICE, TEN, None)),
        # Amounts and accounts.
        (charge(NINE), transfer(), paid(), ALICE, ("amount", ALICE, TEN, NINE)),
        (charge(), transfer(), paid(), BOB, ("amount", ALICE, TEN, TEN)),
        # The payment says something else.
        (charge(), transfer(), None, ALICE, ("payment", ALICE, TEN, None)),
        (charge(), transfer(), paid("failed"), ALICE, ("payment", ALICE, TEN, TEN)),
        (charge(), transfer(), paid("sent"), ALICE, ("payment", ALICE, TEN, TEN)),
        (charge(), transfer(), paid(amount=NINE), ALICE, ("payment", ALICE, TEN, NINE)),
        (charge(), transfer(), paid(account=BOB), ALICE, ("payment", ALICE, TEN, TEN)),
        (None, None, paid("succeeded"), None, ("payment", ALICE, None, TEN)),
    ],
)
def test_what_is_found(charged, moved, payment, holder, found):
    made = difference(Facts("pi_1", charged, moved, payment, holder))
    assert (made and (made.kind, made.account_id, made.ours, made.theirs)) == found
