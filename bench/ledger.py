"""How fast the ledger posts, against the same statement sent by psycopg alone, on the same database in one run."""

from decimal import Decimal
from statistics import median
from uuid import uuid4

import psycopg

from bench.floor import bare_connection, seconds
from bench.report import Line
from billing import ledger, ledger_sql
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from tests.factories import AccountFactory

POSTINGS = 2000
WARM_UP = 50
RATIO_PROMISED = 0.5
ONE = Decimal("1.0000")


def run(postings: int = POSTINGS) -> list[Line]:
    """Postings a second through ``ledger.post`` and through psycopg, each committed by itself.

    Both write to one customer, who pays and is paid in turn. They take turns after each posting, and the median of
    each counts, so that whatever else the machine does hits both alike.
    """
    customer = ledger.of(AccountFactory())
    ours, bare = [], []
    _post(customer, 0)
    with bare_connection() as other:
        for number in range(WARM_UP + postings):
            bare.append(seconds(lambda: _send(other, customer, number)))  # noqa: B023
            ours.append(seconds(lambda: _post(customer, number)))  # noqa: B023
    each, floor = median(ours[WARM_UP:]), median(bare[WARM_UP:])
    measured = f"{1 / each:.0f} (psycopg alone: {1 / floor:.0f}/s, ratio {floor / each:.2f})"
    return [Line("ledger: postings/s", measured, f"ratio at least {RATIO_PROMISED}", floor / each >= RATIO_PROMISED)]


def _sides(customer: LedgerAccount, number: int) -> dict:
    """In on even numbers, out on odd ones."""
    if number % 2:
        return {"source": customer, "target": ledger.house("revenue"), "kind": Transfer.Kind.CHARGE}
    return {"source": ledger.house("cards"), "target": customer, "kind": Transfer.Kind.DEPOSIT}


def _post(customer: LedgerAccount, number: int) -> None:
    ledger.post(key=uuid4().hex, amount=ONE, memo="Bench", made_at=clock.now(), **_sides(customer, number))


def _send(other: psycopg.Connection, customer: LedgerAccount, number: int) -> None:
    sides = _sides(customer, number)
    other.execute(
        ledger_sql.FROM_CUSTOMER if number % 2 else ledger_sql.TO_CUSTOMER,
        {
            "key": uuid4().hex,
            "kind": str(sides["kind"]),
            "source": sides["source"].pk,
            "target": sides["target"].pk,
            "amount": ONE,
            "memo": "Bench",
            "tax_on": None,
            "commission_on": None,
            "refund_of": None,
            "made_at": clock.now(),
        },
    ).fetchone()
