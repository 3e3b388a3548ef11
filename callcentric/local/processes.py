"""Processes that end when the portal ends: started apart from the terminal, stopped, never left behind.

Three nets, each for what the one before lets through: the runner stops what it started; on Linux the kernel
stops it when the runner was killed (``tether``); and what is alive all the same is found in a file by the
next start.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

import psutil

TETHER = Path(__file__).with_name("tether.py")
GRACE_SECONDS = 8


class Account(NamedTuple):
    """Whose rights a process has, as numbers."""

    user: int
    group: int


def tethered(
    command: Sequence[str | Path], *, ends_by: signal.Signals = signal.SIGTERM, account: Account | None = None
) -> list[str]:
    """``command``, as ``account`` where one is given; it gets ``ends_by`` when this process ends."""
    user = f"{account.user}:{account.group}" if account else ""
    line = [sys.executable, "-IS", TETHER, os.getpid(), ends_by.value, user, *command]
    return [str(part) for part in line]


def start(
    command: Sequence[str | Path],
    *,
    log: IO[bytes] | int | None = None,
    account: Account | None = None,
    ends_by: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    said: str = "",
) -> subprocess.Popen[bytes]:
    """Start a tethered command in a session of its own, so that Ctrl-C reaches only the runner.

    ``said`` is what it reads from its standard input.
    """
    process = subprocess.Popen(
        tethered(command, ends_by=ends_by, account=account),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        cwd=folder,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )
    with contextlib.suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as standard_input:
        standard_input.write(said.encode())
    return process


def stop(process: subprocess.Popen[bytes], *, by: signal.Signals = signal.SIGTERM) -> None:
    """Ask ``process`` to end, wait for it, and insist when it takes too long."""
    process.send_signal(by)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end(processes: Iterable[psutil.Process], *, grace: float = GRACE_SECONDS) -> int:
    """End all ``processes``, politely first; how many there were."""
    found = list(processes)
    for insist in (False, True):
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill() if insist else process.terminate()
        _, found_still = psutil.wait_procs(found, timeout=grace)
        if not found_still:
            break
    return len(found)


def end_descendants() -> int:
    """End whatever this process has started, directly or not, and that still runs."""
    return end(psutil.Process().children(recursive=True))


def running_in(folder: Path, *, name: str) -> list[psutil.Process]:
    """The processes called ``name`` that work in ``folder``."""
    place = str(folder.resolve())
    return [process for process in psutil.process_iter(["name", "cwd"]) if process.info == {"name": name, "cwd": place}]


class Register:
    """A file of the processes that run for one data folder, so that a later start can end what was left."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self) -> None:
        """Note every process that runs on behalf of this one now."""
        noted = [[process.pid, process.create_time()] for process in psutil.Process().children(recursive=True)]
        # The folder is noted too: a copied data folder must not end the processes of the original.
        self.file.write_text(json.dumps({"folder": str(self.file.parent), "processes": noted}))

    def clear(self) -> None:
        self.file.unlink(missing_ok=True)

    def reap(self) -> int:
        """End the noted processes that are still alive; how many there were."""
        return end(self._alive())

    def _alive(self) -> list[psutil.Process]:
        try:
            noted = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return []
        if noted.get("folder") != str(self.file.parent):
            return []
        found = []
        for pid, created in noted["processes"]:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                # A number alone may belong to a stranger by now; with the time it was started it cannot.
                if abs(process.create_time() - created) < 1:
                    found.append(process)
        return found
