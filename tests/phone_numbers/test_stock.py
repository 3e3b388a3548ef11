"""Every verb of the stock from every state, holds that run out, and counters that equal a recount."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import Count, Q

from accounts.models import Account
from callcentric.clock import BUSINESS_ZONE
from phone_numbers import stock, tasks
from phone_numbers.models import PhoneNumber, RateCenter, StockChange
from phone_numbers.stock import NumberTaken
from tests.factories import PhoneNumberFactory, RateCenterFactory

State = PhoneNumber.State
NOW = datetime(2027, 1, 11, 12, 0, tzinfo=BUSINESS_ZONE)
TODAY = NOW.date()
OURS, THEIRS = uuid4(), uuid4()
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(alice, bob) -> tuple[Account, Account]:
    return alice, bob


# Every state that a number can be in, as seen by Alice's line OURS on TODAY.
STATES = {
    "in stock": {},
    "held for us": {"state": State.HELD, "held_by": OURS, "held_until": NOW + MINUTE},
    "held for them": {"state": State.HELD, "held_by": THEIRS, "held_until": NOW + MINUTE},
    "hold over": {"state": State.HELD, "held_by": THEIRS, "held_until": NOW},
    "ours": {"state": State.ASSIGNED, "holder": "alice"},
    "theirs": {"state": State.ASSIGNED, "holder": "bob"},
    "kept for us": {"state": State.KEPT, "last_holder": "alice", "disconnected_on": TODAY - 44 * DAY},
    "kept for them": {"state": State.KEPT, "last_holder": "bob", "disconnected_on": TODAY - 44 * DAY},
    "kept for us till today": {"state": State.KEPT, "last_holder": "alice", "disconnected_on": TODAY - 45 * DAY},
    "out": {"state": State.OUT},
    "out while kept": {"state": State.OUT, "last_holder": "alice", "disconnected_on": TODAY - 44 * DAY},
    "out, kept no more": {"state": State.OUT, "last_holder": "alice", "disconnected_on": TODAY - 45 * DAY},
}
ALL = set(STATES)


def goes_through(act: Callable[[], object]) -> bool:
    """Whether it was done."""
    try:
        act()
    except NumberTaken:
        return False
    return True


def one(number: PhoneNumber):
    return PhoneNumber.objects.filter(pk=number.pk)


VERBS: dict[str, Callable[[PhoneNumber, Account], object]] = {
    "hold": lambda number, alice: goes_through(lambda: stock.hold(number, token=OURS, now=NOW)),
    "hold_any": lambda number, alice: stock.hold_any(number.rate_center, token=OURS, now=NOW),
    "let_go": lambda number, alice: stock.let_go([OURS]),
    "end_holds": lambda number, alice: stock.end_holds(now=NOW),
    "assign": lambda number, alice: goes_through(lambda: stock.assign(number, account=alice, token=OURS, now=NOW)),
    "assign without a cart": lambda number, alice: goes_through(
        lambda: stock.assign(number, account=alice, token=None, now=NOW)
    ),
    "disconnect": lambda number, alice: stock.disconnect(number, holder=alice, on=TODAY),
    "reclaim": lambda number, alice: goes_through(lambda: stock.reclaim(number, account=alice, today=TODAY)),
    "return_to_stock": lambda number, alice: stock.return_to_stock(today=TODAY),
    "take_out": lambda number, alice: stock.take_out(one(number), note="Ported away"),
    "put_back": lambda number, alice: stock.put_back(one(number), today=TODAY),
}
# Verb: the states it starts from, and what the number is then. From every other state nothing changes.
HELD = {"state": State.HELD, "held_by": OURS, "held_until": NOW + timedelta(minutes=15)}
STOCK = {"state": State.IN_STOCK, "held_by": None, "held_until": None}
ALICES = {"state": State.ASSIGNED, "holder": "alice", "held_by": None, "held_until": None}
BACK = {"state": State.IN_STOCK, "in_stock_since": TODAY, "note": ""}
OUTCOMES: dict[str, dict[str, dict]] = {
    "hold": dict.fromkeys(["in stock", "held for us", "hold over"], HELD),
    "hold_any": dict.fromkeys(["in stock", "hold over"], HELD),
    "let_go": {"held for us": STOCK},
    "end_holds": {"hold over": STOCK},
    "assign": dict.fromkeys(["in stock", "held for us", "hold over"], ALICES),
    "assign without a cart": dict.fromkeys(["in stock", "hold over"], ALICES),
    "disconnect": {
        "ours": {"state": State.KEPT, "holder": None, "last_holder": "alice", "disconnected_on": TODAY},
    },
    "reclaim": {"kept for us": {"state": State.ASSIGNED, "holder": "alice"}},
    "return_to_stock": {"kept for us till today": BACK},
    "take_out": dict.fromkeys(
        ALL - {"ours", "theirs", "out", "out while kept", "out, kept no more"},
        {"state": State.OUT, "held_by": None, "held_until": None, "note": "Ported away"},
    ),
    "put_back": {
        "out": BACK,
        "out while kept": {"state": State.KEPT, "note": ""},
        "out, kept no more": BACK,
    },
}


def facts(number: PhoneNumber) -> dict:
    """All that a number's row says."""
    return PhoneNumber.objects.filter(pk=number.pk).values().get()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_from_every_state(people, verb, state):
    alice, bob = people
    accounts = {"alice": alice, "bob": bob}
    number = PhoneNumberFactory(**{name: accounts.get(str(value), value) for name, value in STATES[state].items()})
    before = facts(number)
    done = bool(VERBS[verb](number, alice))
    changes = OUTCOMES[verb].get(state)
    columns = {
        f"{name}_id" if name in ("holder", "last_holder") else name: accounts[value].pk if value in accounts else value
        for name, value in (changes or {}).items()
    }
    assert (done, facts(number)) == (changes is not None, before | columns)


class TestHolds:
    def test_any_number_is_the_lowest_that_is_free_here(self, db):
        place, elsewhere = RateCenterFactory(), RateCenterFactory(name="Troy")
        PhoneNumberFactory(digits="15185550100", rate_center=elsewhere)
        PhoneNumberFactory(digits="15185550101", rate_center=place, **STATES["held for them"])
        PhoneNumberFactory(digits="15185550103", rate_center=place)
        PhoneNumberFactory(digits="15185550102", rate_center=place, **STATES["hold over"])
        found = [stock.hold_any(place, token=uuid4(), now=NOW) for _ in range(3)]
        assert [number and number.digits for number in found] == ["15185550102", "15185550103", None]

    def test_it_comes_as_it_is_now(self, db):
        number = PhoneNumberFactory()
        held = stock.hold_any(number.rate_center, token=OURS, now=NOW)
        number.refresh_from_db()
        assert (held, held.state, held.held_by, held.held_until) == (number, State.HELD, OURS, number.held_until)

    def test_a_hold_ends_after_15_minutes_by_query(self, db):
        number = PhoneNumberFactory()
        stock.hold(number, token=THEIRS, now=NOW)
        with pytest.raises(NumberTaken) as refused:
            stock.hold(number, token=OURS, now=NOW + 15 * MINUTE - timedelta(microseconds=1))
        assert str(refused.value) == f"{number.national} was taken just now. Choose another number."
        stock.hold(number, token=OURS, now=NOW + 15 * MINUTE)
        assert facts(number)["held_by"] == OURS

    def test_a_hold_ends_by_job_too(self, time_machine):
        number = PhoneNumberFactory()
        stock.hold(number, token=THEIRS, now=NOW)
        time_machine.move_to(NOW + 15 * MINUTE, tick=False)
        tasks.end_holds()
        assert facts(number)["state"] == State.IN_STOCK

    def test_it_is_counted_once_the_job_has_run_and_free_before(self, db):
        number = PhoneNumberFactory(**STATES["hold over"])
        assert counted() == {"Albany": 0}
        assert stock.hold_any(number.rate_center, token=OURS, now=NOW) == number
        stock.end_holds(now=NOW + 15 * MINUTE)
        assert counted() == {"Albany": 1}

    def test_a_hold_can_be_renewed_by_its_own_line_alone(self, db):
        number = PhoneNumberFactory()
        stock.hold(number, token=OURS, now=NOW)
        stock.hold(number, token=OURS, now=NOW + 10 * MINUTE)
        with pytest.raises(NumberTaken):
            stock.hold(number, token=THEIRS, now=NOW + 24 * MINUTE)

    def test_several_lines_let_go_at_once(self, db):
        tokens = [uuid4() for _ in range(3)]
        numbers = [PhoneNumberFactory() for _ in tokens]
        for number, token in zip(numbers, tokens, strict=True):
            stock.hold(number, token=token, now=NOW)
        assert stock.let_go(tokens[:2]) == 2
        assert [facts(number)["state"] for number in numbers] == [State.IN_STOCK, State.IN_STOCK, State.HELD]


class TestDays:
    def test_a_number_returns_after_45_days_once(self, alice, time_machine):
        number = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        stock.disconnect(number, holder=alice, on=TODAY)
        time_machine.move_to(NOW + 44 * DAY, tick=False)
        tasks.return_to_stock()
        assert facts(number)["state"] == State.KEPT
        time_machine.move_to(NOW + 45 * DAY, tick=False)
        tasks.return_to_stock()
        time_machine.move_to(NOW + 46 * DAY, tick=False)
        tasks.return_to_stock()
        row = facts(number)
        assert (row["state"], row["in_stock_since"], row["disconnected_on"]) == (
            State.IN_STOCK,
            TODAY + 45 * DAY,
            TODAY,
        )

    @pytest.mark.parametrize(("days", "given"), [(0, True), (44, True), (45, False)])
    def test_its_last_holder_reclaims_it_to_day_44(self, alice, days, given):
        number = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        stock.disconnect(number, holder=alice, on=TODAY)
        assert goes_through(lambda: stock.reclaim(number, account=alice, today=TODAY + days * DAY)) is given

    def test_a_number_that_was_lost_twice_counts_from_the_second_time(self, alice):
        number = PhoneNumberFactory(state=State.ASSIGNED, holder=alice)
        stock.disconnect(number, holder=alice, on=TODAY)
        stock.reclaim(number, account=alice, today=TODAY + 10 * DAY)
        stock.disconnect(number, holder=alice, on=TODAY + 20 * DAY)
        assert stock.return_to_stock(today=TODAY + 64 * DAY) == 0
        assert stock.return_to_stock(today=TODAY + 65 * DAY) == 1


def counted() -> dict[str, int]:
    return dict(RateCenter.objects.with_stock().values_list("name", "stock"))


def recount() -> dict[str, int]:
    in_stock = Count("numbers", filter=Q(numbers__state=State.IN_STOCK))
    return dict(RateCenter.objects.annotate(really=in_stock).values_list("name", "really"))


class TestCounters:
    @pytest.fixture
    def places(self, db) -> list[RateCenter]:
        return [RateCenterFactory(name=name) for name in ("Albany", "Troy")]

    def check(self, **expected: int) -> None:
        """Before and after counting up."""
        assert (counted(), recount()) == (expected, expected)
        stock.count_up()
        assert (counted(), StockChange.objects.count()) == (expected, 0)

    def test_nothing(self, places):
        self.check(Albany=0, Troy=0)

    def test_one_and_many_come(self, places, alice):
        albany, troy = places
        PhoneNumberFactory(rate_center=albany)
        PhoneNumberFactory(rate_center=albany, state=State.ASSIGNED, holder=alice)
        self.check(Albany=1, Troy=0)
        PhoneNumber.objects.bulk_create(PhoneNumberFactory.build(rate_center=troy) for _ in range(5))
        self.check(Albany=1, Troy=5)

    def test_one_and_many_go(self, places):
        for place in (*places, *places):
            PhoneNumberFactory(rate_center=place)
        PhoneNumber.objects.first().delete()
        self.check(Albany=1, Troy=2)
        PhoneNumber.objects.all()._raw_delete("default")
        self.check(Albany=0, Troy=0)

    def test_all_move_from_one_place_to_the_other(self, places):
        albany, troy = places
        for _ in range(3):
            PhoneNumberFactory(rate_center=albany)
        PhoneNumber.objects.update(rate_center=troy)
        self.check(Albany=0, Troy=3)

    def test_some_move_and_leave_the_stock_in_one_statement(self, places):
        albany, troy = places
        first, *_ = [PhoneNumberFactory(rate_center=albany) for _ in range(3)]
        out = PhoneNumberFactory(rate_center=troy, state=State.OUT)
        PhoneNumber.objects.filter(pk__in=[first.pk, out.pk]).update(rate_center=troy, state=State.IN_STOCK)
        self.check(Albany=2, Troy=2)

    def test_every_verb_is_counted(self, places, alice):
        albany, _ = places
        numbers = [PhoneNumberFactory(rate_center=albany) for _ in range(5)]
        stock.hold(numbers[0], token=OURS, now=NOW)
        stock.assign(numbers[1], account=alice, token=None, now=NOW)
        stock.hold_any(albany, token=THEIRS, now=NOW)
        stock.take_out(one(numbers[3]), note="Test")
        self.check(Albany=1, Troy=0)
        stock.let_go([OURS])
        stock.end_holds(now=NOW + 15 * MINUTE)
        stock.put_back(one(numbers[3]), today=TODAY)
        stock.disconnect(numbers[1], holder=alice, on=TODAY)
        self.check(Albany=4, Troy=0)
        stock.return_to_stock(today=TODAY + 45 * DAY)
        self.check(Albany=5, Troy=0)

    def test_counting_up_says_how_many_places_had_changed(self, places):
        PhoneNumberFactory(rate_center=places[0])
        assert (stock.count_up(), stock.count_up()) == (1, 0)


def test_staff_may_choose_from_a_list_that_joins_other_tables(alice):
    number = PhoneNumberFactory()
    chosen = PhoneNumber.objects.filter(rate_center__region__country="US").select_related("holder", "rate_center")
    assert stock.take_out(chosen, note="Test") == 1
    assert isinstance(facts(number)["in_stock_since"], date)
