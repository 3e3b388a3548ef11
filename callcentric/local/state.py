"""The data folder: one runner at a time, and the ports and secrets its servers keep from start to start."""

import contextlib
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path


class CannotStart(Exception):
    """Why the portal does not start, in one line that says what to do."""


def write_private(file: Path, text: str) -> None:
    """Replace ``file`` by ``text`` in one step, readable by its owner alone."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(text)
    new.replace(file)


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as candidate:
        # As servers do: a port whose last connections are still fading away counts as free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


class State:
    """One data folder, made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / "log"
        self._file = self.folder / "state.json"
        with self._writable():
            self.log.mkdir(parents=True, exist_ok=True)
            self._kept = self._read()

    @contextlib.contextmanager
    def locked(self, busy: str) -> Iterator[None]:
        """Hold the folder until the block or the process ends; ``busy`` is what to say when another does."""
        with self._writable():
            lock = (self.folder / "lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CannotStart(busy) from None
            # Again, now that nobody else writes it.
            self._kept = self._read()
            yield

    def secret(self, name: str, prefix: str = "") -> str:
        """A random text, the same at every start."""
        if name not in self._kept:
            self._keep(name, prefix + secrets.token_urlsafe(32).replace("-", "a").replace("_", "b"))
        return str(self._kept[name])

    def port(self, name: str) -> int:
        """The port of the server ``name``: the one it had, unless somebody else listens there by now."""
        kept = self._kept.get(name)
        if isinstance(kept, int) and is_free(kept):
            return kept
        self._keep(name, free_port())
        return int(self._kept[name])

    @contextlib.contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CannotStart(
                f"Cannot write to {self.folder} ({error.strerror}): set PORTAL_DATA to a writable folder."
            ) from error

    def _read(self) -> dict[str, str | int]:
        try:
            kept = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            # Missing or damaged: new ports and secrets do as well, the servers take them at their next start.
            return {}
        return kept if isinstance(kept, dict) else {}

    def _keep(self, name: str, value: str | int) -> None:
        self._kept[name] = value
        with self._writable():
            write_private(self._file, json.dumps(self._kept, indent=2) + "\n")
