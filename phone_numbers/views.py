"""The public coverage tool."""

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from phone_numbers import coverage as coverage_tool
from phone_numbers.models import Region, regions_with_places

PLACES_A_PAGE = 30


class CoverageForm(forms.Form):
    q = forms.CharField(
        label="Place, area code or prefix",
        max_length=60,
        help_text="Brooklyn, 718 or 718-555",
        widget=forms.TextInput(attrs={"type": "search"}),
    )


@require_safe
@login_not_required
def coverage(request: HttpRequest) -> HttpResponse:
    is_asked = bool(request.GET.get("q", "").strip())
    form = CoverageForm(request.GET if is_asked else None)
    regions = list(regions_with_places())
    if is_asked and not form.is_valid():
        return render(request, "phone_numbers/coverage.html", {"form": form, "regions": regions}, status=422)
    question = coverage_tool.understand(form.cleaned_data["q"] if is_asked else "")
    region = _chosen(request.GET.get("region", ""), regions)
    context = {"form": form, "regions": regions, "region": region, "question": question}
    if question.text or region:
        found = coverage_tool.places(question=question, region=region)
        context["page"] = Paginator(found, PLACES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "phone_numbers/coverage.html", context)


def _chosen(code: str, regions: list[Region]) -> Region | None:
    """The region that an address such as ?region=US-NY names; 404 for one that does not exist."""
    if not code:
        return None
    for region in regions:
        if region.key == code:
            return region
    raise Http404("no such region")
