"""Checkout: turns the cart into an order, all of it or nothing (domain.md §5).

An order that the balance covers is made in one transaction. One that needs a card is written down first as *paying*;
then the bank is asked, with no transaction open; then it is finished. Whatever stops in between, ``finish`` takes up
again: called by the customer's next page, by Stripe's webhook through the sweep, by the beat.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from accounts import embargo
from accounts.models import Account, Address
from billing import ledger, payments
from billing.models import Card, Payment, Service
from billing.split import split
from billing.tasks import recharge_balance
from callcentric.errors import Refused
from callcentric.money import ZERO
from catalog.models import Product
from orders import cart as carts
from orders import fulfilment, mails, pricing, refunds
from orders.models import Cart, CartLine, Order, OrderLine
from orders.quote import Line, Quote
from phone_numbers import stock

log = structlog.get_logger(__name__)


class CheckoutRefused(Refused):
    """The order was not made; the cart is as it was."""


@dataclass(frozen=True)
class Confirmation:
    """What the customer saw and confirmed on the checkout page."""

    token: UUID
    total: Decimal
    from_card: Decimal
    pays_from: str
    card: Card | None


def place(*, account: Account, confirmation: Confirmation, now: datetime) -> Order:
    """Order what is in the cart and pay for it.

    1. A confirmation that was made before returns the order it made, however often the button is pressed.
    2. Under the cart's lock: check everything, write the order down; complete it at once where no card is needed.
    3. Charge the card, with no transaction open.
    4. Finish: take the money from the balance, begin the services, empty the cart.

    The order comes back completed, failed (its ``problem`` says why) or still paying (the bank asks the customer
    something, or has not answered yet). Raises CheckoutRefused, NotServed or CardProblem when nothing was begun.
    """
    with transaction.atomic():
        order = _begin(account, confirmation, now)
        if order.state == Order.State.PAYING and order.payment is None:
            return _complete(order, now)
    if order.payment and order.payment.state == Payment.State.CREATED:
        payments.charge(order.payment, now=now)
    return finish(order, now=now)


def finish(order: Order, *, now: datetime) -> Order:
    """Complete or fail an order whose card payment has been decided; leaves one that is undecided as it is.

    Safe to call at any time and any number of times.
    """
    with transaction.atomic():
        Cart.objects.select_for_update().filter(account=order.account).first()
        order = Order.objects.select_for_update(of=("self",)).select_related("payment", "account").get(pk=order.pk)
        if order.state != Order.State.PAYING or order.payment is None:
            return order
        if order.payment.state == Payment.State.FAILED:
            return _fail(order, order.payment.problem)
        if order.payment.state != Payment.State.SUCCEEDED:
            return order
        try:
            with transaction.atomic():
                return _complete(order, now)
        except Refused as refusal:
            return _fail(order, _money_is_safe(order.payment, refusal))


def finish_all(*, now: datetime, account: Account | None = None) -> int:
    """Finish every order whose payment has been decided, or those of one account; returns how many were.

    What a crash left is mended here, by the beat's sweep or by the customer who looks first.
    """
    decided = [Payment.State.SUCCEEDED, Payment.State.FAILED]
    waiting = Order.objects.filter(state=Order.State.PAYING, payment__state__in=decided)
    if account is not None:
        waiting = waiting.filter(account=account)
    return sum(_finish_left(order, now) for order in waiting.select_related("account"))


def _finish_left(order: Order, now: datetime) -> bool:
    try:
        return finish(order, now=now).state != Order.State.PAYING
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("order not finished", order=order.pk)
        return False


def _begin(account: Account, confirmation: Confirmation, now: datetime) -> Order:
    """The order of this confirmation: the one it made before, or a new one, checked and written down."""
    cart = carts.lock(account)
    known = {
        order.token == confirmation.token: order
        for order in Order.objects.select_related("payment", "account").filter(
            Q(token=confirmation.token) | Q(state=Order.State.PAYING), account=account
        )
    }
    if True in known:
        return known[True]
    if known:
        raise CheckoutRefused("An order of yours is being paid right now. See “Orders” for what became of it.")
    service_address = check_customer(account)
    lines = carts.lines_of(cart)
    quoted = _checked(account, lines, confirmation, service_address, now)
    return _write_down(account, confirmation, quoted, lines, service_address, now)


def _checked(
    account: Account, lines: list[CartLine], confirmation: Confirmation, service_address: Address, now: datetime
) -> Quote:
    """The cart's quote once everything that can refuse an order has had its say."""
    if not lines:
        raise CheckoutRefused("Your cart is empty. If you have just ordered in another window, see “Orders”.")
    quoted = pricing.quote_for(account=account, lines=lines, now=now, service_address=service_address)
    if quoted.problems:
        raise CheckoutRefused(quoted.problems[0])
    if quoted.total != confirmation.total:
        raise CheckoutRefused(
            f"The total has changed to ${quoted.total:.2f} since the page was shown. Look it over and confirm again."
        )
    return quoted


def check_customer(account: Account) -> Address:
    """The service address of a customer who may order.

    Refuses who may not: no confirmed e-mail, no complete address, an embargoed country (domain.md §3, §4).
    """
    if account.closed_on:
        raise CheckoutRefused("This account is closed. Open a new one to order.")
    if not account.email_is_confirmed:
        raise CheckoutRefused("Confirm your e-mail address before your first order: we sent you a link.")
    if not account.service_address or not account.billing_address.is_complete:
        raise CheckoutRefused("We need your address before you can order.")
    for country in {str(account.billing_address.country), str(account.service_address.country)}:
        embargo.check(country)
    return account.service_address


def _write_down(
    account: Account,
    confirmation: Confirmation,
    quoted: Quote,
    lines: list[CartLine],
    service_address: Address,
    now: datetime,
) -> Order:
    balance = ledger.of(account).balance or ZERO
    from_card = split(total=quoted.total, balance=balance, pays_from=confirmation.pays_from).from_card
    if from_card and confirmation.card is None:
        raise CheckoutRefused(f"Your balance is ${from_card:.2f} short. Add a card or add funds, then confirm again.")
    if from_card != confirmation.from_card:
        raise CheckoutRefused(
            f"Your balance has changed since the page was shown: the card would now pay ${from_card:.2f}. "
            "Look it over and confirm again."
        )
    order = Order.objects.create(
        account=account,
        token=confirmation.token,
        billing_address=account.billing_address,
        service_address=service_address,
        tax_rate=quoted.tax_rate,
        subtotal=quoted.subtotal,
        tax=quoted.tax,
        total=quoted.total,
        from_card=from_card,
        payment=_begin_payment(account, confirmation, from_card, now) if from_card else None,
        placed_at=now,
    )
    in_cart = {line.token: line for line in lines}
    OrderLine.objects.bulk_create(
        _order_line(order, line, in_cart.get(line.token) if line.token else None, position)
        for position, line in enumerate(quoted.lines, start=1)
    )
    if from_card:
        _hold_while_the_bank_is_asked(lines, now)
    return order


def _order_line(order: Order, line: Line, wanted: CartLine | None, position: int) -> OrderLine:
    """``line`` of the quote, about what its line in the cart is about; 911 that was added by itself has none."""
    about = wanted or CartLine()
    return OrderLine(
        order=order,
        product=line.product,
        quantity=line.quantity,
        position=position,
        token=line.token,
        rate_center=about.rate_center,
        phone_number=about.phone_number,
        number_service=about.number_service,
        reclaims=about.reclaims,
        setup=line.setup,
        this_month=line.this_month,
        next_month=line.next_month,
        explanation="\n".join(line.reasons),
    )


def _hold_while_the_bank_is_asked(lines: list[CartLine], now: datetime) -> None:
    """Another 15 minutes for each number: the answer may take a while. What was lost is kept for its last holder."""
    for line in sorted(lines, key=lambda line: line.phone_number_id or 0):
        if line.phone_number and not line.is_own_number:
            stock.hold(line.phone_number, token=line.token, now=now)


def _begin_payment(account: Account, confirmation: Confirmation, amount: Decimal, now: datetime) -> Payment:
    assert confirmation.card  # noqa: S101 (refused above; said for the type checker)
    return payments.begin(
        account=account,
        card=confirmation.card,
        amount=amount,
        purpose=Payment.Purpose.ORDER,
        token=confirmation.token,
        now=now,
    )


def _complete(order: Order, now: datetime) -> Order:
    """Begin the services, take the money, empty the cart, say so by e-mail: in the caller's transaction."""
    lines = list(order.lines.in_words().order_by("position"))
    services = fulfilment.begin_services(order, lines, now=now)
    ledger.charge(
        account=order.account,
        key=order.charge_key,
        net=order.subtotal,
        tax=order.tax,
        memo=f"Order {order.reference}",
        made_at=now,
    )
    CartLine.objects.filter(cart__account=order.account, token__in=[line.token for line in lines]).delete()
    order.state = Order.State.COMPLETED
    order.completed_at = now
    order.save(update_fields=["state", "completed_at"])
    if order.payment_id:
        _give_back_911_that_ended(order, now)
    # Robust: where the broker is away, the beat's sweep finds a balance that has run low.
    transaction.on_commit(partial(recharge_balance.delay, account_id=order.account_id), robust=True)
    mails.order_completed(order, lines)
    for service in services:
        if service.phone_number:
            mails.number_assigned(service)
    return order


def _give_back_911_that_ended(order: Order, now: datetime) -> None:
    """911 that ended as it began, because its customer moved to where it does not exist while the bank was asked."""
    new_911 = order.lines.in_words().filter(product__kind=Product.Kind.E911, services__state=Service.State.CANCELLED)
    refunds.give_back(list(new_911), now=now)


def _fail(order: Order, problem: str) -> Order:
    order.state = Order.State.FAILED
    order.problem = problem
    order.save(update_fields=["state", "problem"])
    if order.payment and order.payment.state == Payment.State.SUCCEEDED:
        mails.order_not_completed(order)
    return order


def _money_is_safe(payment: Payment, refusal: Refused) -> str:
    return (
        f"Your {payment.card} was charged ${payment.amount:.2f}, and the money is in your balance. "
        f"The order was not completed: {refusal}"
    )
