"""Sixteen customers who check out with the same number at the same moment."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Account
from callcentric.errors import Refused
from catalog.models import Product
from orders.models import Cart, CartLine
from tests.factories import AccountFactory
from tests.orders.checkouts import balance, place
from tests.orders.conftest import credit, live_at_the_billing_address

# As in test_numbers.py: a number with its set-up fee, 911 and the tax.
TOTAL = Decimal("8.48")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestSixteenAtOnce:
    def customers(self, number, taxes) -> list[Account]:
        """Sixteen customers with the same number in their carts, held for none of them any more."""
        accounts = [live_at_the_billing_address(AccountFactory()) for _ in range(16)]
        product = Product.objects.get(code="pay-per-minute")
        for account in accounts:
            credit(account, "20")
            CartLine.objects.create(
                cart=Cart.objects.create(account=account),
                product=product,
                kind=product.kind,
                rate_center=number.rate_center,
                phone_number=number,
            )
        return accounts

    def test_one_gets_the_number_and_nobody_else_pays(self, number, catalog, taxes):
        accounts = self.customers(number, taxes)
        barrier, bought, refusals, surprises = threading.Barrier(16), [], [], []

        def order(account: Account) -> None:
            barrier.wait()
            try:
                bought.append(place(account, total=TOTAL).account)
            except Refused as refusal:
                refusals.append(str(refusal))
            except Exception as surprise:
                surprises.append(surprise)
            finally:
                connection.close()

        threads = [threading.Thread(target=order, args=[account]) for account in accounts]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        number.refresh_from_db()
        assert (surprises, len(bought), len(refusals)) == ([], 1, 15)
        assert bought == [number.holder]
        assert [balance(account) for account in accounts] == [
            20 - TOTAL if account == number.holder else 20 for account in accounts
        ]
