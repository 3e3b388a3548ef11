"""The commands behind the Makefile: ``python -m callcentric.local ...``

run                 the portal on PORT, with its data in PORTAL_DATA
test -- COMMAND...  a command beside servers of its own, which need not survive a crash
bench -- COMMAND... the same, with servers that write as in production
"""

import os
import signal
import sys
from pathlib import Path

from callcentric.local.postgres import THROW_AWAY
from callcentric.local.rehearse import rehearse
from callcentric.local.run import ROOT, run
from callcentric.local.state import CannotStart
from callcentric.local.stopping import Stopped, raise_when_asked
from callcentric.local.tether import die_with_parent


def main(arguments: list[str]) -> int:
    raise_when_asked()
    if "MAKELEVEL" in os.environ:
        # `make` may be killed before it can pass that on.
        die_with_parent(signal.SIGTERM)
    folder = Path(os.environ.get("PORTAL_DATA") or ROOT / ".local")
    try:
        match arguments:
            case ["run"]:
                run(folder, port=_port())
            case ["test", "--", *command] if command:
                return rehearse(command, folder=folder / "test", settings=THROW_AWAY)
            case ["bench", "--", *command] if command:
                return rehearse(command, folder=folder / "bench", settings={})
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    except Stopped as stopped:
        # For a portal that is the end it was made for; a test run that did not finish has not passed.
        return 0 if arguments == ["run"] else 128 + stopped.signum
    return 0


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise CannotStart(f"PORT is {text}: it must be a number from 1 to 65535.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
