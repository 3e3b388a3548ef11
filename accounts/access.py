"""Opens a page to customers alone: visitors are asked to log in, staff are sent to the admin.

A closed account looks and changes nothing.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.models import Account

P = ParamSpec("P")
LOOKING = ("GET", "HEAD", "OPTIONS")


class CustomerRequest(HttpRequest):
    """A request whose sender is known to hold an account."""

    account: Account


def customers_only(
    view: Callable[Concatenate[Any, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page of the customer's own. LoginRequiredMiddleware has asked visitors to log in before this runs.

    Staff hold no account: they work in the admin, and see a customer's pages only as staff/looking.py lets them.
    """
    return _guarded(view, closed_may=LOOKING)


def all_customers(
    view: Callable[Concatenate[Any, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """The same, but that the page itself says what becomes of a closed account."""
    return _guarded(view, closed_may=(*LOOKING, "POST"))


def open_accounts_only(
    view: Callable[Concatenate[Any, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A page that there is only to change something: a closed account is told so at once."""
    return _guarded(view, closed_may=())


def _guarded(
    view: Callable[Concatenate[Any, P], HttpResponse], *, closed_may: tuple[str, ...]
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        account = request.account  # type: ignore[attr-defined]
        if not account:
            return redirect("admin:index")
        if account.closed_on and request.method not in closed_may:
            return render(request, "accounts/closed.html", {"account": account}, status=409)
        return view(request, *args, **kwargs)

    return guarded
