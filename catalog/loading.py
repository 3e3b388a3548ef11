"""Fills the catalogue with what the operator sells, from products.toml, and leaves staff's edits alone."""

import tomllib
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from catalog.models import Price, Product

PRODUCTS = Path(__file__).with_name("products.toml")


@transaction.atomic
def load_products(*, source: Path = PRODUCTS) -> list[Product]:
    """Add the products whose code is not known yet, each with its first price. Returns those it added."""
    found = tomllib.loads(source.read_text(), parse_float=Decimal)
    added = []
    for position, entry in enumerate(found["products"], start=1):
        price = entry.pop("price")
        code = entry.pop("code")
        # Steps of ten, so that staff can put a product between two others.
        fields = {"position": position * 10, **entry}
        product, is_new = Product.objects.get_or_create(code=code, defaults=fields)
        if is_new:
            Price.objects.create(product=product, effective_on=found["effective_on"], **price)
            added.append(product)
    return added
