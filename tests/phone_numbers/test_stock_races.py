"""The stock under many threads: one number to one, many numbers to many, counters right, and controls that oversell."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q

from accounts.models import Account
from billing.models import Service
from callcentric import clock
from phone_numbers import stock
from phone_numbers.models import PhoneNumber, RateCenter, StockChange
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory, hold_number

State = PhoneNumber.State
NOW = clock.now()
pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each came to; all begin at the same moment, each in a thread with a connection of its own."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def go(index: int) -> None:
        connection.ensure_connection()
        gate.wait(30)
        try:
            results[index] = works[index]()
        except stock.NumberTaken:
            results[index] = "taken"
        except BaseException as surprise:  # noqa: BLE001
            results[index] = surprise
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(index,)) for index in range(len(works))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return results


def in_stock_really() -> dict[int, int]:
    in_stock = Count("numbers", filter=Q(numbers__state=State.IN_STOCK))
    return dict(RateCenter.objects.annotate(really=in_stock).values_list("pk", "really"))


class TestOneNumber:
    @pytest.mark.parametrize("turn", range(5))
    def test_wanted_by_16_carts_is_held_for_one(self, turn):
        number, tokens = PhoneNumberFactory(), [uuid4() for _ in range(16)]
        found = at_once(*[lambda t=token: stock.hold(number, token=t, now=NOW) for token in tokens])
        assert Counter(found) == Counter({None: 1, "taken": 15})
        number.refresh_from_db()
        assert number.held_by == tokens[found.index(None)]

    @pytest.mark.parametrize("turn", range(5))
    def test_wanted_by_16_customers_is_assigned_to_one(self, turn):
        number, accounts = PhoneNumberFactory(), AccountFactory.create_batch(16)
        found = at_once(*[lambda a=a: stock.assign(number, account=a, token=None, now=NOW) for a in accounts])
        assert Counter(found) == Counter({None: 1, "taken": 15})
        number.refresh_from_db()
        assert number.holder == accounts[found.index(None)]

    def test_given_back_and_taken_out_at_once_does_one_of_them(self, alice):
        numbers = PhoneNumberFactory.create_batch(
            8, state=State.KEPT, last_holder=alice, disconnected_on=NOW.date() - timedelta(days=3)
        )
        for number in numbers:
            one = PhoneNumber.objects.filter(pk=number.pk)
            given, out = at_once(
                lambda n=number: stock.reclaim(n, account=alice, today=NOW.date()) or "given",
                lambda one=one: stock.take_out(one, note="Test"),
            )
            assert (given, out, one.get().state) in {("given", 0, State.ASSIGNED), ("taken", 1, State.OUT)}

    def test_control_looking_before_taking_gives_it_to_16(self):
        """What the stock does not do. If this fails, the tests above prove nothing."""
        number, accounts = PhoneNumberFactory(), AccountFactory.create_batch(16)
        looked = threading.Barrier(16)

        def naive(account: Account) -> str:
            free = PhoneNumber.objects.get(pk=number.pk).state == State.IN_STOCK
            looked.wait(30)
            if not free:
                return "taken"
            PhoneNumber.objects.filter(pk=number.pk).update(state=State.ASSIGNED, holder=account)
            return "theirs"

        assert Counter(at_once(*[lambda a=a: naive(a) for a in accounts])) == Counter(theirs=16)


class TestService:
    """The second wall: whatever code forgets, PostgreSQL lets one service have a number."""

    @pytest.fixture
    def number(self, catalog) -> PhoneNumber:
        return PhoneNumberFactory()

    @pytest.fixture
    def no_guard(self, transactional_db):
        guard = next(each for each in Service._meta.constraints if each.name == "number_has_one_holder")
        with connection.schema_editor() as editor:
            editor.remove_constraint(Service, guard)
        yield
        Service.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Service, guard)

    def served(self, number: PhoneNumber) -> int:
        """Sixteen services with the number at once; how many there are then."""
        accounts = AccountFactory.create_batch(16)
        at_once(*[lambda a=a: hold_number(a, phone_number=number) for a in accounts])
        return Service.objects.filter(phone_number=number).count()

    def test_16_services_at_once_are_one(self, number):
        assert self.served(number) == 1

    def test_control_without_the_constraint_they_are_16(self, number, no_guard):
        assert self.served(number) == 16


class TestAnyNumber:
    def test_8_threads_take_100_different_numbers(self):
        place = RateCenterFactory()
        PhoneNumberFactory.create_batch(100, rate_center=place)

        def take_until_none() -> list[str]:
            taken = []
            while number := stock.hold_any(place, token=uuid4(), now=NOW):
                taken.append(number.digits)
            return taken

        taken = [digits for found in at_once(*[take_until_none] * 8) for digits in found]
        assert (len(taken), len(set(taken))) == (100, 100)

    def test_nobody_waits_for_whoever_is_still_ordering(self):
        place = RateCenterFactory()
        first, second = (PhoneNumberFactory(rate_center=place) for _ in range(2))
        inside, done = threading.Event(), threading.Event()

        def order_slowly() -> str:
            with transaction.atomic():
                held = stock.hold_any(place, token=uuid4(), now=NOW)
                inside.set()
                done.wait(10)
            return held.digits

        def another() -> str:
            inside.wait(10)
            begun = time.monotonic()
            held = stock.hold_any(place, token=uuid4(), now=NOW)
            done.set()
            assert time.monotonic() - begun < 5
            return held.digits

        assert at_once(order_slowly, another) == [first.digits, second.digits]


def allocate(places: list[RateCenter], account: Account) -> None:
    """What carts and orders do in a busy minute."""
    tokens: list[UUID] = []
    for turn in range(60):
        token = uuid4()
        if number := stock.hold_any(places[turn % 3], token=token, now=NOW):
            tokens.append(token)
            if turn % 4 == 0:
                stock.assign(number, account=account, token=token, now=NOW)
        if turn % 5 == 0:
            stock.let_go(tokens[-3:])


class TestCounters:
    def test_they_are_right_while_4_threads_count_up_beside_4_that_allocate(self, alice):
        places = [RateCenterFactory(name=name) for name in ("Albany", "Troy", "Utica")]
        for place in places:
            PhoneNumberFactory.create_batch(30, rate_center=place)
        ended = threading.Semaphore(0)
        seen: list[int] = []

        def count_up() -> None:
            while not ended.acquire(timeout=0.001):
                stock.count_up()
                seen.append(RateCenter.objects.with_stock().get(pk=places[0].pk).stock)

        def work() -> None:
            allocate(places, alice)
            ended.release()

        assert at_once(*[count_up] * 4, *[work] * 4) == [None] * 8
        really = in_stock_really()
        assert dict(RateCenter.objects.with_stock().values_list("pk", "stock")) == really
        while StockChange.objects.exists():
            stock.count_up()
        assert dict(RateCenter.objects.values_list("pk", "counted")) == really
        assert set(seen) <= set(range(31))


class TestMassChanges:
    """Of two numbers that are due, one is locked by an order that has not ended."""

    @pytest.fixture
    def hurry(self, transactional_db):
        """Whoever waits for a lock fails."""
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        yield
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    @pytest.mark.parametrize(
        ("state", "job"),
        [
            (State.HELD, lambda: stock.end_holds(now=NOW)),
            (State.KEPT, lambda: stock.return_to_stock(today=NOW.date())),
            (State.KEPT, lambda: stock.take_out(PhoneNumber.objects.all(), note="Test")),
            (State.OUT, lambda: stock.put_back(PhoneNumber.objects.all(), today=NOW.date())),
        ],
    )
    def test_they_leave_it_to_the_order_and_to_the_next_run(self, alice, hurry, state, job):
        facts = {
            State.HELD: {"held_by": uuid4(), "held_until": NOW},
            State.KEPT: {"last_holder": alice, "disconnected_on": NOW.date() - timedelta(days=45)},
        }
        ordered, _ = PhoneNumberFactory.create_batch(2, state=state, **facts.get(state, {}))
        locked, done = threading.Event(), threading.Event()

        def order() -> None:
            with transaction.atomic():
                PhoneNumber.objects.select_for_update(no_key=True).get(pk=ordered.pk)
                locked.set()
                done.wait(10)
            connection.close()

        thread = threading.Thread(target=order)
        thread.start()
        locked.wait(10)
        try:
            during = job()
        finally:
            done.set()
            thread.join()
        assert (during, job()) == (1, 1)

    def test_carts_that_let_go_of_the_same_numbers_lock_them_in_one_order(self):
        numbers, tokens = PhoneNumberFactory.create_batch(200), [uuid4() for _ in range(200)]
        for _ in range(5):
            for number, token in zip(numbers, tokens, strict=True):
                stock.hold(number, token=token, now=NOW)
            found = at_once(*[lambda t=tokens[:: 1 if turn % 2 else -1]: stock.let_go(t) for turn in range(4)])
            assert sum(found) == 200
        assert dict(RateCenter.objects.with_stock().values_list("pk", "stock")) == in_stock_really()
