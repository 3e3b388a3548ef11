"""The month: what became of each account's renewal, what it was billed, and who is looked at by staff first."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, F, Q, Value, When

from accounts.models import Account
from billing.models.cards import Payment
from billing.models.services import Service
from callcentric import clock
from callcentric.money import ZERO, MoneyField


class CycleQuerySet(models.QuerySet["Cycle"]):
    def open(self) -> Self:
        """Renewals that are neither paid, nor given up, nor waiting for staff."""
        return self.filter(state__in=Cycle.OPEN, cancelled_on__isnull=True)

    def with_standing(self) -> Self:
        """Each with ``stands``: the state, and what staff ask for besides."""
        standing = Case(
            When(cancelled_on__isnull=False, then=Value(Cycle.Standing.CANCELLED)),
            When(turn_at__isnull=False, then=Value(Cycle.Standing.CARD)),
            default=F("state"),
        )
        return self.annotate(stands=standing)

    def with_turn(self, *, until: datetime) -> Self:
        """Renewals whose card has its turn at Stripe at ``until`` or before."""
        return self.filter(turn_at__lte=until)


class Cycle(models.Model):
    """The renewal of an account's services for one calendar month, billed before it begins (domain.md §6).

    A row a month, however often the cycle runs. What continues only after it was settled, such as a service whose
    cancellation was taken back, opens it once more as its next ``part``.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        SETTLED = "settled", "Settled"
        FAILED = "failed", "Failed"
        PARKED = "parked", "Parked"

    class Standing(models.TextChoices):
        SETTLED = "settled", "Settled"
        CARD = "card", "Waiting for the card's turn"
        PLANNED = "planned", "Planned"
        FAILED = "failed", "Failed"
        PARKED = "parked", "Parked"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.PLANNED, State.FAILED)

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cycles", db_index=False)
    # The first day of the month that is paid for.
    month = models.DateField()
    part = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED)
    # What was due when it was last looked at.
    net = MoneyField(default=ZERO)
    tax = MoneyField(default=ZERO)
    # The last card payment for it, and when a card has its turn at Stripe; none once that attempt is over.
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    turn_at = models.DateTimeField(null=True, blank=True)
    # The business dates of the e-mail of the 20th, of the last attempt, and of the e-mail that it failed.
    forecast_on = models.DateField(null=True, blank=True)
    attempted_on = models.DateField(null=True, blank=True)
    told_on = models.DateField(null=True, blank=True)
    # Why it failed or was parked, and what the customer was last told of it: the same is not told twice.
    problem = models.CharField(max_length=300, blank=True)
    told = models.CharField(max_length=300, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    # When its services were cancelled because it was not paid.
    cancelled_on = models.DateField(null=True, blank=True)

    objects = CycleQuerySet.as_manager()

    class Meta:
        constraints = [
            # Month first: it also finds a month's.
            models.UniqueConstraint(fields=["month", "account"], name="one_cycle_per_account_and_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_cycle_is_of_a_calendar_month"),
            models.CheckConstraint(
                condition=~Q(state="settled") | Q(settled_at__isnull=False), name="a_settled_cycle_says_when"
            ),
            models.CheckConstraint(condition=~Q(state="parked") | ~Q(problem=""), name="a_parked_cycle_says_why"),
            models.CheckConstraint(
                # Said again where a date is missing: a comparison with nothing is neither true nor false.
                condition=Q(cancelled_on__isnull=True)
                | Q(
                    state="failed",
                    attempted_on__isnull=False,
                    told_on__isnull=False,
                    attempted_on=F("cancelled_on"),
                    told_on__lt=F("cancelled_on"),
                    cancelled_on__gte=F("month"),
                ),
                name="nothing_is_cancelled_that_was_not_attempted_and_told",
            ),
        ]
        indexes = [
            # None by state: what has no index is changed in place, and settling changes every row.
            models.Index(fields=["turn_at"], condition=Q(turn_at__isnull=False), name="cycle_with_a_turn"),
            models.Index(fields=["payment"], condition=Q(payment__isnull=False), name="cycle_of_payment"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%B %Y} of {self.account}"

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


class Invoice(models.Model):
    """What an account was billed for one month, all of it or nothing. Its money is the transfer of the same key."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices", db_index=False)
    month = models.DateField()
    part = models.PositiveSmallIntegerField(default=1)
    net = MoneyField()
    tax = MoneyField()
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "month", "part"], name="one_invoice_per_account_and_month"),
            models.CheckConstraint(condition=Q(net__gte=0, tax__gte=0), name="an_invoice_is_not_negative"),
        ]
        # A month's invoices lie together: a few pages of index find them, and writing one costs nothing.
        indexes = [BrinIndex(fields=["month"], name="invoice_of_month", autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.month:%B %Y}"

    @property
    def total(self) -> Decimal:
        return self.net + self.tax

    @property
    def key(self) -> str:
        """What the ledger knows its transfer by."""
        return f"renewal:{self.account_id}:{self.month:%Y-%m}:{self.part}"


class InvoiceLine(models.Model):
    """One service of an invoice. A service is paid for a month once, whatever happens."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="invoice_lines", db_index=False)
    month = models.DateField()
    amount = MoneyField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "month"], name="a_service_is_paid_once_for_a_month"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="an_invoice_line_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.service} for {self.month:%B %Y}"


class ParkedAccountQuerySet(models.QuerySet["ParkedAccount"]):
    def open(self) -> Self:
        return self.filter(released_at__isnull=True)


class ParkedAccount(models.Model):
    """An account whose figures do not add up. The cycle leaves it alone until staff have looked."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="parkings")
    reason = models.CharField(max_length=300)
    parked_at = models.DateTimeField(default=clock.now)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ParkedAccountQuerySet.as_manager()

    class Meta:
        permissions = [("release_account", "Can release parked accounts")]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(released_at__isnull=True), name="an_account_is_parked_once"
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, released_by__isnull=True)
                | Q(released_at__isnull=False, released_by__isnull=False),
                name="who_released_an_account_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.reason}"


class CycleRunQuerySet(models.QuerySet["CycleRun"]):
    def under_way(self) -> Self:
        """Neither at their end nor stopped by an error; a process that died leaves such a run too."""
        return self.filter(finished_at__isnull=True, problem="")

    def to_rehearse(self, *, now: datetime) -> Self:
        """Rehearsals that nobody has begun, or that whoever did has not brought on for a while."""
        silent = Q(progressed_at__isnull=True) | Q(progressed_at__lt=now - CycleRun.LOST_AFTER)
        return self.under_way().filter(silent, is_dry_run=True)


class CycleRun(models.Model):
    """One run of the cycle, or one rehearsal of it: how far it has come, for whoever watches."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        UNDER_WAY = "under_way", "Under way"
        FINISHED = "finished", "Finished"
        STOPPED = "stopped", "Stopped"

    # Without progress for so long, a rehearsal is begun again by another worker; and a run is shown as stopped.
    LOST_AFTER = timedelta(minutes=5)
    STOPPED_AFTER = timedelta(minutes=15)

    on = models.DateField()
    month = models.DateField()
    is_dry_run = models.BooleanField("dry run", default=False)
    started_at = models.DateTimeField(default=clock.now)
    # When it was last heard of; nothing where a rehearsal was not begun yet.
    progressed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Accounts it has to look at, and has looked at.
    accounts = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    # The outcome's figures by name, as --json prints them.
    outcome = models.JSONField(default=dict, blank=True)
    # Why it stopped before its end.
    problem = models.CharField(max_length=300, blank=True)

    objects = CycleRunQuerySet.as_manager()

    class Meta:
        verbose_name = "run of the cycle"
        verbose_name_plural = "runs of the cycle"
        permissions = [
            ("rehearse_cycle", "Can have the cycle rehearsed"),
            ("run_cycle", "Can have the cycle run"),
        ]

    def __str__(self) -> str:
        return f"{'Dry run' if self.is_dry_run else 'Run'} of {self.on:%-d %B %Y}"

    def state(self, *, now: datetime) -> State:
        if self.finished_at:
            return self.State.FINISHED
        if self.problem or (self.progressed_at or self.started_at) < now - self.STOPPED_AFTER:
            return self.State.STOPPED
        return self.State.UNDER_WAY if self.progressed_at else self.State.WAITING

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.accounts) if self.accounts else 0


class RehearsedAccount(models.Model):
    """What a dry run found that the cycle would do with one account."""

    class Fate(models.TextChoices):
        BALANCE = "balance", "Paid from the balance"
        CARD = "card", "Charged to a card"
        FAIL = "fail", "Would fail"
        PARKED = "parked", "Parked"

    run = models.ForeignKey(CycleRun, on_delete=models.CASCADE, related_name="rehearsed", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    fate = models.CharField(max_length=8, choices=Fate.choices)
    services = models.PositiveIntegerField()
    net = MoneyField()
    tax = MoneyField()
    from_balance = MoneyField()
    from_card = MoneyField()
    # What the same account was billed for the month before, without tax.
    last_net = MoneyField(default=ZERO)
    # Why it would not be paid.
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "account"], name="a_dry_run_looks_at_an_account_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.get_fate_display()}"

    @property
    def total(self) -> Decimal:
        return self.net + self.tax
