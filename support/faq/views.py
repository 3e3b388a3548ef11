"""The pages of the FAQ, open to everybody."""

from itertools import groupby
from typing import Any

from allauth.core.internal import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from callcentric import clock
from support.faq import misses, readers, rendering, search
from support.faq.forms import FaqSearchForm
from support.faq.models import SEARCHED, FaqCategory, FaqQuestion

# Every page has forms with a visitor's own token, and some have a customer's own amounts: no cache may share them.
# The text that everybody reads alike is kept in rendering.py.
not_shared = cache_control(private=True)


@require_safe
@login_not_required
@not_shared
def faq(request: HttpRequest) -> HttpResponse:
    questions = FaqQuestion.objects.published().defer("answer", *SEARCHED).in_order()
    sections = [(category, list(found)) for category, found in groupby(questions, lambda found: found.category)]
    return render(request, "faq/faq.html", {"search": FaqSearchForm(), "sections": sections})


@require_safe
@login_not_required
@not_shared
def faq_category(request: HttpRequest, category: str) -> HttpResponse:
    found = get_object_or_404(FaqCategory, slug=category)
    context = {"search": FaqSearchForm(), "category": found, "questions": _titles(found), "categories": _categories()}
    return render(request, "faq/category.html", context)


@require_safe
@login_not_required
@not_shared
def faq_question(request: HttpRequest, category: str, question: str) -> HttpResponse:
    """One answer, with what is true of the reader, if that is a customer."""
    found = get_object_or_404(FaqQuestion.objects.published(), category__slug=category, slug=question)
    siblings = _titles(found.category)
    answer = rendering.filled(found.answer, rendering.prices(clock.today()))
    context: dict[str, Any] = {"question": found, "answer": rendering.as_html(answer), "siblings": siblings}
    context |= {"search": FaqSearchForm(), "pages": rendering.pages(found.links)}
    context["before"], context["after"] = _neighbours(found, siblings)
    account = getattr(request, "account", None) if found.reader else None
    if account:
        own = readers.own(found.reader, account=account, today=clock.today())
        context |= {"own": own, "own_page": rendering.address_of(f"page:{own.page}") if own else None}
    response = render(request, "faq/question.html", context)
    if account:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@require_safe
@login_not_required
@not_shared
def faq_search(request: HttpRequest) -> HttpResponse:
    form = FaqSearchForm(request.GET) if request.GET.get("q", "").strip() else FaqSearchForm()
    context: dict[str, Any] = {"search": form}
    if not form.is_bound:
        return render(request, "faq/search.html", context | {"categories": _categories()})
    if not form.is_valid():
        return render(request, "faq/search.html", context | {"categories": _categories()}, status=422)
    text = form.cleaned_data["q"]
    found = search.find(text, today=clock.today())
    if not found.has_every_word and _may_be_written_down(request):
        misses.write_down(text, showed_some=bool(found.hits), now=clock.now())
    context |= {"text": text, "found": found, "most": search.SHOWN}
    if not found.hits:
        context["categories"] = _categories()
    return render(request, "faq/search.html", context)


def _may_be_written_down(request: HttpRequest) -> bool:
    """Whether somebody has searched, and not so often in vain that it is no question any more."""
    # What staff do not find is no customer's question; and nothing is written while they look at a customer's pages.
    if request.method != "GET" or request.user.is_staff:
        return False
    return bool(ratelimit.consume(request, app="allauth.account", action="faq_missed", limit_get=True))


def _titles(category: FaqCategory) -> list[FaqQuestion]:
    """The published questions of a category, without their answers."""
    return list(category.questions.published().defer("answer", *SEARCHED).in_order())


def _categories() -> list[FaqCategory]:
    """Those that have something to read."""
    published = FaqQuestion.objects.filter(is_published=True)
    return list(FaqCategory.objects.filter(pk__in=published.values("category")).order_by("position", "name"))


def _neighbours(question: FaqQuestion, siblings: list[FaqQuestion]) -> tuple[FaqQuestion | None, FaqQuestion | None]:
    """The questions before and after this one in its category."""
    place = siblings.index(question)
    before, after = siblings[max(place - 1, 0) : place], siblings[place + 1 : place + 2]
    return next(iter(before), None), next(iter(after), None)
