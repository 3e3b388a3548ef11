"""The month as staff see it: how far it is, what was billed, and how they have it rehearsed and run."""

import csv
from datetime import date, timedelta
from decimal import Decimal

import pytest
from celery.contrib.testing.worker import start_worker
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import AuditEntry
from billing import parking, rehearsal, taxes
from billing.models import Cycle, CycleRun, Invoice, InvoiceLine
from callcentric import clock
from callcentric.celery import app
from tests.billing.month import FEBRUARY, JANUARY, at_noon, customer, hold_plan, run
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

RUNS = reverse("admin:billing_cyclerun_changelist")
REHEARSE = reverse("admin:billing_cyclerun_rehearse")
RUN_NOW = reverse("admin:billing_cyclerun_run_now")
CYCLES = reverse("admin:billing_cycle_changelist")
THE_27TH = date(2027, 1, 27)


@pytest.fixture(autouse=True)
def _today(db, monkeypatch):
    taxes.load()
    monkeypatch.setattr(clock, "now", lambda: at_noon(THE_27TH))


@pytest.fixture
def eager():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def everybody():
    """Alice's balance pays, Bob's does not, and the third is parked."""
    third = customer("third", funds="10")
    parking.park(account_id=third.pk, reason="Stripe has $4.00 more.", now=at_noon(JANUARY))
    return customer("alice", funds="10"), customer("bob", funds="1.239"), third


def page_of(run_: CycleRun) -> str:
    return reverse("admin:billing_cyclerun_change", args=[run_.pk])


def staff(client, *permissions: str):
    supporter = UserFactory(username="supporter", is_staff=True)
    supporter.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(supporter)
    return client


def rehearsed(on: date = THE_27TH) -> CycleRun:
    run_ = rehearsal.begin(on=on, now=clock.now())
    rehearsal.rehearse(run_, now=clock.now)
    return run_


def shares(response) -> dict[str, tuple[int, Decimal]]:
    return {share.standing: (share.accounts, share.dollars) for share in response.context["of_month"].shares}


def shown(response) -> list:
    return list(response.context["cl"].result_list)


class TestMonth:
    def test_accounts_by_where_they_stand(self, sam_client, everybody):
        run(THE_27TH)
        response = sam_client.get(RUNS)
        assert shares(response) == {
            "settled": (1, Decimal("2.12")),
            "card": (0, 0),
            "planned": (0, 0),
            "failed": (1, Decimal("2.12")),
            "parked": (1, 0),
            "cancelled": (0, 0),
        }
        assert [(bar.name, bar.x, bar.width) for bar in response.context["bars"]] == [
            ("settled", 0, 333),
            ("failed", 333, 334),
            ("parked", 667, 333),
        ]
        assert "Refresh" not in response

    def test_it_looks_again_while_a_card_waits_for_its_turn_and_while_a_run_is_under_way(self, sam_client, alice):
        waiting = Cycle.objects.create(account=alice, month=FEBRUARY, turn_at=clock.now())
        response = sam_client.get(RUNS)
        assert (shares(response)["card"], response["Refresh"]) == ((1, 0), "10")
        CycleRun.objects.create(
            on=THE_27TH, month=FEBRUARY, accounts=4, done=1, started_at=clock.now(), progressed_at=clock.now()
        )
        response = sam_client.get(RUNS)
        assert response["Refresh"] == "2"
        assert response.content.decode().count('class="w-full" max="100" value="25">') == 1
        Cycle.objects.filter(pk=waiting.pk).update(
            turn_at=None, state="failed", attempted_on=FEBRUARY, told_on=THE_27TH, cancelled_on=FEBRUARY
        )
        assert shares(sam_client.get(RUNS))["cancelled"] == (1, 0)

    def test_another_month_is_chosen(self, sam_client, alice):
        Cycle.objects.create(account=alice, month=date(2026, 12, 1))
        CycleRun.objects.create(on=THE_27TH, month=FEBRUARY)
        response = sam_client.get(RUNS, {"month": "2026-12-01"})
        assert (response.context["of_month"].month, shown(response)) == (date(2026, 12, 1), [])
        assert response.context["months"] == [FEBRUARY, JANUARY, date(2026, 12, 1)]
        assert len(shown(sam_client.get(RUNS))) == 1

    @pytest.mark.parametrize("month", ["foo", "2027-13-01", ""])
    def test_what_is_no_month_shows_the_one_that_is_collected(self, sam_client, month):
        response = sam_client.get(RUNS, {"month": month}, follow=True)
        assert response.context["of_month"].month == FEBRUARY

    def test_a_run_that_was_not_heard_of_for_15_minutes_has_stopped(self, sam_client):
        for minutes, problem in ((14, ""), (16, ""), (1, "KeyError()")):
            heard = clock.now() - timedelta(minutes=minutes)
            CycleRun.objects.create(on=THE_27TH, month=FEBRUARY, started_at=heard, progressed_at=heard, problem=problem)
        response = sam_client.get(RUNS)
        states = [each.state(now=clock.now()) for each in shown(response)]
        assert states == ["stopped", "stopped", "under_way"]
        assert response.context["of_month"].runs == shown(response)[2:]

    def test_as_many_queries_for_one_as_for_three(self, sam_client, alice, django_assert_num_queries):
        sam_client.get(RUNS)
        for more in (1, 2):
            for _ in range(more):
                run_ = CycleRun.objects.create(on=THE_27TH, month=FEBRUARY, progressed_at=clock.now())
                Cycle.objects.create(account=customer(f"customer{run_.pk}"), month=FEBRUARY)
            with django_assert_num_queries(7):
                sam_client.get(RUNS)


class TestLookingUp:
    @pytest.fixture
    def billed(self, everybody):
        run(THE_27TH)
        return everybody

    def test_a_cycle_is_found_by_account_month_and_state_and_links_to_what_it_is_about(self, sam_client, billed):
        alice, bob, _ = billed
        assert [each.account for each in shown(sam_client.get(CYCLES, {"q": alice.number}))] == [alice]
        assert [each.account for each in shown(sam_client.get(CYCLES, {"stands": "failed"}))] == [bob]
        assert shown(sam_client.get(CYCLES, {"month": "2027-01-01"})) == []
        assert len(shown(sam_client.get(CYCLES, {"month": "2027-02-01"}))) == 3
        page = sam_client.get(CYCLES, {"q": alice.number}).content.decode()
        for name, pk in (("accounts_account", alice.pk), ("billing_invoice", Invoice.objects.get().pk)):
            assert page.count(f'href="{reverse(f"admin:{name}_change", args=[pk])}"') == 1

    @pytest.mark.parametrize("name", ["cycle", "invoice", "invoiceline"])
    def test_as_many_queries_for_one_as_for_three(self, sam_client, name, django_assert_num_queries):
        url = reverse(f"admin:billing_{name}_changelist")
        customer("alice", funds="10")
        run(THE_27TH)
        sam_client.get(url)
        with django_assert_num_queries(4):
            assert len(shown(sam_client.get(url))) == 1
        customer("bob", funds="10")
        customer("third", funds="10")
        run(THE_27TH)
        with django_assert_num_queries(4):
            assert len(shown(sam_client.get(url))) == 3

    def test_invoices_and_lines_are_found_by_account_and_not_changed(self, sam_client, billed):
        alice, bob, _ = billed
        invoice, line = Invoice.objects.get(), InvoiceLine.objects.get()
        for name, row in (("invoice", invoice), ("invoiceline", line), ("cycle", Cycle.objects.get(account=alice))):
            url = reverse(f"admin:billing_{name}_changelist")
            assert shown(sam_client.get(url, {"q": f"1777 {alice.number[4:]}"})) == [row]
            assert (
                shown(sam_client.get(url, {"q": bob.number}))[:1]
                == list(Cycle.objects.filter(account=bob))[: name == "cycle"]
            )
            page = reverse(f"admin:billing_{name}_change", args=[row.pk])
            assert (sam_client.get(page).status_code, sam_client.post(page, {}).status_code) == (200, 403)


class TestRehearsal:
    def test_the_button_makes_one_that_a_task_carries_out(
        self, eager, sam_client, everybody, django_capture_on_commit_callbacks
    ):
        assert sam_client.get(REHEARSE).context["form"]["on"].value() == THE_27TH
        with django_capture_on_commit_callbacks(execute=True):
            response = sam_client.post(REHEARSE, {"on": "2027-01-28"})
        run_ = CycleRun.objects.get()
        assert (response.status_code, response.url) == (302, page_of(run_))
        assert (run_.is_dry_run, run_.on, run_.month, run_.accounts, run_.done) == (
            True,
            date(2027, 1, 28),
            FEBRUARY,
            3,
            3,
        )
        assert (Invoice.objects.count(), Cycle.objects.count()) == (0, 0)
        assert "Refresh" not in sam_client.get(page_of(run_))

    @pytest.mark.parametrize(
        ("typed", "error"),
        [
            ("", "Choose a day."),
            ("foo", "Write the day as 2027-01-27."),
            ("2027-01-26", "Choose today or a later day, at most a year ahead."),
            ("2028-02-01", "Choose today or a later day, at most a year ahead."),
            ("9999-12-31", "Choose today or a later day, at most a year ahead."),
        ],
    )
    def test_a_day_that_cannot_be_rehearsed(self, sam_client, typed, error):
        response = sam_client.post(REHEARSE, {"on": typed})
        assert (response.status_code, response.context["form"].errors) == (422, {"on": [error]})
        assert CycleRun.objects.count() == 0

    def test_without_a_broker_it_waits_for_the_sweep(
        self, broker_away, sam_client, everybody, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            assert sam_client.post(REHEARSE, {"on": "2027-01-27"}).status_code == 302
        run_ = CycleRun.objects.get()
        page = sam_client.get(page_of(run_))
        assert (page["Refresh"], page.content.decode().count("It waits for a worker.")) == ("2", 1)
        run_.accounts, run_.done, run_.progressed_at = 200, 84, clock.now()
        run_.save()
        bar = '<progress id="progress" class="w-full" max="100" value="42">'
        assert sam_client.get(page_of(run_)).content.decode().count(bar) == 1

    def test_its_page_says_what_would_pay_what_would_fail_and_why(self, sam_client, everybody):
        alice, bob, third = everybody
        Invoice.objects.create(account=bob, month=JANUARY, net=5, tax=0, issued_at=clock.now())
        Invoice.objects.create(account=alice, month=JANUARY, net=Decimal("1.95"), tax=0, issued_at=clock.now())
        response = sam_client.get(page_of(rehearsed()))
        assert {row["fate"]: (row["accounts"], row["total"]) for row in response.context["fates"]} == {
            "balance": (1, Decimal("2.12")),
            "card": (0, 0),
            "fail": (1, Decimal("2.12")),
            "parked": (1, Decimal("2.12")),
        }
        assert [(row["label"], row["accounts"], row["difference"]) for row in response.context["changes"]] == [
            ("Pay more", 1, Decimal("1.95")),
            ("Pay less", 1, Decimal("-3.05")),
            ("Pay the same", 1, 0),
        ]
        assert {row.account: row.problem for row in response.context["unpaid"]} == {
            bob: "The balance of $1.23 does not cover it, and there is no card.",
            third: "Stripe has $4.00 more.",
        }
        assert [row.account for row in response.context["page"]] == [bob, third, alice]
        assert "For February 2027 $2.12 would be charged" in " ".join(response.content.decode().split())

    def test_who_has_a_card_and_a_card_that_expires(self, sam_client):
        alice, bob = customer("alice"), customer("bob")
        for account, year in ((alice, 2040), (bob, 2026)):
            account.cards.create(
                stripe_id=f"pm_{year}", brand="visa", last4="4242", expires_month=12, expires_year=year, is_default=True
            )
        context = sam_client.get(page_of(rehearsed())).context
        assert {row.account: (row.fate, row.from_card, row.problem) for row in context["page"]} == {
            alice: ("card", Decimal("2.12"), ""),
            bob: ("fail", 0, "The balance of $0.00 does not cover it, and the card will have expired."),
        }
        assert context["total"] == Decimal("2.12")

    def test_accounts_by_fate_and_page_at_one_number_of_queries(
        self, sam_client, everybody, monkeypatch, django_assert_num_queries
    ):
        alice, bob, third = everybody
        run_ = rehearsed()
        sam_client.get(page_of(run_))
        with django_assert_num_queries(5):
            three = sam_client.get(page_of(run_))
        assert {row.account for row in three.context["page"]} == {alice, bob, third}
        with django_assert_num_queries(5):
            one = sam_client.get(page_of(run_), {"fate": "fail"})
        assert [row.account for row in one.context["page"]] == [bob]
        monkeypatch.setattr("billing.admin.rehearsals.ON_A_PAGE", 2)
        last = sam_client.get(page_of(run_), {"page": 2})
        assert (len(last.context["page"]), last.content.decode().count("Page 2 of 2")) == (1, 1)
        assert len(sam_client.get(page_of(run_), {"fate": "foo", "page": "foo"}).context["page"]) == 2

    def test_csv(self, sam_client, everybody):
        alice, bob, third = everybody
        hold_plan(alice)
        run_ = rehearsed()
        response = sam_client.get(reverse("admin:billing_cyclerun_csv", args=[run_.pk]))
        assert response["Content-Disposition"] == f'attachment; filename="rehearsal-2027-01-27-{run_.pk}.csv"'
        assert list(csv.reader(b"".join(response).decode().splitlines())) == [
            list(rehearsal.CSV_COLUMNS),
            [alice.number, "balance", "2", "8.9000", "0.7900", "9.6900", "0.0000", "0.0000", "8.9000", ""],
            *sorted(
                [
                    [bob.number, "fail", "1", "1.9500", "0.1700", "0.0000", "0.0000", "0.0000", "1.9500"]
                    + ["The balance of $1.23 does not cover it, and there is no card."],
                    [third.number, "parked", "1", "1.9500", "0.1700", "0.0000", "0.0000", "0.0000", "1.9500"]
                    + ["Stripe has $4.00 more."],
                ],
                key=lambda row: row[1] == "fail",
            ),
        ]

    def test_there_is_no_csv_of_a_run_or_of_what_is_not_over(self, sam_client):
        real = CycleRun.objects.create(on=THE_27TH, month=FEBRUARY, finished_at=clock.now())
        waiting = rehearsal.begin(on=THE_27TH, now=clock.now())
        for run_ in (real, waiting):
            assert sam_client.get(reverse("admin:billing_cyclerun_csv", args=[run_.pk])).status_code == 404

    def test_the_last_five_are_kept(self, everybody):
        kept = [rehearsed().pk for _ in range(6)][1:]
        assert sorted(CycleRun.objects.values_list("pk", flat=True)) == kept

    def test_a_run_has_a_page_too(self, sam_client, everybody):
        run(THE_27TH)
        context = sam_client.get(page_of(CycleRun.objects.get())).context
        assert dict(context["did"]) == {"Settled": 1, "By card": 0, "Failed": 1, "Parked": 0, "Planned": 3}


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_carries_a_rehearsal_out(sam_client, everybody):
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        sam_client.post(REHEARSE, {"on": "2027-01-27"})
    run_ = CycleRun.objects.get()
    assert (run_.finished_at, run_.done, run_.outcome["balance"]["accounts"]) == (clock.now(), 3, 1)


class TestRunningNow:
    def test_the_page_says_what_today_calls_for_and_a_task_does_it(
        self, eager, sam, sam_client, django_capture_on_commit_callbacks
    ):
        customer("alice", funds="10")
        refused = sam_client.post(RUN_NOW, {"reason": " "})
        assert (refused.status_code, CycleRun.objects.count(), AuditEntry.objects.count()) == (422, 0, 0)
        page = sam_client.get(RUN_NOW)
        assert page.context["steps"] == [
            "Services that customers have cancelled, and whose paid month is over, end.",
            "Accounts that still owe something for February 2027, and were not tried today, are charged: "
            "from the balance at once, by card one after the other.",
            "Whose renewal fails is told by e-mail why, once for each reason.",
        ]
        assert Invoice.objects.count() == 0
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                response = sam_client.post(RUN_NOW, {"reason": "The worker was away."})
            assert (response.url, Invoice.objects.count()) == (RUNS, 1)
        assert [str(message)[:43] for message in get_messages(response.wsgi_request)][-1] == (
            "The cycle runs as soon as a worker is free,"
        )
        entries = AuditEntry.objects.values_list("action", "by", "reason", "details")
        assert list(entries) == [("cycle", sam.pk, "The worker was away.", "Had it run on 27 January 2027")] * 2
        # Once more by itself, for the run that has not begun yet.
        assert (sam_client.get(RUNS)["Refresh"], "Refresh" in sam_client.get(RUNS)) == ("10", False)


class TestPermissions:
    @pytest.mark.parametrize(
        ("permissions", "answers"),
        [
            ([], (403, 403, 403, 403, 403)),
            (["view_cyclerun"], (200, 200, 200, 403, 403)),
            (["view_cyclerun", "rehearse_cycle"], (200, 200, 200, 200, 403)),
            (["view_cyclerun", "run_cycle"], (200, 200, 200, 403, 200)),
            (["view_cycle", "view_invoice"], (403, 403, 403, 403, 403)),
        ],
    )
    def test_staff(self, client, everybody, permissions, answers):
        run_ = rehearsed()
        pages = (RUNS, page_of(run_), reverse("admin:billing_cyclerun_csv", args=[run_.pk]), REHEARSE, RUN_NOW)
        supporter = staff(client, *permissions)
        assert tuple(supporter.get(page).status_code for page in pages) == answers
        posted = [
            supporter.post(page, {"on": "2027-01-27", "reason": "Late."}).status_code for page in (REHEARSE, RUN_NOW)
        ]
        assert posted == [302 if answer == 200 else 403 for answer in answers[3:]]

    def test_buttons_are_for_who_may(self, client):
        page = staff(client, "view_cyclerun").get(RUNS).content.decode()
        assert (page.count(REHEARSE), page.count(RUN_NOW)) == (0, 0)

    @pytest.mark.parametrize("page", [RUNS, REHEARSE, RUN_NOW, CYCLES])
    def test_neither_visitors_nor_customers(self, client, alice_client, page):
        assert client.get(page).status_code == 302
        assert (alice_client.get(page).url, alice_client.post(page).status_code) == (
            f"/admin/login/?next={page}",
            302,
        )
        assert CycleRun.objects.count() == 0
