"""What the portal asks of Stripe: the only module that imports ``stripe``. With `stripe_lists.py` it is
alone with whole cents.

The same calls go to Stripe itself or, where ``STRIPE_API_BASE`` is set, to localstripe. None is made while a
transaction is open, so that no lock ever waits for somebody else's network.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings
from django.db import transaction


class StripeError(Exception):
    """A call did not do what it should."""


class NoAnswer(StripeError):
    """Stripe did not answer, or not with an answer: what was asked may have been done or not."""


class Rejected(StripeError):
    """Stripe answered, and did not do it. ``code`` says why, in Stripe's terms."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotNow(Rejected):
    """Stripe did not do it because of how it was asked, or how often: the same may be asked for another time."""


class Declined(Rejected):
    """The bank does not take the card. ``code`` is its decline code."""


class TransactionIsOpen(RuntimeError):
    """Stripe is not asked while a transaction is open: no lock waits for somebody else's network."""


class BadSignature(Exception):
    """What claims to be a webhook was not sent by Stripe."""


@dataclass(frozen=True)
class Intent:
    """What Stripe says of a charge."""

    id: str
    status: str
    client_secret: str
    # Why the last attempt failed, as Stripe's code; empty where none did.
    decline_code: str


@dataclass(frozen=True)
class Refund:
    """What Stripe says of money that goes back to a card."""

    id: str
    status: str
    # The token that it was asked for with.
    token: str


@dataclass(frozen=True)
class Setup:
    """What Stripe says of the adding of a card."""

    id: str
    status: str
    client_secret: str
    customer: str
    payment_method: str


@dataclass(frozen=True)
class PaymentMethod:
    """What Stripe tells of a card."""

    id: str
    brand: str
    last4: str
    expires_month: int
    expires_year: int


@dataclass(frozen=True)
class Event:
    """A webhook. Only what names the object is kept: its state is asked for when the event is acted on."""

    id: str
    type: str
    object_id: str
    customer: str


def create_customer(*, number: str) -> str:
    """Make the account known to Stripe; returns Stripe's name for it. Asking twice makes one."""
    with _asking() as api:
        return api.customers.create({"metadata": {"account": number}}, {"idempotency_key": f"customer:{number}"}).id


def create_setup(*, customer: str) -> Setup:
    """Begin adding a card."""
    with _asking() as api:
        return _setup(
            api.setup_intents.create({"customer": customer, "usage": "off_session", "payment_method_types": ["card"]})
        )


def retrieve_setup(setup_id: str) -> Setup:
    with _asking() as api:
        return _setup(api.setup_intents.retrieve(setup_id))


def confirm_setup(setup_id: str, *, payment_method: str) -> Setup:
    """Finish adding a card that Stripe knows already, as the customer's browser does with a new one."""
    with _asking() as api:
        return _setup(api.setup_intents.confirm(setup_id, {"payment_method": payment_method}))


def retrieve_card(payment_method: str) -> PaymentMethod:
    with _asking() as api:
        return _card(api.payment_methods.retrieve(payment_method))


def attach_card(payment_method: str, *, customer: str) -> None:
    """Keep the card with the customer. Stripe has done so already, localstripe has not; twice is no harm."""
    with _asking() as api:
        api.payment_methods.attach(payment_method, {"customer": customer})


def detach_card(payment_method: str) -> None:
    """Have Stripe forget the card."""
    with _asking() as api:
        api.payment_methods.detach(payment_method)


def create_intent(*, customer: str, payment_method: str, amount: Decimal, token: str) -> Intent:
    """Prepare a charge. Nothing is charged until it is confirmed."""
    with _asking() as api:
        return _intent(
            api.payment_intents.create(
                {
                    "amount": int(amount * 100),
                    "currency": "usd",
                    "customer": customer,
                    "payment_method": payment_method,
                    "payment_method_types": ["card"],
                    "metadata": {"payment": token},
                },
                {"idempotency_key": token},
            )
        )


def confirm_intent(intent_id: str, *, token: str, on_session: bool) -> Intent:
    """Charge the card. Raises Rejected where Stripe says no, NoAnswer where nobody knows."""
    # localstripe's confirm knows no arguments; to Stripe it matters whether the customer can be asked.
    absent = not on_session and not settings.STRIPE_API_BASE
    with _asking() as api:
        return _intent(
            api.payment_intents.confirm(
                intent_id,
                {"off_session": True} if absent else {},
                {"idempotency_key": f"{token}:confirm"},
            )
        )


def retrieve_intent(intent_id: str) -> Intent:
    with _asking() as api:
        return _intent(api.payment_intents.retrieve(intent_id))


def cancel_intent(intent_id: str) -> Intent:
    """Call a charge off, so that it can never be made. Raises Rejected where it is too late or was done."""
    with _asking() as api:
        return _intent(api.payment_intents.cancel(intent_id))


def create_refund(intent_id: str, *, amount: Decimal, token: str) -> Refund:
    """Give ``amount`` of a charge back to its card. Raises Rejected where Stripe will not, NoAnswer: nobody knows."""
    with _asking() as api:
        return _refund(
            api.refunds.create(
                {"payment_intent": intent_id, "amount": int(amount * 100), "metadata": {"refund": token}},
                {"idempotency_key": f"refund:{token}"},
            )
        )


def retrieve_refund(refund_id: str) -> Refund:
    with _asking() as api:
        return _refund(api.refunds.retrieve(refund_id))


def refunds_of(intent_id: str) -> list[Refund]:
    """All that went back to the card of a charge."""
    with _asking() as api:
        return [_refund(found) for found in api.refunds.list({"payment_intent": intent_id, "limit": 100}).data]


def read_event(payload: bytes, signature: str) -> Event:
    """The webhook in ``payload``. Raises BadSignature where Stripe did not sign it."""
    try:
        stripe.WebhookSignature.verify_header(
            payload.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, stripe.Webhook.DEFAULT_TOLERANCE
        )
        event = json.loads(payload)
        about = event["data"]["object"]
        return Event(
            id=event["id"],
            type=event["type"],
            object_id=about.get("id") or "",
            customer=about.get("customer") or "",
        )
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSignature(str(error)) from error


def asking() -> AbstractContextManager[Any]:
    """Stripe's API for the module that lists what it has (stripe_lists.py): its errors come as ours."""
    return _asking()


@contextmanager
def _asking() -> Iterator[Any]:
    """Stripe's API, and its errors as ours."""
    try:
        # Django knows the transaction that a test is wrapped in.
        with transaction.atomic(durable=True, savepoint=False):
            pass
    except RuntimeError as error:
        raise TransactionIsOpen(str(error)) from error
    client = _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, settings.STRIPE_TIMEOUT_SECONDS)
    try:
        yield client.v1
    except stripe.CardError as error:
        raise Declined(_decline_code(error.error) or error.code or "card_declined") from error
    except (
        stripe.IdempotencyError,
        stripe.AuthenticationError,
        stripe.PermissionError,
        stripe.RateLimitError,
    ) as error:
        raise NotNow(error.code or type(error).__name__) from error
    except stripe.InvalidRequestError as error:
        raise Rejected(error.code or type(error).__name__) from error
    except stripe.StripeError as error:
        raise NoAnswer(type(error).__name__) from error


@lru_cache
def _client(key: str, base: str, timeout: int) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else None,
        # A repeated charge is decided by payments.py, which writes down what it does.
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def _decline_code(problem: Any) -> str:
    """The bank's reason where it gave one, else Stripe's; empty where nothing went wrong."""
    return getattr(problem, "decline_code", None) or getattr(problem, "code", None) or ""


def _intent(found: Any) -> Intent:
    return Intent(
        id=found.id,
        status=found.status,
        client_secret=found.client_secret or "",
        decline_code=_decline_code(found.last_payment_error),
    )


def _refund(found: Any) -> Refund:
    return Refund(id=found.id, status=found.status or "", token=getattr(found.metadata, "refund", ""))


def _setup(found: Any) -> Setup:
    return Setup(
        id=found.id,
        status=found.status,
        client_secret=found.client_secret or "",
        customer=found.customer or "",
        payment_method=found.payment_method or "",
    )


def _card(found: Any) -> PaymentMethod:
    return PaymentMethod(
        id=found.id,
        brand=found.card.brand,
        last4=found.card.last4,
        expires_month=found.card.exp_month,
        expires_year=found.card.exp_year,
    )
