"""From an application to an agent and to its end: states, rates, e-mails and the audit log."""

from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings
from post_office.models import Email

from accounts.audit_log import NoReason
from accounts.models import Account, AuditEntry
from agents import approval
from agents.approval import CannotApply, IdTaken, NotToDecide
from agents.models import Agent
from billing.models import LedgerAccount
from tests.agents.making import NOON, an_agent
from tests.billing.movements import at
from tests.crowds import at_once
from tests.factories import AccountFactory

LATER = at(1, 20)


def apply(account: Account, agent_id: str = "acme", about: str = "By my shop.", now=NOON) -> Agent:
    return approval.apply(account=account, agent_id=agent_id, about=about, now=now)


def stored(agent: Agent) -> tuple:
    found = Agent.objects.select_related("account").get(pk=agent.pk)
    return found.agent_id, found.state, found.account.commission_percent, found.applied_at, found.decided_at


def deeds() -> list[tuple]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", "by__username", "reason", "details"))


def subjects() -> list[str]:
    return list(Email.objects.order_by("pk").values_list("subject", flat=True))


def decide(verb: str, agent: Agent, sam, *, percent: str = "3", reason: str = "Because", now=LATER) -> Agent:
    more = {"percent": Decimal(percent)} if verb in ("approve", "change_rate") else {}
    return getattr(approval, verb)(agent, by=sam, reason=reason, now=now, **more)


class TestApplying:
    def test_it_waits_for_staff_and_earns_nothing(self, alice):
        assert stored(apply(alice)) == ("acme", "applied", None, NOON, None)
        assert (subjects(), deeds(), LedgerAccount.objects.count()) == ([], [], 0)

    def test_sent_twice_it_is_one(self, alice):
        first = apply(alice)
        assert apply(alice, about="Again.", now=LATER) == first
        assert stored(first) == ("acme", "applied", None, NOON, None)

    def test_whoever_was_declined_may_apply_again(self, alice, sam):
        agent = decide("decline", apply(alice), sam)
        again = apply(alice, "acme-2", "By my blog.", now=at(1, 25))
        assert again == agent
        assert stored(agent) == ("acme-2", "applied", None, at(1, 25), None)
        assert Agent.objects.get().about == "By my blog."

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("applied", "You have applied already. We write to you as soon as we have looked at it."),
            ("approved", "You are an agent already."),
            ("closed", "Your agent's account was closed. If you want to take it up again, open a trouble ticket."),
        ],
    )
    def test_whoever_is_or_was_an_agent_does_not(self, alice, state, words):
        agent = an_agent(alice, state=state)
        before = stored(agent)
        with pytest.raises(CannotApply) as refused:
            apply(alice, "other")
        assert (refused.value.messages, stored(agent)) == ([words], before)

    def test_an_id_is_one_agents(self, alice, bob, sam):
        apply(alice)
        with pytest.raises(IdTaken, match=r"^This ID is taken. Choose another one.$"):
            apply(bob)
        decide("decline", apply(bob, "bobs"), sam)
        with pytest.raises(IdTaken):
            apply(bob)
        assert sorted(Agent.objects.values_list("agent_id", "state")) == [("acme", "applied"), ("bobs", "declined")]

    def test_not_before_the_e_mail_address_is_confirmed(self, db):
        with pytest.raises(CannotApply, match="Confirm your e-mail address before you apply: we sent you a link."):
            apply(AccountFactory(email_confirmed=False))

    def test_not_with_a_closed_account(self, alice):
        alice.closed_on = date(2027, 1, 10)
        with pytest.raises(CannotApply, match="This account is closed, so it cannot become an agent."):
            apply(alice)
        assert Agent.objects.count() == 0


class TestDeciding:
    @pytest.mark.parametrize("before", ["applied", "declined", "closed"])
    def test_approved_it_earns_and_is_welcomed(self, alice, sam, before):
        agent = an_agent(alice, state=before)
        decide("approve", agent, sam, percent="2.50", reason="  Known to us ")
        assert stored(agent) == ("acme", "approved", Decimal("2.50"), NOON, LATER)
        assert LedgerAccount.objects.get(account=alice).balance == 0
        assert deeds() == [("agent", "sam", "Known to us", f"acme: {before.capitalize()} → Approved, 2.5 %")]
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], "You are an agent now")
        lines = mail.message.splitlines()
        assert "Your Agent ID: acme" in lines
        assert f"Your link:     {settings.SITE_URL}/?aid=acme" in lines
        assert "You earn 2.5 % of" in mail.message

    def test_declined_it_is_told_kindly(self, alice, sam):
        agent = decide("decline", apply(alice), sam)
        assert stored(agent) == ("acme", "declined", None, NOON, LATER)
        assert deeds() == [("agent", "sam", "Because", "acme: Applied → Declined")]
        mail = Email.objects.get()
        assert mail.subject == "Your application to become an agent"
        assert "Because" not in mail.message
        assert f"{settings.SITE_URL}/agents/" in mail.message.splitlines()

    def test_closed_it_earns_nothing_more(self, alice, sam):
        agent = decide("close", an_agent(alice), sam)
        assert stored(agent) == ("acme", "closed", None, NOON, LATER)
        assert deeds() == [("agent", "sam", "Because", "acme: Approved, 3 % → Closed")]
        assert subjects() == ["Your agent's account is closed"]

    def test_another_rate(self, alice, sam):
        agent = decide("change_rate", an_agent(alice), sam, percent="10")
        assert stored(agent) == ("acme", "approved", Decimal(10), NOON, LATER)
        assert deeds() == [("agent", "sam", "Because", "acme: Approved, 3 % → Approved, 10 %")]
        assert subjects() == ["Your commission is 10 % now"]

    @pytest.mark.parametrize(
        ("verb", "state"),
        [("approve", "approved"), ("decline", "declined"), ("close", "closed"), ("change_rate", "approved")],
    )
    def test_decided_twice_it_is_once(self, alice, sam, verb, state):
        agent = an_agent(alice, state=state)
        before = stored(agent)
        assert stored(decide(verb, agent, sam)) == before
        assert (deeds(), subjects()) == ([], [])

    @pytest.mark.parametrize(
        ("verb", "state", "words"),
        [
            ("approve", "approved", "acme is approved already, at 3 %. Change the rate instead."),
            ("decline", "approved", "acme has not applied: only an application can be declined."),
            ("decline", "closed", "acme has not applied: only an application can be declined."),
            ("close", "applied", "acme is not approved: there is nothing to close."),
            ("close", "declined", "acme is not approved: there is nothing to close."),
            ("change_rate", "applied", "acme is not approved, so there is no rate to change."),
            ("change_rate", "closed", "acme is not approved, so there is no rate to change."),
        ],
    )
    def test_what_does_not_fit_is_refused(self, alice, sam, verb, state, words):
        agent = an_agent(alice, state=state)
        before = stored(agent)
        with pytest.raises(NotToDecide) as refused:
            decide(verb, agent, sam, percent="7")
        assert (refused.value.messages, stored(agent), deeds(), subjects()) == ([words], before, [], [])

    def test_a_closed_account_is_not_approved(self, alice, sam):
        agent = apply(alice)
        Account.objects.update(closed_on=date(2027, 1, 12))
        with pytest.raises(NotToDecide, match="The account of acme is closed: it can earn nothing."):
            decide("approve", agent, sam)

    def test_nor_is_its_rate_changed(self, alice, sam):
        agent = an_agent(alice)
        Account.objects.update(closed_on=date(2027, 1, 12))
        with pytest.raises(NotToDecide, match="The account of acme is closed: it can earn nothing."):
            decide("change_rate", agent, sam, percent="5")
        assert (subjects(), deeds()) == ([], [])

    @pytest.mark.parametrize(
        ("verb", "state"),
        [("approve", "applied"), ("decline", "applied"), ("close", "approved"), ("change_rate", "approved")],
    )
    def test_without_a_reason_nothing_is_decided(self, alice, sam, verb, state):
        agent = an_agent(alice, state=state)
        before = stored(agent)
        with pytest.raises(NoReason):
            decide(verb, agent, sam, percent="7", reason=" ")
        assert (stored(agent), subjects()) == (before, [])


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_who_want_one_id(self):
        accounts = [AccountFactory() for _ in range(4)]
        results = at_once(*(lambda account=account: apply(account) for account in accounts))
        assert sorted(type(result).__name__ for result in results) == ["Agent", "IdTaken", "IdTaken", "IdTaken"]
        assert Agent.objects.count() == 1

    def test_one_who_presses_twice(self, alice):
        results = at_once(*[lambda: apply(alice)] * 4)
        assert {type(result).__name__ for result in results} == {"Agent"}
        assert Agent.objects.count() == 1

    def test_two_of_staff_who_decide(self, alice, sam):
        agent = apply(alice)
        results = at_once(*[lambda: decide("approve", agent, sam)] * 3, lambda: decide("decline", agent, sam))
        # Whoever comes first has decided; the others find it so, or are refused.
        assert {type(result).__name__ for result in results} <= {"Agent", "NotToDecide"}
        assert (Agent.objects.get().state, subjects()[-1]) == ("approved", "You are an agent now")
        assert len(deeds()) == len(subjects())

    def test_two_rates_at_once_are_both_written_down(self, alice, sam):
        agent = an_agent(alice)
        at_once(*(lambda percent=percent: decide("change_rate", agent, sam, percent=percent) for percent in "567"))
        rates = [details.removeprefix("acme: ").split(" → ") for _, _, _, details in deeds()]
        # Each begins where the one before it ended.
        assert [before for before, _ in rates] == ["Approved, 3 %", *(after for _, after in rates[:-1])]
        assert Agent.objects.get().percent == rates[-1][1].removeprefix("Approved, ")
