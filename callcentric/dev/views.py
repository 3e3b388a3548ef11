"""The pages of the development tools. Open to all: they exist on a developer's machine only."""

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from post_office.models import Email

from callcentric import clock
from callcentric.dev.cards import TEST_CARDS

MAILS_ON_TOOLS, MAILS_A_PAGE = 5, 20


class ClockForm(forms.Form):
    day = forms.DateField(label="Business date", widget=forms.DateInput(attrs={"type": "date"}))


@require_safe
@never_cache
@login_not_required
def tools(request: HttpRequest) -> HttpResponse:
    return _tools(request, ClockForm(initial={"day": clock.today()}))


@require_POST
@login_not_required
def move_clock(request: HttpRequest) -> HttpResponse:
    if "real" in request.POST:
        clock.set_real()
        return redirect("dev")
    form = ClockForm(request.POST)
    if not form.is_valid():
        return _tools(request, form, status=422)
    clock.set_today(form.cleaned_data["day"])
    return redirect("dev")


@require_safe
@never_cache
@login_not_required
def outbox(request: HttpRequest) -> HttpResponse:
    page = Paginator(Email.objects.order_by("-pk"), MAILS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "dev/outbox.html", {"page": page})


def _tools(request: HttpRequest, form: ClockForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "now": clock.now(),
        "is_moved": clock.is_moved(),
        "cards": TEST_CARDS,
        "mails": Email.objects.order_by("-pk")[:MAILS_ON_TOOLS],
        "mail_count": Email.objects.count(),
    }
    return render(request, "dev/tools.html", context, status=status)
