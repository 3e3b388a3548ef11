"""The cart's count, for the header of every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from orders import cart as carts


def cart(request: HttpRequest) -> dict[str, Any]:
    account = getattr(request, "account", None)
    if not hasattr(request, "session"):
        return {"cart_count": 0}
    # Lazy: pages without a header, such as fragments and the admin, do not ask.
    return {
        "cart_count": SimpleLazyObject(
            lambda: carts.count(account=account if account else None, session=request.session)
        )
    }
