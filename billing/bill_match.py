"""Compares bills with the charges that the ledger has for them, and balances with their transfers."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import audit
from billing.findings import Day, Finding, Kind

# A bill is a row with the key of its transfer; ``{bills}`` selects those of the day and those that still differ.
_COMPARE = """
WITH bill AS MATERIALIZED ({bills}), charged AS (
    SELECT charge.key, side.account_id, charge.amount AS net, coalesce(tax.amount, 0) AS tax
    FROM billing_transfer charge
    JOIN billing_ledgeraccount side ON side.id = charge.source_id
    LEFT JOIN billing_transfer tax ON tax.key = charge.key || ':tax'
    WHERE charge.kind = 'charge' AND (
        charge.key IN (SELECT key FROM bill) OR charge.key = ANY(%(open)s)
        OR charge.key LIKE %(prefix)s || ':%%' AND charge.made_at >= %(since)s AND charge.made_at < %(until)s
    )
)
SELECT key, coalesce(charged.account_id, bill.account_id), charged.net, charged.tax, bill.net, bill.tax
FROM bill FULL JOIN charged USING (key)
WHERE coalesce(bill.net, 0) <> coalesce(charged.net, 0) OR coalesce(bill.tax, 0) <> coalesce(charged.tax, 0)
    OR bill.account_id <> charged.account_id
ORDER BY key
"""
_INVOICES = """
SELECT * FROM (
    SELECT account_id, 'renewal:' || account_id || ':' || to_char(month, 'YYYY-MM') || ':' || part AS key, net, tax,
        issued_at AS at
    FROM billing_invoice
) invoice WHERE at >= %(since)s AND at < %(until)s OR key = ANY(%(open)s)
"""


def invoices(day: Day) -> Iterator[Finding]:
    """Every invoice of the day and its charge."""
    return compare_bills(day, bills=_INVOICES, prefix="renewal", what="invoice")


def balances(day: Day) -> Iterator[Finding]:
    """Every balance, and what each transfer says was left of it: once for each account."""
    told: set[int] = set()
    for wrong in audit.wrong_balances():
        if wrong.account_id not in told:
            told.add(wrong.account_id)
            yield Finding(Kind.BALANCE, wrong.number, wrong.account_id, str(wrong), wrong.said, wrong.counted)


def compare_bills(day: Day, *, bills: str, prefix: str, what: str) -> Iterator[Finding]:
    """Bills, which the statement ``bills`` selects by account_id, key, net, tax and at, and the ledger's charges.

    Their keys begin with ``prefix``, so that a charge without a bill is found too.
    """
    facts: dict[str, Any] = {
        "since": day.since,
        "until": day.until,
        "open": list(day.still_open(Kind.INVOICE)),
        "prefix": prefix,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(sum(net + tax), 0) FROM ({bills}) bill WHERE at >= %(since)s AND at < %(until)s",  # noqa: S608
            facts,
        )
        day.sums.billed += cursor.fetchone()[0]
        cursor.execute(_COMPARE.format(bills=bills), facts)
        found = cursor.fetchall()
    for key, account, net, tax, billed, tax_billed in found:
        if key.startswith(f"{prefix}:"):
            about = f"The {what} says {_in_words(billed, tax_billed)}, and the ledger {_in_words(net, tax)}."
            yield Finding(Kind.INVOICE, key, account, about, _sum(net, tax), _sum(billed, tax_billed))


def _in_words(net: Decimal | None, tax: Decimal | None) -> str:
    return "nothing" if net is None else f"{net:.2f} and {tax:.2f} tax"


def _sum(net: Decimal | None, tax: Decimal | None) -> Decimal | None:
    return None if net is None or tax is None else net + tax
