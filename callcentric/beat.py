"""Celery beat whose health can be asked for: ``celery beat --scheduler callcentric.beat.Scheduler``."""

from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler


class Scheduler(PersistentScheduler):
    """Touches a file beside its schedule at every tick, at least once a minute: an old one means that beat hangs.

    The schedule itself will not do: whether it is written before the end depends on the kind of dbm that Python has.
    """

    def tick(self, *args: Any, **options: Any) -> float:
        seconds_to_the_next: float = super().tick(*args, **options)
        Path(f"{self.schedule_filename}.alive").touch()
        return seconds_to_the_next
