"""911: the rule as a table, and what is carried out when addresses, plans or numbers change (domain.md §2, §12)."""

import threading
from collections import Counter
from datetime import date, datetime
from itertools import product as every

import pytest
from django.db import IntegrityError, connection, transaction
from post_office.models import Email

from accounts import moving
from accounts.models import Account, Address
from billing import emergency
from billing.emergency import Decision, decide
from billing.models import Service
from billing.tasks import review_911
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from tests.factories import AddressFactory, hold_number

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
NOTHING, ADD, MOVE, END = Decision.NOTHING, Decision.ADD, Decision.MOVE, Decision.END


# --- The rule: every combination there is ---

# (911 exists there, a plan or number, has 911, it is at the service address): what must become of it
TABLE = {
    (True, True, True, True): NOTHING,
    (True, True, True, False): MOVE,
    (True, True, False, True): ADD,
    (True, True, False, False): ADD,
    (True, False, True, True): END,
    (True, False, True, False): END,
    (True, False, False, True): NOTHING,
    (True, False, False, False): NOTHING,
    (False, True, True, True): END,
    (False, True, True, False): END,
    (False, True, False, True): NOTHING,
    (False, True, False, False): NOTHING,
    (False, False, True, True): END,
    (False, False, True, False): END,
    (False, False, False, True): NOTHING,
    (False, False, False, False): NOTHING,
    # Nobody has given an address: nothing is guessed.
    **dict.fromkeys(every([None], [True, False], [True, False], [True, False]), NOTHING),
}


@pytest.mark.parametrize(("facts", "decision"), TABLE.items())
def test_the_rule(facts, decision):
    country, holds_plan_or_number, holds_911, is_there = facts
    assert (
        decide(
            has_911_country=country,
            holds_plan_or_number=holds_plan_or_number,
            holds_911=holds_911,
            is_at_service_address=is_there,
        )
        == decision
    )


def test_the_table_has_every_combination():
    assert set(TABLE) == set(every([True, False, None], *[[True, False]] * 3))


# --- Carrying it out ---


@pytest.fixture
def settled(alice: Account, catalog) -> Service:
    """Alice has a plan, and 911 that is active where she lives."""
    alice.service_address = alice.billing_address
    alice.save()
    hold(alice, "north-america-500")
    return hold(alice, "e911", address=alice.service_address, confirmed_at=NOON)


def hold(account: Account, code: str, **more) -> Service:
    product = Product.objects.get(code=code)
    dates = {"started_on": date(2027, 1, 1), "paid_until": date(2027, 1, 31)}
    return Service.objects.create(account=account, product=product, kind=product.kind, **dates, **more)


def end(*services: Service) -> None:
    keys = [service.pk for service in services]
    Service.objects.filter(pk__in=keys).update(state="cancelled", cancelled_on=NOON.date(), reason="customer")


def elsewhere(country: str = "US", **more) -> Address:
    return AddressFactory(country=country, street="9 Far Road", **more)


def move(account: Account, address: Address) -> None:
    moving.serve_at(account, address, now=NOON)


def said() -> list[str]:
    return list(Email.objects.order_by("pk").values_list("subject", flat=True))


class TestAddressChanges:
    @pytest.mark.parametrize(
        ("country", "region", "postal_code"), [("US", "NY", "12207"), ("CA", "ON", "M5V 2T6"), ("PR", "", "00901")]
    )
    def test_911_goes_along_and_is_not_active_there_yet(self, settled, alice, country, region, postal_code):
        there = elsewhere(country, region=region, postal_code=postal_code)
        move(alice, there)
        settled.refresh_from_db()
        assert (settled.state, settled.address, settled.confirmed_at) == ("pending", there, None)
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], "911 is not active at your new address yet")
        assert f"{there}\n\n911 is NOT ACTIVE there yet." in mail.message

    def test_moving_away_from_where_911_exists_ends_it(self, settled, alice):
        move(alice, elsewhere("DE", region="", city="Berlin", postal_code="10115"))
        settled.refresh_from_db()
        assert (settled.state, settled.cancelled_on, settled.reason) == ("cancelled", NOON.date(), "not_needed")
        mail = Email.objects.get()
        assert mail.subject == "Your 911 service has ended"
        assert "you have told us that you\nuse your phones elsewhere now. Your phones do NOT reach 911." in mail.message

    def test_the_same_address_typed_again_changes_nothing(self, settled, alice):
        again = AddressFactory()
        move(alice, again)
        settled.refresh_from_db()
        assert (settled.state, settled.address, said()) == ("active", again, [])

    def test_moving_to_where_911_exists_adds_nothing_by_itself(self, alice, catalog):
        hold(alice, "north-america-500")
        move(alice, elsewhere("DE"))
        move(alice, elsewhere("US"))
        assert (Service.objects.filter(kind="e911").count(), said()) == (0, [])
        assert emergency.review(alice, now=NOON) == ADD

    def test_a_failed_one_waits_again_at_the_corrected_address(self, settled, alice):
        Service.objects.filter(pk=settled.pk).update(state="failed", failed_at=NOON, problem="There is no such street.")
        move(alice, elsewhere())
        settled.refresh_from_db()
        assert (settled.state, settled.problem, settled.failed_at) == ("pending", "", None)

    def test_another_customers_911_stays(self, settled, bob):
        move(bob, elsewhere("DE"))
        settled.refresh_from_db()
        assert settled.state == "active"


class TestWhatCallsForIt:
    def test_it_ends_with_the_last_plan_or_number(self, settled, alice):
        plan, number = Service.objects.get(kind="plan"), hold_number(alice)
        end(plan)
        assert (emergency.review(alice, now=NOON), said()) == (NOTHING, [])
        end(number)
        assert (emergency.review(alice, now=NOON), emergency.review(alice, now=NOON)) == (END, NOTHING)
        settled.refresh_from_db()
        assert (settled.state, settled.reason, said()) == ("cancelled", "not_needed", ["Your 911 service has ended"])
        assert "911 comes with a rate plan or a phone number, and you have neither any more." in (
            Email.objects.get().message
        )

    def test_the_sweep_finds_what_nobody_reviewed_and_leaves_the_rest(self, settled, alice, bob):
        bob.service_address = bob.billing_address
        bob.save()
        hold(bob, "pay-per-call")
        bobs = hold(bob, "e911", address=bob.billing_address)
        end(Service.objects.get(kind="plan", account=alice))
        assert (emergency.review_all(now=NOON), emergency.review_all(now=NOON)) == (1, 0)
        settled.refresh_from_db()
        bobs.refresh_from_db()
        assert (settled.state, bobs.state) == ("cancelled", "active")

    def test_the_sweep_finds_an_address_that_changed_at_the_same_moment(self, settled, alice):
        Account.objects.filter(pk=alice.pk).update(service_address=elsewhere())
        review_911()
        settled.refresh_from_db()
        assert (settled.state, settled.address.street) == ("pending", "9 Far Road")

    def test_the_sweep_does_not_find_the_same_address_twice(self, settled, alice):
        Account.objects.filter(pk=alice.pk).update(service_address=AddressFactory())
        assert emergency.review_all(now=NOON) == 0
        settled.refresh_from_db()
        alice.refresh_from_db()
        assert (settled.address, settled.state) == (alice.service_address, "active")

    @pytest.mark.race
    @pytest.mark.django_db(transaction=True)
    def test_eight_at_once_tell_the_customer_once(self, settled, alice):
        end(Service.objects.get(kind="plan"))
        gate, decisions = threading.Barrier(8), []

        def review():
            gate.wait(30)
            decisions.append(emergency.review(alice, now=NOON))
            connection.close()

        threads = [threading.Thread(target=review) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (Counter(decisions), said()) == (Counter({END: 1, NOTHING: 7}), ["Your 911 service has ended"])


class TestStates:
    """Pending, then active or failed; failed is mended by the customer's correction or by staff."""

    def test_an_address_that_is_not_accepted(self, settled):
        Service.objects.filter(pk=settled.pk).update(state="pending", confirmed_at=None)
        problem = "There is no house number 1 in Test Street."
        assert [emergency.fail(settled, problem=words, now=NOON) for words in (problem, "x")] == [True, False]
        settled.refresh_from_db()
        assert (settled.state, settled.problem, settled.failed_at) == ("failed", problem, NOON)
        mail = Email.objects.get()
        assert mail.subject == "911 is NOT active: your address was not accepted"
        assert problem in mail.message
        assert "/accounts/profile/#service_address" in mail.message

    @pytest.mark.parametrize(("before", "confirmed"), [("pending", True), ("failed", True), ("active", False)])
    def test_confirming(self, settled, before, confirmed):
        failure = {"problem": "No such street.", "failed_at": NOON} if before == "failed" else {}
        Service.objects.filter(pk=settled.pk).update(state=before, **failure)
        assert emergency.confirm(settled, now=NOON) is confirmed
        settled.refresh_from_db()
        assert (settled.state, settled.problem, settled.failed_at) == ("active", "", None)
        assert len(said()) == confirmed

    @pytest.mark.parametrize("before", ["active", "cancelled"])
    def test_only_what_is_pending_fails(self, settled, before):
        if before == "cancelled":
            end(settled)
        assert emergency.fail(settled, problem="No such street.", now=NOON) is False
        assert said() == []

    def test_an_address_that_staff_have_not_seen_is_neither_confirmed_nor_failed(self, settled, alice):
        move(alice, elsewhere())
        Email.objects.all().delete()
        assert emergency.confirm(settled, now=NOON) is False
        assert emergency.fail(settled, problem="No such street.", now=NOON) is False
        assert said() == []

    def test_a_rate_plan_does_not_fail(self, settled):
        plan = Service.objects.get(kind="plan")
        assert emergency.fail(plan, problem="No such street.", now=NOON) is False


class TestPostgreSQLHolds:
    @pytest.mark.parametrize(
        ("code", "facts"),
        [
            ("e911", {"state": "failed", "failed_at": NOON}),
            ("e911", {"state": "failed", "problem": "No such street."}),
            ("e911", {"state": "pending", "failed_at": NOON}),
            ("north-america-500", {"state": "failed", "failed_at": NOON, "problem": "No such street."}),
        ],
    )
    def test_only_911_fails_and_says_when_and_why(self, settled, code, facts):
        with pytest.raises(IntegrityError, match="only_911_fails_and_says_when_and_why"):
            Service.objects.filter(product__code=code).update(**facts)

    @pytest.mark.parametrize(("code", "day"), [("e911", date(2027, 2, 1)), ("north-america-500", date(2027, 1, 31))])
    def test_only_911_is_paid_by_its_fee_or_a_plan(self, settled, code, day):
        with pytest.raises(IntegrityError, match="only_911_is_paid_by_its_fee_or_a_plan"):
            Service.objects.filter(product__code=code).update(fee_paid_until=day)

    def test_911_that_failed_may_end(self, settled):
        Service.objects.filter(pk=settled.pk).update(state="failed", problem="No such street.", failed_at=NOON)
        end(settled)
        assert Service.objects.get(pk=settled.pk).failed_at == NOON

    def test_one_911_per_account(self, settled, alice):
        with pytest.raises(IntegrityError, match="one_911_per_account"), transaction.atomic():
            hold(alice, "e911", address=alice.service_address)

    def test_911_has_an_address(self, alice, catalog):
        with pytest.raises(IntegrityError, match="service_911_has_an_address"):
            hold(alice, "e911")
