"""Customers ready to order: an address, a confirmed e-mail, a plan in the cart, money or a card."""

from decimal import Decimal

import pytest
from django.core.management import call_command

from accounts.models import Account
from billing import ledger
from billing.models import LedgerAccount, Service, Transfer
from callcentric import clock
from catalog.models import Product
from orders.models import Cart, CartLine
from phone_numbers.models import PhoneNumber
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.orders.channels import hold_channels
from tests.orders.losing import a_911, a_number, a_plan, lose


@pytest.fixture
def taxes(db) -> None:
    call_command("load_taxes", verbosity=0)


def credit(account: Account, amount: str) -> None:
    ledger.post(
        key=f"test:{account.pk}:{amount}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="Credit",
        made_at=clock.now(),
    )


def put_into_cart(account: Account, code: str = "north-america-500") -> Cart:
    cart, _ = Cart.objects.get_or_create(account=account)
    product = Product.objects.get(code=code)
    CartLine.objects.create(cart=cart, product=product, kind=product.kind)
    return cart


def live_at_the_billing_address(account: Account) -> Account:
    account.service_address = account.billing_address
    account.save()
    return account


@pytest.fixture
def shopper(alice: Account, catalog, taxes) -> Account:
    """Alice at the end of her way: one plan in the cart, her addresses known, $200.00 in the balance."""
    credit(alice, "200")
    put_into_cart(alice)
    return live_at_the_billing_address(alice)


@pytest.fixture
def customer(alice, catalog, taxes) -> Account:
    credit(alice, "200")
    return live_at_the_billing_address(alice)


@pytest.fixture
def leaver(alice, catalog, taxes) -> Account:
    """Alice, who may want to close her account; she has no money in it yet."""
    return live_at_the_billing_address(alice)


@pytest.fixture
def albany(db):
    return RateCenterFactory(name="Albany")


@pytest.fixture
def number(albany) -> PhoneNumber:
    return PhoneNumberFactory(digits="15185550123", rate_center=albany)


@pytest.fixture
def everything_lost(customer, albany) -> list[Service]:
    """A plan, a number with 12 extra channels and 911: Alice's, lost on 1 January."""
    had = [a_plan(customer), a_number(customer, "15185550123", at=albany), a_911(customer)]
    hold_channels(had[1], 12)
    return [lose(each) for each in had]
