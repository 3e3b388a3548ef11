"""What agents earn on what their clients pay, and what of it goes back with a refund (domain.md §8).

The ledger posts it, in the transaction of the charge or the refund itself. Amounts are in dollars, with four places.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from django.db.models import Sum

from accounts.models import Account
from billing.models import Transfer
from callcentric.money import ZERO

TEN_THOUSANDTH = Decimal("0.0001")


@dataclass(frozen=True)
class Left:
    """What of a charge was not refunded yet."""

    net: Decimal
    tax: Decimal

    def at_most(self, net: Decimal, tax: Decimal) -> Self:
        """So much of it; with the last of the net price comes all the tax, and what was rounded off before with it."""
        return self if net >= self.net else replace(self, net=net, tax=min(tax, self.tax))


def agent_of(client: Account) -> Account | None:
    """Whoever earns on what ``client`` pays: its agent, while approved and open."""
    return Account.objects.earning().filter(clients=client).first()


def on(net: Decimal, percent: Decimal | None) -> Decimal:
    """The commission on ``net``, rounded half-up to a ten-thousandth of a dollar."""
    return _rounded(net * (percent or ZERO) / 100)


def memo(percent: Decimal | None) -> str:
    """What the agent reads of it: nothing of the client."""
    return f"Commission of {(percent or ZERO).normalize():f} %"


def left_of(charged: Transfer) -> Left:
    """The caller has locked the customer's ledger account."""
    back = charged.refunds.aggregate(net=Sum("amount"), tax=Sum("tax__amount"))
    tax: Transfer | None = getattr(charged, "tax", None)
    return Left(charged.amount - (back["net"] or ZERO), (tax.amount if tax else ZERO) - (back["tax"] or ZERO))


def share(earned: Decimal, *, of: Decimal, before: Decimal, after: Decimal) -> Decimal:
    """What of ``earned`` goes back when ``after`` is left of a charge ``of`` which ``before`` was left.

    Whatever the parts are, when nothing is left all of it has gone back.
    """
    return _rounded(earned * before / of) - _rounded(earned * after / of)


# The same for many at once: the agents of some clients, named first so that tables are read by their indexes; each with
# its ledger account where it has one, and whether it owes commission.
AGENTS_OF = "SELECT DISTINCT referred_by_id FROM accounts_account WHERE id = ANY(%s) AND referred_by_id IS NOT NULL"
EARNING = """
SELECT agent.id, ledger.id,
    EXISTS (SELECT FROM billing_owedcommission owed WHERE owed.agent_id = ledger.id AND owed."left" > 0)
FROM accounts_account agent
LEFT JOIN billing_ledgeraccount ledger ON ledger.account_id = agent.id AND ledger.account_id = ANY(%(agents)s)
WHERE agent.id = ANY(%(agents)s) AND agent.commission_percent > 0 AND agent.closed_on IS NULL
"""
# A part of ledger_sql.CHARGE_MANY.
EARNED = """
earned AS MATERIALIZED (
    SELECT payable.account_id, payable.key, charged.id AS charge_id, ledger.id AS ledger_id, ledger.balance,
        round(payable.net * agent.commission_percent / 100, 4) AS amount,
        'Commission of ' || trim_scale(agent.commission_percent) || ' %%' AS memo
    FROM payable JOIN charged ON charged.source_id = payable.ledger_id
    JOIN accounts_account agent ON agent.id = payable.agent_id AND agent.id = ANY(%(agents)s)
    JOIN billing_ledgeraccount ledger ON ledger.account_id = agent.id AND ledger.account_id = ANY(%(agents)s)
    -- Looked at again: whoever was closed meanwhile has waited with us for the same lock.
    WHERE round(payable.net * agent.commission_percent / 100, 4) > 0 AND agent.closed_on IS NULL
)
"""


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(TEN_THOUSANDTH, rounding=ROUND_HALF_UP)
