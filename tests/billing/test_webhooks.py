"""Stripe's webhooks: signed, kept once, acted on in any order and any number of times."""

import hashlib
import hmac
import itertools
import json
import random
import time
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from billing import events, ledger, payments, stripe_api, tasks
from billing.models import Card, Payment, StripeEvent, Transfer
from callcentric import clock
from tests.localstripe import add_card, call, charges, set_up
from tests.stripe_proxy import BROKEN, TIMEOUT_AFTER

NUMBERS = itertools.count(1)


@pytest.fixture(autouse=True)
def _eager(settings):
    """The task runs where it is sent: the worker has tests of its own in the browser's walks."""
    from callcentric.celery import app

    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def event(kind, about, *, number=None) -> dict:
    return {"id": number or f"evt_{next(NUMBERS)}_{uuid4().hex}", "type": kind, "data": {"object": about}}


def send(sent, *, secret=None, at=None, signature=None):
    from django.conf import settings

    body = json.dumps(sent).encode()
    at = int(at or time.time())
    key = (secret or settings.STRIPE_WEBHOOK_SECRET).encode()
    made = hmac.new(key, b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={at},v1={made}" if signature is None else signature}
    # The proof that no cookie and no token of ours is asked for.
    client = Client(enforce_csrf_checks=True)
    return client.post("/stripe/webhook/", body, content_type="application/json", headers=headers)


@pytest.fixture
def unknown(alice, stripe_server) -> Payment:
    """A payment that Stripe took, and whose answer was lost."""
    card = add_card(alice)
    stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
    payment = payments.begin(
        account=alice, card=card, amount=Decimal(10), purpose="deposit", token=uuid4(), now=clock.now()
    )
    payment = payments.charge(payment, now=clock.now())
    assert payment.state == "sent"
    return payment


class TestSignature:
    def test_signed(self, db):
        assert send(event("charge.succeeded", {"id": "ch_1"})).status_code == 200
        assert list(StripeEvent.objects.values_list("type", "object_id")) == [("charge.succeeded", "ch_1")]

    @pytest.mark.parametrize(
        "wrong",
        [{"secret": "whsec_other"}, {"at": time.time() - 3600}, {"signature": ""}, {"signature": "t=1,v1=00"}],
    )
    def test_not_signed(self, db, wrong):
        assert send(event("charge.succeeded", {"id": "ch_1"}), **wrong).status_code == 400
        assert StripeEvent.objects.count() == 0

    @pytest.mark.parametrize("nonsense", [[], {"id": "evt_1"}, {"id": "evt_1", "type": "x", "data": {"object": 1}}])
    def test_signed_nonsense(self, db, nonsense):
        assert send(nonsense).status_code == 400

    def test_only_by_post(self, client):
        assert client.get("/stripe/webhook/").status_code == 405


class TestPayment:
    def about(self, payment) -> dict:
        return call("GET", f"/v1/payment_intents/{payment.stripe_id}")

    def test_it_settles_what_was_unknown(self, alice, unknown):
        assert send(event("payment_intent.succeeded", self.about(unknown))).status_code == 200
        unknown.refresh_from_db()
        assert (unknown.state, ledger.of(alice).balance) == ("succeeded", 10)
        assert StripeEvent.objects.get().acted_at is not None

    def test_five_times_in_any_order_is_once(self, alice, unknown):
        about = self.about(unknown)
        kinds = ["created", "processing", "requires_action", "payment_failed", "succeeded"]
        sent = [event(f"payment_intent.{kind}", about | {"status": "canceled"}) for kind in kinds] * 5
        random.Random(7).shuffle(sent)
        assert {send(each).status_code for each in sent} == {200}
        unknown.refresh_from_db()
        assert (unknown.state, ledger.of(alice).balance, len(charges(alice))) == ("succeeded", 10, 1)
        assert (StripeEvent.objects.count(), Transfer.objects.count()) == (5, 1)

    def test_an_event_is_believed_only_that_something_happened(self, alice, stripe_server):
        """Nothing was charged, whatever the event says: Stripe is asked."""
        card = add_card(alice)
        payment = payments.begin(
            account=alice, card=card, amount=Decimal(10), purpose="deposit", token=uuid4(), now=clock.now()
        )
        intent = stripe_api.create_intent(
            customer=alice.card_holder.stripe_id, payment_method=card.stripe_id, amount=payment.amount, token="x"
        )
        Payment.objects.update(state="sent", sent_at=clock.now(), stripe_id=intent.id)
        send(event("payment_intent.succeeded", {"id": intent.id, "status": "succeeded"}))
        payment.refresh_from_db()
        assert (payment.state, ledger.of(alice).balance) == ("sent", 0)

    def test_somebody_elses_payment_is_none_of_ours(self, db):
        assert send(event("payment_intent.succeeded", {"id": "pi_other"})).status_code == 200
        assert StripeEvent.objects.get().acted_at is not None


class TestCard:
    def test_the_browser_vanished_after_the_card_was_added(self, alice, stripe_server):
        about = call("GET", f"/v1/setup_intents/{set_up(alice)}")
        assert Card.objects.count() == 0
        for _ in range(2):
            assert send(event("setup_intent.succeeded", about)).status_code == 200
        assert list(Card.objects.values_list("account", "is_default")) == [(alice.pk, True)]

    def test_a_card_that_is_refused_is_not_tried_again(self, alice, stripe_server):
        about = call("GET", f"/v1/setup_intents/{set_up(alice, expires=(1, 2026))}")
        send(event("setup_intent.succeeded", about))
        assert (Card.objects.count(), StripeEvent.objects.not_acted_on().count()) == (0, 0)


class TestSweep:
    def test_without_a_broker_the_event_is_kept_and_the_sweep_acts(self, alice, unknown, broker_away, caplog):
        assert send(event("payment_intent.succeeded", {"id": unknown.stripe_id})).status_code == 200
        said = [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]
        assert said.count("broker away, event left to the sweep") == 1
        unknown.refresh_from_db()
        assert unknown.state == "sent"
        # What the beat calls, in the worker's own process.
        tasks.act_on_events()
        unknown.refresh_from_db()
        assert (unknown.state, StripeEvent.objects.not_acted_on().count()) == ("succeeded", 0)

    def test_a_card_is_not_forgotten_while_stripe_is_away(self, alice, stripe_server):
        about = call("GET", f"/v1/setup_intents/{set_up(alice)}")
        stripe_server.fail_next("/setup_intents/", BROKEN)
        send(event("setup_intent.succeeded", about))
        assert (Card.objects.count(), StripeEvent.objects.not_acted_on().count()) == (0, 1)
        tasks.act_on_events()
        assert (Card.objects.count(), StripeEvent.objects.not_acted_on().count()) == (1, 0)

    def test_as_long_as_stripe_is_away_it_is_tried_again(self, unknown, stripe_server):
        stripe_server.fail_next("/payment_intents/", BROKEN)
        send(event("payment_intent.succeeded", {"id": unknown.stripe_id}))
        kept = StripeEvent.objects.get()
        assert (kept.acted_at, kept.problem) == (None, "NoAnswer('APIError')")
        tasks.act_on_events()
        kept.refresh_from_db()
        assert (kept.acted_at is not None, kept.problem) == (True, "")

    def test_in_the_end_it_is_left_to_staff(self, db):
        kept = StripeEvent.objects.create(stripe_id="evt_1", type="x")
        late = kept.received_at + events.GIVE_UP_AFTER + timedelta(seconds=1)
        assert events.act_on_left_over(now=late) == 0

    def test_the_sweep_of_unknown_payments(self, alice, unknown):
        Payment.objects.update(sent_at=clock.now() - timedelta(minutes=3))
        tasks.settle_unknown_payments()
        assert ledger.of(alice).balance == 10
