"""Staff decide about agents: each decision asks for its reason, and needs a permission of its own."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from accounts.models import AuditEntry
from agents.models import Agent
from tests.agents.making import a_client_of, an_agent
from tests.billing.movements import at, charge, refund
from tests.factories import AccountFactory, UserFactory

LIST = reverse("admin:agents_agent_changelist")


def address(agent: Agent, name: str) -> str:
    return reverse("admin:agents_agent_decide", args=[agent.pk, name])


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def looker(*codenames: str) -> Client:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_agent", *codenames]))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("name", "state", "typed", "became", "told", "subject"),
    [
        (
            "approve",
            "applied",
            {"percent": "4.5"},
            ("approved", Decimal("4.5")),
            "acme is an agent now, at 4.5 %. A welcome e-mail is on its way.",
            "You are an agent now",
        ),
        (
            "decline",
            "applied",
            {},
            ("declined", None),
            "acme is declined. An e-mail says so.",
            "Your application to become an agent",
        ),
        (
            "change_rate",
            "approved",
            {"percent": "-0.00"},
            ("approved", Decimal(0)),
            "acme earns 0 % from now on. An e-mail says so.",
            "Your commission is 0 % now",
        ),
        (
            "close",
            "approved",
            {},
            ("closed", None),
            "acme is closed. An e-mail says so.",
            "Your agent's account is closed",
        ),
    ],
)
def test_each_decision(alice, sam, sam_client, name, state, typed, became, told, subject):
    agent = an_agent(alice, state=state)
    assert sam_client.get(address(agent, name)).status_code == 200
    answer = sam_client.post(address(agent, name), {"reason": "Because", **typed})
    assert (answer.status_code, answer.url, said(answer)) == (302, LIST, [told])
    agent = Agent.objects.select_related("account").get()
    assert (agent.state, agent.account.commission_percent) == became
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.by, entry.account, entry.reason) == ("agent", sam, alice, "Because")
    assert Email.objects.get().subject == subject


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"percent": "3", "reason": ""}, {"reason": ["Say why: whoever looks at it in a year wants to know."]}),
        (
            {"percent": "3", "reason": "x" * 501},
            {"reason": ["Ensure this value has at most 500 characters (it has 501)."]},
        ),
        ({"percent": "20.01", "reason": "x"}, {"percent": ["Ensure this value is less than or equal to 20."]}),
        ({"percent": "-1", "reason": "x"}, {"percent": ["Ensure this value is greater than or equal to 0."]}),
        ({"percent": "1.005", "reason": "x"}, {"percent": ["Ensure that there are no more than 2 decimal places."]}),
        ({"percent": "", "reason": "x"}, {"percent": ["This field is required."]}),
    ],
)
def test_what_is_wrong_in_the_form_decides_nothing(alice, sam_client, typed, errors):
    agent = an_agent(alice, state="applied")
    page = sam_client.post(address(agent, "approve"), typed)
    assert (page.status_code, page.context["form"].errors) == (422, errors)
    assert (Agent.objects.get().state, AuditEntry.objects.count(), Email.objects.count()) == ("applied", 0, 0)


def test_what_somebody_else_has_decided_meanwhile_is_said(alice, sam_client):
    agent = an_agent(alice, state="declined")
    page = sam_client.post(address(agent, "close"), {"reason": "Because"})
    assert (page.status_code, page.context["form"].non_field_errors()) == (
        409,
        ["acme is not approved: there is nothing to close."],
    )
    assert "acme is not approved: there is nothing to close." in page.content.decode()


@pytest.mark.parametrize("state", ["approved", "applied"])
def test_the_rate_that_is_offered(alice, sam_client, state):
    agent = an_agent(alice, state=state, percent="7")
    assert sam_client.get(address(agent, "approve")).context["form"]["percent"].value() == (
        7 if state == "approved" else 3
    )


@pytest.mark.parametrize("name", ["approve", "decline", "change_rate", "close"])
def test_looking_is_not_deciding(alice, name):
    agent, client = an_agent(alice, state="applied"), looker()
    assert client.get(LIST).status_code == 200
    assert "/decide/" not in client.get(LIST).content.decode()
    assert client.get(address(agent, name)).status_code == 403
    assert client.post(address(agent, name), {"reason": "x", "percent": "3"}).status_code == 403
    assert Agent.objects.get().state == "applied"


def test_whoever_may_decide_does(alice):
    agent = an_agent(alice, state="applied")
    assert looker("decide_agent").post(address(agent, "decline"), {"reason": "x"}).status_code == 302
    assert Agent.objects.get().state == "declined"


@pytest.mark.parametrize("name", ["delete", "nothing"])
def test_there_are_no_other_decisions(alice, sam_client, name):
    assert sam_client.get(address(an_agent(alice), name)).status_code == 404


def test_an_agent_that_is_not_there(sam_client):
    assert sam_client.get(reverse("admin:agents_agent_decide", args=[1, "approve"])).status_code == 404


def test_nothing_is_edited_added_or_deleted(alice, sam_client):
    agent = an_agent(alice)
    change = reverse("admin:agents_agent_change", args=[agent.pk])
    assert sam_client.get(change).status_code == 200
    assert sam_client.post(change, {"agent_id": "other"}).status_code == 403
    assert sam_client.get(reverse("admin:agents_agent_add")).status_code == 403
    assert sam_client.post(reverse("admin:agents_agent_delete", args=[agent.pk])).status_code == 403
    assert Agent.objects.get().agent_id == "acme"


def test_applications_come_first(sam_client, db):
    for state in ("closed", "approved", "declined", "applied"):
        an_agent(AccountFactory(), state, state=state)
    listed = [agent.agent_id for agent in sam_client.get(LIST).context["cl"].result_list]
    assert listed == ["applied", "approved", "closed", "declined"]
    applied = sam_client.get(f"{LIST}?state__exact=applied").context["cl"].result_list
    assert [agent.agent_id for agent in applied] == ["applied"]


def test_the_list_counts_clients_and_what_was_earned(alice, sam_client):
    agent = an_agent(alice)
    a_client_of(agent)
    client = a_client_of(agent)
    paid = charge(client, "10.00", "0", at(1, 5))
    charge(client, "10.00", "0", at(1, 5))
    refund(client, "4.00", "0", at(1, 6), of=paid)
    [listed] = sam_client.get(LIST).context["cl"].result_list
    assert (listed.client_count, listed.earned_sum) == (2, Decimal("0.4800"))


@pytest.mark.parametrize("agents", [1, 3])
def test_queries_do_not_grow(sam_client, django_assert_num_queries, agents):
    for n in range(agents):
        charge(a_client_of(an_agent(AccountFactory(), f"agent-{n}")), "1.00", "0", at(1, 5))
    with django_assert_num_queries(3):
        sam_client.get(LIST)


def test_an_account_shows_its_rate_and_keeps_it(alice, sam_client):
    an_agent(alice)
    change = reverse("admin:accounts_account_change", args=[alice.pk])
    page = sam_client.get(change)
    assert page.context["adminform"].readonly_fields.count("commission_percent") == 1
    data = {"name": "Alice", "phone": "", "time_zone": "UTC", "pays_from": "balance", "commission_percent": "20"}
    sam_client.post(change, data)
    alice.refresh_from_db()
    assert (alice.time_zone, alice.commission_percent) == ("UTC", 3)
