"""Says what getting something back costs today, and what from the day on that its set-up fee is due again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from billing.taxes import NO_TAX
from callcentric.money import ZERO
from catalog.models import Product
from orders.lost import Lost
from orders.quote import Holding, Line, Wanted, quote

Kind = Product.Kind


@dataclass(frozen=True)
class Price:
    """What one lost thing costs on a day, before tax: a number with the channels that ended with it."""

    on: date
    lines: tuple[Line, ...]

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def setup(self) -> Decimal:
        return sum((line.setup for line in self.lines), ZERO)

    @property
    def waived(self) -> Decimal:
        return sum((line.waived for line in self.lines), ZERO)


@dataclass(frozen=True)
class Priced:
    """Something that was lost with its price today and, where that is another, without the waiver; none where it is
    no longer offered."""

    lost: Lost
    today: Price | None = None
    later: Price | None = None


def priced(found: Iterable[Lost], *, plan: Product | None, today: date) -> list[Priced]:
    """Each of ``found`` with its prices as they are in force ``today``, beside the ``plan`` the customer has now."""
    products = {product.pk: product for product in Product.objects.offered().priced(today)}
    return [_priced(each, products, plan, today) for each in found]


def _priced(lost: Lost, products: Mapping[int, Product], plan: Product | None, today: date) -> Priced:
    now = _price(lost, products, plan, today)
    if now is None or not now.waived:
        return Priced(lost, now)
    # The first day on which the fee is due.
    return Priced(lost, now, _price(lost, products, plan, lost.decision.no_setup_fee_until + timedelta(days=1)))


def _price(lost: Lost, products: Mapping[int, Product], plan: Product | None, on: date) -> Price | None:
    channels = lost.channels if lost.channels and lost.channels.decision.comes_back else None
    parts = [part for part in (lost, channels) if part]
    e911 = next((product for product in products.values() if product.kind == Kind.E911), None)
    if e911 is None or any(part.service.product_id not in products for part in parts):
        return None
    ended_on = lost.service.cancelled_on
    is_911 = lost.service.kind == Kind.E911
    found = quote(
        wanted=[
            Wanted(products[part.service.product_id], quantity=part.quantity, lost_on=part.service.cancelled_on)
            for part in parts
        ],
        e911=e911,
        # 911 comes with a plan or a number, and its monthly part is inside some plans.
        holding=Holding(plan=plan, has_number=True, lost_911_on=ended_on) if is_911 else Holding(),
        has_911_address=is_911,
        tax_rate=NO_TAX,
        today=on,
    )
    return Price(on, found.lines)
