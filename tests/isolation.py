"""Gives each worker of pytest-xdist a Valkey database of its own, as pytest-django gives it a PostgreSQL database, and
a port for its localstripe.

A plugin of its own (``-p tests.isolation``), because the settings are read before any conftest.py is.
"""

import os
import socket

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_server, _, _database = os.environ["REDIS_URL"].rpartition("/")
if "PORTAL_TEST_REDIS_DATABASE" not in os.environ:
    os.environ["PORTAL_TEST_REDIS_DATABASE"] = _database
os.environ["REDIS_URL"] = f"{_server}/{int(os.environ['PORTAL_TEST_REDIS_DATABASE']) + 1 + _worker}"

# Nothing listens here until a test asks for ``stripe_server``; the settings know the place from the beginning.
with socket.socket() as _free:
    _free.bind(("127.0.0.1", 0))
    os.environ["STRIPE_API_BASE"] = f"http://127.0.0.1:{_free.getsockname()[1]}"
