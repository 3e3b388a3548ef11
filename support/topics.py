"""What a ticket is about: the service, order or charge that an "open a trouble ticket" link names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account
from billing import history, ledger
from billing.models import Service, Transfer
from callcentric import clock
from catalog.models import Product
from orders.models import Order
from support.models import Ticket


class NotTheirs(LookupError):
    """The account has nothing of this name."""


@dataclass(frozen=True)
class Topic:
    """What a ticket will be about; nothing, where the customer came by the menu."""

    service: Service | None = None
    order: Order | None = None
    charge: Transfer | None = None


def find(account: Account, asked: Mapping[str, str]) -> Topic:
    """What the address asks about: ``service`` and ``charge`` by id, ``number`` by its digits, ``order`` by reference.

    Everything is looked for among what is the account's own. Raises NotTheirs where it is not there.
    """
    return Topic(service=_service(account, asked), order=_order(account, asked), charge=_charge(account, asked))


def words(topic: Topic | Ticket) -> list[str]:
    """What it is about as customers and staff read it, one line each."""
    about = []
    if topic.service:
        about.append(_service_in_words(topic.service))
    if topic.order:
        about.append(f"Order {topic.order.reference} of {_day(topic.order.placed_at)}")
    if topic.charge:
        about.append(_charge_in_words(topic.charge))
    return about


def _service(account: Account, asked: Mapping[str, str]) -> Service | None:
    mine = Service.objects.in_words().select_related("number_service__phone_number").filter(account=account)
    found = None
    if "service" in asked:
        found = mine.filter(pk=_id(asked["service"])).first()
    elif "number" in asked:
        # Whoever lost a number and got it back means the last time.
        digits = re.sub(r"[^0-9]", "", asked["number"])
        found = mine.filter(kind=Product.Kind.DID, phone_number__digits=digits).order_by("-pk").first()
    else:
        return None
    if found is None:
        raise NotTheirs
    return found


def _order(account: Account, asked: Mapping[str, str]) -> Order | None:
    if "order" not in asked:
        return None
    # Whatever else was typed is no reference, and PostgreSQL need not see it.
    reference = asked["order"] if re.fullmatch(r"[0-9A-Z]{8}", asked["order"]) else ""
    found = Order.objects.placed().filter(account=account, reference=reference).first()
    if found is None:
        raise NotTheirs
    return found


def _charge(account: Account, asked: Mapping[str, str]) -> Transfer | None:
    if "charge" not in asked:
        return None
    movements = history.transfers(ledger.of(account)).select_related("tax", "source", "target")
    found = movements.filter(pk=_id(asked["charge"])).first()
    if found is None:
        raise NotTheirs
    return found


def _id(typed: str) -> int:
    """The id that ``typed`` is; one that nothing has where it is none."""
    return int(typed) if re.fullmatch(r"[0-9]{1,18}", typed) else 0


def _service_in_words(service: Service) -> str:
    product = service.product.name
    if service.number_service:
        said = f"{product} on {service.number_service.phone_number}"
    elif service.phone_number:
        said = f"{service.phone_number} in {service.rate_center}, {product}"
    else:
        said = f"{product} in {service.rate_center}" if service.rate_center else product
    if service.cancelled_on:
        said += f", ended on {service.cancelled_on:%-d %B %Y}"
    return said


def _charge_in_words(charge: Transfer) -> str:
    tax: Transfer | None = getattr(charge, "tax", None)
    total = charge.amount + (tax.amount if tax else 0)
    return f"{charge.get_kind_display()} of ${total:,.2f} on {_day(charge.made_at)}: {charge.memo}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(clock.BUSINESS_ZONE):%-d %B %Y}"
