"""Being told to stop: Ctrl-C, a service manager, a closed terminal."""

import signal
from types import FrameType
from typing import NoReturn

ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The user wants everything ended. Not an Exception: nothing on the way may take it for a failure."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def raise_when_asked() -> None:
    """Raise Stopped wherever the program is when it is first asked; while it stops, asking again is idle."""

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        for asked in ASKED:
            signal.signal(asked, signal.SIG_IGN)
        raise Stopped(signum)

    for asked in ASKED:
        # `nohup` means it: the terminal may close.
        if asked is not signal.SIGHUP or signal.getsignal(asked) is not signal.SIG_IGN:
            signal.signal(asked, stop)
