"""Pages for what cannot be shown: each says what happened and where to go on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "problems/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "problems/403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "problems/404.html", status=404)


def expired_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What Django shows where the CSRF token is missing or old: mostly a form that was open too long."""
    referer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure())
    return render(request, "problems/csrf.html", {"back": referer if is_ours else ""}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without context processors: what failed may be the database they ask."""
    return HttpResponse(render_to_string("problems/500.html"), status=500)
