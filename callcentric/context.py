"""What every template knows about this installation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from callcentric import clock


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "OPERATOR": settings.OPERATOR,
        "PORTAL_DEV": settings.PORTAL_DEV,
        "moved_to": clock.today() if clock.is_moved() else None,
    }
