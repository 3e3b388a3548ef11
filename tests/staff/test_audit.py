"""The audit log in the admin: who sees what of it, and that nobody changes it."""

import pytest
from django.urls import reverse

from accounts import audit_log
from accounts.models import AuditEntry
from tests.staff.people import client_of, somebody

pytestmark = pytest.mark.django_db

Action = AuditEntry.Action
LOG = reverse("admin:accounts_auditentry_changelist")


@pytest.fixture
def entries(sam, alice, bob):
    colleague = somebody("Stock")
    return [
        audit_log.record(by=sam, action=Action.CREDIT, account=alice, reason="Sorry.", details="$5.00"),
        audit_log.record(by=sam, action=Action.VIEW, account=bob, reason="Asked to."),
        audit_log.record(by=colleague, action=Action.ROLES, user=sam, reason="Joins.", details="none → Support"),
    ]


def shown(client, **asked) -> list[AuditEntry]:
    return list(client.get(LOG, asked).context["cl"].result_list)


def page_of(entry: AuditEntry) -> str:
    return reverse("admin:accounts_auditentry_change", args=[entry.pk])


def test_administrators_see_all_and_billing_what_is_about_money(entries):
    administrator, billing = client_of(somebody("Administrators")), client_of(somebody("Billing"))
    assert (shown(administrator), shown(billing)) == (entries[::-1], entries[:1])
    answers = [[each.get(page_of(entry)).status_code for entry in entries] for each in (administrator, billing)]
    # What is not in the list is not found by its address either.
    assert answers == [[200, 200, 200], [200, 302, 302]]


@pytest.mark.parametrize("role", ["Support", "Stock"])
def test_the_others_see_nothing(entries, role):
    client = client_of(somebody(role))
    assert [client.get(url).status_code for url in (LOG, page_of(entries[0]))] == [403, 403]


def test_it_is_found_by_account_person_action_and_day(entries, sam_client, alice, sam):
    found = [
        shown(sam_client, q=alice.number),
        shown(sam_client, q="sam"),
        shown(sam_client, action__exact="view"),
        shown(sam_client, by__id__exact=sam.pk),
        shown(sam_client, done_at__year=1999),
    ]
    credit, view, roles = entries
    assert found == [[credit], [roles, view, credit], [view], [view, credit], []]


def test_it_links_to_the_account(entries, sam_client, alice):
    page = sam_client.get(page_of(entries[0])).content.decode()
    assert reverse("admin:accounts_account_change", args=[alice.pk]) in page


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_however_long_it_is(sam, sam_client, alice, rows, django_assert_num_queries):
    for _ in range(rows):
        audit_log.record(by=sam, action=Action.CREDIT, account=alice, reason="Sorry.")
    sam_client.get(LOG)
    with django_assert_num_queries(7):
        assert sam_client.get(LOG).status_code == 200


def test_nobody_changes_it(entries, sam_client):
    urls = [reverse(f"admin:accounts_auditentry_{page}", args=[entries[0].pk]) for page in ("change", "delete")]
    urls.append(reverse("admin:accounts_auditentry_add"))
    assert [sam_client.post(url, {"reason": "Another"}).status_code for url in urls] == [403, 403, 403]
    sam_client.post(LOG, {"action": "delete_selected", "_selected_action": [entries[0].pk], "post": "yes"})
    assert AuditEntry.objects.count() == 3
