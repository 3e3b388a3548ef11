"""The catalogue's load adds what is missing, and staff's edits win."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command

from accounts.models import EmbargoedCountry
from catalog.loading import load_products
from catalog.models import Price, Product

pytestmark = pytest.mark.django_db

# domain.md §2: code, kind, monthly, set-up, a minute, a minute from Canada
SOLD = [
    ("ip-freedom", "plan", "0", "0", "0", "0"),
    ("pay-per-call", "plan", "0", "0", "0.0198", "0.0198"),
    ("north-america-basic", "plan", "1.95", "0", "0", "0"),
    ("north-america-500", "plan", "6.95", "0", "0", "0"),
    ("north-america-1000", "plan", "12.95", "0", "0", "0"),
    ("north-america-2500", "plan", "24.95", "0", "0", "0"),
    ("north-america-residential", "plan", "19.95", "0", "0", "0"),
    ("world-select-residential", "plan", "29.95", "0", "0", "0"),
    ("pay-per-minute", "did", "1.95", "3.95", "0.0150", "0.0150"),
    ("dollar-unlimited", "did", "1.00", "1.00", "0", "0"),
    ("personal-unlimited", "did", "5.95", "4.95", "0", "0"),
    ("office-unlimited", "did", "8.95", "4.95", "0", "0"),
    ("service-provider-unlimited", "did", "19.95", "19.95", "0", "0"),
    ("dirt-cheap", "did", "0.95", "0", "0.0150", "0.0150"),
    ("toll-free", "did", "3.95", "4.95", "0.0290", "0.0990"),
    ("additional-channel", "channel", "3.00", "0", "0", "0"),
    ("e911", "e911", "1.50", "1.50", "0", "0"),
]


def test_everything_the_operator_sells_is_loaded_with_its_price(catalog):
    products = Product.objects.priced(date(2027, 1, 11)).order_by("position")
    found = [(p.code, p.kind, p.monthly, p.setup, p.per_minute, p.per_minute_canada) for p in products]
    assert found == [(code, kind, *map(Decimal, amounts)) for code, kind, *amounts in SOLD]


def test_channels_are_those_of_the_rule_book(catalog):
    dids = Product.objects.dids().order_by("position")
    assert list(dids.values_list("code", "channels", "takes_extra_channels", "is_limited")) == [
        ("pay-per-minute", 2, True, False),
        ("dollar-unlimited", 2, True, True),
        ("personal-unlimited", 2, False, False),
        ("office-unlimited", 3, True, False),
        ("service-provider-unlimited", None, False, False),
        ("dirt-cheap", 2, False, True),
        ("toll-free", 2, True, False),
    ]


def test_plans_carry_their_minutes_and_911(catalog):
    plans = Product.objects.plans().order_by("position")
    fields = ("code", "minutes", "is_unlimited", "includes_911", "opens_pstn", "needs_balance", "is_default")
    assert list(plans.values_list(*fields)) == [
        ("ip-freedom", None, False, False, False, False, True),
        ("pay-per-call", None, False, False, True, True, False),
        ("north-america-basic", 120, False, True, True, False, False),
        ("north-america-500", 500, False, True, True, False, False),
        ("north-america-1000", 1000, False, True, True, False, False),
        ("north-america-2500", 2500, False, True, True, False, False),
        ("north-america-residential", None, True, True, True, False, False),
        ("world-select-residential", None, True, True, True, False, False),
    ]


def test_a_second_load_adds_nothing_and_keeps_what_staff_changed(catalog):
    basic = Product.objects.get(code="north-america-basic")
    basic.name, basic.is_offered = "North America Light", False
    basic.save()
    Price.objects.create(product=basic, effective_on=date(2027, 2, 1), monthly=Decimal("2.95"))

    assert load_products() == []

    basic.refresh_from_db()
    assert (basic.name, basic.is_offered) == ("North America Light", False)
    assert list(basic.prices.order_by("effective_on").values_list("effective_on", "monthly")) == [
        (date(2020, 1, 1), Decimal("1.95")),
        (date(2027, 2, 1), Decimal("2.95")),
    ]


def test_a_product_that_is_missing_is_added_again(catalog):
    Product.objects.filter(code="e911").update(code="e911-old")
    assert [product.code for product in load_products()] == ["e911"]


def test_the_command_says_what_it_added(capsys):
    call_command("load_catalog")
    first = capsys.readouterr().out
    call_command("load_catalog")
    assert first.startswith("Products added: IP Freedom, Pay Per Call, ")
    assert first.endswith("Embargoed countries added: 7.\n")
    assert capsys.readouterr().out == "No product was missing.\nEmbargoed countries added: 0.\n"


def test_the_seven_countries_are_loaded(catalog):
    codes = EmbargoedCountry.objects.order_by("country").values_list("country", flat=True)
    assert list(codes) == ["CU", "IQ", "IR", "KP", "LY", "SD", "SY"]
