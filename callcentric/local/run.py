"""``make run``: the servers, the data, then web, worker and beat; and all of it ended together.

1. Hold the data folder, and end what a killed run left in it.
2. Start PostgreSQL, Valkey and localstripe, each unless the environment names another one.
3. Write the variables they make into the data folder, for ``manage.py`` in another terminal.
4. Prepare the data: migrations, catalogue, coverage, demo customers. Each step can run again.
5. Start the Procfile's processes, wait until the portal says it is well, and print where it is.
6. Wait for Ctrl-C, or for one of them to end; then stop everything, last started first.
"""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from callcentric.local import processes, variables
from callcentric.local.embedded import Embedded
from callcentric.local.progress import say
from callcentric.local.state import CannotStart, State, is_free

ROOT = Path(__file__).parents[2]
WELL_SECONDS = 120


def run(folder: Path, *, port: int) -> None:
    """Serve until told to stop."""
    began = time.monotonic()
    state = State(folder)
    with state.locked(f"A portal already runs on {state.folder}: stop that one, or set PORTAL_DATA to another folder."):
        if not is_free(port):
            raise CannotStart(f"Port {port} is taken: say `PORT={port + 1} make run` for another one.")
        with Embedded(state) as embedded:
            environment = _start_servers(embedded, site_url=f"http://127.0.0.1:{port}")
            _prepare(environment)
            portal = processes.start(
                [sys.executable, "-m", "callcentric.local.supervise"],
                environment=environment | {"PORT": str(port)},
                folder=ROOT,
            )
            try:
                _wait_until_well(portal, port)
                embedded.note_processes()
                _greet(state, port, seconds=time.monotonic() - began)
                _watch(portal, embedded)
            finally:
                say("Stopping.")
                processes.stop(portal)


def _start_servers(embedded: Embedded, *, site_url: str) -> dict[str, str]:
    """The environment for everything that runs on the servers."""
    embedded.start_database()
    embedded.start_broker()
    embedded.start_card_processor(site_url=site_url)
    basics = variables.basics(embedded.state, site_url=site_url)
    # What the user has set wins, one variable at a time; the data folder is named so that it fits from anywhere.
    chosen = {name: os.environ.get(name) or value for name, value in (basics | embedded.variables).items()}
    chosen["PORTAL_DATA"] = basics["PORTAL_DATA"]
    variables.write(embedded.state.folder / "env", chosen)
    # `python` in the Procfile is this one, and its lines appear as they are written.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **chosen, "PATH": path, "PYTHONUNBUFFERED": "1"}


def _prepare(environment: Mapping[str, str]) -> None:
    say("Preparing the data:")
    if processes.start([sys.executable, "manage.py", "prepare"], environment=environment, folder=ROOT).wait():
        raise CannotStart("The data could not be prepared: the reason stands above.")


def _wait_until_well(portal: subprocess.Popen[bytes], port: int) -> None:
    answer = "nothing"
    deadline = time.monotonic() + WELL_SECONDS
    while time.monotonic() < deadline:
        if portal.poll() is not None:
            raise CannotStart("The portal ended before it could serve: the reason stands above.")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30):
                return
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
        except OSError:
            # Nobody listens yet.
            pass
        time.sleep(0.2)
    raise CannotStart(f"The portal is not well after {WELL_SECONDS} seconds; /healthz says: {answer}")


def _greet(state: State, port: int, *, seconds: float) -> None:
    say(
        f"""
The portal is up after {seconds:.1f} s: http://127.0.0.1:{port}

  customer  demo   portal-demo
  agent     agent  portal-demo
  staff     admin  portal-demo  (http://127.0.0.1:{port}/admin/)

Clock, sent e-mails and test cards: http://127.0.0.1:{port}/dev/
Data and logs: {state.folder}
Ctrl-C stops everything.
"""
    )


def _watch(portal: subprocess.Popen[bytes], embedded: Embedded) -> None:
    while portal.poll() is None:
        embedded.check()
        time.sleep(0.5)
    raise CannotStart("A part of the portal ended: the reason stands above.")
