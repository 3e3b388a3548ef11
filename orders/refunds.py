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
    """What comes back: the price of some lines, and their share of the order's tax."""

    lines: tuple[OrderLine, ...]
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def refund_of(order: Order, lines: Collection[OrderLine]) -> Refund:
    """What giving back ``lines`` of the order, which were not given back before, would put into the balance.

    The tax of an order is rounded once for all its lines. So what comes back with some of them is the tax on all that
    is still paid for, less the tax on what stays paid for: in whatever order, the shares add up to the whole tax.
    """
    before = sum((line.amount for line in order.lines.filter(refunded_at=None)), ZERO)
    after = before - sum((line.amount for line in lines), ZERO)
    return Refund(tuple(lines), tax_on(before, order.tax_rate) - tax_on(after, order.tax_rate))


def give_back(order: Order, lines: Collection[OrderLine], *, now: datetime) -> Refund:
    """Put the money of ``lines`` into the balance, each line once; the caller has locked the order.

    Each is a transfer of its own, and its key names the line.
    """
    tax = sum((_give_back(order, line, now).tax for line in lines), ZERO)
    return Refund(tuple(lines), tax)


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
