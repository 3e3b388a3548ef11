"""Tells logged-in readers their own dates and amounts beside an answer; strangers see nothing of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from accounts.models import Account
from billing import forecast, ledger
from billing.models import Service
from callcentric.money import ZERO
from callcentric.templatetags.show import balance
from phone_numbers.models import Offering, PhoneNumber
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER
from support.faq.models import FaqQuestion

Reader = FaqQuestion.Reader
Reason = Service.Reason

# No set-up fee on what is had back so soon (domain.md §7).
NO_SETUP_FEE_FOR = timedelta(days=19)


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
    kept = PhoneNumber.objects.kept_for(account, today)
    lost = Service.objects.lost().numbers().filter(account=account, phone_number__in=kept)
    lost = lost.exclude(reason=Reason.VIOLATION).exclude(_lost_with_its_offer()).order_by("pk")
    # The last service on a number is the one that counts.
    by_number = {service.phone_number: service for service in lost if service.phone_number}
    sentences = (_until(number, number.disconnected_on, today) for number in by_number if number.disconnected_on)
    return Own(tuple(sentences), "lost_services", "What you have lost")


def _lost_with_its_offer() -> Q:
    """Dirt Cheap numbers that were lost to failed rebilling where Dirt Cheap is not offered any more."""
    here = Offering.objects.filter(product=OuterRef("product"), rate_center=OuterRef("rate_center"))
    is_gone = Q(product__is_offered=False) | Q(~Exists(here))
    return Q(is_gone, product__is_lost_with_its_offer=True, reason=Reason.FAILED_REBILLING)


def _until(number: PhoneNumber, lost_on: date, today: date) -> str:
    last_day = lost_on + KEPT_FOR_LAST_HOLDER - timedelta(days=1)
    free_until = lost_on + NO_SETUP_FEE_FOR
    fee = f"without a set-up fee until {free_until:%-d %B %Y}" if today <= free_until else "with its set-up fee, if any"
    return f"Your number {number} can be had back until {last_day:%-d %B %Y}, {fee}."


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
    if not agent or agent.state != "approved":
        return Own(())
    link = f"{settings.SITE_URL}/?aid={agent.agent_id}"
    return Own((f"Your Agent ID is {agent.agent_id}.", f"Your link: {link}"), "agents", "Your clients and commission")


_TELLERS: dict[str, Callable[[Account, date], Own]] = {
    Reader.RECLAIM: _reclaim,
    Reader.RENEWAL: _renewal,
    Reader.BALANCE: _balance,
    Reader.AGENT: _agent,
}
