"""The daily match as staff see it: its days, what it found, and the accounts that the cycle leaves alone until then."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.asking import ReasonForm, ask
from accounts.models import Account
from billing import parking, reconciliation
from billing.admin.read_only import ReadOnlyAdmin
from billing.models import Difference, Match, ParkedAccount
from callcentric import clock


class ResolutionForm(forms.Form):
    how = forms.CharField(
        label="How it was resolved",
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text="What was done about it, or why it is right as it is. It is kept in the audit log with your name.",
        error_messages={"required": "Say what was done about it: whoever looks at it in a year wants to know."},
    )


class EndFilter(admin.SimpleListFilter):
    """Those that are open, unless staff ask for others."""

    field: str
    first: str
    over: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("over", self.over), ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        return iter([{**first, "display": self.first}, *others])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": self.value() != "over"})


class ResolvedFilter(EndFilter):
    title = parameter_name = "state"
    field, first, over = "resolved_at", "Open", "Resolved"


class ReleasedFilter(EndFilter):
    title = parameter_name = "state"
    field, first, over = "released_at", "Parked now", "Released"


def account_link(account: Account | None) -> str:
    if account is None:
        return "nobody we know"
    address = reverse("admin:accounts_account_change", args=[account.pk])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{} ({})</a>',
        address,
        account.number,
        account.name,
    )


def dollars(amount: Decimal | None) -> str:
    """With the fractions of a cent that there are, and no more."""
    if amount is None:
        return "–"
    return f"${amount:,.2f}" if amount == round(amount, 2) else f"${amount:,.4f}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(clock.BUSINESS_ZONE):%-d %B %Y}"


@admin.register(Match)
class MatchAdmin(ReadOnlyAdmin):
    list_display = ("on", "at_stripe", "in_ledger", "billed", "differences", "made_at")
    ordering = ("-on",)

    @admin.display(description="charged at Stripe", ordering="stripe_charges")
    def at_stripe(self, match: Match) -> str:
        return dollars(match.stripe_charges)

    @admin.display(description="of that in the ledger", ordering="ledger")
    def in_ledger(self, match: Match) -> str:
        return dollars(match.ledger)

    @admin.display(description="invoices and orders", ordering="invoices")
    def billed(self, match: Match) -> str:
        return dollars(match.invoices)


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    # In few words, which fit on a telephone; the rest is on the page of each.
    list_display = ("kind", "account_with_link", "in_ledger", "elsewhere", "key", "found_at", "resolved")
    list_filter = (ResolvedFilter, "kind", "found_at")
    list_select_related = ("account", "resolved_by")
    search_fields = ("=key", "=account__number", "account__name")
    ordering = ("-pk",)
    actions = ("resolve",)

    @admin.display(description="account", ordering="account__number")
    def account_with_link(self, difference: Difference) -> str:
        return account_link(difference.account)

    @admin.display(description="in the ledger", ordering="ours")
    def in_ledger(self, difference: Difference) -> str:
        return dollars(difference.ours)

    @admin.display(description="elsewhere", ordering="theirs")
    def elsewhere(self, difference: Difference) -> str:
        return dollars(difference.theirs)

    @admin.display(ordering="resolved_at")
    def resolved(self, difference: Difference) -> str:
        if difference.resolved_at is None:
            return ""
        return f"by {difference.resolved_by or 'itself'}, {_day(difference.resolved_at)}"

    @admin.action(description="Resolved…", permissions=["resolve"])
    def resolve(self, request: HttpRequest, chosen: QuerySet[Difference]) -> HttpResponse | None:
        """Asks first what was done about them."""
        form = ResolutionForm(request.POST if "how" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, chosen, form)
        how = form.cleaned_data["how"]
        resolved = [
            each
            for each in chosen
            if reconciliation.resolve(each, by=request.user, how=how, now=clock.now())  # type: ignore[arg-type]
        ]
        for difference in resolved:
            self.log_change(request, difference, f"Resolved: {how}")
        messages.success(
            request,
            f"{len(resolved)} resolved. Their accounts stay parked until you release them, under “Parked accounts”.",
        )
        return None

    def _ask(self, request: HttpRequest, chosen: QuerySet[Difference], form: ResolutionForm) -> HttpResponse:
        differences = list(chosen.select_related("account"))
        return ask(
            self,
            request,
            title="How was it resolved?",
            lead=[
                "These will be resolved. If nothing was changed, say why both sides are right. "
                "Accounts stay parked until you release them."
            ],
            listed=[f"{each.account or 'Nobody we know'}: {each.about} ({each.key})" for each in differences],
            form=form,
            button="Resolved",
            back=reverse("admin:billing_difference_changelist"),
            action="resolve",
            chosen=[each.pk for each in differences],
        )

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.resolve_difference")


@admin.register(ParkedAccount)
class ParkedAccountAdmin(ReadOnlyAdmin):
    list_display = ("reason_in_short", "account_with_link", "parked_at", "released")
    list_filter = (ReleasedFilter, "parked_at")
    list_select_related = ("account", "released_by")
    search_fields = ("=account__number", "account__name", "reason")
    ordering = ("-pk",)
    actions = ("release",)

    @admin.display(description="reason", ordering="reason")
    def reason_in_short(self, parked: ParkedAccount) -> str:
        return Truncator(parked.reason).chars(60)

    @admin.display(description="account", ordering="account__number")
    def account_with_link(self, parked: ParkedAccount) -> str:
        return account_link(parked.account)

    @admin.display(description="released", ordering="released_at")
    def released(self, parked: ParkedAccount) -> str:
        if parked.released_at is None:
            return ""
        return f"by {parked.released_by}, {_day(parked.released_at)}"

    @admin.action(description="Release: the cycle bills them again…", permissions=["release"])
    def release(self, request: HttpRequest, chosen: QuerySet[ParkedAccount]) -> HttpResponse | None:
        """Asks why first. Warns of what is still open: nothing parks an account twice for the same difference."""
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, list(chosen.select_related("account")), form)
        by: Any = request.user
        reason = form.cleaned_data["reason"]
        released = [parked for parked in chosen if parking.release(parked, by=by, reason=reason, now=clock.now())]
        for parked in released:
            self.log_change(request, parked, "Released")
        if released:
            messages.success(request, f"{len(released)} released. What was parked of them is tried in the next run.")
        if len(released) < len(chosen):
            messages.info(request, "Those that had been released before stay as they are.")
        accounts = [parked.account_id for parked in released]
        still_open = Difference.objects.open().filter(account__in=accounts).count()
        if still_open:
            messages.warning(request, f"Differences of theirs that are still open: {still_open}. See “Differences”.")
        return None

    def _ask(self, request: HttpRequest, chosen: list[ParkedAccount], form: ReasonForm) -> HttpResponse:
        return ask(
            self,
            request,
            title="Release accounts",
            lead=["The cycle bills these accounts again, and what was parked of them is tried in the next run:"],
            listed=chosen,
            form=form,
            button="Release",
            back=reverse("admin:billing_parkedaccount_changelist"),
            action="release",
            chosen=[each.pk for each in chosen],
        )

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.release_account")
