"""Shows a customer's pages to staff who look at them, so that nothing is changed by it."""

from collections.abc import Callable
from typing import Any

import structlog
from django.contrib import messages
from django.db import InternalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from psycopg.errors import ReadOnlySqlTransaction

from accounts.access import LOOKING
from billing.stripe_api import TransactionIsOpen
from callcentric import clock
from staff import looking

# Below accounts/ everything else is about the login of whoever asks, or asks for the customer's password.
SHOWN_OF_ACCOUNTS = "profile"


class LookingMiddleware:
    """Sets ``request.looking``; while it is set, ``request.account`` is the account that staff look at.

    The page is answered in a transaction in which PostgreSQL refuses every change, and that is rolled back.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Lazy: what needs no session must not ask for it.
        request.looking = SimpleLazyObject(lambda: _look_of(request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        if getattr(request, "names_a_customer", False):
            response["Cache-Control"] = "private, no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        page = request.resolver_match
        if page is None or page.view_name in ("healthz", "account_logout") or _is_staffs_own(request):
            return None
        look = request.looking  # type: ignore[attr-defined]
        if not look:
            # A form of the page that was looked at must not become a deed of whoever looked.
            has_just_ended = getattr(request, "look_has_ended", False) and request.method not in LOOKING
            return _refused(request, "over") if has_just_ended else None
        structlog.contextvars.bind_contextvars(looks_at=look.account.pk)
        request.account = look.account  # type: ignore[attr-defined]
        if request.method not in LOOKING:
            return _refused(request, "changes")
        if page.route.startswith("accounts/") and page.view_name != SHOWN_OF_ACCOUNTS:
            return _refused(request, "login")
        return _shown(request, lambda: view(request, *args, **kwargs))


def _shown(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION READ ONLY")
            # All of it, as long as the transaction lasts.
            response = view()
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            if response.streaming:
                response.streaming_content = list(response)  # type: ignore[attr-defined]
            # With it go the tasks that were to be sent.
            transaction.set_rollback(True)
    except InternalError as error:
        if not isinstance(error.__cause__, ReadOnlySqlTransaction):
            raise
        return _refused(request, "writes")
    except TransactionIsOpen:
        return _refused(request, "asks")
    return response


def _look_of(request: HttpRequest) -> looking.Look | None:
    if looking.SESSION_KEY not in request.session:
        return None
    look = looking.current(by=request.user, session=request.session, now=clock.now())  # type: ignore[arg-type]
    if look is None:
        request.look_has_ended = True  # type: ignore[attr-defined]
        messages.info(request, "You are no longer looking at a customer's pages: the half hour is over.")
    else:
        # In the banner of every page, those of errors too.
        request.names_a_customer = True  # type: ignore[attr-defined]
    return look


def _is_staffs_own(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    """Says in words why it is not shown or done; the banner above says whose pages these are."""
    return render(request, "staff/not_shown.html", {"why": why}, status=403)
