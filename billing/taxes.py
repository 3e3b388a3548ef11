"""Which tax is due where (domain.md §5): a table that staff keep, nothing where it has no row."""

from decimal import Decimal

from accounts.models import Address
from billing.models import TaxRate
from callcentric.money import to_cents

NO_TAX = Decimal(0)

# What `manage.py load_taxes` starts the table with: country, state or province, rate.
FIRST_RATES = [("US", "NY", Decimal("0.08875"))]


def rate_at(address: Address) -> Decimal:
    """The rate for a billing address: its region's, else its country's, else 0."""
    rates = TaxRate.objects.filter(country=address.country, region__in=[address.region, ""])
    # The row that names the region sorts after the one that does not.
    rate = rates.order_by("-region").values_list("rate", flat=True).first()
    return rate if rate is not None else NO_TAX


def tax_on(subtotal: Decimal, rate: Decimal) -> Decimal:
    """The tax on an order's services and fees, rounded half-up to the cent."""
    return to_cents(subtotal * rate)


def load() -> int:
    """Put the first rates into an empty place of the table; staff's edits stay. Returns how many were added."""
    made = [
        TaxRate.objects.get_or_create(country=country, region=region, defaults={"rate": rate})[1]
        for country, region, rate in FIRST_RATES
    ]
    return sum(made)
