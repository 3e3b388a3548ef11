"""The portal's web server as it runs in production, on the database of this test or measurement.

For what needs more than one process, or more clients than Django's own test server listens to.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

from django.db import connection

STARTS_WITHIN = 30


@contextmanager
def running_server() -> Iterator[tuple[str, int]]:
    """Its host and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "callcentric.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--threads", "4", "--log-level", "critical", "--no-control-socket"]
    environment = os.environ | {"DATABASE_URL": _same_database(), "ALLOWED_HOSTS": "127.0.0.1", "LOG_LEVEL": "CRITICAL"}
    # It would log every refusal of a race.
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield "127.0.0.1", port
    finally:
        server.terminate()
        server.wait()


def _same_database() -> str:
    """The address of the database that this process is connected to, which is not the one of its environment."""
    name = str(connection.settings_dict["NAME"])
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{quote(name)}"))


def _wait_for(port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"The web server did not start within {STARTS_WITHIN} s.")
