"""Which data the places come from."""

from django.db import models

from callcentric import clock


class CoverageLoad(models.Model):
    """Places and prefixes were loaded from this data; while it is the newest, there is nothing to load."""

    data = models.CharField(max_length=200)
    loaded_at = models.DateTimeField(default=clock.now)

    class Meta:
        get_latest_by = "pk"

    def __str__(self) -> str:
        return self.data
