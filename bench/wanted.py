"""The same number wanted by 32 HTTP clients at once, of the running server, again and again: one gets it."""

import time

from bench.report import Line
from orders.models import CartLine
from phone_numbers.models import PhoneNumber
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.server import running_server
from tests.wanted import log_in, order_at_once

CLIENTS, ROUNDS = 32, 200


def run() -> list[Line]:
    place = RateCenterFactory(name="Albany")
    # Others in stock, so that every client gets as far as the number itself.
    PhoneNumberFactory.create_batch(5, rate_center=place)
    sessions = log_in(CLIENTS)
    right = 0
    started = time.perf_counter()
    with running_server() as (host, port):
        for _ in range(ROUNDS):
            number = PhoneNumberFactory(rate_center=place)
            answers = order_at_once(host, port, number, product="pay-per-minute", sessions=sessions)
            number.refresh_from_db()
            holders = list(CartLine.objects.filter(phone_number=number).values_list("token", flat=True))
            CartLine.objects.all().delete()
            right += answers == [302] + [409] * (CLIENTS - 1) and holders == [number.held_by]
    seconds = time.perf_counter() - started
    PhoneNumber.objects.filter(rate_center=place).delete()
    return [
        Line(
            f"one number, {CLIENTS} HTTP clients at once: rounds with one winner",
            f"{right} of {ROUNDS} ({ROUNDS * CLIENTS / seconds:.0f} requests/s)",
            f"{ROUNDS} of {ROUNDS}",
            right == ROUNDS,
        )
    ]
