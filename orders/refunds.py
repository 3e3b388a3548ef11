"""Gives the money of orders' lines back to the balance."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing import commission, ledger
from billing.commission import Left
from billing.models import Transfer
from billing.taxes import tax_on
from callcentric.money import ZERO
from orders.models import Order, OrderLine


@dataclass(frozen=True)
class Refund:
    """What comes back: the price of some lines, and their share of the tax of their orders."""

    lines: tuple[OrderLine, ...]
    net: Decimal
    tax: Decimal

    @property
    def came_before(self) -> Decimal:
        """What of the lines' price staff had given back already: below zero."""
        return self.net - sum((line.amount for line in self.lines), ZERO)

    @property
    def total(self) -> Decimal:
        return self.net + self.tax


def refund_of(lines: Collection[OrderLine]) -> Refund:
    """What giving back ``lines``, which were not given back before, would put into the balance.

    The tax of an order is rounded once for all its lines. So what comes back with some of them is the tax on all that
    is still paid for, less the tax on what stays paid for: in whatever order, the shares add up to the whole tax. What
    staff have given back of the order's charge does not come back twice.
    """
    by_order: dict[Order, list[OrderLine]] = {}
    for line in lines:
        by_order.setdefault(line.order, []).append(line)
    shares = [_share_of(order, own) for order, own in by_order.items()]
    return Refund(tuple(lines), sum((each.net for each in shares), ZERO), sum((each.tax for each in shares), ZERO))


def give_back(lines: Collection[OrderLine], *, now: datetime) -> Refund:
    """Put the money of ``lines`` into the balance, each line once; the caller has locked their orders.

    Each is a transfer of its own, and its key names the line.
    """
    given = [_give_back(line, now) for line in lines]
    return Refund(tuple(lines), sum((each.net for each in given), ZERO), sum((each.tax for each in given), ZERO))


def _share_of(order: Order, lines: Collection[OrderLine]) -> Left:
    charged = Transfer.objects.select_related("tax").filter(key=order.charge_key).first()
    net = sum((line.amount for line in lines), ZERO)
    return commission.left_of(charged).at_most(net, _tax_of(order, lines)) if charged else Left(ZERO, ZERO)


def _tax_of(order: Order, lines: Collection[OrderLine]) -> Decimal:
    before = sum((line.amount for line in order.lines.filter(refunded_at=None)), ZERO)
    after = before - sum((line.amount for line in lines), ZERO)
    return tax_on(before, order.tax_rate) - tax_on(after, order.tax_rate)


def _give_back(line: OrderLine, now: datetime) -> Refund:
    given = ledger.refund(
        account=line.order.account,
        charge_key=line.order.charge_key,
        key=f"refund:{line.pk}",
        net=line.amount,
        tax=_tax_of(line.order, [line]),
        memo=f"Order {line.order.reference}: {line.product.name} {line.about}".rstrip(),
        made_at=now,
    )
    line.refunded_at = now
    line.save(update_fields=["refunded_at"])
    tax = getattr(given, "tax", None)
    return Refund((line,), given.amount if given else ZERO, tax.amount if tax else ZERO)
