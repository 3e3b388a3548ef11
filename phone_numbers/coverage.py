"""Answers where the operator has numbers: by place, by area code or prefix, by state or province."""

import re
from dataclasses import dataclass

from catalog.models import Product
from phone_numbers.models import BackOrder, Offering, RateCenter, RateCenterQuerySet, Region

TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})


@dataclass(frozen=True)
class Question:
    """What somebody typed: digits of a number, or a place's name."""

    text: str
    digits: str = ""

    @property
    def is_toll_free(self) -> bool:
        return self.digits[:3] in TOLL_FREE


def understand(text: str) -> Question:
    """Read "718", "718-555", "(718) 555-0100", "+1 718 …" as digits and anything else as a name."""
    text = " ".join(text.split())
    if not re.fullmatch(r"[\d\s()+./-]+", text):
        return Question(text)
    digits = re.sub(r"\D", "", text)
    # No area code begins with 1: it is the country's.
    return Question(text, digits.removeprefix("1"))


def places(*, question: Question, region: Region | None = None) -> RateCenterQuerySet:
    """The rate centres that answer ``question``, each with its prefixes; within ``region`` if given."""
    found = RateCenter.objects.all()
    if region:
        found = found.filter(region=region)
    if question.digits:
        found = found.with_prefix(f"1{question.digits[:6]}")
    elif question.text:
        found = found.named(question.text)
    return found.with_prefixes(f"1{question.digits[:6]}").in_order()


def is_sold_at(product: Product, rate_center: RateCenter) -> bool:
    """Whether a DID product is sold at this place (domain.md §2)."""
    listed = Offering.objects.filter(product=product, rate_center=rate_center).exists()
    return rate_center.sells(product, is_offered=listed)


def available(rate_center: RateCenter) -> int:
    """How many numbers can be sold here: what is in stock belongs first to those who wait."""
    return max(
        RateCenter.objects.with_stock().get(pk=rate_center.pk).stock
        - BackOrder.objects.waiting().filter(rate_center=rate_center).count(),
        0,
    )
