"""From an application to an agent, and to the end of that: apply, and what staff decide (domain.md §8).

Staff's decisions are written down in the audit log with their reason, and told to the customer. What an agent earns
stands in the account, for the ledger: see ``Account.commission_percent``.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from accounts import audit_log
from accounts.models import Account, AuditEntry, User
from accounts.signup import violated
from agents import mails
from agents.models import Agent
from billing import ledger
from callcentric.errors import Refused

DEFAULT_PERCENT = Decimal(3)
MOST_PERCENT = Decimal(20)

State = Agent.State
# What can be decided, by the verbs below, about an agent in which state.
DECIDED_FROM: Mapping[str, tuple[str, ...]] = {
    "approve": (State.APPLIED, State.DECLINED, State.CLOSED),
    "decline": (State.APPLIED,),
    "change_rate": (State.APPROVED,),
    "close": (State.APPROVED,),
}


class CannotApply(Refused):
    """This account cannot apply, or not now."""


class IdTaken(Refused):
    """The Agent ID is somebody else's."""


class NotToDecide(Refused):
    """The agent is not in a state in which this can be decided."""


def apply(*, account: Account, agent_id: str, about: str, now: datetime) -> Agent:
    """The application of ``account``, under the Agent ID that it has chosen. Sent twice, it is one.

    Whoever was declined may apply again, under another ID too. Raises CannotApply and IdTaken.
    """
    _check_may_apply(account)
    try:
        with transaction.atomic():
            agent = Agent.objects.select_for_update().filter(account=account).first()
            if agent is None:
                return Agent.objects.create(account=account, agent_id=agent_id, about=about, applied_at=now)
            if agent.state == State.DECLINED:
                agent.agent_id, agent.about, agent.applied_at = agent_id, about, now
                agent.state, agent.decided_at = State.APPLIED, None
                agent.save()
    except IntegrityError as error:
        # The same form, sent twice at once; or else the ID is another's.
        agent = Agent.objects.filter(account=account, agent_id=agent_id).first()
        if agent is None:
            if violated(error) != "agents_agent_agent_id_key":
                raise
            raise IdTaken("This ID is taken. Choose another one.", code="unique") from error
    if agent.state != State.APPLIED or agent.agent_id != agent_id:
        raise CannotApply(WHY_NOT[State(agent.state)])
    return agent


WHY_NOT = {
    State.APPLIED: "You have applied already. We write to you as soon as we have looked at it.",
    State.APPROVED: "You are an agent already.",
    State.CLOSED: "Your agent's account was closed. If you want to take it up again, open a trouble ticket.",
}


def approve(agent: Agent, *, percent: Decimal, by: User, reason: str, now: datetime) -> Agent:
    """Let the agent earn ``percent`` of what clients pay, and welcome them; one who was declined or closed, too.

    Raises NotToDecide, and NoReason where none is given. Approving an approved one at its rate changes nothing.
    """
    with transaction.atomic():
        agent = _locked(agent)
        if agent.state not in DECIDED_FROM["approve"]:
            if agent.account.commission_percent == percent:
                return agent
            raise NotToDecide(f"{agent} is approved already, at {agent.percent}. Change the rate instead.")
        _check_open(agent)
        _decide(agent, State.APPROVED, percent, by=by, reason=reason, now=now)
        # Commission is credited to it, by statements that make none.
        ledger.of(agent.account)
        mails.welcome(agent)
    return agent


def decline(agent: Agent, *, by: User, reason: str, now: datetime) -> Agent:
    """Say no to an application. Declining it again changes nothing. Raises NotToDecide and NoReason."""
    with transaction.atomic():
        agent = _locked(agent)
        if agent.state == State.DECLINED:
            return agent
        if agent.state not in DECIDED_FROM["decline"]:
            raise NotToDecide(f"{agent} has not applied: only an application can be declined.")
        _decide(agent, State.DECLINED, None, by=by, reason=reason, now=now)
        mails.declined(agent)
    return agent


def close(agent: Agent, *, by: User, reason: str, now: datetime) -> Agent:
    """End it: nothing more is earned, and the ID refers nobody any more. Raises NotToDecide and NoReason.

    What was earned stays, and clients stay bound, should the agent be approved again.
    """
    with transaction.atomic():
        agent = _locked(agent)
        if agent.state == State.CLOSED:
            return agent
        if agent.state not in DECIDED_FROM["close"]:
            raise NotToDecide(f"{agent} is not approved: there is nothing to close.")
        _decide(agent, State.CLOSED, None, by=by, reason=reason, now=now)
        mails.closed(agent)
    return agent


def change_rate(agent: Agent, *, percent: Decimal, by: User, reason: str, now: datetime) -> Agent:
    """Another rate, for what clients pay from now on. Raises NotToDecide and NoReason."""
    with transaction.atomic():
        agent = _locked(agent)
        if agent.state not in DECIDED_FROM["change_rate"]:
            raise NotToDecide(f"{agent} is not approved, so there is no rate to change.")
        _check_open(agent)
        if agent.account.commission_percent == percent:
            return agent
        _decide(agent, State.APPROVED, percent, by=by, reason=reason, now=now)
        mails.rate_changed(agent)
    return agent


def _check_may_apply(account: Account) -> None:
    if account.closed_on:
        raise CannotApply("This account is closed, so it cannot become an agent.")
    if not account.email_is_confirmed:
        raise CannotApply("Confirm your e-mail address before you apply: we sent you a link.")


def _check_open(agent: Agent) -> None:
    if agent.account.closed_on:
        raise NotToDecide(f"The account of {agent} is closed: it can earn nothing.")


def _locked(agent: Agent) -> Agent:
    """The agent and its account as they are now; whoever decides about it at the same time waits."""
    locked = Agent.objects.select_for_update(of=("self", "account"), no_key=True)
    return locked.select_related("account__user").get(pk=agent.pk)


def _decide(agent: Agent, state: str, percent: Decimal | None, *, by: User, reason: str, now: datetime) -> None:
    account, before = agent.account, agent.percent
    account.commission_percent = percent
    account.save(update_fields=["commission_percent"])
    was, agent.state = agent.get_state_display(), State(state)
    agent.decided_at = now
    agent.save(update_fields=["state", "decided_at"])
    details = f"{agent}: {_in_words(was, before)} → {_in_words(agent.get_state_display(), agent.percent)}"
    audit_log.record(by=by, action=AuditEntry.Action.AGENT, reason=reason, account=account, details=details)


def _in_words(state: str, percent: str) -> str:
    return f"{state}, {percent}" if percent else state
