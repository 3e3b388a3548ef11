"""Auto-recharge: adds money from the default card when the balance runs low (domain.md §6).

Off by default. Below a threshold (2 to 50) an amount (10 to 100) is added, three times a business day at most. It is
a deposit like one by hand, and counts against what may be deposited in a day.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from django.db import transaction

from accounts.models import Account
from billing import balance_mails, deposits, ledger, payments
from billing.models import BalanceWatch, Card, LedgerAccount, Payment
from callcentric import clock
from callcentric.errors import Refused

log = structlog.get_logger(__name__)


class NoCard(Refused):
    """There is no card that auto-recharge could charge."""


def watch_of(account: Account) -> BalanceWatch:
    """What the account has set; what holds for everybody where it has set nothing."""
    return BalanceWatch.objects.filter(account=account).first() or BalanceWatch(account=account)


def change(account: Account, *, recharges: bool, below: Decimal, amount: Decimal, now: datetime) -> None:
    """Turn auto-recharge on or off, and say below what it adds how much. Raises NoCard where it could charge none."""
    card = _default_card(account)
    if recharges and (card is None or card.has_expired(_day(now))):
        raise NoCard(f"Auto-recharge charges your default card. {_why_not(card)}")
    # A balance that nobody has ever looked at is one of $0.00.
    ledger.of(account)
    changes = {"recharges": recharges, "recharge_below": below, "recharge_amount": amount}
    BalanceWatch.objects.update_or_create(account=account, defaults=changes)


def due(*, now: datetime) -> list[int]:
    """The accounts that auto-recharge shall add money to now, by their keys."""
    return list(BalanceWatch.objects.recharge_due(now).order_by("account").values_list("account", flat=True))


def recharge(account: Account, *, now: datetime) -> Payment | None:
    """Charge the default card if that is due: once, however many do it at once. None where nothing was to be done.

    Without a card that is good auto-recharge is switched off, and an e-mail says so.
    """
    payment = _begin(account, now)
    return payments.charge(payment, now=now) if payment else None


@transaction.atomic
def _begin(account: Account, now: datetime) -> Payment | None:
    # Locked before it is asked whether it is due: whoever was first has begun a payment by then.
    BalanceWatch.objects.select_for_update().filter(account=account).first()
    watch = BalanceWatch.objects.recharge_due(now).select_related("account__user").filter(account=account).first()
    if watch is None:
        return None
    card = _default_card(account)
    if card is None or card.has_expired(_day(now)):
        _switch_off(watch, _why_not(card))
        return None
    # A deposit by hand at the same moment is counted before or after this one.
    LedgerAccount.objects.select_for_update().get(account=account)
    if watch.recharge_amount > deposits.left_today(account, now=now):
        return None
    try:
        return payments.begin(
            account=account,
            card=card,
            amount=watch.recharge_amount,
            purpose=Payment.Purpose.RECHARGE,
            token=_token(watch, now),
            now=now,
            on_session=False,
        )
    except payments.CardProblem as problem:
        log.info("auto-recharge not begun", account=account.pk, problem=str(problem))
        return None


def _token(watch: BalanceWatch, now: datetime) -> UUID:
    """The same for all who do the same recharge of the same day."""
    return uuid5(NAMESPACE_URL, f"recharge {watch.today + 1} of {watch.account_id} on {_day(now)}")


def _switch_off(watch: BalanceWatch, problem: str) -> None:
    BalanceWatch.objects.filter(pk=watch.pk).update(recharges=False)
    balance_mails.recharge_without_card(watch, problem=problem)


def _default_card(account: Account) -> Card | None:
    return account.cards.usable().filter(is_default=True).first()


def _why_not(card: Card | None) -> str:
    if card is None:
        return "You have none: add a card first."
    return f"Your {card} expired {card.expires}: add another card, or make another one the default."


def _day(now: datetime) -> date:
    return now.astimezone(clock.BUSINESS_ZONE).date()
