"""Opens an account for somebody who signs up, with a 1777 number of its own."""

import secrets

import structlog
from django.db import IntegrityError, transaction

from accounts import embargo
from accounts.models import Account, Address, User
from callcentric.errors import Refused

log = structlog.get_logger(__name__)

# 1777 and seven digits.
NUMBER_SPACE = 10_000_000
# With half of all numbers taken, this many tries miss once in 2**200.
MAX_TRIES = 200


class NoNumberFree(Refused):
    """No 1777 number was found: the range is all but used up."""


class UsernameTaken(Refused):
    """Somebody else took the username while the form was being checked."""


@transaction.atomic
def open_account(*, user: User, name: str, country: str, time_zone: str, referred_by: Account | None = None) -> Account:
    """The new account of ``user``. Raises NotServed for an embargoed country and NoNumberFree.

    The billing address is no more than the country yet; the first checkout asks for the rest.
    """
    embargo.check(country)
    account = Account(
        user=user,
        name=name,
        time_zone=time_zone,
        referred_by=referred_by,
        billing_address=Address.objects.create(country=country),
    )
    _save_with_number(account)
    log.info("account_opened", account=account.number)
    return account


def violated(error: IntegrityError) -> str:
    """The name of the constraint that ``error`` is about."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


def _save_with_number(account: Account) -> None:
    """Give ``account`` a random number that nobody has. The database decides, so two at once are safe."""
    for _ in range(MAX_TRIES):
        account.number = f"1777{secrets.randbelow(NUMBER_SPACE):07}"
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError as error:
            if violated(error) != "account_number_has_one_account":
                raise
        else:
            return
    log.error("no_account_number_free", tries=MAX_TRIES)
    raise NoNumberFree("We cannot open accounts at the moment. Please try again later.", code="no_number_free")
