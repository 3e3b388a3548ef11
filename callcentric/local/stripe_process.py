"""Run localstripe beside others: ``python stripe_process.py STATE_FILE PORT [SECONDS]``.

localstripe is made to run once per machine. It keeps all it knows in ``/tmp/localstripe.pickle``, so that two
of them overwrite each other's cards, and it listens on every network of the machine. Neither has a setting,
so this process answers differently to two calls before it hands over: ``open`` of that one path, and ``bind``
of a socket. It also lets each webhook wait for a second; where SECONDS are given, it waits so long instead.

localstripe is under the GPL: it runs here, in a process of its own, and no module of the portal imports it.
"""

import asyncio
import builtins
import os
import runpy
import socket
import sys
from types import SimpleNamespace
from typing import Any

ITS_STATE = "/tmp/localstripe.pickle"  # noqa: S108
_open = builtins.open


class LoopbackSocket(socket.socket):
    """Listens on 127.0.0.1 where "everywhere" is asked for: others stay out, and IPv6 may be missing."""

    def __init__(self, family: int = -1, *args: Any, **kwargs: Any) -> None:
        super().__init__(socket.AF_INET if family == socket.AF_INET6 else family, *args, **kwargs)

    def bind(self, address: Any) -> None:
        super().bind(("127.0.0.1", address[1]) if address[0] == "::" else address)


class StateFile:
    """Writes beside the state file, then takes its place: a kill in the middle leaves the state as it was."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.new = _open(path + ".new", "wb")

    def __enter__(self) -> Any:
        return self.new

    def __exit__(self, kind: Any, *details: Any) -> None:
        self.new.close()
        if kind is None:
            os.replace(self.new.name, self.path)


def send_webhooks_after(seconds: float) -> None:
    from localstripe import webhooks  # type: ignore[import-untyped]

    async def sleep(_: float) -> None:
        await asyncio.sleep(seconds)

    webhooks.asyncio = SimpleNamespace(sleep=sleep, ensure_future=asyncio.ensure_future)


def main(state_file: str, port: str, webhooks_after: str = "") -> None:
    def open_elsewhere(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if file != ITS_STATE:
            return _open(file, mode, *args, **kwargs)
        return StateFile(state_file) if "w" in mode else _open(state_file, mode, *args, **kwargs)

    builtins.open = open_elsewhere
    socket.socket = LoopbackSocket  # type: ignore[misc]
    if webhooks_after:
        send_webhooks_after(float(webhooks_after))
    sys.argv = ["localstripe", "--port", port]
    runpy.run_module("localstripe", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
