"""Trouble tickets as staff work on them: the queue, and one page for each with all that can be done."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.timesince import timesince
from unfold.admin import ModelAdmin

from callcentric import clock
from callcentric.errors import Refused
from support import downloads, tickets, topics
from support.admin import deeds
from support.admin.beside import customer_of
from support.admin.filters import AgeFilter, StateFilter, WhoseFilter
from support.admin.forms import WRITTEN, DeskForm, OpenForm
from support.desk import ChangedMeanwhile
from support.fields import sent
from support.models import Attachment, Ticket


@admin.register(Ticket)
class TicketAdmin(ModelAdmin):
    list_display = ["reference", "subject", "account", "category", "state", "assignee", "age", "opened_at"]
    list_display_links = ["reference", "subject"]
    list_filter = [StateFilter, WhoseFilter, "category", AgeFilter, "first_answered_at"]
    list_select_related = ["account", "assignee"]
    search_fields = ["=reference", "subject", "=account__number", "account__name"]
    # Who has waited longest comes first.
    ordering = ["state_since", "pk"]
    actions = None

    @admin.display(description="in this state for", ordering="state_since")
    def age(self, ticket: Ticket) -> str:
        return timesince(ticket.state_since, clock.now(), depth=1)

    def has_delete_permission(self, request: HttpRequest, obj: Ticket | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        attachment = self.admin_site.admin_view(self.attachment)
        return [path("attachments/<uuid:key>/", attachment, name="support_ticket_attachment"), *super().get_urls()]

    def attachment(self, request: HttpRequest, key: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return downloads.of(get_object_or_404(Attachment, key=key))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Open a ticket on an account; a link may name its number."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = OpenForm(*sent(request), initial={"number": request.GET.get("account", "")})
        if form.is_valid():
            typed = dict(form.cleaned_data)
            opened = tickets.open_by_staff(typed.pop("number"), by=request.user, now=clock.now(), **typed)  # type: ignore[arg-type]
            messages.success(request, f"Ticket {opened.reference} is open, and an e-mail tells the customer.")
            return redirect("admin:support_ticket_change", opened.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Open a ticket on an account",
            "opts": self.model._meta,
            "form": form,
        }
        return render(request, "admin/support/open_ticket.html", context, status=422 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        ticket = self.get_object(request, object_id)
        if ticket is None:
            raise Http404
        if not self.has_view_permission(request, ticket):
            raise PermissionDenied
        if request.method == "POST":
            return self._act(request, ticket)
        return self._page(request, DeskForm(ticket=ticket), ticket)

    def _act(self, request: HttpRequest, ticket: Ticket) -> HttpResponse:
        """Do what the pressed button says. What was typed stays on the page whenever it was not sent with it."""
        name = request.POST.get("do", "")
        if not self.has_change_permission(request, ticket) or name not in {*deeds.DEEDS, "take", "insert"}:
            raise PermissionDenied
        form = DeskForm(request.POST, request.FILES, ticket=ticket, do=name)
        if not form.is_valid():
            return self._page(request, form, ticket, status=422)
        if name == "insert":
            return self._page(request, self._with_canned_answer(form, ticket), ticket)
        try:
            said = deeds.do(name, ticket, by=request.user, typed=form.cleaned_data)  # type: ignore[arg-type]
        except Refused as refused:
            return self._page(request, form, ticket, refused=refused, status=409)
        messages.success(request, said)
        typed = form.cleaned_data["text"]
        if typed and name not in WRITTEN:
            ticket = self._again(ticket)
            return self._page(request, DeskForm(ticket=ticket, initial={"text": typed}), ticket)
        return redirect("admin:support_ticket_change", form.cleaned_data["into"].pk if name == "merge" else ticket.pk)

    def _with_canned_answer(self, form: DeskForm, ticket: Ticket) -> DeskForm:
        typed, canned = form.cleaned_data["text"], form.cleaned_data["canned"].for_ticket(ticket)
        return DeskForm(ticket=ticket, initial={"text": f"{typed}\n\n{canned}" if typed else canned})

    def _again(self, ticket: Ticket) -> Ticket:
        """The ticket as it is now."""
        return Ticket.objects.in_words().get(pk=ticket.pk)

    def _page(
        self,
        request: HttpRequest,
        form: DeskForm,
        ticket: Ticket,
        *,
        refused: Refused | None = None,
        status: int = 200,
    ) -> HttpResponse:
        ticket = self._again(ticket)
        said = list(ticket.messages.in_words())
        last = max((message.pk for message in said), default=0)
        changed = isinstance(refused, ChangedMeanwhile)
        # Whoever was told what happened meanwhile has seen it; everybody else has seen what their page showed.
        seen = form.cleaned_data["seen"] if changed else last
        context = {
            **self.admin_site.each_context(request),
            "title": f"Ticket {ticket.reference}",
            "opts": self.model._meta,
            "ticket": ticket,
            "about": topics.words(ticket),
            "said": [(message, message.who(for_staff=True), message.pk > seen) for message in said],
            "last_seen": last,
            "form": form,
            "refused": refused,
            "customer": customer_of(ticket, today=clock.today()),
            "may_change": self.has_change_permission(request, ticket),
        }
        return render(request, "admin/support/ticket.html", context, status=status)
