"""Charges the cards of the cycle in this process, each at its turn, where no worker is asked to (`run_cycle`)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import structlog
from django.db import connection

from billing import card_renewals
from billing.models import Cycle
from callcentric import clock

log = structlog.get_logger(__name__)

# Enough that slow answers of the bank do not keep the pace down.
THREADS = 8


def charge_here(*, today: date, say: Callable[[int], None] = lambda left: None) -> int:
    """Charge every card that has a turn, until none is left; returns how many. ``say`` hears how many are left."""
    handled: set[int] = set()
    with ThreadPoolExecutor(THREADS) as pool:
        while waiting := _waiting(handled):
            handled |= {cycle for cycle, _ in waiting}
            futures = [pool.submit(_at_its_turn, cycle, at, today) for cycle, at in waiting]
            for left, future in zip(range(len(futures) - 1, -1, -1), futures, strict=True):
                future.result()
                say(left)
    return len(handled)


def _waiting(handled: set[int]) -> list[tuple[int, datetime]]:
    """Whoever has a turn today, those too whose moment has passed while other accounts were still being settled."""
    until = clock.now() + timedelta(days=1)
    found = Cycle.objects.open().with_turn(until=until).exclude(pk__in=handled).order_by("turn_at")
    return [(cycle, at) for cycle, at in found.values_list("pk", "turn_at") if at]


def _at_its_turn(cycle: int, at: datetime, today: date) -> None:
    try:
        time.sleep(max((at - clock.now()).total_seconds(), 0))
        card_renewals.charge(cycle, today=today, now=clock.now())
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("card not charged", cycle=cycle)
    finally:
        # The thread's own.
        connection.close()
