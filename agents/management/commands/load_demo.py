"""Load the people of the demo: a customer with money and a card, an agent, and staff (development only)."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import signup
from accounts.models import Account, Address, User
from agents import approval
from agents.models import Agent
from billing import cards, payments, stripe_api
from billing.models import Card, Payment
from callcentric import clock

PASSWORD = "portal-demo"  # noqa: S105 (known to everybody, and made in development only)
NEW_YORK = {
    "country": "US",
    "street": "1 Demo Street",
    "city": "Albany",
    "region": "NY",
    "postal_code": "12207",
}
# What Stripe, and localstripe, give as a card that works.
TEST_CARD = "pm_card_visa"
FIRST_DEPOSIT = Decimal("200.00")


class Command(BaseCommand):
    help = "Loads the logins demo, agent and admin. Safe to run again: what is there stays."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PORTAL_DEV:
            raise CommandError("The demo's logins are known to everybody: they exist in development only.")
        now = clock.now()
        admin = User.objects.filter(username="admin").first()
        admin = admin or User.objects.create_superuser("admin", "admin@example.com", PASSWORD)
        agent = _customer("agent", "Demo Agent")
        _approve(agent, admin, now)
        # After the agent: nobody is the client of one who came later.
        demo = _customer("demo", "Demo Customer", referred_by=agent)
        _money(demo, now)
        self.stdout.write("Demo logins: demo, agent, admin.")


@transaction.atomic
def _customer(username: str, name: str, *, referred_by: Account | None = None) -> Account:
    known = Account.objects.filter(user__username=username).first()
    if known:
        return known
    user = User.objects.create_user(username, f"{username}@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    account = signup.open_account(
        user=user, name=name, country="US", time_zone="America/New_York", referred_by=referred_by
    )
    account.billing_address = Address.objects.create(**NEW_YORK)
    account.save(update_fields=["billing_address"])
    return account


def _approve(account: Account, admin: User, now: datetime) -> None:
    """By the road every agent takes, welcome e-mail included: once."""
    if not Agent.objects.filter(account=account).exists():
        agent = approval.apply(account=account, agent_id="demo-agent", about="", now=now)
        approval.approve(agent, percent=approval.DEFAULT_PERCENT, by=admin, reason="The agent of the demo", now=now)


def _money(account: Account, now: datetime) -> None:
    """A card that works and the first deposit from it: once, however often this is run."""
    card = account.cards.usable().first() or _card(account, now)
    payment = payments.begin(
        account=account,
        card=card,
        amount=FIRST_DEPOSIT,
        purpose=Payment.Purpose.DEPOSIT,
        token=uuid5(NAMESPACE_URL, f"demo deposit of {account.number}"),
        now=now,
    )
    payments.charge(payment, now=now)


def _card(account: Account, now: datetime) -> Card:
    """Added by the road every card takes, but that no browser sends it."""
    setup = cards.begin_adding(account)
    stripe_api.confirm_setup(setup.id, payment_method=TEST_CARD)
    return cards.finish_adding(account=account, setup_id=setup.id, now=now)
