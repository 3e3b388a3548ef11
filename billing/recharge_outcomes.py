"""What a payment of auto-recharge means once it is decided, in the transaction that decides it."""

from datetime import datetime

from billing import balance_mails, ledger
from billing.models import BalanceWatch, Payment
from callcentric import clock
from callcentric.money import ZERO


def succeeded(payment: Payment) -> None:
    """The money is in the balance: an e-mail says so."""
    balance_mails.recharged(payment, balance=ledger.of(payment.account).balance or ZERO)


def failed(payment: Payment, *, can_try_again: bool, now: datetime) -> None:
    """Nothing was charged: an e-mail says why, once a day; where only the customer can help, auto-recharge is off."""
    if not can_try_again:
        BalanceWatch.objects.filter(account=payment.account).update(recharges=False)
    elif _failed_before(payment, now):
        return
    balance_mails.recharge_failed(payment, is_off=not can_try_again)


def _failed_before(payment: Payment, now: datetime) -> bool:
    others = Payment.objects.filter(account=payment.account, purpose=payment.purpose).exclude(pk=payment.pk)
    return others.filter(state=Payment.State.FAILED).since(clock.midnight(now)).exists()
