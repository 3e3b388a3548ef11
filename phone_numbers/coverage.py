"""Answers where the operator has numbers: which places somebody means, what is sold there and how soon."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from django.db.models import Exists, OuterRef
from django.db.models.expressions import RawSQL

from catalog.models import Product
from phone_numbers.distances import around, kilometres_from
from phone_numbers.local_calling import KILOMETRES, LocalAreas, local_to
from phone_numbers.models import BackOrder, Offering, PhoneNumber, RateCenter, RateCenterQuerySet
from phone_numbers.nearby import locate, nearest_in_stock
from phone_numbers.questions import Question
from phone_numbers.spelling import read
from phone_numbers.waits import Wait, waits_at

# A list of numbers is a choice, not an inventory: nobody counts what comes after these.
NUMBERS_SHOWN = 30
# Country's code, area code and exchange: so few digits more leave at most 10,000 numbers to look through.
DIGITS_OF_A_PREFIX, DIGITS_OF_AN_AREA_CODE = 7, 4
SIMILAR_SHOWN = 6


@dataclass(frozen=True)
class Band:
    """About how many numbers are in stock: in words, and the class that colours it."""

    words: str
    css: str

    def __str__(self) -> str:
        return self.words


NONE, FEW, SOME, MANY, PLENTY = BANDS = (
    Band("none in stock", "none"),
    Band("fewer than 5", "few"),
    Band("5 to 20", "some"),
    Band("more than 20", "many"),
    Band("more than 100", "plenty"),
)


@dataclass(frozen=True)
class Answer:
    """What somebody may order at a place, and when they would have it."""

    place: RateCenter
    products: list[Product]
    local: LocalAreas
    # Only where nothing is in stock: how long a manual order takes, and the nearest places that have numbers.
    wait: Wait | None = None
    nearest: list[RateCenter] = field(default_factory=list)

    @property
    def available(self) -> int:
        return self.place.available

    @property
    def band(self) -> Band:
        return band(self.available)


@dataclass(frozen=True)
class Alternatives:
    """What to look at where a question has no answer."""

    # Places with the same area code, or with a name like it.
    similar: list[RateCenter] = field(default_factory=list)
    # The town or ZIP code that was meant, and the places with numbers that are nearest to it.
    near: str = ""
    nearest: list[RateCenter] = field(default_factory=list)


def band(count: int) -> Band:
    """``count`` numbers in stock, in words."""
    if count > 20:
        return PLENTY if count > 100 else MANY
    if count:
        return FEW if count < 5 else SOME
    return NONE


def sold_at(rate_center: RateCenter, *, today: date) -> list[Product]:
    """The DID products that are sold at a place, with their prices (domain.md §2)."""
    offered_here = Exists(Offering.objects.filter(product=OuterRef("pk"), rate_center=rate_center))
    dids = Product.objects.dids().offered().priced(today).annotate(offered_here=offered_here).order_by("position")
    return [product for product in dids if rate_center.sells(product, is_offered=product.offered_here)]


def is_sold_at(product: Product, rate_center: RateCenter) -> bool:
    """Whether a DID product is on offer and sold at a place."""
    offered_here = Offering.objects.filter(product=product, rate_center=rate_center).exists()
    is_did = product.kind == Product.Kind.DID and product.is_offered
    return is_did and rate_center.sells(product, is_offered=offered_here)


def may_sell_at(rate_center: RateCenter) -> bool:
    """Whether a number that is free here may go to a new order: what comes into stock is for those who wait."""
    return rate_center.pk in for_sale([rate_center])


def for_sale(places: Collection[RateCenter]) -> dict[int, int]:
    """How many numbers are available at each of ``places`` where a free number may go to a new order, by id."""
    is_waited_for = Exists(BackOrder.objects.waiting().filter(rate_center=OuterRef("pk")))
    found = RateCenter.objects.filter(pk__in=[place.pk for place in places]).annotate(is_waited_for=is_waited_for)
    return {place.pk: place.available for place in found.with_available() if place.available or not place.is_waited_for}


def numbers_at(rate_center: RateCenter, *, digits: str, most: int) -> list[PhoneNumber]:
    """Up to ``most`` numbers of a place that a new order may have, with ``digits`` anywhere behind the country's code.

    ``rate_center`` has its region at hand.
    """
    if not may_sell_at(rate_center):
        return []
    here = PhoneNumber.objects.in_stock().filter(rate_center=rate_center).order_by("digits")
    return list(here.with_national_digits(digits, country=str(rate_center.region.country))[:most])


def answer_at(rate_center: RateCenter, *, today: date) -> Answer:
    """What is sold at a place, what is in stock there or how long it takes, and what is local to it.

    ``rate_center`` is one as RateCenterQuerySet.to_show() has it.
    """
    local = local_to(rate_center)
    answer = Answer(rate_center, sold_at(rate_center, today=today), local)
    if answer.available:
        return answer
    wait = waits_at([rate_center], today=today)[rate_center.pk]
    # Local areas that have numbers are near enough.
    nearest = [] if any(place.available for place in local.places) else _nearest_to(rate_center)
    return replace(answer, wait=wait, nearest=nearest)


def places(question: Question) -> RateCenterQuerySet:
    """The places that a question means: near a ZIP code, by their prefixes, or by name."""
    found = RateCenter.objects.all()
    spot = locate(question.zip_code) if question.zip_code else None
    if spot:
        near = found.filter(around(spot.latitude, spot.longitude, kilometres=KILOMETRES))
        return near.annotate(kilometres=kilometres_from(spot.latitude, spot.longitude)).order_by("kilometres", "name")
    if question.digits:
        return found.with_prefix(question.digits[:DIGITS_OF_A_PREFIX]).in_order()
    # Signs alone name nothing: all places would hold them.
    return found.named(question.text) if any(map(str.isalnum, question.text)) else found.none()


def with_waits(places: Iterable[RateCenter], *, today: date) -> list[tuple[RateCenter, Wait | None]]:
    """Places with how long a number takes there, where none is available."""
    places = list(places)
    waits = waits_at([place for place in places if not place.available], today=today)
    return [(place, waits.get(place.pk)) for place in places]


def alternatives(question: Question) -> Alternatives:
    """What to offer where nothing was found: similar names or the same area code, and the nearest with numbers."""
    asked_for_a_town = question.is_name or question.zip_code
    spot = (locate(read(question.text).with_comma) or locate(question.text)) if asked_for_a_town else None
    if spot:
        return Alternatives(near=spot.name, nearest=nearest_in_stock(latitude=spot.latitude, longitude=spot.longitude))
    if question.ending:
        return Alternatives()
    if question.digits:
        similar = RateCenter.objects.with_prefix(question.digits[:DIGITS_OF_AN_AREA_CODE]).in_order()
    else:
        similar = RateCenter.objects.spelled_like(question.text)
    return Alternatives(similar=list(similar.to_show()[:SIMILAR_SHOWN]))


def numbers(question: Question) -> list[PhoneNumber]:
    """Numbers for sale that begin or end as asked, a few of them; none where a question is too wide for that."""
    if question.ending:
        found = PhoneNumber.objects.in_stock().ending(question.ending)
    elif len(question.digits) >= DIGITS_OF_A_PREFIX:
        found = PhoneNumber.objects.in_stock().beginning(question.digits)
    else:
        return []
    for_sale = found.exclude(rate_center__in=RawSQL(PROMISED, []))  # noqa: S611 (constant)
    some = for_sale.select_related("rate_center__region")[:NUMBERS_SHOWN]
    return sorted(some, key=lambda number: number.digits)


# Places where all that is in stock is for those who wait: few, as few wait anywhere. By hand, as Django takes longer
# to write it than PostgreSQL to answer.
PROMISED = """
SELECT place.id FROM phone_numbers_ratecenter AS place
JOIN (
    SELECT rate_center_id, count(*) AS waiting FROM phone_numbers_backorder
    WHERE state = 'waiting' GROUP BY rate_center_id
) AS line ON line.rate_center_id = place.id
WHERE waiting >= counted + coalesce(
    (SELECT sum(change) FROM phone_numbers_stockchange WHERE rate_center_id = place.id), 0
)
"""


def _nearest_to(rate_center: RateCenter) -> list[RateCenter]:
    if rate_center.latitude is None or rate_center.longitude is None:
        return []
    found = nearest_in_stock(latitude=rate_center.latitude, longitude=rate_center.longitude)
    return [place for place in found if place != rate_center]
