"""Kills a process right after one of its statements, and puts the database back for the next time.

The child is a fork of the test's own process, so that Django is loaded once; it has a connection of its own.
"""

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, connections

# What the cycle changes.
TABLES = [
    "billing_ledgeraccount",
    "billing_transfer",
    "billing_payment",
    "billing_cycle",
    "billing_cyclerun",
    "billing_invoice",
    "billing_invoiceline",
    "billing_parkedaccount",
    "billing_service",
    "phone_numbers_phonenumber",
    "post_office_email",
]


@contextmanager
def remembered() -> Iterator[Callable[[], None]]:
    """A function that puts the cycle's tables back as they are now."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA remembered")
        for table in TABLES:
            cursor.execute(f"CREATE TABLE remembered.{table} AS TABLE {table}")
    try:
        yield _put_back
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA remembered CASCADE")


def _put_back() -> None:
    copies = [f"INSERT INTO {table} SELECT * FROM remembered.{table}" for table in TABLES]
    with connection.cursor() as cursor:
        # One round trip, one transaction: references are looked at when it ends.
        cursor.execute("; ".join([f"TRUNCATE {', '.join(TABLES)} CASCADE", *copies]))


def statements_of(work: Callable[[], object]) -> list[str]:
    """What ``work`` asks PostgreSQL, in order: the first words of each statement."""
    asked = []

    def note(execute, sql, params, many, context):
        asked.append(" ".join(str(sql).split()[:4]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return asked


def killed_after(statement: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in another process that is killed (-9) after its ``statement``-th; False where it came to its end.

    What that statement has done is not committed, unless it is a transaction by itself.
    """
    connections.close_all()
    with warnings.catch_warnings():
        # Newer Pythons warn of forks beside threads; the child asks nothing of the threads it does not have.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _die_after(statement, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _die_after(statement: int, work: Callable[[], object]) -> None:
    left = statement

    def count(execute, sql, params, many, context):
        nonlocal left
        answer = execute(sql, params, many, context)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    try:
        connection.ensure_connection()
        with connection.execute_wrapper(count):
            work()
    except BaseException:  # noqa: BLE001 (nothing of it may come back to the test runner)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
