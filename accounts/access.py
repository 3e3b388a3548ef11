"""Opens a page to customers alone: visitors are asked to log in, staff are sent to the admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import Account

P = ParamSpec("P")


class CustomerRequest(HttpRequest):
    """A request whose sender is known to hold an account."""

    account: Account


def customers_only(
    view: Callable[Concatenate[Any, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the customer's own. LoginRequiredMiddleware has asked visitors to log in before this runs.

    Staff hold no account: they work in the admin and see a customer's pages nowhere else.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.account:  # type: ignore[attr-defined]
            return redirect("admin:index")
        return view(request, *args, **kwargs)

    return guarded
