"""The stock: a million numbers loaded, "any number here" wanted by 8 workers, and a control that oversells."""

import threading
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from multiprocessing.queues import Queue
from statistics import median
from uuid import uuid4

import psycopg
from django.db import connection, connections

from accounts.models import Account
from bench.floor import bare_connection, seconds
from bench.report import Line
from callcentric import clock
from phone_numbers import stock, stock_loading
from phone_numbers.models import PhoneNumber, Prefix, RateCenter, Region, StockLoad
from tests.factories import AccountFactory

NUMBERS = 1_000_000
SECONDS_PROMISED = 120
AREA_CODES = [code for code in range(201, 1000) if code % 100 != 11 and code != 777][:100]
WORKERS = 8
# Of each kind, by each worker.
ALLOCATIONS = 250
WARM_UP = 25
RATIO_PROMISED = 0.5


def run() -> list[Line]:
    found = [_loading(), _allocation(), _control()]
    _clear_away()
    return found


def _loading() -> Line:
    """A hundred places with ten thousand numbers each, in one file."""
    region = Region.objects.get_or_create(country="US", code="NY", defaults={"name": "New York"})[0]
    for code in AREA_CODES:
        place = RateCenter.objects.create(region=region, name=f"Bench {code}")
        Prefix.objects.create(rate_center=place, digits=f"1{code}")
    lines = (
        f"({code}) {exchange}-{line:04}\n" for code, exchange, line in product(AREA_CODES, range(200, 300), range(100))
    )
    content = ("number\n" + "".join(lines)).encode()
    waiting = StockLoad.objects.create(name="bench.csv", content=content)
    told: list[int] = []
    took = seconds(lambda: stock_loading.load(waiting.pk, today=clock.today(), report=told.append))
    waiting.refresh_from_db()
    return Line(
        f"stock: a file of {NUMBERS:,} numbers",
        f"{took:.0f} s, progress shown {len(told)} times",
        f"at most {SECONDS_PROMISED} s",
        waiting.numbers == NUMBERS and took <= SECONDS_PROMISED,
    )


@dataclass(frozen=True)
class Found:
    """What one worker measured, and which numbers it was given."""

    ours: list[float]
    bare: list[float]
    digits: list[str]


def _allocation() -> Line:
    """Processes, not threads, which would wait for one another's Python. Each takes turns with psycopg alone."""
    place = RateCenter.objects.get(name=f"Bench {AREA_CODES[0]}")
    account = AccountFactory()
    connections.close_all()
    forked = get_context("fork")
    results: Queue[Found] = forked.Queue()
    gate = forked.Barrier(WORKERS)
    workers = [forked.Process(target=_work, args=(place, account, gate, results)) for _ in range(WORKERS)]
    [worker.start() for worker in workers]
    found = [results.get(timeout=300) for _ in workers]
    [worker.join() for worker in workers]
    ours = median(each for one in found for each in one.ours)
    floor = median(each for one in found for each in one.bare)
    digits = [each for one in found for each in one.digits]
    return Line(
        f'stock: "any number here" by {WORKERS} workers',
        f"{WORKERS / ours:.0f}/s (psycopg alone: {WORKERS / floor:.0f}/s, ratio {floor / ours:.2f}), "
        f"{len(digits) - len(set(digits))} given twice",
        f"ratio at least {RATIO_PROMISED}, none given twice",
        floor / ours >= RATIO_PROMISED and len(digits) == len(set(digits)),
    )


def _work(place: RateCenter, account: Account, gate: threading.Barrier, results: "Queue[Found]") -> None:
    ours, bare, digits = [], [], []
    with bare_connection() as other:
        gate.wait(60)
        for _ in range(WARM_UP + ALLOCATIONS):
            ours.append(seconds(lambda: digits.append(stock.hold_any(place, token=uuid4(), now=clock.now()).digits)))
            bare.append(seconds(lambda: digits.append(_send(other, place))))
            # Ordered, so that the next one does not find the place full of numbers that are held.
            PhoneNumber.objects.filter(digits__in=digits[-2:]).update(
                state=PhoneNumber.State.ASSIGNED, holder=account, held_by=None, held_until=None
            )
    connection.close()
    results.put(Found(ours[WARM_UP:], bare[WARM_UP:], digits))


def _send(other: psycopg.Connection, place: RateCenter) -> str:
    now = clock.now()
    values = {"rate_center": place.pk, "token": uuid4(), "now": now, "until": now + stock.HELD_FOR}
    cursor = other.execute(stock.HOLD_ANY, values)
    return cursor.fetchone()[[column.name for column in cursor.description].index("digits")]


def _control() -> Line:
    """Looking first and taking then, which the stock does not do: it must oversell, or nothing above was a race."""
    number = PhoneNumber.objects.in_stock().order_by("pk").last()
    accounts = AccountFactory.create_batch(WORKERS)
    looked, sold = threading.Barrier(WORKERS), []

    def naive(account: Account) -> None:
        free = PhoneNumber.objects.get(pk=number.pk).state == PhoneNumber.State.IN_STOCK
        looked.wait(30)
        if free:
            PhoneNumber.objects.filter(pk=number.pk).update(state=PhoneNumber.State.ASSIGNED, holder=account)
            sold.append(account)
        connection.close()

    threads = [threading.Thread(target=naive, args=(account,)) for account in accounts]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return Line(
        "stock: control without the guard", f"one number sold {len(sold)} times", "more than once", len(sold) > 1
    )


def _clear_away() -> None:
    """The next measurement loads places and numbers of its own."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE phone_numbers_phonenumber, phone_numbers_stockchange CASCADE")
    Prefix.objects.all().delete()
    RateCenter.objects.all().delete()
