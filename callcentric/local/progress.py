"""What the runner tells its user: each step as it begins, and the seconds it took."""

import contextlib
import time
from collections.abc import Iterator


def say(line: str, *, end: str = "\n") -> None:
    """Print at once; when nobody listens any more (a closed terminal), carry on."""
    with contextlib.suppress(OSError):
        print(line, end=end, flush=True)


@contextlib.contextmanager
def starting(title: str) -> Iterator[None]:
    started = time.monotonic()
    say(f"Starting {title} ... ", end="")
    try:
        yield
    except BaseException:
        say("")
        raise
    say(f"{time.monotonic() - started:.1f} s")
