"""How fast the ledger posts, against the same statement sent by psycopg alone, on the same database in one run."""

import time
from collections.abc import Callable
from decimal import Decimal
from uuid import uuid4

import psycopg
from django.db import connection

from bench.report import Line
from billing import ledger
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from tests.factories import AccountFactory

POSTINGS = 600
ROUNDS = 3
RATIO_PROMISED = 0.5
ONE = Decimal("1.0000")


def run(postings: int = POSTINGS) -> list[Line]:
    """Postings a second through ``ledger.post`` and through psycopg, each committed by itself.

    Both write to one customer, who pays and is paid in turn. The two take turns as well, and the best round of each
    counts, so that whatever else the machine does hits neither of them alone.
    """
    customer = ledger.of(AccountFactory())
    ours, bare = [], []
    _post(customer, 0)
    with _bare_connection() as other:
        for _ in range(ROUNDS):
            bare.append(_per_second(postings, lambda number: _send(other, customer, number)))
            ours.append(_per_second(postings, lambda number: _post(customer, number)))
    ratio = max(ours) / max(bare)
    measured = f"{max(ours):.0f} (psycopg alone: {max(bare):.0f}/s, ratio {ratio:.2f})"
    return [Line("ledger: postings/s", measured, f"ratio at least {RATIO_PROMISED}", ratio >= RATIO_PROMISED)]


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
        ledger.FROM_CUSTOMER if number % 2 else ledger.TO_CUSTOMER,
        {
            "key": uuid4().hex,
            "kind": str(sides["kind"]),
            "source": sides["source"].pk,
            "target": sides["target"].pk,
            "amount": ONE,
            "memo": "Bench",
            "tax_on": None,
            "made_at": clock.now(),
        },
    ).fetchone()


def _bare_connection() -> psycopg.Connection:
    """psycopg as it comes: parameters sent apart from the statement, which is prepared after a few times."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if name in parameters}
    return psycopg.connect(**wanted, autocommit=True)


def _per_second(postings: int, work: Callable[[int], None]) -> float:
    begun = time.perf_counter()
    for number in range(postings):
        work(number)
    return postings / (time.perf_counter() - begun)
