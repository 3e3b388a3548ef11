"""Run the Procfile's processes until one of them ends or a signal comes.

A process of its own, so that the runner keeps its hands free, and so that somebody is left to end the
processes when the runner is killed.
"""

import contextlib
import os
import sys
from pathlib import Path

from honcho.environ import expand_processes, parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

from callcentric.local import processes
from callcentric.local.tether import adopt_orphans

PROCFILE = Path(__file__).parents[2] / "Procfile"


class PatientPrinter(Printer):
    """Goes on when nobody listens any more: a closed terminal must not keep processes from being ended."""

    def write(self, message: Message) -> None:
        with contextlib.suppress(OSError):
            super().write(message)


def main() -> int:
    adopt_orphans()
    manager = Manager(PatientPrinter(sys.stdout))
    for process in expand_processes(parse_procfile(PROCFILE.read_text()).processes):
        manager.add_process(process.name.removesuffix(".1"), process.cmd, env=os.environ | process.env)
    try:
        manager.loop()
    finally:
        processes.end_descendants()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main())
