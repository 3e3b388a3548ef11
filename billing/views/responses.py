"""Where a customer goes after something was done."""

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


class SeeOther(HttpResponseRedirect):
    """The answer to a POST: go there with a GET, so that going back or reloading sends nothing again."""

    status_code = 303

    def __init__(self, to: str, *args: object) -> None:
        super().__init__(resolve_url(to, *args))


def next_page(request: HttpRequest) -> str:
    """The page of ours that ``next`` names, or nothing: an address elsewhere is never followed."""
    page = request.POST.get("next") or request.GET.get("next") or ""
    # A path from the root: a word alone would be taken for the name of a view.
    allowed = page.startswith("/") and url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return page if allowed else ""
