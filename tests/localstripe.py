"""A Stripe for tests: localstripe behind a proxy that keeps idempotency keys and breaks the network when asked to."""

import json
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from accounts.models import Account
from billing import cards, stripe_api
from billing.models import Card
from callcentric import clock
from callcentric.local.servers import Localstripe
from tests.stripe_proxy import StripeProxy

GOOD = "4242424242424242"
DECLINED_WHEN_ADDED = "4000000000000002"
DECLINED_WHEN_CHARGED = "4000000000000341"
WANTS_3DS = "4000002760003184"
DECLINED_AFTER_3DS = "4000008260003178"


@pytest.fixture(scope="session")
def _stripe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stripe")
    with Localstripe(folder / "stripe.pickle") as localstripe:
        proxy = StripeProxy(urlsplit(settings.STRIPE_API_BASE).port, localstripe.port)
        proxy.start()
        yield proxy
        proxy.stop()


@pytest.fixture
def stripe_server(_stripe):
    """Stripe, as the settings name it; ``fail_next`` makes the next request go wrong. One process for all tests."""
    _stripe.reset()
    yield _stripe
    _stripe.reset()


@pytest.fixture
def stripe_webhooks(_stripe, live_server):
    """Stripe's webhooks come to the live server, as they do to the portal."""
    _register_webhooks(f"{live_server.url}/stripe/webhook/")
    yield
    # What is still on its way goes nowhere: the next test has another database.
    _register_webhooks("http://127.0.0.1:9/")


@pytest.fixture(name="add_card")
def _add_card(stripe_server):
    return add_card


def _register_webhooks(url: str) -> None:
    call("POST", "/_config/webhooks/portal", url=url, secret=settings.STRIPE_WEBHOOK_SECRET)


def call(method: str, path: str, **data: object) -> dict:
    """Ask localstripe itself, as Stripe.js and Stripe's own staff would."""
    request = urllib.request.Request(
        settings.STRIPE_API_BASE + path,
        json.dumps(data).encode() if data else None,
        {"Authorization": f"Bearer {settings.STRIPE_SECRET_KEY}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read() or b"{}")


def set_up(account: Account, number: str = GOOD, *, expires: tuple[int, int] = (12, 2035)) -> str:
    """What the page and Stripe.js do when a customer types a card: the name of the finished SetupIntent."""
    setup = stripe_api.create_setup(customer=cards.holder(account).stripe_id)
    confirm = f"/v1/setup_intents/{setup.id}/confirm"
    card = {"number": number, "exp_month": expires[0], "exp_year": expires[1], "cvc": "123"}
    found = call("POST", confirm, payment_method_data={"type": "card", "card": card})
    if found["status"] == "requires_action":
        call("POST", confirm, client_secret=setup.client_secret)
    return setup.id


def add_card(account: Account, number: str = GOOD, *, now: datetime | None = None) -> Card:
    """A card of the account, added the way customers add theirs. Needs ``stripe_server``."""
    return cards.finish_adding(account=account, setup_id=set_up(account, number), now=now or clock.now())


def answer_bank(card_payment_id: str, *, agree: bool) -> None:
    """What the customer answers to the bank's question (3-D Secure)."""
    secret = call("GET", f"/v1/payment_intents/{card_payment_id}")["client_secret"]
    path = f"/v1/payment_intents/{card_payment_id}/_authenticate?success={str(agree).lower()}"
    try:
        call("POST", path, client_secret=secret)
    except urllib.error.HTTPError as error:
        # Declined after it (402): what became of the payment is what counts.
        error.close()


def charges(account: Account) -> list[dict]:
    """What localstripe has really charged to the account's cards, newest first."""
    customer = account.card_holder.stripe_id
    found = call("GET", f"/v1/charges?customer={customer}&limit=100")["data"]
    return [charge for charge in found if charge["status"] == "succeeded"]


def refunds(payment_stripe_id: str) -> list[int]:
    """What localstripe has really given back of a charge, in cents."""
    found = call("GET", f"/v1/refunds?payment_intent={payment_stripe_id}&limit=100")["data"]
    return sorted(refund["amount"] for refund in found)
