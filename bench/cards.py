"""The cards of the month, at the pace that Stripe allows: localstripe behind a proxy that refuses more than that."""

import tempfile
import time
from collections import deque
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from bench.report import Line
from billing import cycle, turns
from billing.models import Cycle
from billing.settling import CARDS_A_SECOND
from callcentric import clock
from callcentric.local.servers import Localstripe
from callcentric.local.state import free_port
from tests.billing.month import customer
from tests.localstripe import add_card
from tests.stripe_proxy import Answer, StripeProxy, _error

# With more, localstripe itself falls behind: it writes down all that it knows after each change.
CARDS = 150
# Behind the moment that the last card had its turn.
SECONDS_PROMISED = 2


class Turnstile(StripeProxy):
    """Refuses the charge that is one too many in any second, as Stripe would."""

    def __init__(self, port: int, target_port: int) -> None:
        super().__init__(port, target_port)
        self.charged: deque[float] = deque()
        self.refused = 0

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        if path.endswith("/confirm") and "payment_intents" in path:
            self.charged.append(time.monotonic())
            within = sum(at > self.charged[-1] - 1 for at in list(self.charged)[-2 * CARDS_A_SECOND :])
            # A turn is a moment; what arrives is some milliseconds early or late.
            if within > CARDS_A_SECOND * 1.2:
                self.refused += 1
                return _error(429, "rate_limit_error")
        return super().handle(method, path, headers, body)


def run(cards: int = CARDS) -> list[Line]:
    """From the run of the 27th to the last card settled, against the moment of the last card's turn."""
    there = settings.STRIPE_API_BASE
    with tempfile.TemporaryDirectory() as folder, Localstripe(Path(folder) / "stripe.pickle") as localstripe:
        port = free_port()
        proxy = Turnstile(port, localstripe.port)
        proxy.start()
        settings.STRIPE_API_BASE = f"http://127.0.0.1:{port}"
        try:
            late, settled = _measured(cards)
        finally:
            proxy.stop()
            settings.STRIPE_API_BASE = there
    return [
        Line(
            f"{cards} cards at {CARDS_A_SECOND} a second: behind the last one's turn",
            f"{late:.1f} s, {settled} settled, {proxy.refused} too quick",
            f"at most {SECONDS_PROMISED} s, all settled, none too quick",
            late <= SECONDS_PROMISED and settled == cards and not proxy.refused,
        )
    ]


def _measured(cards: int) -> tuple[float, int]:
    for number in range(cards):
        add_card(customer(f"cardholder{number}"), now=clock.now())
    on = date(2027, 1, 27)
    # Not now(): its date is the clock's, and the services are of January.
    begun = clock.now()
    last: list[datetime] = []

    def charge() -> int:
        last.append(Cycle.objects.exclude(turn_at=None).latest("turn_at").turn_at or begun)
        return turns.charge_here(today=on)

    cycle.run(on=on, now=begun, charge_cards=charge)
    late = (clock.now() - last[0]) / timedelta(seconds=1)
    settled = Cycle.objects.filter(state=Cycle.State.SETTLED, payment__isnull=False)
    return late, settled.count()
