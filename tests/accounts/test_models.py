"""What PostgreSQL promises about accounts, and about the log of what staff did."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from accounts import audit_log
from accounts.models import Account, AuditEntry


@pytest.mark.django_db
@pytest.mark.parametrize("agent", ["alice", "bob"])
def test_nobody_is_their_own_agent_nor_that_of_who_was_there_before(alice, bob, agent):
    with pytest.raises(IntegrityError, match="agent_was_there_before_the_client"):
        Account.objects.filter(pk=alice.pk).update(referred_by={"alice": alice, "bob": bob}[agent])


@pytest.mark.django_db
@pytest.mark.parametrize("percent", ["-0.01", "20.01"])
def test_commission_is_at_most_20_percent(alice, percent):
    with pytest.raises(IntegrityError, match="commission_is_0_to_20_percent"):
        Account.objects.filter(pk=alice.pk).update(commission_percent=Decimal(percent))


@pytest.mark.django_db
def test_the_audit_log_only_grows(alice, sam):
    entry = audit_log.record(by=sam, action=AuditEntry.Action.CREDIT, reason=" Goodwill ", account=alice)
    assert (entry.reason, entry.account, entry.by, entry.details) == ("Goodwill", alice, sam, "")
    refused = "Cannot update or delete rows from accounts_auditentry"
    for change in (lambda: AuditEntry.objects.update(reason="Other"), lambda: AuditEntry.objects.all().delete()):
        with pytest.raises(ProgrammingError, match=refused), transaction.atomic():
            change()


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_nothing_is_done_without_a_reason(sam, reason):
    with pytest.raises(audit_log.NoReason, match="Say why"):
        audit_log.record(by=sam, action=AuditEntry.Action.CREDIT, reason=reason)
    assert AuditEntry.objects.exists() is False
