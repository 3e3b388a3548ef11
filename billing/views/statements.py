"""The monthly statements: the list, and each as a page, a PDF and a CSV file."""

from datetime import date

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, customers_only
from billing import statement_lines, statement_pdf
from billing.models import Statement
from billing.statement_lines import Contents
from callcentric import clock

STATEMENTS_A_PAGE = 24


@require_safe
@customers_only
def statements(request: CustomerRequest) -> HttpResponse:
    page = Paginator(request.account.statements.order_by("-month"), STATEMENTS_A_PAGE).get_page(request.GET.get("page"))
    today = clock.today()
    context = {
        "page": page,
        "today": today,
        "first_comes_on": None if page.object_list else statement_lines.first_comes_on(request.account, today=today),
    }
    return render(request, "billing/statements.html", context)


@require_safe
@customers_only
def statement(request: CustomerRequest, month: date) -> HttpResponse:
    return render(request, "billing/statement.html", {"contents": _contents(request, month)})


@require_safe
@customers_only
def statement_csv(request: CustomerRequest, month: date) -> HttpResponse:
    response = _download(request, month, "csv", "text/csv; charset=utf-8")
    statement_lines.write_csv(_contents(request, month), response)
    return response


@require_safe
@customers_only
def statement_pdf_file(request: CustomerRequest, month: date) -> HttpResponse:
    response = _download(request, month, "pdf", "application/pdf")
    response.write(statement_pdf.draw(_contents(request, month)))
    return response


def _contents(request: CustomerRequest, month: date) -> Contents:
    mine: Statement = get_object_or_404(
        request.account.statements.select_related("account", "billing_address"), month=month
    )
    return statement_lines.contents_of(mine)


def _download(request: CustomerRequest, month: date, ending: str, content_type: str) -> HttpResponse:
    name = f"statement-{request.account.number}-{month:%Y-%m}.{ending}"
    return HttpResponse(content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
