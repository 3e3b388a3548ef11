"""Closes an account (domain.md §11): its services end at once, deposits go back to their cards, the rest stays.

The customer is shown first what would happen. That is the very same deed, in a transaction that is not committed, so
what is shown is what is done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from uuid import uuid5

from django.db import transaction

from accounts.models import Account
from billing import card_refunds, ending, ledger, months
from billing.models import BalanceWatch, CardRefund, Cycle, LedgerAccount, Payment, Service
from billing.tasks import send_refund
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import ZERO, cents_down
from orders import back_orders, mails
from orders import cart as carts
from orders.models import Order
from orders.refunds import Refund
from phone_numbers.models import BackOrder

# Deposits of so many days go back to the cards they came from.
REFUNDED_FOR = timedelta(days=90)


class CannotClose(Refused):
    """The account cannot be closed, or not now."""


class ClosingChanged(Refused):
    """Something has changed since the customer was shown what closing does."""


@dataclass(frozen=True)
class Withdrawal:
    """An order that waited for a number, and what of it came back to the balance."""

    back_order: BackOrder
    refund: Refund


@dataclass(frozen=True)
class Closing:
    """What closing an account ends, what goes back to which card, and what stays in the balance."""

    account: Account
    services: tuple[Service, ...]
    withdrawals: tuple[Withdrawal, ...]
    refunds: tuple[CardRefund, ...]
    stays: Decimal

    @property
    def to_cards(self) -> Decimal:
        return sum((refund.amount for refund in self.refunds), ZERO)

    @property
    def has_numbers(self) -> bool:
        return any(service.phone_number_id for service in self.services)

    @property
    def digest(self) -> str:
        """Stands for all of it: whoever confirms has seen the same where this is the same."""
        facts = [
            *(("service", service.pk, service.paid_until) for service in self.services),
            *(("order", each.back_order.pk, each.refund.total) for each in self.withdrawals),
            *(("card", refund.payment_id, refund.amount) for refund in self.refunds),
            ("stays", self.stays),
        ]
        return sha256(repr(facts).encode()).hexdigest()[:32]


def preview(account: Account, *, now: datetime) -> Closing:
    """What closing the account now would do; nothing is changed. Raises CannotClose."""
    with transaction.atomic():
        closing = _close(account, now)
        transaction.set_rollback(True)
    return closing


def close(account: Account, *, seen: str, now: datetime) -> Closing | None:
    """Close the account, as its customer has ``seen`` it (the digest of the preview); None where it was closed before.

    1. Orders that wait for a number are withdrawn, and their money is in the balance.
    2. Every service ends today; carts are emptied, auto-recharge is off.
    3. Deposits of the last 90 days leave the balance, newest first, as far as it reaches.
    4. Stripe is asked to refund them once that is committed: by a task for each, or by the sweep.

    Raises CannotClose, or ClosingChanged where something is not as it was shown; then nothing is changed.
    """
    with transaction.atomic():
        carts.lock(account)
        if Account.objects.filter(pk=account.pk, closed_on__isnull=False).exists():
            return None
        closing = _close(account, now)
        if closing.digest != seen:
            raise ClosingChanged("Something has changed since this page was shown. Look it over and confirm again.")
    return closing


def shares(deposits: Iterable[Payment], balance: Decimal) -> Iterator[tuple[Payment, Decimal]]:
    """How much of each deposit goes back to its card: what is left of it, as far as the balance reaches."""
    left = cents_down(balance)
    for deposit in deposits:
        if amount := min(deposit.left, left):
            yield deposit, amount
        left -= amount


def why_not_on(today: date) -> str:
    """Why no account can be closed on this day of the month, and from when; empty where it can."""
    if not months.is_collecting(today):
        return ""
    return (
        f"From the {months.CYCLE_STARTS_ON_DAY}th to the end of a month no account can be closed, because the next "
        f"month is being billed. You can close yours from {months.next_month(today):%-d %B %Y}."
    )


def _close(account: Account, now: datetime) -> Closing:
    """All of it in the caller's transaction, in the order of locks: cart, cycle, services, numbers, ledger account."""
    cart = carts.lock(account)
    if problem := why_not_on(now.date()):
        raise CannotClose(problem)
    _check_orders(account)
    _check_renewal(account, now.date())
    account = Account.objects.select_related("user").get(pk=account.pk)
    list(Service.objects.held().filter(account=account).order_by("pk").select_for_update())
    # Numbers before money: what is withdrawn moves the agent's balance, for which others wait who hold numbers.
    carts.empty(cart)
    withdrawals = _withdraw(account, now)
    services = _end_services(account, now)
    BalanceWatch.objects.filter(account=account).update(recharges=False, low_since=None)
    refunds = _refund_deposits(account, now)
    account.closed_on = now.date()
    account.save(update_fields=["closed_on"])
    closing = Closing(account, services, withdrawals, refunds, stays=ledger.of(account).balance or ZERO)
    mails.account_closed(closing)
    return closing


def _check_orders(account: Account) -> None:
    if Order.objects.filter(account=account, state=Order.State.PAYING).exists():
        raise CannotClose("An order of yours is being paid right now. See “Your orders” for what became of it.")


def _check_renewal(account: Account, today: date) -> None:
    """Not while this month is still being billed, which is so on the 1st; the next month's renewal may be planned."""
    being_billed = Cycle.objects.open().filter(account=account, month__lte=today.replace(day=1))
    if being_billed.select_for_update().exists():
        raise CannotClose(
            f"The renewal of your services for {today:%B} is still being billed. Try again tomorrow; see “Billing”."
        )


def _check_payments(account: Account) -> None:
    undecided = account.payments.undecided().order_by("pk").first()
    if undecided is None:
        return
    amount = f"${undecided.amount:.2f}"
    if undecided.state == Payment.State.NEEDS_CUSTOMER:
        raise CannotClose(f"A payment of {amount} waits for you. Confirm it or cancel it first: see “Billing”.")
    raise CannotClose(f"A payment of {amount} is being checked with the bank. Try again in a few minutes.")


def _withdraw(account: Account, now: datetime) -> tuple[Withdrawal, ...]:
    waiting = BackOrder.objects.waiting().in_line().filter(account=account)
    about = waiting.select_related("account__user", "product", "rate_center__region", "phone_number")
    return tuple(Withdrawal(each, back_orders.withdraw(each, now=now)) for each in about)


def _end_services(account: Account, now: datetime) -> tuple[Service, ...]:
    held = Service.objects.held().in_words().select_related("number_service__phone_number").filter(account=account)
    services = tuple(held.order_by("pk"))
    ending.end(services, reason=Service.Reason.CUSTOMER, on=now.date(), now=now)
    return services


def _refund_deposits(account: Account, now: datetime) -> tuple[CardRefund, ...]:
    customer = ledger.of(account)
    # From here on no deposit is begun, and none was begun that is not seen now.
    customer = LedgerAccount.objects.select_for_update().get(pk=customer.pk)
    _check_payments(account)
    deposits = Payment.objects.refundable(since=clock.midnight(now) - REFUNDED_FOR).filter(account=account)
    newest_first = deposits.select_related("card").order_by("-settled_at", "-pk")
    refunds = tuple(
        card_refunds.begin(deposit, amount=amount, token=uuid5(deposit.token, "closing"), now=now)
        for deposit, amount in shares(newest_first, customer.balance or ZERO)
    )
    for refund in refunds:
        # Robust: where the broker is away, the sweep sends it.
        transaction.on_commit(partial(send_refund.delay, refund_id=refund.pk), robust=True)
    return refunds
