"""The demo's people are there, ready to be logged in as, and only in development."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from post_office.models import Email

from accounts.models import Account, User
from agents.models import Agent
from billing import ledger
from billing.models import Payment, Transfer


@pytest.mark.django_db(transaction=True)
def test_it_can_run_again_and_changes_nothing(stripe_server, client):
    for _ in range(2):
        call_command("load_demo", verbosity=0)
    demo = Account.objects.get(user__username="demo")
    assert (ledger.of(demo).balance, Transfer.objects.count(), Payment.objects.count()) == (Decimal("200"), 1, 1)
    assert [str(card) for card in demo.cards.usable()] == ["Visa 4242"]
    assert (demo.email_is_confirmed, demo.billing_address.region) == (True, "NY")
    agent = Agent.objects.approved().get()
    assert (agent.account.user.username, agent.percent, demo.referred_by) == ("agent", "3 %", agent.account)
    assert list(Email.objects.values_list("subject", flat=True)) == ["You are an agent now"]
    assert User.objects.get(username="admin").is_superuser is True
    assert client.login(username="demo", password="portal-demo") is True


def test_it_is_refused_outside_development(db, settings):
    settings.PORTAL_DEV = False
    with pytest.raises(CommandError, match="they exist in development only"):
        call_command("load_demo")
    assert User.objects.count() == 0
