"""What an account has lost, each with how it comes back: reads what `orders/reclaim.py` decides from."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from django.urls import reverse

from accounts.models import Account
from billing.models import Service
from billing.models.services import ServiceQuerySet
from catalog.models import Product
from orders import reclaim
from orders.models import about
from orders.reclaim import Decision, Facts, Stands
from phone_numbers.models import Offering, PhoneNumber, RateCenter
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER

Kind = Product.Kind
# How long the page of a place tells what became of a number that was lost there.
REMEMBERED_FOR = timedelta(days=90)
WITH_ITS_NUMBER = ("phone_number", "product", "rate_center__region")


@dataclass(frozen=True)
class Lost:
    """One thing that was lost: a service, or all the extra channels of a number that ended with one another."""

    # Of several channels, the first.
    service: Service
    decision: Decision
    quantity: int = 1
    # The extra channels that ended with this number.
    channels: "Lost | None" = None

    @property
    def product(self) -> Product:
        return self.service.product

    @property
    def about(self) -> str:
        """The number and its place, or what the channels were on."""
        return about(self.service)

    @property
    def name(self) -> str:
        """In words: 3 × Additional incoming channel on (518) 555-0100."""
        times = f"{self.quantity} × " if self.quantity > 1 else ""
        return f"{times}{self.product.name} {self.about}".rstrip()

    @property
    def ticket(self) -> str:
        """The address of a new trouble ticket about it."""
        return f"{reverse('ticket_new')}?category=orders&service={self.service.pk}"

    @property
    def why_not(self) -> str:
        """Every condition that fails, in the customer's words."""
        return " ".join(self.decision.failing)


@dataclass(frozen=True)
class Known:
    """What an account has now, and where products are sold: what decides whether lost services come back."""

    plan: Product | None = None
    has_911: bool = False
    # Its numbers' services, by number.
    numbers: dict[int, Service] = field(default_factory=dict)
    # Product and place of those that are sold in some places only.
    offered_at: frozenset[tuple[int, int]] = frozenset()


def everything(account: Account, *, today: date) -> list[Lost]:
    """All that ``account`` has lost and not got back, the latest first; channels with the number they ended with."""
    return _told(account, Service.objects.filter(account=account), today)


def lately(account: Account, *, today: date) -> list[Lost]:
    """What it has lost less than 45 days ago: two queries more than none where there is nothing."""
    after = today - KEPT_FOR_LAST_HOLDER
    return _told(account, Service.objects.filter(account=account, cancelled_on__gt=after), today)


def for_the_link(found: Iterable[Lost]) -> list[Lost]:
    """What of ``found`` the link on the dashboard is about, whether it comes back or not; channels by themselves."""
    each_by_itself = [one for lost in found for one in (lost, lost.channels) if one]
    return [lost for lost in each_by_itself if not lost.decision.not_by_link]


def at(account: Account, product: Product, rate_center: RateCenter, *, today: date) -> list[Lost]:
    """The numbers that ``account`` lost under this product at this place, the latest first."""
    there = numbers_lately(account, today).filter(product=product, rate_center=rate_center)
    return _told(account, there, today)


def numbers_lately(account: Account, today: date) -> ServiceQuerySet:
    """Phone numbers that ``account`` has lost so lately that the pages of their places tell what became of them."""
    return Service.objects.lost().filter(account=account, kind=Kind.DID, cancelled_on__gt=today - REMEMBERED_FOR)


def one(account: Account, pk: int, *, today: date) -> Lost | None:
    """What ``account`` lost with the service ``pk``; None where that is somebody else's, or is back."""
    found = everything(account, today=today)
    return next((each for lost in found for each in (lost, lost.channels) if each and each.service.pk == pk), None)


def known_of(account: Account, lost: Iterable[Service]) -> Known:
    """What decides about the services ``lost``."""
    held = Service.objects.held().filter(account=account, kind__in=[Kind.PLAN, Kind.E911, Kind.DID])
    services = list(held.select_related(*WITH_ITS_NUMBER))
    places = {service.rate_center_id for each in lost for service in (each, each.number_service) if service}
    offerings = Offering.objects.filter(rate_center__in=places - {None}).values_list("product_id", "rate_center_id")
    return Known(
        plan=next((service.product for service in services if service.kind == Kind.PLAN), None),
        has_911=any(service.kind == Kind.E911 for service in services),
        numbers={service.phone_number_id: service for service in services if service.phone_number_id},
        offered_at=frozenset(offerings),
    )


def decision(service: Service, known: Known, *, today: date) -> Decision:
    """Whether one lost service comes back (see ``with_what_it_was``); of channels, as far as their number goes."""
    return reclaim.decide(_facts(service, known, today), today=today)


def with_what_it_was(services: ServiceQuerySet) -> ServiceQuerySet:
    """Lost services with everything at hand that decides about them."""
    own = (*WITH_ITS_NUMBER, "reclaimed_by")
    return services.select_related(*own, *(f"number_service__{name}" for name in own))


def channels_that_ended_with(channel: Service) -> ServiceQuerySet:
    """The extra channels that ended on the same number, on the same day and for the same reason: lost as one."""
    same = Service.objects.lost().filter(number_service=channel.number_service_id, reason=channel.reason)
    return same.filter(cancelled_on=channel.cancelled_on).order_by("slot", "pk")


def _told(account: Account, services: ServiceQuerySet, today: date) -> list[Lost]:
    """Those of ``services`` that were lost, each decided about; channels are with their number where it ended too."""
    lost = with_what_it_was(services.lost().filter(reason__in=reclaim.LOST_BY))
    # A number that never came is none to come back.
    rows = list(lost.exclude(kind=Kind.DID, phone_number=None).order_by("-cancelled_on", "pk"))
    if not rows:
        return []
    known = known_of(account, rows)
    found = [Lost(service, decision(service, known, today=today)) for service in rows]
    return _grouped([each for each in found if not each.decision.is_back])


def _grouped(found: list[Lost]) -> list[Lost]:
    channels: defaultdict[object, list[Lost]] = defaultdict(list)
    for each in found:
        if each.service.number_service_id:
            channels[_ended(each.service, each.service.number_service_id)].append(each)
    of_numbers = {key: replace(group[0], quantity=len(group)) for key, group in channels.items()}
    grouped = []
    for each in found:
        key = _ended(each.service, each.service.number_service_id or each.service.pk)
        if each.service.number_service_id is None:
            grouped.append(replace(each, channels=of_numbers.pop(key, None)))
    # And those whose number the customer still has, or has again.
    return sorted([*grouped, *of_numbers.values()], key=lambda each: (each.decision.days, _place(each.service)))


def _place(service: Service) -> int:
    """Plans first, then numbers, channels and 911."""
    return list(Kind.values).index(service.kind)


def _ended(service: Service, number: int) -> tuple[object, ...]:
    return number, service.cancelled_on, service.reason


def _facts(service: Service, known: Known, today: date) -> Facts:
    # Of channels, what happens to their number decides.
    number_service = service.number_service or service
    number, place = number_service.phone_number, number_service.rate_center
    stands = _stands(number, service.account_id) if number else None
    plan = known.plan if service.kind == Kind.PLAN else None
    is_listed = place is not None and (service.product_id, place.pk) in known.offered_at
    assert service.cancelled_on  # noqa: S101 (the service's constraint; said for the type checker)
    return Facts(
        kind=service.kind,
        product=service.product.name,
        reason=service.reason,
        ended_on=service.cancelled_on,
        is_offered=service.product.is_offered,
        is_lost_with_its_offer=service.product.is_lost_with_its_offer,
        is_sold_there=place is None or place.sells(service.product, is_offered=is_listed),
        place=str(place or ""),
        number=str(number or ""),
        stands=stands,
        has_number=service.number_service is None or _has_number(service.number_service, stands, known, today),
        other_plan=plan.name if plan and plan.pk != service.product_id else "",
        is_back=_is_back(service, known, stands),
    )


def _is_back(service: Service, known: Known, stands: Stands | None) -> bool:
    """Whether the customer has it again, be it by another way than this one."""
    is_again = {
        Kind.DID: stands == Stands.YOURS,
        Kind.PLAN: known.plan is not None and known.plan.pk == service.product_id,
        Kind.E911: known.has_911,
    }
    return hasattr(service, "reclaimed_by") or is_again.get(service.kind, False)  # type: ignore[call-overload]


def _has_number(number_service: Service, stands: Stands | None, known: Known, today: date) -> bool:
    """Whether channels have a number to come back to: one that is the customer's, or that comes back itself."""
    if stands == Stands.YOURS:
        return True
    return number_service.cancelled_on is not None and decision(number_service, known, today=today).comes_back


def _stands(number: PhoneNumber, account: int) -> Stands:
    state = PhoneNumber.State
    if number.state == state.KEPT and number.last_holder_id == account:
        return Stands.KEPT
    if number.state == state.ASSIGNED and number.holder_id == account:
        return Stands.YOURS
    if number.state == state.OUT:
        return Stands.OUT
    return Stands.IN_STOCK if number.state == state.IN_STOCK else Stands.GONE
