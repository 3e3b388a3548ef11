"""Gives the money of an order's line back to the balance."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing import ledger
from billing.taxes import tax_on
from callcentric.money import ZERO
from orders.models import Order, OrderLine


@dataclass(frozen=True)
class Refund:
    """What comes back: the price, and its share of the order's tax."""

    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def refund_of(order: Order, lines: Collection[OrderLine]) -> Refund:
    """What giving back ``lines`` of the order would put into the balance, lines given back before left out.

    The tax of an order is rounded once for all its lines. So what comes back with some of them is the tax on all that
    is still paid for, less the tax on what stays paid for: in whatever order, the shares add up to the whole tax.
    """
    paid = {line.pk: line.amount for line in order.lines.all() if not line.refunded_at}
    net = sum((paid.get(line.pk, ZERO) for line in lines), ZERO)
    before = sum(paid.values(), ZERO)
    return Refund(net, tax_on(before, order.tax_rate) - tax_on(before - net, order.tax_rate))


def give_back(order: Order, lines: Collection[OrderLine], *, now: datetime) -> Refund:
    """Put the money of ``lines`` into the balance, each line once; the caller has locked the order.

    Each is a transfer of its own with a key of its own.
    """
    given = [_give_back(order, line, now) for line in lines if not line.refunded_at]
    return Refund(sum((each.net for each in given), ZERO), sum((each.tax for each in given), ZERO))


def _give_back(order: Order, line: OrderLine, now: datetime) -> Refund:
    refund = refund_of(order, [line])
    ledger.refund(
        account=order.account,
        key=f"refund:{line.pk}",
        net=refund.net,
        tax=refund.tax,
        memo=f"Order {order.reference}: {line.product.name} {line.about}".rstrip(),
        made_at=now,
    )
    line.refunded_at = now
    line.save(update_fields=["refunded_at"])
    return refund
