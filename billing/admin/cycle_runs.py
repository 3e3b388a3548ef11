"""The month as staff watch it: how far it is, its runs and rehearsals; and how they have it run or rehearsed."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.dateparse import parse_date
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import audit_log
from accounts.asking import ReasonForm
from accounts.models import AuditEntry
from billing import agenda, months, progress, rehearsal, tasks
from billing.admin import charts, rehearsals
from billing.admin.read_only import ReadOnlyAdmin
from billing.models import CycleRun
from callcentric import clock
from callcentric.templatetags.show import usd

State = CycleRun.State
COLOURS = {State.UNDER_WAY.label: "info", State.FINISHED.label: "success", State.STOPPED.label: "danger"}
# Seconds until a page looks again by itself, without a script: while a run goes on, and while only cards wait.
OFTEN, SELDOM = "2", "10"
AHEAD_AT_MOST = 366
# Of a run's outcome, what is of interest afterwards; in the list, the first four.
DID = {
    "settled": "Settled",
    "by_card": "By card",
    "failed": "Failed",
    "parked": "Parked",
    "planned": "Planned",
}


class DayWidget(UnfoldAdminTextInputWidget):
    input_type = "date"


class RehearsalForm(forms.Form):
    on = forms.DateField(
        label="Business date",
        widget=DayWidget,
        help_text="From the 27th on the next month is collected; an earlier day shows what the next 27th would bring "
        "with the cards that are valid on that day. Balances are those of now.",
        error_messages={"required": "Choose a day.", "invalid": "Write the day as 2027-01-27."},
    )

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if not 0 <= (on - clock.today()).days <= AHEAD_AT_MOST:
            raise ValidationError("Choose today or a later day, at most a year ahead.")
        return on


@admin.register(CycleRun)
class CycleRunAdmin(ReadOnlyAdmin):
    """The list has the figures of a month above it; the page of a rehearsal, all that it has found."""

    list_display = ("__str__", "month_name", "state", "looked_at", "found", "started_at", "finished_at", "problem")
    ordering = ("-pk",)
    fields = ("started_at", "progressed_at", "finished_at", "looked_at", "problem")
    list_before_template = "admin/billing/month.html"
    change_form_outer_before_template = "admin/billing/cycle_run.html"
    change_form_outer_after_template = "admin/billing/rehearsed_accounts.html"
    actions_list = ("rehearse", "run_now")

    @admin.display(description="month", ordering="month")
    def month_name(self, run: CycleRun) -> str:
        return f"{run.month:%B %Y}"

    @display(description="state", label=COLOURS)
    def state(self, run: CycleRun) -> str:
        return run.state(now=clock.now()).label

    @admin.display(description="accounts looked at")
    def looked_at(self, run: CycleRun) -> str:
        return f"{run.done:,} of {run.accounts:,}"

    @admin.display(description="outcome")
    def found(self, run: CycleRun) -> str:
        if not run.outcome:
            return ""
        if run.is_dry_run:
            return f"{usd(rehearsals.total(run))} would be charged"
        return ", ".join(f"{count:,} {label.lower()}" for label, count in _did(run)[:4])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        today, now = clock.today(), clock.now()
        month = progress.of_month(_month(request) or months.collected(today), now=now)
        shares = [charts.Part(each.standing, each.standing.label, each.accounts) for each in month.shares]
        known = progress.months_known(today=today)
        context = {"of_month": month, "bars": charts.stacked(shares), "months": known, **(extra_context or {})}
        response = super().changelist_view(request, context)
        # A run that was asked for here may not have begun when the page is shown.
        if request.session.pop("asked_for_a_run", False) or month.is_moving:
            response["Refresh"] = OFTEN if month.runs else SELDOM
        return response

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        shown = getattr(response, "context_data", None) or {}
        if run := shown.get("original"):
            state = run.state(now=clock.now())
            shown |= {"state": state, "is_moving": state in (State.WAITING, State.UNDER_WAY)}
            if run.finished_at:
                shown |= rehearsals.found(run, request.GET) if run.is_dry_run else {"did": _did(run)}
            if shown["is_moving"]:
                response["Refresh"] = OFTEN
            response.context_data = shown
        return response

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.rehearsal_csv)
        return [path("<int:run_id>/rehearsal.csv", download, name="billing_cyclerun_csv"), *super().get_urls()]

    def rehearsal_csv(self, request: HttpRequest, run_id: int) -> StreamingHttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = CycleRun.objects.filter(pk=run_id, is_dry_run=True, finished_at__isnull=False).first()
        if run is None:
            raise Http404
        response = StreamingHttpResponse(rehearsal.csv_lines(run), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="rehearsal-{run.on}-{run.pk}.csv"'
        return response

    @action(description="Rehearse the cycle", url_path="rehearse", permissions=["rehearse"])
    def rehearse(self, request: HttpRequest) -> HttpResponse:
        """Asks for the day, and goes on to the rehearsal's own page, where its progress is shown."""
        form = RehearsalForm(request.POST if request.method == "POST" else None, initial={"on": _the_next_27th()})
        if form.is_valid():
            run = rehearsal.begin(on=form.cleaned_data["on"], now=clock.now())
            # Robust: where no broker answers, the sweep finds the row.
            transaction.on_commit(lambda: tasks.rehearse.delay(run_id=run.pk), robust=True)
            return redirect("admin:billing_cyclerun_change", run.pk)
        context = self._context(request, title="Rehearse the cycle", form=form, kept=rehearsal.KEPT)
        return render(request, "admin/billing/rehearse.html", context, status=422 if form.errors else 200)

    @action(description="Run the cycle now", url_path="run", permissions=["run"])
    def run_now(self, request: HttpRequest) -> HttpResponse:
        """Says first what today calls for; then it is the beat's own task that runs, so twice does no harm."""
        today = clock.today()
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            about: dict[str, Any] = {"by": request.user, "details": f"Had it run on {today:%-d %B %Y}"}
            with transaction.atomic():
                audit_log.record(action=AuditEntry.Action.CYCLE, reason=form.cleaned_data["reason"], **about)
                transaction.on_commit(tasks.run_cycle.delay, robust=True)
            request.session["asked_for_a_run"] = True
            messages.success(
                request,
                "The cycle runs as soon as a worker is free, within five minutes at the latest. "
                "Where an account has to be charged, the run is listed here.",
            )
            return redirect("admin:billing_cyclerun_changelist")
        steps = agenda.steps(on=today)
        context = self._context(request, title="Run the cycle now", today=today, steps=steps, form=form)
        return render(request, "admin/billing/run_cycle.html", context, status=422 if form.errors else 200)

    def has_rehearse_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.rehearse_cycle")

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.run_cycle")

    def _context(self, request: HttpRequest, **more: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, **more}


def _did(run: CycleRun) -> list[tuple[str, int]]:
    """What a run did, by accounts."""
    return [(label, run.outcome.get(name, 0)) for name, label in DID.items()]


def _month(request: HttpRequest) -> date | None:
    """The month that staff have chosen; what is none, the list itself refuses."""
    try:
        chosen = parse_date(request.GET.get("month", ""))
    except ValueError:
        return None
    return chosen.replace(day=1) if chosen else None


def _the_next_27th() -> date:
    today = clock.today()
    first = today.replace(day=months.CYCLE_STARTS_ON_DAY)
    return first if today <= first else months.next_month(today).replace(day=months.CYCLE_STARTS_ON_DAY)
