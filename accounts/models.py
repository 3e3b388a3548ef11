"""Users who log in, the accounts they hold with the operator, addresses, and the countries not served."""

from typing import Self

import pgtrigger
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django_countries import countries
from django_countries.fields import CountryField

from accounts.validators import (
    NUMBER_IN_DISGUISE,
    NUMBER_PATTERN,
    USERNAME_PATTERN,
    one_line,
    username_validators,
)
from callcentric import clock

# 911 and its fee exist for service addresses here (domain.md §2); DC is among the states of the US.
COUNTRIES_WITH_911 = frozenset({"US", "PR", "CA"})


class User(AbstractUser):
    """Somebody who can log in: a customer (who has an account) or staff (who have none)."""

    username = models.CharField(
        max_length=40,
        unique=True,
        help_text="Letters, digits and . _ - + only.",
        validators=username_validators,
        error_messages={"unique": "This username is taken. Choose another one."},
    )

    class Meta(AbstractUser.Meta):
        abstract = False
        permissions = [("change_roles", "Can change what staff may do")]
        constraints = [
            models.CheckConstraint(
                condition=Q(username__regex=USERNAME_PATTERN), name="username_is_lower_case_and_plain"
            ),
            models.CheckConstraint(
                condition=~Q(username__regex=NUMBER_IN_DISGUISE), name="username_is_no_account_number"
            ),
        ]


class Address(models.Model):
    """Where somebody is billed or served. Never edited: a change is a new row, so orders keep theirs."""

    country = CountryField()
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField("state or province", max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        parts = [self.street.replace("\r\n", ", ").replace("\n", ", "), self.city]
        parts += [" ".join(filter(None, [self.region, self.postal_code])), country_name(self.country)]
        return ", ".join(filter(None, parts))

    @property
    def is_complete(self) -> bool:
        """Whether it is more than the country given at sign-up."""
        # Some countries write no city, such as Japan and Singapore; all have a street.
        return bool(self.street)

    @property
    def has_911(self) -> bool:
        """Whether emergency service exists at this address (domain.md §2)."""
        return str(self.country) in COUNTRIES_WITH_911


class AccountQuerySet(models.QuerySet["Account"]):
    def earning(self) -> Self:
        """Agents who earn commission: approved, and still open (domain.md §8)."""
        return self.filter(commission_percent__gt=0, closed_on=None)


class Account(models.Model):
    """One customer of the operator."""

    class PaysFrom(models.TextChoices):
        BALANCE = "balance", "Balance first, then card"
        CARD = "card", "Card"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="account")
    number = models.CharField("1777 number", max_length=11, editable=False)
    name = models.CharField(max_length=100, validators=[one_line])
    phone = models.CharField("contact phone", max_length=30, blank=True)
    billing_address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+")
    # The address that emergency services would be sent to; asked for at checkout (domain.md §2).
    service_address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    time_zone = models.CharField(max_length=50, default="America/New_York")
    pays_from = models.CharField(
        "billing preference", max_length=10, choices=PaysFrom.choices, default=PaysFrom.BALANCE
    )
    referred_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="clients"
    )
    # What this account earns as an agent; empty for everybody else. Set by ``agents.approval``, read by the ledger.
    commission_percent = models.DecimalField(
        "commission, %", max_digits=4, decimal_places=2, null=True, blank=True, editable=False
    )
    opened_at = models.DateTimeField(default=clock.now, editable=False)
    closed_on = models.DateField(null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        permissions = [("view_as_customer", "Can look at a customer's pages")]
        constraints = [
            models.CheckConstraint(
                condition=Q(number__regex=NUMBER_PATTERN), name="account_number_is_1777_and_seven_digits"
            ),
            models.UniqueConstraint(fields=["number"], name="account_number_has_one_account"),
            # So nobody is their own agent, and the ledger may lock a client before its agent, and never comes round.
            models.CheckConstraint(condition=Q(referred_by__lt=F("pk")), name="agent_was_there_before_the_client"),
            models.CheckConstraint(
                condition=Q(commission_percent__range=(0, 20)), name="commission_is_0_to_20_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def email_is_confirmed(self) -> bool:
        """Whether the e-mail address that we write to is known to be theirs; the first order needs it."""
        return EmailAddress.objects.filter(user_id=self.user_id, primary=True, verified=True).exists()

    def bill_to(self, address: Address) -> None:
        """Make ``address`` the billing address from now on; what was billed keeps the old one."""
        self.billing_address = address
        self.save(update_fields=["billing_address"])


class AuditEntry(models.Model):
    """What one of the staff did that moves money, changes rights or shows a customer's pages; never changed."""

    class Action(models.TextChoices):
        CREDIT = "credit", "Gave a credit"
        REFUND = "refund", "Refunded a charge"
        ROLES = "roles", "Changed roles"
        VIEW = "view", "Looked at a customer's pages"
        AGENT = "agent", "Decided about an agent"
        SERVICE = "service", "Cancelled a service"
        PARKING = "parking", "Parked or released an account"
        CYCLE = "cycle", "Ran the monthly cycle"
        DIFFERENCE = "difference", "Resolved a difference"

    action = models.CharField(max_length=10, choices=Action.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deeds")
    # Whose money or pages; or whose rights.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="staff_deeds")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=500)
    # In words: amounts, services, roles before and after.
    details = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        verbose_name_plural = "audit log"
        triggers = [pgtrigger.Protect(name="audit_log_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_action_display()} · {self.done_at:%-d %B %Y}"


class EmbargoedCountry(models.Model):
    """A country where the operator may serve nobody (domain.md §3). Staff keep the list."""

    country = CountryField(unique=True)

    class Meta:
        verbose_name_plural = "embargoed countries"

    def __str__(self) -> str:
        return country_name(self.country)


def country_name(code: object) -> str:
    """The name of a country, by its code or by a field that holds one."""
    return countries.name(str(code))
