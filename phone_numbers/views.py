"""The public coverage tool."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from callcentric import clock
from phone_numbers import coverage as coverage_tool
from phone_numbers import map as coverage_map
from phone_numbers.forms import LocationForm, SearchForm
from phone_numbers.local_calling import KILOMETRES
from phone_numbers.models import PhoneNumber, RateCenter, RateCenterQuerySet, regions_with_available

PLACES_A_PAGE = 30


@require_safe
@login_not_required
def coverage(request: HttpRequest) -> HttpResponse:
    """Search, or choose step by step; at first with a map."""
    if request.GET.get("q", "").strip():
        return _search(request)
    # Only an address without a choice is sure to need the map.
    regions = None if request.GET else regions_with_available()
    form = LocationForm(request.GET, regions=regions)
    context: dict[str, Any] = {"search": SearchForm(), "form": form}
    if not form.is_valid():
        return render(request, "phone_numbers/coverage.html", context, status=422)
    if form.place and "show" not in request.GET:
        return redirect("coverage_area", form.place.pk)
    if form.region and "region" in request.GET:
        context |= {"region": form.region} | _page(request, RateCenter.objects.filter(region=form.region).in_order())
    else:
        context["map"] = coverage_map.drawn(regions or regions_with_available()) if form.regions else None
    return render(request, "phone_numbers/coverage.html", context)


@require_safe
@login_not_required
def coverage_area(request: HttpRequest, area: int) -> HttpResponse:
    """What is sold at one place, what is in stock there, and what is local to it."""
    place = get_object_or_404(RateCenter.objects.to_show(), pk=area)
    answer = coverage_tool.answer_at(place, today=clock.today())
    context: dict[str, Any] = {"answer": answer, "search": SearchForm()}
    asked = request.GET.get("number", "").replace("\x00", "")[:15]
    if asked:
        here = PhoneNumber.objects.in_stock().filter(digits=asked, rate_center=place)
        # Where nothing is available, a number that is in stock is promised to somebody who waits.
        context["number"] = here.first() if answer.available else None
        context["is_gone"] = not context["number"]
    return render(request, "phone_numbers/area.html", context)


def _search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    if not form.is_valid():
        return render(request, "phone_numbers/search.html", {"search": form}, status=422)
    question = form.cleaned_data["q"]
    numbers = coverage_tool.numbers(question)
    context: dict[str, Any] = {"search": form, "question": question, "numbers": numbers}
    context["has_more"] = len(numbers) == coverage_tool.NUMBERS_SHOWN
    if not question.ending:
        context |= _page(request, coverage_tool.places(question))
    if not (context["numbers"] or context.get("rows")):
        context |= {"instead": coverage_tool.alternatives(question), "kilometres": KILOMETRES}
    return render(request, "phone_numbers/search.html", context)


def _page(request: HttpRequest, places: RateCenterQuerySet) -> dict[str, Any]:
    """One page of places, and how long a number takes where there is none."""
    places = places.to_show()
    pages = Paginator(places, PLACES_A_PAGE)
    if "page" in request.GET:
        page = pages.get_page(request.GET["page"])
        shown = list(page)
    else:
        # One more than fit: where there is none more, nothing has to be counted.
        shown = list(places[: PLACES_A_PAGE + 1])
        if len(shown) <= PLACES_A_PAGE:
            pages.count = len(shown)
        page, shown = pages.page(1), shown[:PLACES_A_PAGE]
    return {"page": page, "rows": coverage_tool.with_waits(shown, today=clock.today())}
