"""Fills the catalogue with what the operator sells, from products.toml, and leaves staff's edits alone."""

import tomllib
from decimal import Decimal
from pathlib import Path

from django.db import connection, transaction

from catalog.models import Price, Product

PRODUCTS = Path(__file__).with_name("products.toml")


@transaction.atomic
def load_products(*, source: Path = PRODUCTS) -> list[Product]:
    """Add the products whose code is not known yet, each with its first price. Returns those it added."""
    found = tomllib.loads(source.read_text(), parse_float=Decimal)
    # Two who load at once come one after the other.
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE catalog_product IN SHARE ROW EXCLUSIVE MODE")
    known = set(Product.objects.values_list("code", flat=True))
    added, prices = [], []
    for position, entry in enumerate(found["products"], start=1):
        price = entry.pop("price")
        if entry["code"] in known:
            continue
        # Steps of ten, so that staff can put a product between two others.
        product = Product(position=position * 10, **entry)
        added.append(product)
        prices.append(Price(product=product, effective_on=found["effective_on"], **price))
    Product.objects.bulk_create(added)
    Price.objects.bulk_create(prices)
    return added
