"""Files of numbers that staff load into the stock."""

from django.conf import settings
from django.db import models

from callcentric import clock


class StockLoad(models.Model):
    """One CSV file of numbers, loaded whole or not at all."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        LOADING = "loading", "Loading"
        LOADED = "loaded", "Loaded"
        REFUSED = "refused", "Nothing loaded"

    name = models.CharField("file", max_length=200)
    content = models.BinaryField(editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    numbers = models.PositiveIntegerField("numbers loaded", default=0)
    # What was wrong, a line of the file each: "Line 7: …".
    problems = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
