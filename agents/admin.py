"""Agents, for staff: applications first. What they decide has a page of its own that asks for the reason."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts.asking import ReasonForm
from agents import approval
from agents.approval import DEFAULT_PERCENT, MOST_PERCENT
from agents.models import Agent
from billing.admin.read_only import ReadOnlyAdmin
from billing.models import Transfer
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import ZERO
from callcentric.templatetags.show import exact


class RateForm(ReasonForm):
    percent = forms.DecimalField(
        label="Commission, %",
        min_value=Decimal(0),
        max_value=MOST_PERCENT,
        max_digits=4,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
        help_text="Of what clients pay for services and fees, without tax: 0 to 20.",
    )
    field_order = ["percent", "reason"]

    def clean_percent(self) -> Decimal:
        """Without the sign that a zero may have."""
        return abs(self.cleaned_data["percent"])


class Deed(NamedTuple):
    """What staff can decide: what it is called, what it does, and what they are told. See approval.DECIDED_FROM."""

    title: str
    verb: Callable[..., Agent]
    form: type[ReasonForm]
    warning: str
    done: str


DEEDS = {
    "approve": Deed(
        "Approve",
        approval.approve,
        RateForm,
        "The agent gets a welcome e-mail with the Agent ID and the link, and earns from now on.",
        "{agent} is an agent now, at {agent.percent}. A welcome e-mail is on its way.",
    ),
    "decline": Deed(
        "Decline",
        approval.decline,
        ReasonForm,
        "The customer gets a friendly e-mail, and may apply again.",
        "{agent} is declined. An e-mail says so.",
    ),
    "change_rate": Deed(
        "Change the rate",
        approval.change_rate,
        RateForm,
        "It holds for what clients pay from now on. An e-mail tells the agent.",
        "{agent} earns {agent.percent} from now on. An e-mail says so.",
    ),
    "close": Deed(
        "Close the agent",
        approval.close,
        ReasonForm,
        "The link and the Agent ID refer nobody any more, and nothing more is earned. What was earned stays.",
        "{agent} is closed. An e-mail says so.",
    ),
}


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    list_display = ("agent_id", "account", "state", "rate", "clients", "earned", "applied_at", "decide")
    list_filter = ("state", "applied_at")
    list_select_related = ("account",)
    search_fields = ("agent_id", "=account__number", "account__name")
    # Applications come first by their name.
    ordering = ("state", "-applied_at")
    fields = (
        "agent_id",
        "account",
        "state",
        "rate",
        "about",
        "clients",
        "earned",
        "applied_at",
        "decided_at",
        "decide",
    )
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        return super().get_queryset(request).annotate(client_count=_client_count(), earned_sum=_earned())

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(self.decide_view)
        return [path("<int:pk>/decide/<slug:name>/", decide, name="agents_agent_decide"), *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("agents.decide_agent")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self._without_decide(self.list_display, request)

    def get_fields(self, request: HttpRequest, obj: Agent | None = None) -> tuple[str, ...]:
        return self._without_decide(self.fields, request)

    def _without_decide(self, names: Any, request: HttpRequest) -> tuple[str, ...]:
        return tuple(name for name in names if name != "decide" or self.has_decide_permission(request))

    @admin.display(description="commission", ordering="account__commission_percent")
    def rate(self, agent: Agent) -> str:
        return agent.percent

    @admin.display(description="clients", ordering="client_count")
    def clients(self, agent: Any) -> int:
        return agent.client_count

    @admin.display(description="earned", ordering="earned_sum")
    def earned(self, agent: Any) -> str:
        return exact(agent.earned_sum or ZERO)

    @admin.display(description="decide")
    def decide(self, agent: Agent) -> str:
        possible = [
            (name, DEEDS[name].title) for name, states in approval.DECIDED_FROM.items() if agent.state in states
        ]
        return format_html_join(
            " · ",
            '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}…</a>',
            ((reverse("admin:agents_agent_decide", args=[agent.pk, name]), title) for name, title in possible),
        )

    def decide_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Asks for the reason, and the rate where there is one; then does it."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        if name not in DEEDS:
            raise Http404
        deed, agent = DEEDS[name], get_object_or_404(Agent.objects.select_related("account"), pk=pk)
        now_at = agent.account.commission_percent
        form = deed.form(request.POST or None, initial={"percent": DEFAULT_PERCENT if now_at is None else now_at})
        status = 422 if form.is_bound else 200
        if form.is_valid():
            try:
                decided = deed.verb(agent, by=request.user, now=clock.now(), **form.cleaned_data)
            except Refused as refused:
                form.add_error(None, refused)
                status = 409
            else:
                messages.success(request, deed.done.format(agent=decided))
                return redirect("admin:agents_agent_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": f"{deed.title}: {agent}",
            "opts": self.model._meta,
            "agent": agent,
            "deed": deed,
            "form": form,
        }
        return render(request, "admin/agents/decide.html", context, status=status)


def _client_count() -> Subquery:
    """Counted by itself: beside another sum, each client would be there as often as commission was paid."""
    same = Agent.objects.filter(pk=OuterRef("pk")).order_by()
    return Subquery(same.values("pk").annotate(count=Count("account__clients")).values("count"))


def _earned() -> Any:
    """What the agent has earned, less what was taken back."""
    return Coalesce(_commission("target"), ZERO) - Coalesce(_commission("source"), ZERO)


def _commission(side: str) -> Subquery:
    moved = Transfer.objects.filter(kind=Transfer.Kind.COMMISSION, **{f"{side}__account": OuterRef("account")})
    return Subquery(moved.values(side).annotate(sum=Sum("amount")).values("sum"))
