"""Which tax is due where: the table that staff keep (domain.md §5)."""

from decimal import Decimal

import pytest
from tablib import Dataset

from billing import taxes
from billing.admin.money import TaxRateResource
from billing.models import TaxRate
from tests.factories import AddressFactory

NEW_YORK = Decimal("0.08875")


@pytest.mark.parametrize(
    ("country", "region", "rate"),
    [
        ("US", "NY", NEW_YORK),
        ("US", "NJ", 0),
        ("US", "", 0),
        ("DE", "", Decimal("0.19")),
        ("DE", "BY", Decimal("0.19")),
        ("CA", "NY", 0),
    ],
)
def test_the_region_decides_then_the_country_then_nothing(db, country, region, rate):
    taxes.load()
    TaxRate.objects.create(country="DE", region="", rate=Decimal("0.19"))
    assert taxes.rate_at(AddressFactory(country=country, region=region)) == rate


def test_loading_again_leaves_what_staff_changed(db):
    assert taxes.load() == 1
    TaxRate.objects.update(rate=Decimal("0.09"))
    assert (taxes.load(), TaxRate.objects.get().rate) == (0, Decimal("0.09"))


@pytest.mark.parametrize(
    ("subtotal", "rate", "tax"),
    [("6.21", NEW_YORK, "0.55"), ("10.00", NEW_YORK, "0.89"), ("0.10", Decimal("0.05"), "0.01"), ("6.21", 0, "0.00")],
)
def test_tax_is_rounded_half_up_to_the_cent(subtotal, rate, tax):
    assert taxes.tax_on(Decimal(subtotal), Decimal(rate)) == Decimal(tax)


def test_staff_load_the_table_from_a_file(db):
    taxes.load()
    rows = Dataset(("US", "NY", "0.09"), ("US", "NJ", "0.06625"), headers=["country", "region", "rate"])
    assert TaxRateResource().import_data(rows).totals["update"] == 1
    assert list(TaxRate.objects.order_by("region").values_list("region", "rate")) == [
        ("NJ", Decimal("0.06625")),
        ("NY", Decimal("0.09")),
    ]
