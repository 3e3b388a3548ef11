"""Tells logged-in readers their own dates and amounts beside an answer; strangers see nothing of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from accounts.models import Account
from billing import forecast, ledger
from callcentric.money import ZERO
from callcentric.templatetags.show import balance
from orders import lost as losses
from orders.lost import Lost
from support.faq.models import FaqQuestion

Reader = FaqQuestion.Reader


@dataclass(frozen=True)
class Own:
    """What is true of one reader, in sentences, and where they go on: the name of a page and its words."""

    sentences: tuple[str, ...]
    page: str = ""
    words: str = ""


def own(reader: str, *, account: Account, today: date) -> Own | None:
    """What ``account`` is told beside an answer that names ``reader``; None where there is nothing to tell."""
    tell = _TELLERS.get(reader)
    told = tell(account, today) if tell else None
    return told if told and told.sentences else None


def _reclaim(account: Account, today: date) -> Own:
    """Each number that they can have back, and until when (domain.md §7)."""
    coming_back = (lost for lost in losses.lately(account, today=today) if lost.decision.comes_back)
    numbers = [lost for lost in coming_back if lost.service.phone_number]
    return Own(tuple(_until(lost) for lost in numbers), "lost_services", "What you have lost")


def _until(lost: Lost) -> str:
    free = f"without a set-up fee until {lost.decision.no_setup_fee_until:%-d %B %Y}"
    fee = free if lost.decision.is_setup_waived else "with its set-up fee, if any"
    return f"Your number {lost.service.phone_number} can be had back until {lost.decision.kept_until:%-d %B %Y}, {fee}."


def _renewal(account: Account, today: date) -> Own:
    next_one = forecast.of(account, today=today)
    sentences = (next_one.words, next_one.consequence) if next_one else ("You have nothing that is renewed.",)
    return Own(tuple(filter(None, sentences)), "dashboard", "My Account")


def _balance(account: Account, today: date) -> Own:
    now = balance(ledger.of(account).balance or ZERO)
    preference = account.get_pays_from_display()
    return Own((f"Your balance is {now}.", f"Your billing preference: {preference}."), "billing", "Billing")


def _agent(account: Account, today: date) -> Own:
    # agents stands beside this app and is not imported; that an account may have an agent is its own relation.
    agent = getattr(account, "agent", None)
    if not agent or not agent.takes_clients:
        return Own(())
    told = (f"Your Agent ID is {agent}, and you earn {agent.percent}.", f"Your link: {agent.link}")
    return Own(told, "agents", "Your clients and commission")


_TELLERS: dict[str, Callable[[Account, date], Own]] = {
    Reader.RECLAIM: _reclaim,
    Reader.RENEWAL: _renewal,
    Reader.BALANCE: _balance,
    Reader.AGENT: _agent,
}
