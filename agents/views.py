"""The agents' programme, and an agent's own pages: the link to share, clients, and what they bring."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import CustomerRequest, customers_only, open_accounts_only
from accounts.models import Account
from agents import approval, commission_chart, commissions, qr_codes
from agents.forms import ApplicationForm, MonthForm
from agents.models import Agent
from billing import ledger
from billing.views.responses import SeeOther
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import ZERO

CLIENTS_A_PAGE = 25


@require_safe
@login_not_required
def agents(request: HttpRequest) -> HttpResponse:
    """What the programme is, for everybody; for an agent, the link, the clients and the commission."""
    account = request.account  # type: ignore[attr-defined]
    agent = _agent_of(account) if account else None
    if agent is None or not agent.has_been_approved:
        context = {"account": account, "agent": agent, "default": approval.DEFAULT_PERCENT}
        return render(request, "agents/programme.html", context)
    today = clock.today()
    ledger_account = ledger.of(account)
    earned = commissions.by_month(ledger_account)
    months = commissions.last_twelve(earned, today=today)
    page = Paginator(commissions.clients_of(account), CLIENTS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "agent": agent,
        "account": account,
        "this_month": earned.get(today.replace(day=1), ZERO),
        "all_time": sum(earned.values(), ZERO),
        "still_owed": commissions.still_owed(ledger_account),
        "earned": earned,
        "newest_first": list(months.items())[::-1],
        "chart": commission_chart.drawn(months),
        "page": page,
        "clients": commissions.with_commission(ledger_account, list(page.object_list), today=today),
    }
    return render(request, "agents/agent.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@open_accounts_only
def agents_apply(request: CustomerRequest) -> HttpResponse:
    """The application; the page of the programme says what became of it."""
    agent = _agent_of(request.account)
    if agent and agent.state != Agent.State.DECLINED:
        return redirect("agents")
    form = ApplicationForm(request.POST or None, instance=agent)
    status = 422 if form.is_bound else 200
    if form.is_valid():
        try:
            approval.apply(account=request.account, now=clock.now(), **form.cleaned_data)
        except Refused as refused:
            form.add_error("agent_id" if isinstance(refused, approval.IdTaken) else None, refused)
            status = 409
        else:
            messages.success(request, "We have your application. We write to you as soon as we have looked at it.")
            return SeeOther("agents")
    context = {"form": form, "account": request.account, "email_is_confirmed": request.account.email_is_confirmed}
    return render(request, "agents/apply.html", context, status=status)


@require_safe
@customers_only
def agents_commission(request: CustomerRequest) -> HttpResponse:
    """Who brought what, month by month."""
    agent = _agent(request.account)
    ledger_account = ledger.of(agent.account)
    earned = commissions.by_month(ledger_account)
    form = MonthForm(request.GET, months=list(earned))
    month = form.chosen
    page = Paginator(commissions.by_client(ledger_account, month=month), CLIENTS_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "form": form,
        "month": month,
        "page": page,
        "shares": commissions.shares(page.object_list),
        "total": earned[month] if month else sum(earned.values(), ZERO),
    }
    return render(request, "agents/commission.html", context)


@require_safe
@customers_only
def agents_commission_csv(request: CustomerRequest) -> HttpResponse:
    agent = _agent(request.account)
    ledger_account = ledger.of(agent.account)
    month = MonthForm(request.GET, months=list(commissions.by_month(ledger_account))).chosen
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    of_the_month = f"-{month:%Y-%m}" if month else ""
    response["Content-Disposition"] = f'attachment; filename="commission-{agent}{of_the_month}.csv"'
    commissions.write_csv(commissions.shares(commissions.by_client(ledger_account, month=month)), response)
    return response


@require_safe
@customers_only
def agents_qr_code(request: CustomerRequest) -> HttpResponse:
    """The agent's link to be scanned, as a picture that can be downloaded and printed at any size."""
    agent = _agent(request.account)
    if not agent.takes_clients:
        raise Http404
    return HttpResponse(qr_codes.svg(agent.link), content_type="image/svg+xml")


def _agent_of(account: Account) -> Agent | None:
    """What became of the account's application, if there is one."""
    return Agent.objects.select_related("account").filter(account=account).first()


def _agent(account: Account) -> Agent:
    """The agent that this account is or was; nobody else has these pages."""
    agent = _agent_of(account)
    if agent is None or not agent.has_been_approved:
        raise Http404
    return agent
