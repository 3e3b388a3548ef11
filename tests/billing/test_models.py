"""Each constraint of billing's tables, violated once."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError

from billing import ledger
from billing.models import (
    Card,
    CardHolder,
    Difference,
    LedgerAccount,
    Match,
    ParkedAccount,
    Payment,
    Service,
    StripeEvent,
    TaxRate,
    Transfer,
)
from callcentric import clock
from catalog.models import Product

NOW = clock.now()


@pytest.fixture
def card(alice) -> Card:
    return Card.objects.create(
        account=alice, stripe_id="pm_1", brand="visa", last4="4242", expires_month=12, expires_year=2035
    )


@pytest.fixture
def plan(catalog) -> Product:
    return Product.objects.get(code="north-america-500")


@pytest.fixture
def e911(catalog) -> Product:
    return Product.objects.get(kind=Product.Kind.E911)


def violates(name: str):
    return pytest.raises(IntegrityError, match=name)


class TestLedgerAccount:
    def test_balance_is_never_negative(self, alice):
        with violates("balance_is_never_negative"):
            LedgerAccount.objects.create(account=alice, balance=Decimal("-0.0001"))

    @pytest.mark.parametrize("kind", ["revenue", "customer"])
    def test_only_customers_have_a_balance(self, alice, kind):
        with violates("only_customers_have_a_balance"):
            LedgerAccount.objects.create(kind=kind, balance=Decimal(1))

    def test_a_customer_has_one_account(self, alice):
        ledger.of(alice)
        with violates("account_id"):
            LedgerAccount.objects.create(account=alice, balance=Decimal(0))

    def test_one_house_account_per_kind(self, db):
        LedgerAccount.objects.create(kind="tax")
        with violates("one_house_account_per_kind"):
            LedgerAccount.objects.create(kind="tax")


class TestTransfer:
    @pytest.fixture
    def sides(self, alice):
        LedgerAccount.objects.bulk_create([ledger.house("cards")])
        return {"source": ledger.house("cards"), "target": ledger.of(alice), "memo": "Test"}

    def test_a_key_is_used_once(self, sides):
        Transfer.objects.create(key="one", kind="credit", amount=1, **sides)
        with violates("transfer_key_is_used_once"):
            Transfer.objects.create(key="one", kind="credit", amount=1, **sides)

    def test_transfer_moves_something(self, sides):
        with violates("transfer_moves_something"):
            Transfer.objects.create(key="one", kind="credit", amount=0, **sides)

    def test_transfer_goes_somewhere_else(self, sides):
        with violates("transfer_goes_somewhere_else"):
            Transfer.objects.create(key="one", kind="credit", amount=1, **sides | {"target": sides["source"]})

    def test_a_tax_belongs_to_a_charge(self, sides):
        with violates("tax_belongs_to_a_charge"):
            Transfer.objects.create(key="one", kind="tax", amount=1, **sides)

    def test_what_is_no_tax_belongs_to_none(self, sides):
        charged = Transfer.objects.create(key="one", kind="charge", amount=1, **sides)
        with violates("tax_belongs_to_a_charge"):
            Transfer.objects.create(key="two", kind="credit", amount=1, tax_on=charged, **sides)

    def test_a_charge_has_one_tax(self, sides):
        charged = Transfer.objects.create(key="one", kind="charge", amount=1, **sides)
        Transfer.objects.create(key="two", kind="tax", amount=1, tax_on=charged, **sides)
        with violates("tax_on_id"):
            Transfer.objects.create(key="three", kind="tax", amount=1, tax_on=charged, **sides)


class TestTaxRate:
    def test_one_tax_rate_per_region(self, db):
        TaxRate.objects.create(country="US", region="NY", rate=0)
        with violates("one_tax_rate_per_region"):
            TaxRate.objects.create(country="US", region="NY", rate=0)

    @pytest.mark.parametrize("rate", ["-0.01", "1"])
    def test_tax_rate_is_a_fraction(self, db, rate):
        with violates("tax_rate_is_a_fraction"):
            TaxRate.objects.create(country="US", rate=Decimal(rate))


class TestCard:
    def add(self, alice, **options) -> Card:
        options = {"stripe_id": "pm_2", "brand": "amex", "last4": "0005", "expires_month": 1} | options
        return Card.objects.create(account=alice, expires_year=2035, **options)

    def test_stripe_names_a_card_once(self, alice, card):
        with violates("stripe_id"):
            self.add(alice, stripe_id="pm_1")

    def test_one_default_card_per_account(self, alice, card):
        self.add(alice, is_default=True)
        with violates("one_default_card_per_account"):
            self.add(alice, stripe_id="pm_3", is_default=True)

    def test_a_removed_card_is_not_the_default(self, alice):
        with violates("a_removed_card_is_not_the_default"):
            self.add(alice, is_default=True, removed_at=NOW)

    @pytest.mark.parametrize("month", [0, 13])
    def test_card_expires_in_a_month(self, alice, month):
        with violates("card_expires_in_a_month"):
            self.add(alice, expires_month=month)

    def test_an_account_is_one_customer_of_stripe(self, alice):
        CardHolder.objects.create(account=alice, stripe_id="cus_1")
        with violates("account_id"):
            CardHolder.objects.create(account=alice, stripe_id="cus_2")

    @pytest.mark.parametrize(
        ("brand", "name"), [("visa", "Visa 0005"), ("amex", "American Express 0005"), ("jcb", "JCB 0005")]
    )
    def test_it_is_called_what_is_printed_on_it(self, alice, brand, name):
        card = self.add(alice, brand=brand)
        assert (str(card), card.expires) == (name, "01/2035")

    @pytest.mark.parametrize(
        ("today", "expired"), [(date(2035, 1, 31), False), (date(2035, 2, 1), True), (date(2034, 12, 31), False)]
    )
    def test_it_is_good_to_the_end_of_its_month(self, alice, today, expired):
        assert self.add(alice).has_expired(today) is expired


class TestPayment:
    def pay(self, card, **options) -> Payment:
        options = {"purpose": "deposit", "amount": Decimal("5.00"), "token": uuid4()} | options
        return Payment.objects.create(account=card.account, card=card, **options)

    def test_a_token_is_one_payment(self, card):
        token = self.pay(card).token
        with violates("token"):
            self.pay(card, token=token)

    def test_payment_asks_for_something(self, card):
        with violates("payment_asks_for_something"):
            self.pay(card, amount=Decimal(0))

    def test_cards_are_charged_whole_cents(self, card):
        with violates("cards_are_charged_whole_cents"):
            self.pay(card, amount=Decimal("5.005"))

    @pytest.mark.parametrize("missing", ["stripe_id", "settled_at"])
    def test_a_paid_payment_names_its_charge(self, card, missing):
        facts = {"stripe_id": "pi_1", "settled_at": NOW} | {missing: None}
        with violates("a_paid_payment_names_its_charge"):
            self.pay(card, state="succeeded", **facts)

    def test_a_charge_belongs_to_one_payment(self, card):
        self.pay(card, stripe_id="pi_1")
        with violates("stripe_id"):
            self.pay(card, stripe_id="pi_1")


class TestStripeEvent:
    def test_an_event_is_kept_once(self, db):
        StripeEvent.objects.create(stripe_id="evt_1", type="charge.succeeded")
        with violates("stripe_id"):
            StripeEvent.objects.create(stripe_id="evt_1", type="charge.succeeded")


class TestService:
    def begin(self, account, product, **options) -> Service:
        days = {"started_on": date(2027, 1, 11), "paid_until": date(2027, 1, 31)}
        return Service.objects.create(account=account, product=product, kind=product.kind, **days | options)

    def test_one_rate_plan_per_account(self, alice, plan):
        self.begin(alice, plan, state="cancelled", cancelled_on=date(2027, 1, 31), reason="customer")
        self.begin(alice, plan)
        with violates("one_rate_plan_per_account"):
            self.begin(alice, plan)

    def test_one_911_per_account(self, alice, e911):
        self.begin(alice, e911, address=alice.billing_address)
        with violates("one_911_per_account"):
            self.begin(alice, e911, address=alice.billing_address, state="pending")

    @pytest.mark.parametrize(
        "facts",
        [
            {"state": "cancelled"},
            {"state": "cancelled", "cancelled_on": date(2027, 1, 31)},
            {"state": "active", "cancelled_on": date(2027, 1, 31)},
            {"state": "active", "reason": "staff"},
        ],
    )
    def test_a_cancelled_service_says_when_and_why(self, alice, plan, facts):
        with violates("a_cancelled_service_says_when_and_why"):
            self.begin(alice, plan, **facts)

    def test_service_911_has_an_address(self, alice, e911):
        with violates("service_911_has_an_address"):
            self.begin(alice, e911)

    def test_service_is_paid_from_its_start(self, alice, plan):
        with violates("service_is_paid_from_its_start"):
            self.begin(alice, plan, paid_until=date(2027, 1, 10))


class TestDifference:
    def differ(self, **more) -> Difference:
        return Difference.objects.create(kind="amount", key="pi_1", about="Stripe says something else.", **more)

    def test_a_difference_is_known_once(self, db):
        self.differ(resolved_at=NOW)
        self.differ()
        with violates("a_difference_is_known_once"):
            self.differ()

    @pytest.mark.parametrize("changes", [{"resolved_at": NOW}, {"resolution": "Mended."}])
    def test_who_resolves_a_difference_says_how(self, sam, changes):
        with violates("who_resolves_a_difference_says_how"):
            self.differ(resolved_by=sam, **changes)

    def test_a_day_is_matched_once(self, db):
        figures = {"stripe_charges": 0, "ledger": 0, "invoices": 0, "differences": 0, "made_at": NOW}
        Match.objects.create(on=NOW.date(), **figures)
        with violates("billing_match_on"):
            Match.objects.create(on=NOW.date(), **figures)


class TestParkedAccount:
    def test_an_account_is_parked_once(self, alice, sam):
        ParkedAccount.objects.create(account=alice, reason="Before", released_at=NOW, released_by=sam)
        ParkedAccount.objects.create(account=alice, reason="Now")
        with violates("an_account_is_parked_once"):
            ParkedAccount.objects.create(account=alice, reason="Once more")

    def test_who_released_an_account_and_when(self, alice):
        with violates("who_released_an_account_and_when"):
            ParkedAccount.objects.create(account=alice, reason="Now", released_at=NOW)
