"""Each constraint of the stock, violated once, and what a number says of itself."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from callcentric import clock
from phone_numbers.models import PhoneNumber, StockLoad
from tests.factories import PhoneNumberFactory, RateCenterFactory

State = PhoneNumber.State
DAY = date(2027, 1, 11)


def violates(name: str):
    return pytest.raises(IntegrityError, match=name)


class TestPhoneNumber:
    def test_a_number_is_in_the_stock_once(self, db):
        PhoneNumberFactory(digits="15185550100")
        with violates("number_is_in_the_stock_once"):
            PhoneNumberFactory(digits="15185550100")

    @pytest.mark.parametrize(
        "digits", ["5185550100x", "+15185550100", "151855501001", "11185550100", "15181550100", "0442079460000", "2012"]
    )
    def test_a_number_is_written_with_its_country_code(self, db, digits):
        with violates("number_is_written_with_its_country_code"):
            PhoneNumberFactory(digits=digits)

    def test_an_account_number_is_not_a_phone_number(self, db):
        with violates("number_is_written_with_its_country_code"):
            PhoneNumberFactory(digits="17772345678")

    def test_an_assigned_number_has_a_holder(self, db):
        with violates("an_assigned_number_has_a_holder"):
            PhoneNumberFactory(state=State.ASSIGNED)

    def test_no_other_number_has_a_holder(self, alice):
        with violates("an_assigned_number_has_a_holder"):
            PhoneNumberFactory(holder=alice)

    @pytest.mark.parametrize("held", [{}, {"held_by": uuid4()}, {"held_until": clock.now()}])
    def test_a_held_number_says_for_what_and_until_when(self, db, held):
        with violates("a_held_number_says_for_what_and_until_when"):
            PhoneNumberFactory(state=State.HELD, **held)

    def test_no_other_number_says_it_is_held(self, db):
        with violates("a_held_number_says_for_what_and_until_when"):
            PhoneNumberFactory(held_by=uuid4(), held_until=clock.now())

    def test_a_kept_number_says_for_whom_and_since_when(self, db):
        with violates("a_kept_number_says_for_whom_and_since_when"):
            PhoneNumberFactory(state=State.KEPT)

    def test_a_disconnect_has_a_date_and_a_holder_or_neither(self, alice):
        with violates("a_kept_number_says_for_whom_and_since_when"):
            PhoneNumberFactory(state=State.OUT, last_holder=alice)

    @pytest.mark.parametrize("state", [State.IN_STOCK, State.HELD, State.ASSIGNED])
    def test_nobody_else_has_it_within_45_days(self, alice, bob, state):
        given = {State.HELD: {"held_by": uuid4(), "held_until": clock.now()}, State.ASSIGNED: {"holder": bob}}
        lost = {"last_holder": alice, "disconnected_on": DAY, **given.get(state, {})}
        PhoneNumberFactory(state=state, in_stock_since=DAY + timedelta(days=45), **lost)
        with violates("number_is_kept_45_days_for_its_last_holder"):
            PhoneNumberFactory(state=state, in_stock_since=DAY + timedelta(days=44), **lost)

    def test_its_last_holder_may_have_it_at_once(self, alice):
        lost = {"last_holder": alice, "disconnected_on": DAY, "in_stock_since": DAY}
        PhoneNumberFactory(state=State.ASSIGNED, holder=alice, **lost)
        PhoneNumberFactory(state=State.OUT, **lost)
        PhoneNumberFactory(state=State.KEPT, **lost)

    @pytest.mark.parametrize(
        ("digits", "written"), [("15185550100", "(518) 555-0100"), ("442079460000", "+44 20 7946 0000")]
    )
    def test_it_is_shown_as_it_is_written_in_its_country(self, digits, written):
        assert str(PhoneNumber(digits=digits)) == written


class TestStockChange:
    def test_a_change_of_state_that_is_none_of_the_stocks_writes_nothing_down(self, alice):
        place = RateCenterFactory()
        number = PhoneNumberFactory(rate_center=place, state=State.ASSIGNED, holder=alice)
        number.state, number.holder = State.OUT, None
        number.save()
        assert place.stock_changes.count() == 0


class TestStockLoad:
    def test_an_ended_load_says_when(self, db):
        with violates("an_ended_load_says_when"):
            StockLoad.objects.create(name="a.csv", content=b"", state="loaded")

    def test_one_that_waits_has_not_ended(self, db):
        with violates("an_ended_load_says_when"):
            StockLoad.objects.create(name="a.csv", content=b"", ended_at=clock.now())

    @pytest.mark.parametrize(
        "row",
        [
            {"state": "refused", "numbers": 1, "problem_count": 1},
            {"state": "refused", "numbers": 0, "problem_count": 0},
            {"state": "loaded", "numbers": 1, "problem_count": 1},
        ],
    )
    def test_a_file_with_problems_loads_nothing(self, db, row):
        with violates("a_file_with_problems_loads_nothing"):
            StockLoad.objects.create(name="a.csv", content=b"", ended_at=clock.now(), **row)
