"""Who is asking: puts the customer's account on the request, and keeps staff in the admin."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.models import Account


class CustomerMiddleware:
    """Sets ``request.account``: the account of whoever is logged in, or None for visitors and staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.account = SimpleLazyObject(lambda: _account_of(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def _account_of(request: HttpRequest) -> Account | None:
    if not request.user.is_authenticated:
        return None
    accounts = Account.objects.select_related("user", "billing_address", "service_address")
    return accounts.filter(user=request.user).first()
