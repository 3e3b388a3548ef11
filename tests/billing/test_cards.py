"""Adding, choosing and removing cards."""

import threading
from datetime import datetime

import pytest
from django.db import connection

from billing import cards, stripe_api
from billing.models import Card, CardHolder
from billing.payments import CardProblem
from callcentric.clock import BUSINESS_ZONE
from tests import localstripe
from tests.localstripe import add_card, set_up
from tests.stripe_proxy import BROKEN

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)

pytestmark = pytest.mark.usefixtures("stripe_server")


def finish(account, setup_id) -> Card:
    return cards.finish_adding(account=account, setup_id=setup_id, now=NOON)


def usable(account) -> list[tuple[str, bool]]:
    found = Card.objects.usable().filter(account=account).order_by("pk")
    return [(card.stripe_id, card.is_default) for card in found]


class TestAdd:
    def test_the_first_card_is_the_default(self, alice):
        first, second = add_card(alice), add_card(alice)
        assert usable(alice) == [(first.stripe_id, True), (second.stripe_id, False)]
        assert (str(first), first.expires) == ("Visa 4242", "12/2035")

    def test_it_is_attached_to_the_customer(self, alice):
        card = add_card(alice)
        found = localstripe.call("GET", f"/v1/payment_methods/{card.stripe_id}")
        assert found["customer"] == alice.card_holder.stripe_id

    def test_twice_is_once(self, alice):
        setup = set_up(alice)
        assert finish(alice, setup).pk == finish(alice, setup).pk

    def test_a_removed_card_does_not_come_back(self, alice):
        setup = set_up(alice)
        cards.remove(finish(alice, setup), now=NOON)
        finish(alice, setup)
        assert usable(alice) == []

    def test_one_that_wants_3d_secure(self, alice):
        assert str(add_card(alice, localstripe.WANTS_3DS)) == "Visa 3184"

    def test_one_that_the_customer_has_not_finished(self, alice):
        setup = cards.begin_adding(alice)
        with pytest.raises(CardProblem, match="The card was not added."):
            finish(alice, setup.id)

    def test_another_customers(self, alice, bob):
        with pytest.raises(CardProblem, match="The card was not added."):
            finish(bob, set_up(alice))
        assert Card.objects.count() == 0

    @pytest.mark.parametrize("name", ["", "seti_unknown", "../customers"])
    def test_one_that_is_none(self, alice, name):
        with pytest.raises(CardProblem, match="The card was not added."):
            finish(alice, name)

    @pytest.mark.parametrize(("expires", "good"), [((12, 2026), False), ((1, 2027), True)])
    def test_an_expired_card_is_refused(self, alice, expires, good):
        setup = set_up(alice, expires=expires)
        if good:
            assert finish(alice, setup).expires == "01/2027"
            return
        with pytest.raises(CardProblem, match="Visa 4242 expired 12/2026, so it was not added."):
            finish(alice, setup)
        assert Card.objects.count() == 0

    def test_stripe_is_away(self, alice, stripe_server):
        stripe_server.fail_next("/customers$", BROKEN)
        with pytest.raises(CardProblem, match="could not be reached"):
            cards.begin_adding(alice)
        stripe_server.fail_next("/setup_intents$", BROKEN)
        with pytest.raises(CardProblem, match="could not be reached"):
            cards.begin_adding(alice)
        setup = set_up(alice)
        stripe_server.fail_next("/attach$", BROKEN)
        with pytest.raises(CardProblem, match="could not be reached"):
            finish(alice, setup)
        assert finish(alice, setup).is_default


class TestChange:
    def test_another_default(self, alice):
        first, second = add_card(alice), add_card(alice)
        cards.make_default(second, now=NOON)
        assert usable(alice) == [(first.stripe_id, False), (second.stripe_id, True)]

    def test_an_expired_card_cannot_be_the_default(self, alice):
        first, second = add_card(alice), add_card(alice)
        Card.objects.filter(pk=second.pk).update(expires_year=2026)
        with pytest.raises(CardProblem, match="cannot be your default card"):
            cards.make_default(second, now=NOON)
        assert usable(alice) == [(first.stripe_id, True), (second.stripe_id, False)]

    def test_removed_here_and_at_stripe(self, alice):
        card = add_card(alice)
        assert cards.remove(card, now=NOON) is None
        assert usable(alice) == []
        assert localstripe.call("GET", f"/v1/payment_methods/{card.stripe_id}")["customer"] is None

    def test_the_newest_good_card_takes_over(self, alice):
        first, second, expired = add_card(alice), add_card(alice), add_card(alice)
        Card.objects.filter(pk=expired.pk).update(expires_year=2026)
        assert cards.remove(first, now=NOON) == second
        assert usable(alice) == [(second.stripe_id, True), (expired.stripe_id, False)]

    def test_another_card_leaves_the_default(self, alice):
        first, second = add_card(alice), add_card(alice)
        assert cards.remove(second, now=NOON) == first

    def test_stripe_is_away(self, alice, stripe_server):
        card = add_card(alice)
        stripe_server.fail_next("/detach$", BROKEN)
        cards.remove(card, now=NOON)
        assert usable(alice) == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def at_once(self, work):
        gate, results = threading.Barrier(8), []

        def go():
            gate.wait()
            try:
                results.append(work())
            finally:
                connection.close()

        threads = [threading.Thread(target=go) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        return results

    def test_two_tabs_make_one_customer_at_stripe(self, alice):
        assert len(set(self.at_once(lambda: cards.holder(alice).stripe_id))) == 1
        assert CardHolder.objects.count() == 1

    def test_the_page_and_the_webhook_add_one_card(self, alice):
        setup = set_up(alice)
        assert self.at_once(lambda: finish(alice, setup).pk) == [Card.objects.get().pk] * 8

    def test_two_first_cards_make_one_default(self, alice):
        setups = [set_up(alice) for _ in range(8)]
        self.at_once(lambda: finish(alice, setups.pop()))
        assert [is_default for _, is_default in usable(alice)].count(True) == 1


def test_the_page_needs_no_open_transaction(alice):
    """What a customer would wait for is never waited for with a lock."""
    from django.db import transaction

    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        stripe_api.create_setup(customer="cus_1")
