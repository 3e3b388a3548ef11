"""Whatever happens to the stock in whatever order: one holder, 45 days, counts that equal a recount.

A Hypothesis state machine does what carts, orders, staff and the clock do, beside a model in plain Python that says
what each verb must answer.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models import Count, Q
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import Account
from callcentric.clock import BUSINESS_ZONE
from phone_numbers import stock
from phone_numbers.models import PhoneNumber, RateCenter
from phone_numbers.stock import NumberTaken
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory

State = PhoneNumber.State
NUMBERS, PEOPLE, LINES = 4, 3, 2
TOKENS: list[UUID] = [uuid4() for _ in range(LINES)]
a_number, a_person, a_line = (st.integers(0, size - 1) for size in (NUMBERS, PEOPLE, LINES))


@dataclass
class Known:
    """What the model knows of one number; people and lines by their position."""

    place: int
    state: str = State.IN_STOCK
    line: int | None = None
    until: datetime | None = None
    holder: int | None = None
    last_holder: int | None = None
    lost_on: date | None = None

    def is_free(self, now: datetime) -> bool:
        return self.state == State.IN_STOCK or (self.state == State.HELD and self.until <= now)

    def becomes(self, state: str, **facts) -> None:
        self.state, self.line, self.until, self.holder = state, None, None, None
        for name, fact in facts.items():
            setattr(self, name, fact)


def done(verb, *arguments, **more) -> bool:
    try:
        verb(*arguments, **more)
    except NumberTaken:
        return False
    return True


class Stock(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        # Each example is undone at its end: a transaction of its own, rolled back in teardown.
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = datetime(2027, 1, 11, 12, 0, tzinfo=BUSINESS_ZONE)
        self.people: list[Account] = AccountFactory.create_batch(PEOPLE)
        self.places: list[RateCenter] = [RateCenterFactory(name=name) for name in ("Albany", "Troy")]
        self.known = [Known(place=index % 2) for index in range(NUMBERS)]
        self.numbers = [PhoneNumberFactory(rate_center=self.places[known.place]) for known in self.known]
        for index in range(NUMBERS // 2):
            self.assign(index, index, None)

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def one(self, index: int):
        return PhoneNumber.objects.filter(pk=self.numbers[index].pk)

    # --- Carts --------------------------------------------------------------------------------------------------------
    @rule(index=a_number, line=a_line)
    def hold(self, index, line):
        known = self.known[index]
        may = known.is_free(self.now) or (known.state == State.HELD and known.line == line)
        assert done(stock.hold, self.numbers[index], token=TOKENS[line], now=self.now) is may
        if may:
            known.becomes(State.HELD, line=line, until=self.now + timedelta(minutes=15))

    @rule(place=st.integers(0, 1), line=a_line)
    def hold_any(self, place, line):
        free = [index for index, known in enumerate(self.known) if known.place == place and known.is_free(self.now)]
        found = stock.hold_any(self.places[place], token=TOKENS[line], now=self.now)
        expected = min((self.numbers[index] for index in free), key=lambda number: number.digits, default=None)
        assert found == expected
        if found:
            index = self.numbers.index(found)
            self.known[index].becomes(State.HELD, line=line, until=self.now + timedelta(minutes=15))

    @rule(line=a_line)
    def let_go(self, line):
        held = [known for known in self.known if known.state == State.HELD and known.line == line]
        assert stock.let_go([TOKENS[line]]) == len(held)
        [known.becomes(State.IN_STOCK) for known in held]

    @rule()
    def end_holds(self):
        over = [known for known in self.known if known.state == State.HELD and known.until <= self.now]
        assert stock.end_holds(now=self.now) == len(over)
        [known.becomes(State.IN_STOCK) for known in over]

    # --- Orders and services ------------------------------------------------------------------------------------------
    @rule(index=a_number, person=a_person, line=st.none() | a_line)
    def assign(self, index, person, line):
        known = self.known[index]
        may = known.is_free(self.now) or (line is not None and known.state == State.HELD and known.line == line)
        token = None if line is None else TOKENS[line]
        assert done(stock.assign, self.numbers[index], account=self.people[person], token=token, now=self.now) is may
        if may:
            # Nobody but the last holder before day 45: said once more, apart from the model and the constraint.
            assert known.lost_on is None or (self.now.date() - known.lost_on).days >= 45
            known.becomes(State.ASSIGNED, holder=person)

    @rule(index=a_number, person=st.none() | a_person)
    def disconnect(self, index, person):
        """By ``person``; None: by whoever has it, so that it comes to that often enough."""
        known = self.known[index]
        person = (known.holder or 0) if person is None else person
        may = known.state == State.ASSIGNED and known.holder == person
        assert stock.disconnect(self.numbers[index], holder=self.people[person], on=self.now.date()) is may
        if may:
            known.becomes(State.KEPT, last_holder=person, lost_on=self.now.date())

    @rule(index=a_number, days=st.sampled_from([44, 45]))
    def disconnect_and_wait(self, index, days):
        """To the edge of the 45 days, where mistakes are made; by chance alone it is seldom reached."""
        self.disconnect(index, None)
        self.days_pass(days)

    @rule(index=a_number, person=st.none() | a_person)
    def reclaim(self, index, person):
        """By ``person``; None: by its last holder."""
        known = self.known[index]
        person = (known.last_holder or 0) if person is None else person
        may = known.state == State.KEPT and known.last_holder == person and (self.now.date() - known.lost_on).days < 45
        assert done(stock.reclaim, self.numbers[index], account=self.people[person], today=self.now.date()) is may
        if may:
            known.becomes(State.ASSIGNED, holder=person)

    @rule()
    def return_to_stock(self):
        due = [
            known for known in self.known if known.state == State.KEPT and (self.now.date() - known.lost_on).days >= 45
        ]
        assert stock.return_to_stock(today=self.now.date()) == len(due)
        [known.becomes(State.IN_STOCK) for known in due]

    # --- Staff and time -----------------------------------------------------------------------------------------------
    @rule(index=a_number)
    def take_out(self, index):
        known = self.known[index]
        may = known.state in (State.IN_STOCK, State.HELD, State.KEPT)
        assert stock.take_out(self.one(index), note="Test") == may
        if may:
            known.becomes(State.OUT)

    @rule(index=a_number)
    def put_back(self, index):
        known = self.known[index]
        may = known.state == State.OUT
        assert stock.put_back(self.one(index), today=self.now.date()) == may
        if may:
            kept = known.lost_on is not None and (self.now.date() - known.lost_on).days < 45
            known.becomes(State.KEPT if kept else State.IN_STOCK)

    @rule()
    def count_up(self):
        stock.count_up()

    @rule(minutes=st.sampled_from([1, 14, 15]))
    def minutes_pass(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule(days=st.sampled_from([1, 44, 45]))
    def days_pass(self, days):
        self.now += timedelta(days=days)

    # --- What holds always --------------------------------------------------------------------------------------------
    @invariant()
    def the_stock_is_as_the_model_says(self):
        if not hasattr(self, "known"):
            return
        ids = [person.pk for person in self.people]
        rows = PhoneNumber.objects.in_bulk([number.pk for number in self.numbers])
        columns = ("state", "held_by", "held_until", "holder_id", "last_holder_id", "disconnected_on")
        for number, known in zip(self.numbers, self.known, strict=True):
            row = rows[number.pk]
            assert tuple(getattr(row, column) for column in columns) == (
                known.state,
                None if known.line is None else TOKENS[known.line],
                known.until,
                None if known.holder is None else ids[known.holder],
                None if known.last_holder is None else ids[known.last_holder],
                known.lost_on,
            )

    @invariant()
    def counters_equal_a_recount(self):
        if not hasattr(self, "known"):
            return
        in_stock = Count("numbers", filter=Q(numbers__state=State.IN_STOCK))
        really = dict(RateCenter.objects.annotate(really=in_stock).values_list("pk", "really"))
        assert dict(RateCenter.objects.with_stock().values_list("pk", "stock")) == really


@pytest.mark.django_db
def test_the_stock_keeps_its_promises_whatever_happens():
    run_state_machine_as_test(
        Stock,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
