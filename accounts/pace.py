"""Keeps the time an answer takes from telling whether there was somebody to write to (domain.md §4)."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

# Longer than writing an e-mail into the queue takes.
SECONDS = 0.25


def evenly_paced(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view whose answer to a POST is never quicker than the slower of its two ways."""

    @wraps(view)
    def paced(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        begun = time.monotonic()
        response = view(request, *args, **kwargs)
        if request.method == "POST":
            time.sleep(max(0.0, begun + SECONDS - time.monotonic()))
        return response

    return paced
