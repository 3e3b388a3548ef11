"""Which tickets the queue shows: those that wait for staff, unless they ask for others."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from callcentric import clock
from support.models import Ticket
from support.waiting import LONG

EVERY = "every"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "show"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        customer, done = Ticket.State.WAITING_FOR_CUSTOMER, (Ticket.State.RESOLVED, Ticket.State.CLOSED)
        return [*((state.value, state.label) for state in (customer, *done)), (EVERY, "Every state")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        return iter([{**first, "display": "Waiting for staff"}, *others])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        if self.value() == EVERY:
            return queryset
        known = self.value() in Ticket.State
        return queryset.filter(state=self.value()) if known else queryset.waiting_for_staff()  # type: ignore[attr-defined]


class WhoseFilter(admin.SimpleListFilter):
    title = "assigned to"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Me"), ("nobody", "Nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        if self.value() == "mine":
            return queryset.filter(assignee=request.user.pk)
        return queryset.filter(assignee=None) if self.value() == "nobody" else queryset


class AgeFilter(admin.SimpleListFilter):
    """How long they have been in their state: waiting, for those that wait."""

    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(days), f"More than {'a day' if days == 1 else f'{days} days'}") for days in LONG]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> QuerySet[Ticket]:
        days = self.value() or ""
        if days not in map(str, LONG):
            return queryset
        return queryset.for_longer_than(int(days), now=clock.now())  # type: ignore[attr-defined]
