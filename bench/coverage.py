"""Coverage search over HTTP, of the web server as in production, with 400,000 and with 5,000,000 numbers in stock."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from io import StringIO
from statistics import quantiles

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.report import Line
from phone_numbers import stock
from phone_numbers.models import PhoneNumber, RateCenter
from tests.server import running_server

FEW, MANY = 400_000, 5_000_000
ROUNDS, WARM_UP = 40, 5
MILLISECONDS_PROMISED, GROWTH_PROMISED, QUERIES_PROMISED = 25, 2, 6
SEARCHES = ["Brooklyn", "Albany, NY", "718", "718-250", "(718) 250-0100", "12207", "ends 0142", "Springfeild"]


def run() -> list[Line]:
    call_command("load_coverage", stdout=StringIO())
    few, few_pages = _measured(FEW)
    many, many_pages = _measured(MANY)
    queries = max(_queries(page) for page in [*_searches(), *_pages()])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE phone_numbers_phonenumber, phone_numbers_stockchange CASCADE")
    return [
        Line(
            f"coverage search over HTTP, {FEW:,} numbers: p95",
            f"{few:.1f} ms (map, a state, an area: {few_pages:.1f} ms)",
            f"at most {MILLISECONDS_PROMISED} ms",
            few <= MILLISECONDS_PROMISED,
        ),
        Line(
            f"coverage search over HTTP, {MANY:,} numbers: p95",
            f"{many:.1f} ms, ratio {many / few:.2f} (map, a state, an area: {many_pages:.1f} ms)",
            f"at most {GROWTH_PROMISED} times that",
            many <= GROWTH_PROMISED * few,
        ),
        Line("coverage: queries a page", str(queries), f"at most {QUERIES_PROMISED}", queries <= QUERIES_PROMISED),
    ]


def _measured(numbers: int) -> tuple[float, float]:
    """The 95th percentiles in milliseconds of the searches and of the other pages, with so many numbers in stock."""
    _fill_up(numbers)
    with running_server() as (host, port):
        visitor = HTTPConnection(host, port, timeout=30)
        found = _p95(visitor, _searches()), _p95(visitor, _pages())
        visitor.close()
    return found


def _p95(visitor: HTTPConnection, pages: list[str]) -> float:
    took = [_milliseconds(lambda: _get(visitor, page)) for _ in range(WARM_UP + ROUNDS) for page in pages]  # noqa: B023
    return quantiles(took[WARM_UP * len(pages) :], n=20)[-1]


def _searches() -> list[str]:
    return [f"/coverage/?q={search.replace(' ', '+')}" for search in SEARCHES]


def _pages() -> list[str]:
    brooklyn = RateCenter.objects.get(name="Brooklyn", region__code="NY")
    return ["/coverage/", "/coverage/?region=US-NY", f"/coverage/{brooklyn.pk}/"]


def _fill_up(numbers: int) -> None:
    """As many in stock, spread evenly over every exchange of North America."""
    # Made anew afterwards: so many rows one by one would take minutes.
    indexes = [index for index in PhoneNumber._meta.indexes if index.name in ("number_digits", "number_ending")]
    with connection.schema_editor() as editor:
        [editor.remove_index(PhoneNumber, index) for index in indexes]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM phone_numbers_prefix WHERE length(digits) = 7")
        each = -(-numbers // cursor.fetchone()[0])
        cursor.execute(
            """
            INSERT INTO phone_numbers_phonenumber (digits, rate_center_id, state, in_stock_since, note)
            SELECT prefix.digits || lpad((line * 37 %% 10000)::text, 4, '0'), rate_center_id,
                'in_stock', '2026-01-01', ''
            FROM phone_numbers_prefix prefix, generate_series(0, %s) line WHERE length(prefix.digits) = 7
            LIMIT %s ON CONFLICT DO NOTHING
            """,
            [each, numbers - PhoneNumber.objects.count()],
        )
    with connection.schema_editor() as editor:
        [editor.add_index(PhoneNumber, index) for index in indexes]
    stock.count_up()
    with connection.cursor() as cursor:
        # What autovacuum does within minutes of a load.
        cursor.execute("VACUUM ANALYZE")


def _queries(page: str) -> int:
    visitor = Client(SERVER_NAME="127.0.0.1")
    with CaptureQueriesContext(connection) as captured:
        if visitor.get(page).status_code != 200:
            raise RuntimeError(f"{page} was not answered.")
    return len(captured)


def _get(visitor: HTTPConnection, page: str) -> None:
    visitor.request("GET", page)
    answer = visitor.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{page} answered {answer.status}.")


def _milliseconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)
