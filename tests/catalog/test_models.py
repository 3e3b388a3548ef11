"""What the database holds true about products and prices."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from catalog.models import Price, Product

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 11)


@pytest.fixture
def plan() -> Product:
    plan = Product.objects.create(code="plan", kind="plan", name="Plan")
    Price.objects.create(product=plan, effective_on=date(2020, 1, 1), monthly=Decimal("1.95"))
    return plan


def test_a_new_price_holds_from_its_day_and_not_before(plan):
    Price.objects.create(product=plan, effective_on=DAY, monthly=Decimal("2.95"))
    days = [date(2027, 1, 10), DAY, date(2027, 1, 12)]
    monthly = [Product.objects.priced(day).get().monthly for day in days]
    assert monthly == [Decimal("1.95"), Decimal("2.95"), Decimal("2.95")]


def test_a_product_is_not_priced_before_its_first_price(plan):
    assert list(Product.objects.priced(date(2019, 12, 31))) == []
    assert Product.objects.with_prices(date(2019, 12, 31)).get().monthly is None


def test_prices_are_never_edited(plan):
    with pytest.raises(ProgrammingError, match="Cannot update or delete rows"), transaction.atomic():
        Price.objects.update(monthly=Decimal("0.01"))
    assert plan.prices.get().monthly == Decimal("1.95")


def test_prices_are_never_deleted(plan):
    with pytest.raises(ProgrammingError, match="Cannot update or delete rows"), transaction.atomic():
        Price.objects.all().delete()
    assert plan.prices.count() == 1


def test_one_price_per_product_and_day(plan):
    with pytest.raises(IntegrityError, match="one_price_per_product_and_day"):
        Price.objects.create(product=plan, effective_on=date(2020, 1, 1), monthly=Decimal("3.00"))


@pytest.mark.parametrize("amount", ["monthly", "setup", "per_minute", "per_minute_canada"])
def test_price_is_never_negative(plan, amount):
    amounts = {"monthly": Decimal(1), amount: Decimal(-1)}
    with pytest.raises(IntegrityError, match="price_is_never_negative"):
        Price.objects.create(product=plan, effective_on=DAY, **amounts)


@pytest.mark.parametrize("fee", ["monthly", "setup"])
def test_fees_are_whole_cents(plan, fee):
    amounts = {"monthly": Decimal(1), fee: Decimal("1.005")}
    with pytest.raises(IntegrityError, match="fees_are_whole_cents"):
        Price.objects.create(product=plan, effective_on=DAY, **amounts)


def test_one_plan_is_what_accounts_have_without_one():
    Product.objects.create(code="first", kind="plan", name="First", is_default=True)
    with pytest.raises(IntegrityError, match="one_plan_is_what_accounts_have_without_one"):
        Product.objects.create(code="second", kind="plan", name="Second", is_default=True)


def test_only_a_did_takes_extra_channels():
    Product.objects.create(code="did", kind="did", name="Number", takes_extra_channels=True)
    with pytest.raises(IntegrityError, match="only_a_did_takes_extra_channels"):
        Product.objects.create(code="plan", kind="plan", name="Plan", takes_extra_channels=True)


def test_a_code_is_used_once(plan):
    with pytest.raises(IntegrityError, match="catalog_product_code_key"):
        Product.objects.create(code="plan", kind="plan", name="Another")
