"""Loads files of numbers into the stock: a file whole, or nothing of it and a list of what is wrong with it."""

from collections.abc import Callable
from datetime import date
from heapq import nsmallest
from typing import Any

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from redis.exceptions import RedisError

from callcentric import clock
from phone_numbers.formats import national
from phone_numbers.models import StockLoad
from phone_numbers.stock_files import BadFile, Places, rows_of

log = structlog.get_logger(__name__)

PROBLEMS_SHOWN = 1000
# One statement inserts so many, so that there is progress to show; they are one transaction all the same.
LINES_A_STATEMENT = 100_000
OUR_FAULT = (
    "The portal failed while it loaded this file. The fault is ours and is in the error log: "
    "have it mended before you load the file again."
)
Report = Callable[[int], None]


def load(load_id: int, *, today: date, report: Report | None = None) -> StockLoad | None:
    """Load the file ``load_id``, or refuse it; tells ``report`` the percentage done.

    None where it is not waiting, and where somebody has added one of its numbers meanwhile: then it waits still, and
    the next time this number is a problem that is told. Where the database or the cache goes away it waits too; a fault
    of ours refuses it, because the next time would end in the same way, and nobody would know.
    """
    try:
        return _load(load_id, today, report)
    except (OperationalError, InterfaceError, RedisError):
        raise
    except Exception as error:
        if isinstance(error, IntegrityError) and "number_is_in_the_stock_once" in str(error):
            return None
        log.exception("file of numbers failed", file=load_id)
        return _give_up(load_id)


@transaction.atomic
def _load(load_id: int, today: date, report: Report | None) -> StockLoad | None:
    """The row is locked until all is done and changes in the same transaction as the stock does.

    So of two that start at once one does nothing, and what a crash leaves is a file that still waits.
    """
    file = StockLoad.objects.waiting().filter(pk=load_id).select_for_update(skip_locked=True).first()
    if file is None:
        return None
    problems = Problems()
    numbers = _load_numbers(bytes(file.content), problems, report or _reporter(file), today)
    file.state = StockLoad.State.REFUSED if problems.count else StockLoad.State.LOADED
    file.numbers, file.problems, file.problem_count = numbers, problems.first(), problems.count
    file.ended_at = clock.now()
    file.save(update_fields=["state", "numbers", "problems", "problem_count", "ended_at"])
    return file


def _give_up(load_id: int) -> StockLoad:
    waiting = StockLoad.objects.waiting().filter(pk=load_id)
    waiting.update(state=StockLoad.State.REFUSED, problems=[(1, OUR_FAULT)], problem_count=1, ended_at=clock.now())
    return StockLoad.objects.get(pk=load_id)


class Problems:
    """What is wrong with a file: the first thousand, and how many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[int, str]] = []

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        self._kept.append((line, reason))
        if len(self._kept) > 2 * PROBLEMS_SHOWN:
            self._kept = self.first()

    def first(self) -> list[tuple[int, str]]:
        return nsmallest(PROBLEMS_SHOWN, self._kept)


def _load_numbers(content: bytes, problems: Problems, report: Report, today: date) -> int:
    """Returns how many numbers were loaded: all, or none where there is a problem."""
    report(0)
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        _read(cursor, content, problems, report)
        _compare(cursor, problems)
        loaded = 0 if problems.count else _insert(cursor, today, report)
        cursor.execute(DROP)
    return loaded


def _read(cursor: Any, content: bytes, problems: Problems, report: Report) -> None:
    """Copy the numbers into the temporary table; the first fifth of the work."""
    lines = content.count(b"\n") + 1
    places = Places()
    read = 0
    # Django wraps the errors of its own cursors, but not those of a COPY.
    with connection.wrap_database_errors, cursor.copy(COPY) as copy:
        try:
            for row in rows_of(content, places=places, problem=problems.add):
                copy.write_row((row.line, row.digits, row.rate_center))
                read += 1
                if read % 20_000 == 0:
                    report(20 * row.line // lines)
        except BadFile as bad:
            # Not let out of the COPY, which would end the transaction.
            problems.add(bad.line, bad.reason)
    if not read and not problems.count:
        problems.add(1, "There are no numbers in the file.")
    cursor.execute("ANALYZE loaded_numbers")


def _compare(cursor: Any, problems: Problems) -> None:
    """Find numbers that are in the file twice, and numbers that are in the stock already."""
    for statement, reason in (
        (TWICE, "{number} is on line {first} already."),
        (IN_STOCK, "{number} is in the stock already."),
    ):
        cursor.execute(statement, [PROBLEMS_SHOWN])
        count = 0
        for line, digits, first, count in cursor.fetchall():  # noqa: B007
            problems.add(line, reason.format(number=national(digits), first=first))
        problems.count += max(0, count - PROBLEMS_SHOWN)


def _insert(cursor: Any, today: date, report: Report) -> int:
    cursor.execute("SELECT max(line) FROM loaded_numbers")
    lines = cursor.fetchone()[0]
    loaded = 0
    for first in range(0, lines + 1, LINES_A_STATEMENT):
        report(20 + 80 * first // lines)
        cursor.execute(INSERT, {"first": first, "after": first + LINES_A_STATEMENT, "today": today})
        loaded += cursor.rowcount
    return loaded


def _reporter(file: StockLoad) -> Report:
    def report(percent: int) -> None:
        file.percent = percent

    return report


CREATE = "CREATE TEMPORARY TABLE loaded_numbers (line integer, digits text, rate_center_id bigint) ON COMMIT DROP"
COPY = "COPY loaded_numbers FROM STDIN"
DROP = "DROP TABLE loaded_numbers"
TWICE = """
SELECT line, digits, first, count(*) OVER ()
FROM (SELECT line, digits, min(line) OVER (PARTITION BY digits) AS first FROM loaded_numbers) AS numbered
WHERE line > first ORDER BY line LIMIT %s
"""
IN_STOCK = """
SELECT line, digits, NULL, count(*) OVER ()
FROM loaded_numbers JOIN phone_numbers_phonenumber USING (digits)
ORDER BY line LIMIT %s
"""
INSERT = """
INSERT INTO phone_numbers_phonenumber (digits, rate_center_id, state, in_stock_since, note)
SELECT digits, rate_center_id, 'in_stock', %(today)s, ''
FROM loaded_numbers WHERE line >= %(first)s AND line < %(after)s
ORDER BY line
"""
