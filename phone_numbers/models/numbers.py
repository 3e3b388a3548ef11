"""The stock of numbers."""

from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Reverse, Substr

from accounts.models import Account
from phone_numbers.formats import calling_code, national
from phone_numbers.models.places import RateCenter

# A number that was disconnected goes to nobody else for so long (domain.md §7, §12; 47 CFR 52.15(f)).
KEPT_FOR_LAST_HOLDER = timedelta(days=45)


_IN_45_DAYS = ExpressionWrapper(F("disconnected_on") + Value(KEPT_FOR_LAST_HOLDER.days), models.DateField())


def _counts(name: str, operation: object, rows: str, **referencing: str) -> pgtrigger.Trigger:
    """A trigger that writes down, once a statement, what it changed in the stock of each place."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**referencing),
        func=f"""
            INSERT INTO phone_numbers_stockchange (rate_center_id, change)
            SELECT rate_center_id, sum(change) FROM ({rows}) AS changed
            GROUP BY rate_center_id HAVING sum(change) <> 0;
            RETURN NULL;
        """,  # noqa: S608 (nothing in it comes from outside)
    )


_CAME = "SELECT rate_center_id, 1 AS change FROM after WHERE state = 'in_stock'"
_WENT = "SELECT rate_center_id, -1 AS change FROM before WHERE state = 'in_stock'"


class PhoneNumberQuerySet(models.QuerySet["PhoneNumber"]):
    def in_stock(self) -> Self:
        """Numbers that nobody has or holds, as pages count and list them; what may be taken is free()."""
        return self.filter(state=PhoneNumber.State.IN_STOCK)

    def beginning(self, digits: str) -> Self:
        """Numbers that begin with ``digits``, country's code first."""
        # A range and not a pattern: any collation's index knows it.
        return self.filter(digits__gte=digits, digits__lt=str(int(digits) + 1))

    def ending(self, digits: str) -> Self:
        """Numbers that end in ``digits``."""
        # From behind, as the index number_ending has them.
        return self.annotate(backwards=Reverse("digits")).filter(backwards__startswith=digits[::-1])

    def free(self, now: datetime) -> Self:
        """Numbers that may be given to anybody: in stock, or held for a cart whose time is over."""
        return self.filter(Q(state=PhoneNumber.State.IN_STOCK) | Q(state=PhoneNumber.State.HELD, held_until__lte=now))

    def free_for(self, token: object, now: datetime) -> Self:
        """The same, and what is held under ``token``."""
        return self.free(now) | self.filter(state=PhoneNumber.State.HELD, held_by=token)

    def kept_for(self, account: Account, today: date) -> Self:
        """Numbers that ``account`` lost less than 45 days ago and may have back (domain.md §7)."""
        after = today - KEPT_FOR_LAST_HOLDER
        return self.filter(state=PhoneNumber.State.KEPT, last_holder=account, disconnected_on__gt=after)

    def with_national_digits(self, digits: str, *, country: str) -> Self:
        """Numbers of ``country`` that have ``digits`` anywhere behind the country's calling code."""
        if not digits:
            return self
        national = Substr("digits", len(calling_code(country)) + 1)
        # Asked for in the whole number too: that has an index.
        return self.annotate(national_digits=national).filter(digits__contains=digits, national_digits__contains=digits)

    def due_back(self, today: date) -> Self:
        """Numbers whose 45 days for their last holder are over on ``today``."""
        return self.filter(state=PhoneNumber.State.KEPT, disconnected_on__lte=today - KEPT_FOR_LAST_HOLDER)

    def disconnected_for_good(self) -> Self:
        """Numbers that somebody has lost, and not those that were given back to their last holder within 45 days."""
        given_back = Q(state=PhoneNumber.State.ASSIGNED, in_stock_since__lt=_IN_45_DAYS)
        return self.filter(disconnected_on__isnull=False).exclude(given_back)


class PhoneNumber(models.Model):
    """One number of ours, in one state at a time (domain.md §5, §7).

    `phone_numbers/stock.py` alone moves it from state to state. The database holds that it has one holder, and that
    nobody but its last holder has it within 45 days of its disconnect.
    """

    class State(models.TextChoices):
        IN_STOCK = "in_stock", "In stock"
        HELD = "held", "Held for a cart"
        ASSIGNED = "assigned", "Assigned"
        KEPT = "kept", "Kept for its last holder"
        OUT = "out", "Out of service"

    # With the country's code, without the plus sign: 15185550100.
    digits = models.CharField("number", max_length=15)
    # No index of its own for any of these three: the partial ones below are smaller, and millions of rows are loaded.
    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, related_name="numbers", db_index=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.IN_STOCK)
    # The line of a cart that it is held for, and until when.
    held_by = models.UUIDField(null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    holder = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="numbers", db_index=False
    )
    last_holder = models.ForeignKey(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # The business date of its last disconnect (47 CFR 64.1200(l) asks for it), and since when it is in stock.
    disconnected_on = models.DateField(null=True, blank=True)
    in_stock_since = models.DateField()
    # Why staff took it out.
    note = models.CharField(max_length=200, blank=True)

    objects = PhoneNumberQuerySet.as_manager()

    class Meta:
        permissions = [("move_number", "Can take numbers out of service and put them back")]
        constraints = [
            models.UniqueConstraint(
                fields=["digits"],
                name="number_is_in_the_stock_once",
                violation_error_message="This number is in the stock already.",
            ),
            models.CheckConstraint(
                condition=Q(digits__regex=r"^(1[2-9]\d\d[2-9]\d{6}|[2-9]\d{6,14})$") & ~Q(digits__startswith="1777"),
                name="number_is_written_with_its_country_code",
                violation_error_message="Write it with the country's code and without signs: 15185550100.",
            ),
            models.CheckConstraint(
                condition=Q(state="assigned", holder__isnull=False) | ~Q(state="assigned") & Q(holder__isnull=True),
                name="an_assigned_number_has_a_holder",
            ),
            models.CheckConstraint(
                condition=Q(state="held", held_by__isnull=False, held_until__isnull=False)
                | ~Q(state="held") & Q(held_by__isnull=True, held_until__isnull=True),
                name="a_held_number_says_for_what_and_until_when",
            ),
            models.CheckConstraint(
                condition=Q(last_holder__isnull=False, disconnected_on__isnull=False)
                | Q(last_holder__isnull=True, disconnected_on__isnull=True) & ~Q(state="kept"),
                name="a_kept_number_says_for_whom_and_since_when",
            ),
            models.CheckConstraint(
                condition=Q(disconnected_on__isnull=True)
                | Q(state__in=["kept", "out"])
                | Q(state="assigned", holder=F("last_holder"))
                | Q(in_stock_since__gte=_IN_45_DAYS),
                name="number_is_kept_45_days_for_its_last_holder",
            ),
        ]
        indexes = [
            # The next free number of a place, and its numbers in order.
            models.Index(
                fields=["rate_center", "digits"], condition=Q(state__in=["in_stock", "held"]), name="number_free_here"
            ),
            models.Index(fields=["held_by"], condition=Q(state="held"), name="number_held_by"),
            models.Index(fields=["held_until"], condition=Q(state="held"), name="number_held_until"),
            models.Index(fields=["disconnected_on"], condition=Q(state="kept"), name="number_kept"),
            models.Index(fields=["holder"], condition=Q(state="assigned"), name="number_of_holder"),
            models.Index(fields=["last_holder"], condition=Q(last_holder__isnull=False), name="number_of_last_holder"),
            # The last digits of what is in stock.
            models.Index(
                OpClass(Reverse("digits"), "text_pattern_ops"), condition=Q(state="in_stock"), name="number_ending"
            ),
            # Digits anywhere in the number.
            GinIndex(OpClass(F("digits"), "gin_trgm_ops"), name="number_digits"),
        ]
        triggers = [
            _counts("stock_counts_what_comes", pgtrigger.Insert, _CAME, new="after"),
            _counts("stock_counts_what_goes", pgtrigger.Delete, _WENT, old="before"),
            _counts(
                "stock_counts_what_changes", pgtrigger.Update, f"{_CAME} UNION ALL {_WENT}", old="before", new="after"
            ),
        ]

    def __str__(self) -> str:
        return self.national

    @property
    def national(self) -> str:
        """As it is written in its country: (518) 555-0100."""
        return national(self.digits)

    def is_held_for(self, token: UUID, now: datetime) -> bool:
        """Whether it is held for the line of a cart that ``token`` names, and its 15 minutes are not over."""
        return self.held_by == token and self.held_until is not None and self.held_until > now

    def is_free_for(self, token: UUID, now: datetime) -> bool:
        """Whether the line of a cart that ``token`` names may have it (see free_for)."""
        if self.state == PhoneNumber.State.HELD:
            return self.held_by == token or (self.held_until is not None and self.held_until <= now)
        return self.state == PhoneNumber.State.IN_STOCK
