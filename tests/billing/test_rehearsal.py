"""Rehearsals: carried out by one worker, taken up where one died; and what runs of the cycle leave behind."""

from datetime import date, timedelta

import pytest
from django.db import OperationalError

from billing import agenda, cycle, due, progress, rehearsal, tasks, taxes
from billing.models import CycleRun, RehearsedAccount
from callcentric import clock
from callcentric.celery import app
from tests.billing.month import FEBRUARY, at_noon, customer, run

pytestmark = pytest.mark.django_db

THE_27TH = date(2027, 1, 27)
NOW = at_noon(THE_27TH)


@pytest.fixture(autouse=True)
def _two_customers(catalog, monkeypatch):
    taxes.load()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(rehearsal, "CHUNK", 1)
    customer("alice", funds="10")
    customer("bob")


@pytest.fixture
def eager():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def begun() -> CycleRun:
    return rehearsal.begin(on=THE_27TH, now=NOW)


def at(minutes: int):
    return lambda: NOW + timedelta(minutes=minutes)


def stop(run_: CycleRun) -> None:
    raise OperationalError("the database went away")


def test_one_that_is_carried_out_is_not_taken_by_another():
    run_ = begun()
    taken = []
    rehearsal.rehearse(
        run_,
        now=at(0),
        say=lambda each: taken.append(rehearsal.rehearse(CycleRun.objects.get(pk=run_.pk), now=at(4))),
    )
    assert (taken, run_.done, run_.rehearsed.count()) == ([False, False], 2, 2)
    # Nor when it is over.
    assert rehearsal.rehearse(run_, now=at(60)) is False


def test_what_a_dead_worker_left_is_begun_anew():
    run_ = begun()
    with pytest.raises(OperationalError):
        rehearsal.rehearse(run_, now=at(0), say=stop)
    assert RehearsedAccount.objects.count() == 1
    assert rehearsal.rehearse(CycleRun.objects.get(pk=run_.pk), now=at(4)) is False
    assert rehearsal.rehearse(CycleRun.objects.get(pk=run_.pk), now=at(6)) is True
    run_.refresh_from_db()
    assert (run_.done, run_.accounts, run_.finished_at, run_.rehearsed.count()) == (2, 2, at(6)(), 2)


def test_one_that_comes_back_too_late_notices_and_changes_nothing():
    run_ = begun()
    taken = []
    late = rehearsal.rehearse(
        run_,
        now=at(0),
        say=lambda each: taken.append(rehearsal.rehearse(CycleRun.objects.get(pk=run_.pk), now=at(6))),
    )
    run_.refresh_from_db()
    assert (late, taken, run_.done, run_.finished_at, run_.rehearsed.count()) == (False, [True], 2, at(6)(), 2)


def test_a_fault_of_ours_ends_it_and_is_kept(monkeypatch):
    run_ = begun()
    monkeypatch.setattr(rehearsal, "figures", lambda run_: {}["no such figure"])
    with pytest.raises(KeyError):
        rehearsal.rehearse(run_, now=at(0))
    run_.refresh_from_db()
    assert (run_.problem, run_.finished_at, run_.state(now=NOW)) == ("KeyError('no such figure')", None, "stopped")
    assert list(CycleRun.objects.to_rehearse(now=at(60)())) == []


def test_the_sweep_takes_up_what_waits(eager):
    lost, over = begun(), begun()
    rehearsal.rehearse(over, now=at(0))
    tasks.rehearse_left_over()
    lost.refresh_from_db()
    assert (lost.done, lost.finished_at) == (2, NOW)


def test_a_run_leaves_when_it_was_heard_of_and_its_end():
    run(THE_27TH)
    left = CycleRun.objects.get()
    assert (left.accounts, left.done, left.progressed_at, left.finished_at) == (2, 2, NOW, NOW)
    assert (left.outcome["settled"], left.outcome["failed"]) == (1, 1)
    # A second has nothing to look at, and leaves no row.
    run(THE_27TH)
    assert CycleRun.objects.count() == 1


def test_a_run_that_breaks_says_why_and_the_next_goes_on():
    def breaks() -> int:
        raise ValueError("no such card")

    with pytest.raises(ValueError, match="no such card"):
        cycle.run(on=THE_27TH, now=NOW, charge_cards=breaks)
    left = CycleRun.objects.get()
    assert (left.problem, left.finished_at, left.done) == ("ValueError('no such card')", None, 2)
    assert progress.of_month(FEBRUARY, now=NOW).runs == []


def test_a_run_that_charges_cards_for_hours_is_not_taken_for_dead():
    run_ = CycleRun.objects.create(on=THE_27TH, month=FEBRUARY, started_at=NOW, progressed_at=NOW)
    assert run_.state(now=at(16)()) == "stopped"
    progress.note_that_it_goes_on(on=THE_27TH, now=at(10)())
    run_.refresh_from_db()
    assert run_.state(now=at(16)()) == "under_way"


@pytest.mark.parametrize("few", [0, 50])
def test_many_are_decided_as_few_are(monkeypatch, few):
    monkeypatch.setattr(due, "_FEW", few)
    accounts = due.owing(month=FEBRUARY, after=0, most=10)
    decided = due.decide(accounts=accounts, month=FEBRUARY, today=THE_27TH)
    assert [(each.fate, each.services) for each in decided] == [("balance", 1), ("fail", 1)]


@pytest.mark.parametrize(
    ("on", "steps"),
    [
        (date(2027, 1, 1), ["end", "charge January 2027", "tell", "cancel"]),
        (date(2027, 1, 19), ["end", "charge January 2027", "tell", "cancel"]),
        (date(2027, 1, 20), ["end", "foretell February 2027", "charge January 2027", "tell", "cancel"]),
        (date(2027, 1, 26), ["end", "foretell February 2027", "charge January 2027", "tell", "cancel"]),
        (THE_27TH, ["end", "charge February 2027", "tell"]),
        (date(2027, 1, 31), ["end", "charge February 2027", "tell"]),
    ],
)
def test_what_a_day_calls_for(on, steps):
    month = {"January 2027": "January 2027", "February 2027": "February 2027"}
    words = {
        "end": "Services that customers have cancelled, and whose paid month is over, end.",
        "tell": "Whose renewal fails is told by e-mail why, once for each reason.",
        "cancel": "Services are cancelled whose renewal failed today too, and whose customer was told before today.",
    }
    for name in month:
        words[f"charge {name}"] = (
            f"Accounts that still owe something for {name}, and were not tried today, are charged: "
            "from the balance at once, by card one after the other."
        )
        words[f"foretell {name}"] = f"Customers not told yet are told by e-mail what {name} will cost."
    assert agenda.steps(on=on) == [words[step] for step in steps]
