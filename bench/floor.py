"""What psycopg alone can do, to measure our code against."""

import time
from collections.abc import Callable

import psycopg
from django.db import connection


def bare_connection() -> psycopg.Connection:
    """psycopg as it comes: parameters sent apart from the statement, which is prepared after a few times."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname") if name in parameters}
    return psycopg.connect(**wanted, autocommit=True)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
