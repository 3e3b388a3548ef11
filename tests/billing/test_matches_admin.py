"""What staff see of the daily match, and what they do there: resolve differences and release accounts."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from billing import parking
from billing.models import Cycle, Difference, Match, ParkedAccount
from callcentric.clock import BUSINESS_ZONE
from tests.factories import AccountFactory, UserFactory

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
LISTS = ["match", "difference", "parkedaccount"]


def list_of(model: str) -> str:
    return reverse(f"admin:billing_{model}_changelist")


def differ(account, key="pi_1", **more) -> Difference:
    facts = {"kind": "amount", "about": "Stripe took 10.00, and the ledger has 9.00.", "ours": 9, "theirs": 10, **more}
    return Difference.objects.create(account=account, key=key, found_at=NOON, **facts)


def park(account) -> ParkedAccount:
    parking.park(account_id=account.pk, reason="Figures do not add up", now=NOON)
    return ParkedAccount.objects.open().get(account=account)


def cells(response) -> list[list[str]]:
    """The words of a list's rows."""
    changelist = response.context["cl"]
    display = [name for name in changelist.list_display if name != "action_checkbox"]
    model_admin = changelist.model_admin
    shown = []
    for row in changelist.result_list:
        values = [
            getattr(model_admin, name)(row) if hasattr(model_admin, name) else getattr(row, name) for name in display
        ]
        shown.append([str(value) for value in values])
    return shown


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def logged() -> list[tuple]:
    return [
        (entry.action, entry.by, entry.account, entry.reason, entry.details)
        for entry in AuditEntry.objects.order_by("pk")
    ]


def only_viewing() -> Client:
    """Staff who may look and nothing else."""
    viewer = UserFactory(username="viewer", is_staff=True)
    codes = [f"view_{model}" for model in LISTS]
    viewer.user_permissions.set(Permission.objects.filter(codename__in=codes, content_type__app_label="billing"))
    client = Client()
    client.force_login(viewer)
    return client


def add_rows(number: int) -> None:
    for n in range(number):
        account = AccountFactory()
        differ(account, key=f"pi_{n}")
        park(account)
        Match.objects.create(
            on=date(2027, 1, n + 1), stripe_charges=1, ledger=1, invoices=1, differences=0, made_at=NOON
        )


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("model", "queries"), [("match", 3), ("difference", 3), ("parkedaccount", 3)])
def test_lists_cost_the_same_however_long_they_are(sam_client, django_assert_num_queries, model, queries, rows):
    add_rows(rows)
    sam_client.get(list_of(model))
    with django_assert_num_queries(queries):
        page = sam_client.get(list_of(model))
    assert len(page.context["cl"].result_list) == rows


def test_a_days_figures_stand_side_by_side(sam_client):
    Match.objects.create(
        on=date(2027, 1, 11), stripe_charges="4000.50", ledger="30.50", invoices="12.3456", differences=1, made_at=NOON
    )
    [row] = cells(sam_client.get(list_of("match")))
    assert row[1:5] == ["$4,000.50", "$30.50", "$12.3456", "1"]


def test_open_differences_come_first_and_others_on_demand(sam_client, sam, alice):
    differ(alice)
    differ(None, key="ch_1", kind="charge", ours=None, theirs=5, about="Stripe took 5.00.")
    differ(alice, key="pi_0", resolved_at=NOON, resolved_by=sam, resolution="Mended by hand.")
    link = f'href="/admin/accounts/account/{alice.pk}/change/"'
    shown = cells(sam_client.get(list_of("difference")))
    assert [row[2:5] for row in shown] == [
        ["–", "$5.00", "ch_1"],
        ["$9.00", "$10.00", "pi_1"],
    ]
    assert [row[1] == "nobody we know" or link in row[1] for row in shown] == [True, True]
    [resolved] = cells(sam_client.get(list_of("difference") + "?state=over"))
    assert resolved[-1] == "by sam, 11 January 2027"
    assert len(cells(sam_client.get(list_of("difference") + "?state=all"))) == 3


class TestResolve:
    def resolve(self, client, *differences, **more):
        chosen = {"action": "resolve", "_selected_action": [each.pk for each in differences], **more}
        return client.post(list_of("difference"), chosen)

    def test_staff_are_asked_what_they_have_done(self, sam_client, alice):
        difference = differ(alice)
        page = self.resolve(sam_client, difference)
        assert (page.status_code, page.templates[0].name) == (200, "admin/ask.html")
        assert page.content.decode().count("Stripe took 10.00, and the ledger has 9.00.") == 1
        empty = self.resolve(sam_client, difference, how=" ")
        assert empty.status_code == 422
        assert empty.context["form"].errors["how"] == [
            "Say what was done about it: whoever looks at it in a year wants to know."
        ]
        difference.refresh_from_db()
        assert difference.resolved_at is None

    def test_who_and_how_are_kept_and_the_account_stays_parked(self, sam_client, sam, alice):
        difference = differ(alice)
        park(alice)
        answer = self.resolve(sam_client, difference, how="The dollar came by cheque.")
        difference.refresh_from_db()
        assert (difference.resolved_by, difference.resolution) == (sam, "The dollar came by cheque.")
        assert LogEntry.objects.get().get_change_message() == "Resolved: The dollar came by cheque."
        assert logged() == [
            ("difference", sam, alice, "The dollar came by cheque.", f"{difference.about} ({difference.key})")
        ]
        assert said(answer) == [
            "1 resolved. Their accounts stay parked until you release them, under “Parked accounts”."
        ]
        assert ParkedAccount.objects.open().count() == 1

    def test_whoever_may_only_look_resolves_nothing(self, alice):
        difference = differ(alice)
        self.resolve(only_viewing(), difference, how="Mine")
        difference.refresh_from_db()
        assert difference.resolved_at is None


class TestRelease:
    def release(self, client, *parked, **more):
        chosen = {
            "action": "release",
            "_selected_action": [each.pk for each in parked],
            "reason": "It adds up.",
            **more,
        }
        return client.post(list_of("parkedaccount"), chosen)

    def test_the_cycle_has_the_account_again(self, sam_client, sam, alice):
        cycle = Cycle.objects.create(account=alice, month=date(2027, 2, 1))
        parked = park(alice)
        cycle.refresh_from_db()
        assert cycle.state == "parked"
        answer = self.release(sam_client, parked)
        cycle.refresh_from_db()
        parked.refresh_from_db()
        assert (cycle.state, parked.released_by, parked.released_at is not None) == ("planned", sam, True)
        assert said(answer) == ["1 released. What was parked of them is tried in the next run."]
        assert LogEntry.objects.get().get_change_message() == "Released"
        assert logged() == [("parking", sam, alice, "It adds up.", "Released. It was parked: Figures do not add up")]
        [row] = cells(sam_client.get(list_of("parkedaccount") + "?state=over"))
        assert row[-1].startswith("by sam, ")

    def test_staff_are_asked_why(self, sam_client, alice):
        parked = park(alice)
        page = sam_client.post(list_of("parkedaccount"), {"action": "release", "_selected_action": [parked.pk]})
        assert (page.status_code, page.templates[0].name) == (200, "admin/ask.html")
        assert str(parked) in page.content.decode()
        assert self.release(sam_client, parked, reason=" ").status_code == 422
        assert ParkedAccount.objects.open().count() == 1

    def test_staff_are_warned_of_what_is_still_open(self, sam_client, alice):
        differ(alice)
        answer = self.release(sam_client, park(alice))
        assert said(answer)[1:] == ["Differences of theirs that are still open: 1. See “Differences”."]

    def test_whoever_may_only_look_releases_nothing(self, alice):
        self.release(only_viewing(), park(alice))
        assert ParkedAccount.objects.open().count() == 1


@pytest.mark.parametrize("model", LISTS)
def test_nothing_is_typed_into(sam_client, model, alice):
    add_rows(1)
    row = {"match": Match, "difference": Difference, "parkedaccount": ParkedAccount}[model].objects.get()
    page = sam_client.get(reverse(f"admin:billing_{model}_change", args=[row.pk]))
    assert (page.status_code, page.context["adminform"].form.fields) == (200, {})
    assert sam_client.get(reverse(f"admin:billing_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", LISTS)
def test_customers_see_none_of_it(alice_client, model):
    assert alice_client.get(list_of(model)).status_code == 302


def test_amounts_with_fractions_of_a_cent_are_shown_whole(sam_client, alice):
    differ(alice, ours=Decimal("9.0001"))
    [row] = cells(sam_client.get(list_of("difference")))
    assert row[2] == "$9.0001"
