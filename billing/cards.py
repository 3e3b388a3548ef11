"""Adds and removes customers' cards. Card numbers go from the browser to Stripe and never come here."""

from datetime import datetime

import structlog
from django.db import transaction

from accounts.models import Account
from accounts.standing import check_open
from billing import declines, stripe_api
from billing.models import Card, CardHolder
from billing.payments import CardProblem
from callcentric import clock

log = structlog.get_logger(__name__)

AWAY = "The card processor could not be reached. Your card was not added. Try again in a few minutes."
NOT_ADDED = "The card was not added. Try again, or use another card."


def holder(account: Account) -> CardHolder:
    """The account as Stripe knows it, made known at first use. Raises CardProblem where Stripe is away."""
    found = CardHolder.objects.filter(account=account).first()
    if found:
        return found
    try:
        stripe_id = stripe_api.create_customer(number=account.number)
    except stripe_api.StripeError as error:
        raise CardProblem(AWAY) from error
    # Two pages opened at once: the first row stays, and nothing is ever charged under the other name.
    CardHolder.objects.bulk_create([CardHolder(account=account, stripe_id=stripe_id)], ignore_conflicts=True)
    return CardHolder.objects.get(account=account)


def begin_adding(account: Account) -> stripe_api.Setup:
    """What the page needs to send a card to Stripe. Raises CardProblem where Stripe is away."""
    customer = holder(account).stripe_id
    try:
        return stripe_api.create_setup(customer=customer)
    except stripe_api.StripeError as error:
        raise CardProblem(AWAY) from error


def finish_adding(*, account: Account, setup_id: str, now: datetime) -> Card:
    """Keep the card that the customer's browser has sent to Stripe. Doing it again returns the same card.

    Raises CardProblem where Stripe has not accepted it, where it has expired, or where it is somebody else's.
    """
    if not setup_id.startswith("seti_"):
        raise CardProblem(NOT_ADDED)
    try:
        return keep(account=account, setup_id=setup_id, now=now)
    except stripe_api.Declined as error:
        raise CardProblem(declines.in_words(error.code)) from error
    except stripe_api.Rejected as error:
        raise CardProblem(NOT_ADDED) from error
    except stripe_api.NoAnswer as error:
        raise CardProblem(AWAY) from error


def keep(*, account: Account, setup_id: str, now: datetime) -> Card:
    """Like ``finish_adding``, for whoever can ask again later: where Stripe is away it raises StripeError."""
    check_open(account)
    setup = stripe_api.retrieve_setup(setup_id)
    if setup.customer != holder(account).stripe_id or setup.status != "succeeded":
        raise CardProblem(NOT_ADDED)
    added = Card.objects.filter(stripe_id=setup.payment_method, account=account).first()
    return added or _keep(account, setup, now)


def make_default(card: Card, *, now: datetime) -> None:
    """Charge this card unless the customer chooses another. Raises CardProblem for one that cannot be."""
    with transaction.atomic():
        _lock(card.account)
        card.refresh_from_db()
        if card.removed_at or card.has_expired(now.astimezone(clock.BUSINESS_ZONE).date()):
            raise CardProblem(f"{card} cannot be your default card: it has expired or was removed.")
        Card.objects.filter(account=card.account, is_default=True).update(is_default=False)
        card.is_default = True
        card.save(update_fields=["is_default"])


def remove(card: Card, *, now: datetime) -> Card | None:
    """Forget a card, here and at Stripe. Returns the card that is the default after that, if there is one.

    The newest card that is still good takes over from a default card that is removed.
    """
    with transaction.atomic():
        _lock(card.account)
        card.refresh_from_db()
        was_default = card.is_default
        card.removed_at = card.removed_at or now
        card.is_default = False
        card.save(update_fields=["removed_at", "is_default"])
        if was_default:
            _promote_another(card.account, now)
    try:
        stripe_api.detach_card(card.stripe_id)
    except stripe_api.StripeError as error:
        # We never charge it again; that Stripe still knows it does no harm.
        log.warning("card not detached", card=card.pk, error=repr(error))
    return Card.objects.usable().filter(account=card.account, is_default=True).first()


def _keep(account: Account, setup: stripe_api.Setup, now: datetime) -> Card:
    found = stripe_api.retrieve_card(setup.payment_method)
    card = Card(
        account=account,
        stripe_id=found.id,
        brand=found.brand,
        last4=found.last4,
        expires_month=found.expires_month,
        expires_year=found.expires_year,
        added_at=now,
    )
    if card.has_expired(now.astimezone(clock.BUSINESS_ZONE).date()):
        stripe_api.detach_card(found.id)
        raise CardProblem(f"{card} expired {card.expires}, so it was not added. Use another card.")
    stripe_api.attach_card(found.id, customer=setup.customer)
    with transaction.atomic():
        _lock(account)
        card.is_default = not Card.objects.usable().filter(account=account, is_default=True).exists()
        # The page and the webhook may both be here: the first row stays.
        Card.objects.bulk_create([card], ignore_conflicts=True)
    return Card.objects.get(stripe_id=found.id)


def _promote_another(account: Account, now: datetime) -> None:
    today = now.astimezone(clock.BUSINESS_ZONE).date()
    for other in Card.objects.usable().filter(account=account).order_by("-added_at", "-pk"):
        if not other.has_expired(today):
            other.is_default = True
            other.save(update_fields=["is_default"])
            return


def _lock(account: Account) -> None:
    """One change of an account's cards at a time."""
    CardHolder.objects.select_for_update().get(account=account)
