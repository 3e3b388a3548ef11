"""Stands between the portal and localstripe: adds what localstripe lacks, and breaks the network when told to.

Like Stripe, it answers a request whose idempotency key it has seen with the answer it gave then, and refuses such a
key with other parameters. Faults come one by one, in the order they were asked for::

    proxy.fail_next("/confirm$", "timeout_after")

From another process: POST /_faults with {"path": ..., "fault": ...}.

Or a seed decides for each request and each webhook, see tests/stripe_storm.py: ``carry_webhooks`` has localstripe's
webhooks come through here as well, and from ``unleash`` to ``calm`` they and the requests go wrong.
"""

import hashlib
import http.client
import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.stripe_storm import EARLY, Storm, Webhooks, event_of

TIMEOUT_BEFORE = "timeout_before"  # nothing reaches localstripe, and no answer comes
TIMEOUT_AFTER = "timeout_after"  # localstripe has done it, and no answer comes
BROKEN = "500"
BUSY = "429"
FAULTS = {TIMEOUT_BEFORE, TIMEOUT_AFTER, BROKEN, BUSY}

# localstripe hangs up after a minute without a word; seconds.
LINE_LASTS = 20
# Where localstripe shall send its webhooks.
WEBHOOKS = "/_webhooks"
# The portal's own requests say so; those of browsers, which tests make, are left in peace by a storm.
FROM_PORTAL = "x-stripe-client-user-agent"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Known:
    """One idempotency key: what was asked under it, and what was answered."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asked: str = ""
    answer: Answer | None = None


class StripeProxy:
    def __init__(self, port: int, target_port: int) -> None:
        self.target_port = target_port
        self.storm = Storm(None)
        self.webhooks: Webhooks | None = None
        self.asked: list[tuple[str, str]] = []
        self._faults: list[tuple[str, str]] = []
        self._known: dict[str, Known] = defaultdict(Known)
        self._lock = threading.Lock()
        self._lines: list[tuple[float, http.client.HTTPConnection]] = []
        # How long "no answer" lasts before the line goes dead. Longer than the portal's patience, it is a time-out;
        # at once, it is the same to the portal and depends on nobody's speed.
        self.silence_seconds = 0.0
        self._silence = threading.Event()
        self._server = Server(("127.0.0.1", port), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._silence.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for _, line in self._lines:
            line.close()

    def fail_next(self, path: str, fault: str) -> None:
        """Let the next request whose path matches the pattern ``path`` go wrong."""
        assert fault in FAULTS
        self._faults.append((path, fault))

    def carry_webhooks(self, portal: Callable[[bytes, str], int], secret: str) -> None:
        """Carry localstripe's webhooks to ``portal``. It has to be told to send them to ``WEBHOOKS`` here."""
        self.webhooks = Webhooks(portal, secret)

    def unleash(self, seed: int | None) -> None:
        """Let what the seed decides go wrong from now on."""
        self.storm = Storm(seed)

    def calm(self) -> None:
        """Everything goes well again. What was held back to be shuffled comes now; what is late stays late."""
        self.storm.calm = True
        if self.webhooks:
            self.webhooks.deliver_shuffled(self.storm)
            self.webhooks.wait_for_all()

    def deliver_late(self) -> None:
        """The webhooks that were held back for days come now."""
        if self.webhooks:
            self.webhooks.deliver_late(self.storm)

    def reset(self) -> None:
        """Forget the faults that nothing has met, the keys, and what was asked: a new test is a new world."""
        with self._lock:
            self._faults.clear()
            self._known.clear()
            self.asked.clear()
            self.storm = Storm(None)
            self.webhooks = None
        self.silence_seconds = 0.0
        self._silence.set()
        self._silence = threading.Event()

    def count(self, method: str, path: str) -> int:
        """How many requests have reached localstripe since the last reset."""
        return sum(asked[0] == method and re.search(path, asked[1]) is not None for asked in self.asked)

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """The answer; None where none is given."""
        if path == "/_faults":
            self.fail_next(**json.loads(body))
            return Answer(204, [], b"")
        if path == WEBHOOKS:
            if self.webhooks:
                self.webhooks.take(body, self.storm)
            return Answer(200, [], b"")
        fault = self._fault_for(method, path, headers, body)
        if fault in (BROKEN, BUSY):
            return _error(int(fault), "api_error" if fault == BROKEN else "rate_limit_error")
        if fault == TIMEOUT_BEFORE:
            self._silence.wait(self.silence_seconds)
            return None
        answer = self._once(method, path, headers, body)
        if fault == TIMEOUT_AFTER:
            self._silence.wait(self.silence_seconds)
            return None
        return answer

    def _once(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        key = headers.get("idempotency-key")
        if method != "POST" or not key:
            return self._pass_on(method, path, headers, body)
        known = self._known[key]
        asked = hashlib.sha256(path.encode() + b"\n" + body).hexdigest()
        with known.lock:
            if known.answer is None:
                known.asked, known.answer = asked, self._pass_on(method, path, headers, body)
            elif known.asked != asked:
                return _error(400, "idempotency_error")
            return known.answer

    def _pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            self.asked.append((method, path))
        sent = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
        answer = self._ask_localstripe(method, path, sent, body)
        if self.webhooks:
            self._see_webhook_off(method, path, answer)
        return answer

    def _ask_localstripe(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """On a line that is kept for the next who asks: to connect anew costs more than most answers."""
        line = self._line()
        try:
            line.request(method, path, body or None, headers)
            response = line.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
            answer = Answer(response.status, kept, response.read())
        except BaseException:
            line.close()
            raise
        with self._lock:
            self._lines.append((time.monotonic(), line))
        return answer

    def _line(self) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                used_at, line = self._lines.pop() if self._lines else (None, None)
            if line is None:
                return http.client.HTTPConnection("127.0.0.1", self.target_port, timeout=30)
            if line.port == self.target_port and time.monotonic() - used_at < LINE_LASTS:
                return line
            line.close()

    def _see_webhook_off(self, method: str, path: str, answer: Answer) -> None:
        """One that is early comes to the portal before the answer does."""
        self.storm.learn(answer.body)
        event = event_of(method, path, answer.body)
        if event:
            self.webhooks.expect(*event)
            if self.storm.fate_of(self.storm.name_event(*event)) == EARLY:
                self.webhooks.wait_for(*event)

    def _fault_for(self, method: str, path: str, headers: dict[str, str], body: bytes) -> str | None:
        with self._lock:
            for fault in self._faults:
                if re.search(fault[0], path.partition("?")[0]):
                    self._faults.remove(fault)
                    return fault[1]
        if FROM_PORTAL in headers:
            return self.storm.fault_of(self.storm.name_request(method, path, body))
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A caller that has hung up is what some tests are about."""


def _handler_of(proxy: StripeProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # The line stays open for the next request, as Stripe's does.
        protocol_version = "HTTP/1.1"
        # Else the second half of each answer waits for the first to be acknowledged.
        disable_nagle_algorithm = True

        def do(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = proxy.handle(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = do_OPTIONS = do  # noqa: N815

        def log_message(self, *args):
            pass

    return Handler


def _error(status: int, kind: str) -> Answer:
    body = json.dumps({"error": {"type": kind, "message": kind}}).encode()
    return Answer(status, [("Content-Type", "application/json")], body)
