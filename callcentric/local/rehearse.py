"""``make test``, ``make bench``: a command beside a PostgreSQL and a Valkey of its own."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from callcentric.local import processes, variables
from callcentric.local.embedded import Embedded
from callcentric.local.state import State
from callcentric.local.stopping import Stopped

PATIENCE_SECONDS = 30


def rehearse(command: Sequence[str], *, folder: Path, settings: Mapping[str, str]) -> int:
    """The exit status of ``command``; the servers, with PostgreSQL's ``settings``, run as long as it does."""
    state = State(folder)
    busy = f"Another run holds {state.folder}: wait for its end, or set PORTAL_DATA to another folder."
    with state.locked(busy), Embedded(state) as embedded:
        embedded.start_database(settings)
        embedded.start_broker()
        # Keys and the rest are never taken from the user's environment: no test may meet the real Stripe.
        own = variables.basics(state, site_url="http://127.0.0.1:8000") | NO_STRIPE | embedded.variables
        return _finish(subprocess.Popen(processes.tethered(command), env={**os.environ, **own}))


NO_STRIPE = {
    # Nobody listens there.
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "STRIPE_SECRET_KEY": "sk_test_rehearsal",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_rehearsal",
    "STRIPE_WEBHOOK_SECRET": "whsec_rehearsal",
}


def _finish(process: subprocess.Popen[bytes]) -> int:
    try:
        status = process.wait()
    except Stopped as stopped:
        # Ctrl-C has reached the command too, and it may print a summary; other signals came to us alone.
        if stopped.signum != signal.SIGINT:
            process.terminate()
        try:
            status = process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
    return status if status >= 0 else 128 - status
