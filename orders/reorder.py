"""Puts what was lost into the cart: all that was lost to failed rebilling by one click, or one thing (domain.md §7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from billing import months
from billing.emergency import CALLS_FOR_911
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from orders import cart as carts
from orders import lost as losses
from orders import reclaim
from orders.lost import Lost
from orders.models import Cart

Kind = Product.Kind


class NothingToReorder(Refused):
    """The link on the dashboard is not there today, or nothing is left for it."""


class CannotComeBack(Refused):
    """What was lost cannot be had back; the message names every condition that fails."""


@dataclass(frozen=True)
class Offer:
    """What the link on the dashboard is about: what it puts into the cart, and what cannot come back."""

    back: list[Lost]
    refused: list[Lost]


def offer(found: Iterable[Lost]) -> Offer:
    """The link as it stands for what was ``found`` lost; it is there where something comes back."""
    # 911 last: it comes by itself with what calls for it.
    asked = sorted(losses.for_the_link(found), key=_is_911)
    return Offer(
        back=[each for each in asked if each.decision.comes_back_by_link],
        refused=[each for each in asked if not each.decision.comes_back_by_link],
    )


def reorder(*, account: Account, session: SessionBase, now: datetime) -> Offer:
    """Click here to reorder these products: put exactly what was lost to failed rebilling this month into the cart.

    The same numbers, as many channels, the plan; 911 comes with them by itself. Doing it twice puts it there once.
    Raises NothingToReorder from the 20th on, or where nothing of it can come back or is left to.
    """
    today = now.date()
    if not reclaim.is_link_there(today):
        raise NothingToReorder(
            f"Reordering by one click is possible from the 1st to the {months.REORDER_ENDS_ON_DAY}th of a month. "
            "Below you see what you can still get back, and how."
        )
    offered = offer(losses.lately(account, today=today))
    if not offered.back:
        raise NothingToReorder(
            "None of what you lost to failed rebilling this month can come back by one click. Below it says why."
            if offered.refused
            else "Nothing that you lost to failed rebilling this month is left to reorder."
        )
    with transaction.atomic():
        cart = carts.open_cart(account=account, session=session)
        for each in offered.back:
            _put(cart, each, now)
    return offered


def get_back(
    lost: Lost, *, account: Account, session: SessionBase, with_channels: bool = False, now: datetime
) -> list[Lost]:
    """Put one lost thing into the cart, a number ``with_channels`` that ended with it; returns what was put there.

    Raises CannotComeBack.
    """
    if not lost.decision.comes_back:
        raise CannotComeBack(lost.why_not)
    wanted = [lost]
    if with_channels and lost.channels and lost.channels.decision.comes_back:
        wanted.append(lost.channels)
    with transaction.atomic():
        cart = carts.open_cart(account=account, session=session)
        for each in wanted:
            _put(cart, each, now)
    return wanted


def _put(cart: Cart, lost: Lost, now: datetime) -> None:
    """Into an open cart, once."""
    service = lost.service
    if service.kind == Kind.DID:
        carts.put_own_number(cart, service, token=uuid4(), now=now)
    elif service.kind == Kind.CHANNEL:
        _put_channels(cart, lost, now)
    elif service.kind == Kind.PLAN:
        line = carts.put_plan(cart, service.product)
        line.reclaims = service
        line.save(update_fields=["reclaims"])
    elif not _comes_by_itself(cart):
        cart.lines.get_or_create(kind=Kind.E911, defaults={"product": service.product, "added_at": now})


def _put_channels(cart: Cart, lost: Lost, now: datetime) -> None:
    """Onto their number where the customer has it, else with it; in the place of channels that are there for it."""
    number = lost.service.number_service
    assert number  # noqa: S101 (the service's constraint; said for the type checker)
    mine = Service.objects.held().filter(account=cart.account, phone_number=number.phone_number).first() or number
    if mine == number and number.state == Service.State.CANCELLED:
        carts.put_own_number(cart, number, token=uuid4(), now=now)
    there = cart.lines.filter(Q(number_service__in=[number, mine]) | Q(reclaims=lost.service))
    if there.filter(number_service=mine, reclaims=lost.service, quantity=lost.quantity).count() == there.count() == 1:
        return
    there.delete()
    about = {"product": lost.product, "kind": lost.service.kind, "quantity": lost.quantity}
    cart.lines.create(number_service=mine, reclaims=lost.service, added_at=now, **about)


def _is_911(lost: Lost) -> bool:
    return lost.service.kind == Kind.E911


def _comes_by_itself(cart: Cart) -> bool:
    """Whether the cart has something that 911 is added for when it is priced."""
    return cart.lines.filter(kind__in=CALLS_FOR_911).exists()
