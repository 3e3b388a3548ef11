"""Rows for tests: Alice owns, Bob is another customer, Sam is staff."""

from functools import cache

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import Account, Address, User

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


@cache
def _hashed_password() -> str:
    """The same for all users of a run: hashing is slow even at its quickest."""
    return make_password(PASSWORD)
