import re

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.addresses import AddressForm


def profile(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("profile")


def forgot(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse("forgot")


@require_POST
@login_not_required
def address_fields(request: HttpRequest) -> HttpResponse:
    """The fields of an address for the country just chosen, with what was typed before: a fragment."""
    prefix = request.GET.get("prefix", "billing")
    # It becomes an element's id and part of a selector.
    if not re.fullmatch(r"[a-z]{1,20}", prefix):
        raise Http404
    form = AddressForm.typed(request.POST, prefix=prefix)
    return render(request, "accounts/_address_fields.html", {"form": form})
