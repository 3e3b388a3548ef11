"""Decides by a seed what goes wrong between the portal and Stripe, and carries Stripe's webhooks accordingly.

What happens to a request or a webhook depends on the seed and on what it is about, never on who comes first: it is
named after the account's number and a count, because Stripe's own names are different in every run.
"""

import hashlib
import hmac
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from urllib.parse import parse_qs

# What can become of a request: see tests/stripe_proxy.py.
FAULTS = ["timeout_before", "timeout_after", "500", "429"]
# What can become of a webhook.
PROMPT = "prompt"
EARLY = "early"  # before the API call that caused it is answered
FIVE_TIMES = "five times"
SHUFFLED = "shuffled"  # with others, later and in another order
LATE = "late"  # when ``deliver_late`` is called: days later
DROPPED = "dropped"
FATES = [PROMPT, EARLY, FIVE_TIMES, SHUFFLED, LATE, DROPPED]
# How many of 100 requests go wrong.
PER_CENT = 35
# The same thing goes wrong so many times at most: in the end everything is answered.
AT_MOST = 2
# A shuffled webhook waits for so many others.
HANDFUL = 3
PATIENCE = 10

STRIPES_NAME = re.compile(r"\b(?:cus|pi|pm|seti|ch|re)_\w+")


class Storm:
    """The decisions of one seed; without one, everything goes well."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.calm = seed is None
        self._names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        # How often which fault was met.
        self.met: Counter[str] = Counter()
        self._lock = threading.Lock()

    def name_request(self, method: str, path: str, body: bytes) -> str:
        """What a request is, in words that are the same in every run."""
        path = STRIPES_NAME.sub(lambda found: self.name_of(found[0]), path.partition("?")[0])
        customer = parse_qs(body.decode()).get("customer", [""])[0]
        return f"{method} {path} {self.name_of(customer)}".rstrip()

    def name_of(self, stripe_id: str) -> str:
        return self._names.get(stripe_id, stripe_id.partition("_")[0])

    def fault_of(self, request: str) -> str | None:
        """What goes wrong with this request, which ``name_request`` has named."""
        with self._lock:
            self._counts[request] += 1
            chance = Random(f"{self.seed}/{request}/{self._counts[request]}")
            if self.calm or self._failed[request] >= AT_MOST or chance.randrange(100) >= PER_CENT:
                return None
            self._failed[request] += 1
            fault = chance.choice(FAULTS)
            self.met[fault] += 1
            return fault

    def fate_of(self, event: str) -> str:
        """What becomes of the webhook ``event``, which ``name_event`` has named."""
        # What Stripe says of customers is nothing to the portal.
        if self.calm or not event.startswith("payment_intent."):
            return PROMPT
        return Random(f"{self.seed}/{event}").choice(FATES)

    def name_event(self, kind: str, about: str) -> str:
        return f"{kind} {self.name_of(about)}"

    def learn(self, answer: bytes) -> None:
        """Remember whose the thing is that Stripe has just made."""
        try:
            made = json.loads(answer)
            stripe_id, kind = made["id"], made["object"]
        except (ValueError, KeyError, TypeError):
            return
        with self._lock:
            if stripe_id in self._names:
                return
            if kind == "customer":
                self._names[stripe_id] = made["metadata"].get("account", "")
            elif owner := self._names.get(made.get("customer") or ""):
                self._counts[f"{owner}/{kind}"] += 1
                self._names[stripe_id] = f"{owner}/{kind}/{self._counts[f'{owner}/{kind}']}"


class Webhooks:
    """Carries webhooks to the portal: in time, early, five times, shuffled, days late, or not at all.

    ``portal`` takes the payload and its signature, and says by what status the portal has answered.
    """

    def __init__(self, portal: Callable[[bytes, str], int], secret: str) -> None:
        self.portal = portal
        self.secret = secret
        self.carried: Counter[str] = Counter()
        # Whatever the portal answered but 200.
        self.refused: list[int] = []
        self._aside: list[tuple[str, bytes]] = []
        self._late: list[tuple[str, bytes]] = []
        self._expected: Counter[str] = Counter()
        self._changed = threading.Condition()

    def expect(self, kind: str, about: str) -> None:
        """Stripe will send this, or has just sent it."""
        with self._changed:
            self._expected[f"{kind} {about}"] += 1

    def take(self, payload: bytes, storm: Storm) -> None:
        """Stripe sends a webhook."""
        event = json.loads(payload)
        kind, about = event["type"], event["data"]["object"].get("id", "")
        name = storm.name_event(kind, about)
        fate = storm.fate_of(name)
        try:
            self._carry(name, payload, fate, storm)
        finally:
            with self._changed:
                self.carried[fate] += 1
                self._expected[f"{kind} {about}"] -= 1
                self._changed.notify_all()

    def wait_for(self, kind: str, about: str) -> None:
        event = f"{kind} {about}"
        with self._changed:
            assert self._changed.wait_for(lambda: self._expected[event] <= 0, PATIENCE), f"no webhook {event}"

    def wait_for_all(self) -> None:
        """Until nothing is on its way any more but what is late."""
        with self._changed:
            quiet = self._changed.wait_for(lambda: all(count <= 0 for count in self._expected.values()), PATIENCE)
            assert quiet, f"no webhook {+self._expected}"

    def deliver_shuffled(self, storm: Storm) -> None:
        with self._changed:
            aside, self._aside = self._aside, []
        self._deliver_all(aside, storm)

    def deliver_late(self, storm: Storm) -> None:
        with self._changed:
            late, self._late = self._late, []
        self._deliver_all(late, storm)

    def _carry(self, name: str, payload: bytes, fate: str, storm: Storm) -> None:
        if fate == SHUFFLED:
            with self._changed:
                self._aside.append((name, payload))
                full = len(self._aside) >= HANDFUL
            if full:
                self.deliver_shuffled(storm)
        elif fate == LATE:
            with self._changed:
                self._late.append((name, payload))
        elif fate == FIVE_TIMES:
            crowd = [threading.Thread(target=self._deliver, args=(payload,)) for _ in range(5)]
            [thread.start() for thread in crowd]
            [thread.join() for thread in crowd]
        elif fate != DROPPED:
            self._deliver(payload)

    def _deliver_all(self, held: list[tuple[str, bytes]], storm: Storm) -> None:
        held.sort(key=lambda each: each[0])
        Random(str(storm.seed)).shuffle(held)
        for _, payload in held:
            self._deliver(payload)

    def _deliver(self, payload: bytes) -> None:
        """As Stripe does: signed anew for each try, and tried again where it was refused.

        The portal refuses what was signed minutes ago, and a test may move its clock by days just then.
        """
        answer = 0
        for _ in range(3):
            signed_at = int(time.time())
            signature = hmac.new(self.secret.encode(), b"%d.%s" % (signed_at, payload), hashlib.sha256).hexdigest()
            answer = self.portal(payload, f"t={signed_at},v1={signature}")
            if answer == 200:
                return
        self.refused.append(answer)


def event_of(method: str, path: str, answer: bytes) -> tuple[str, str] | None:
    """The webhook that Stripe sends because of what it has just answered: its type, and what it is about."""
    about = re.search(r"/payment_intents/(\w+)/(?:confirm|_authenticate)\b", path)
    if method != "POST" or not about:
        return None
    found = json.loads(answer)
    if found.get("status") == "succeeded":
        return "payment_intent.succeeded", about[1]
    if found.get("error", {}).get("charge"):
        return "payment_intent.payment_failed", about[1]
    return None
