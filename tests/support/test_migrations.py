"""Tickets from before there were conversations keep what they said."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import Account
from support.models import Ticket
from tests.support.conversations import NOON, lines


def migrate(to: str):
    executor = MigrationExecutor(connection)
    executor.migrate([("support", to)])
    return executor.loader.project_state([("support", to)]).apps


@pytest.mark.django_db(transaction=True)
def test_what_a_ticket_said_becomes_its_first_message(alice: Account):
    latest = max(name for app, name in MigrationExecutor(connection).loader.graph.leaf_nodes("support"))
    try:
        before = migrate("0002_failures_of_911").get_model("support", "Ticket")
        for state in ("open", "resolved", "closed"):
            before.objects.create(
                account_id=alice.pk,
                category="e911",
                subject="911",
                text=f"It failed: {state}",
                state=state,
                opened_at=NOON,
            )
    finally:
        migrate(latest)
    found = list(Ticket.objects.order_by("pk"))
    assert [lines(ticket) for ticket in found] == [
        [f"The portal: It failed: {state}"] for state in ("open", "resolved", "closed")
    ]
    assert [
        (ticket.state, ticket.opened_by, ticket.state_since, bool(ticket.resolved_at), bool(ticket.closed_at))
        for ticket in found
    ] == [
        ("open", "portal", NOON, False, False),
        ("resolved", "portal", NOON, True, False),
        ("closed", "portal", NOON, False, True),
    ]
    assert len({ticket.reference for ticket in found} - {""}) == 3
