"""Rows for tests: Alice owns, Bob is another customer, Sam is staff."""

from datetime import date
from functools import cache

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import Account, Address, User
from billing.models import Service
from catalog.models import Product
from phone_numbers.models import PhoneNumber, RateCenter, Region

PASSWORD = "correct horse battery"


class AddressFactory(factory.django.DjangoModelFactory):
    """An address in Albany, New York, where tax is due and 911 exists."""

    class Meta:
        model = Address

    country = "US"
    street = "1 Test Street"
    city = "Albany"
    region = "NY"
    postal_code = "12207"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.LazyFunction(lambda: _hashed_password())


class AccountFactory(factory.django.DjangoModelFactory):
    """A customer with a confirmed e-mail address."""

    class Meta:
        model = Account
        skip_postgeneration_save = True

    user = factory.SubFactory(UserFactory)
    number = factory.Sequence(lambda n: f"1777{5550000 + n}")
    name = factory.LazyAttribute(lambda account: account.user.username.capitalize())
    billing_address = factory.SubFactory(AddressFactory)

    @factory.post_generation
    def email_confirmed(self, create: bool, extracted: bool | None, **kwargs: object) -> None:
        EmailAddress.objects.create(
            user=self.user, email=self.user.email, primary=True, verified=extracted is not False
        )


class RegionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Region
        django_get_or_create = ("country", "code")

    country = "US"
    code = "NY"
    name = "New York"


class RateCenterFactory(factory.django.DjangoModelFactory):
    """A place in New York state; Albany unless the test names another."""

    class Meta:
        model = RateCenter
        django_get_or_create = ("region", "name")

    region = factory.SubFactory(RegionFactory)
    name = "Albany"


class PhoneNumberFactory(factory.django.DjangoModelFactory):
    """A number in stock in Albany: (518) 554-0000, 0001 …"""

    class Meta:
        model = PhoneNumber

    # Out of the way of those that tests name, which begin with 1518555.
    digits = factory.Sequence(lambda n: f"1518554{n % 10_000:04}")
    rate_center = factory.SubFactory(RateCenterFactory)
    in_stock_since = date(2026, 1, 1)


def hold_number(account: Account, code: str = "pay-per-minute", **more: object) -> Service:
    """A phone number that ``account`` has under a product, as an order would have left it; the catalogue is loaded."""
    number = more.pop("phone_number", None) or PhoneNumberFactory(state=PhoneNumber.State.ASSIGNED, holder=account)
    service = {"started_on": date(2027, 1, 1), "paid_until": date(2027, 1, 31), **more}
    return Service.objects.create(
        account=account,
        product=Product.objects.get(code=code),
        kind=Product.Kind.DID,
        phone_number=number,
        rate_center=number.rate_center,
        **service,
    )


@cache
def _hashed_password() -> str:
    """The same for all users of a run: hashing is slow even at its quickest."""
    return make_password(PASSWORD)
