"""Lists when numbers were last disconnected, for the Reassigned Numbers Database (domain.md §12).

Carriers report it monthly for the ten-digit numbers of the United States (47 CFR 64.1200(l)). Toll-free numbers are not
ours to report: their administrator does.
"""

import csv
from collections.abc import Iterator
from datetime import date
from typing import Any

from phone_numbers.models import PhoneNumber

HEADER = ["Telephone Number", "Last Permanent Disconnect Date"]
# Of North America, these countries and territories are under the rule.
UNITED_STATES = ["US", "PR", "VI", "GU", "AS", "MP"]
ROWS_AT_A_TIME = 2000


def lines(*, first: date | None = None, last: date | None = None) -> Iterator[str]:
    """The CSV file, line by line: disconnects from ``first`` to ``last``, both included; all where neither is given."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    for digits, day in _disconnects(first, last):
        yield writer.writerow([digits.removeprefix("1"), day.isoformat()])


def _disconnects(first: date | None, last: date | None) -> Iterator[tuple[str, Any]]:
    found = PhoneNumber.objects.disconnected_for_good().filter(
        digits__startswith="1", rate_center__region__country__in=UNITED_STATES, rate_center__is_toll_free=False
    )
    if first:
        found = found.filter(disconnected_on__gte=first)
    if last:
        found = found.filter(disconnected_on__lte=last)
    rows = found.order_by("disconnected_on", "digits").values_list("digits", "disconnected_on")
    return rows.iterator(chunk_size=ROWS_AT_A_TIME)


class _Echo:
    """Where a csv.writer writes to when what it writes is to be handed on."""

    def write(self, line: str) -> Any:
        return line
