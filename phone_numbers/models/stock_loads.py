"""Files of numbers that staff load into the stock."""

from typing import Self

from django.conf import settings
from django.core.cache import cache
from django.db import models
from django.db.models import Q

from callcentric import clock


class StockLoadQuerySet(models.QuerySet["StockLoad"]):
    def waiting(self) -> Self:
        """Files that nobody has loaded to the end; the oldest first."""
        return self.filter(state=StockLoad.State.WAITING).order_by("pk")


class StockLoad(models.Model):
    """One CSV file of numbers, loaded whole or not at all.

    It waits until the transaction that loads its numbers ends it: after a crash it waits still, and is loaded once.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        LOADED = "loaded", "Loaded"
        REFUSED = "refused", "Nothing loaded"

    name = models.CharField("file", max_length=200)
    content = models.BinaryField(editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING, editable=False)
    loaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", editable=False
    )
    made_at = models.DateTimeField("uploaded at", default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    numbers = models.PositiveIntegerField("numbers loaded", default=0, editable=False)
    # What was wrong: pairs of the line in the file and the reason, by line; the first thousand of how many in all.
    problems = models.JSONField(default=list, editable=False)
    problem_count = models.PositiveIntegerField("problems", default=0, editable=False)

    objects = StockLoadQuerySet.as_manager()

    class Meta:
        verbose_name = "file of numbers"
        verbose_name_plural = "files of numbers"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | ~Q(state="waiting") & Q(ended_at__isnull=False),
                name="an_ended_load_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state="refused", numbers=0, problem_count__gt=0) | ~Q(state="refused") & Q(problem_count=0),
                name="a_file_with_problems_loads_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def percent(self) -> int | None:
        """How much of the work is done; None while nobody works on it.

        It is kept outside the database, where others can read it while the transaction that loads is open.
        """
        return cache.get(self._progress_key)

    @percent.setter
    def percent(self, percent: int) -> None:
        cache.set(self._progress_key, percent, timeout=10 * 60)

    @property
    def unlisted(self) -> int:
        """How many problems there are besides those in the list."""
        return self.problem_count - len(self.problems)

    @property
    def _progress_key(self) -> str:
        return f"stock-load:{self.pk}"
