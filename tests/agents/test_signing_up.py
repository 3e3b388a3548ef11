"""Sign-up by a link: the field is filled in, the visitor has the last word, and it is for good."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from agents import approval
from agents.models import Agent
from tests.accounts.test_signup import errors, typed
from tests.agents.making import NOON

pytestmark = pytest.mark.usefixtures("noon")

UNKNOWN = ["We know no agent by this ID. Check it with your agent, or leave this empty."]
MISSING = object()


def sign_up(client: Client, agent_id: object = MISSING, **changes: str):
    """As the page sends it; without the field at all where ``agent_id`` is missing."""
    data = typed(**changes)
    data["agent_id"] = agent_id
    if agent_id is MISSING:
        del data["agent_id"]
    return client.post(reverse("account_signup"), data)


def agent_of(username: str = "bob") -> str | None:
    referred_by = Account.objects.get(user__username=username).referred_by
    return referred_by.agent.agent_id if referred_by else None


def is_told(response) -> list[str]:
    return re.findall(r"Referred by <strong>(.*?)</strong>", response.content.decode())


@pytest.mark.parametrize(
    ("link", "field", "found"),
    [
        ("acme", "acme", "acme"),
        ("acme", MISSING, "acme"),
        # Emptied: no agent.
        ("acme", "", None),
        ("acme", "   ", None),
        # Typed: it wins, by ID and by number.
        ("acme", "zeta", "zeta"),
        ("acme", "ZETA", "zeta"),
        ("acme", "number of zeta", "zeta"),
        ("", "zeta", "zeta"),
        ("", "", None),
        ("", MISSING, None),
        ("nobody", MISSING, None),
    ],
)
def test_who_brought_them(acme, zeta, client, link, field, found):
    client.get(f"/?aid={link}")
    if field == "number of zeta":
        field = zeta.account.number
    assert sign_up(client, field).status_code == 302
    assert agent_of() == found


@pytest.mark.parametrize("state", ["unknown", "applied", "declined", "closed"])
def test_a_typed_one_that_takes_no_clients_is_refused_and_nothing_is_lost(acme, zeta, client, state):
    Agent.objects.filter(pk=zeta.pk).update(state="closed" if state == "unknown" else state)
    client.get("/?aid=acme")
    page = sign_up(client, "nobody" if state == "unknown" else "zeta", name="Bob B.")
    assert errors(page) == {"agent_id": UNKNOWN}
    form = page.context["form"]
    assert [form[name].value() for name in ("name", "email", "username", "agent_id")] == [
        "Bob B.",
        "bob@example.com",
        "bob",
        "nobody" if state == "unknown" else "zeta",
    ]
    assert (is_told(page), User.objects.filter(username="bob").exists()) == ([], False)


def test_a_page_that_is_refused_for_something_else_still_tells(acme, client):
    client.get("/?aid=acme")
    for field in ("acme", MISSING):
        page = sign_up(client, field, name="")
        assert (list(errors(page)), is_told(page), page.context["form"]["agent_id"].value()) == (
            ["name"],
            ["acme"],
            "acme",
        )


@pytest.mark.parametrize("field", ["acme", MISSING])
def test_one_that_is_closed_while_the_page_is_open_is_dropped_without_a_word(acme, client, sam, field):
    client.get("/?aid=acme")
    client.get(reverse("account_signup"))
    approval.close(acme, by=sam, reason="Asked for it", now=NOON)
    assert sign_up(client, field).status_code == 302
    assert agent_of() is None


def test_a_link_that_is_too_old_brings_nobody(acme, client, time_machine):
    client.get("/?aid=acme")
    time_machine.move_to(NOON + timedelta(days=31), tick=False)
    assert sign_up(client).status_code == 302
    assert agent_of() is None


def test_the_link_is_used_up(acme, client):
    client.get("/?aid=acme")
    answer = sign_up(client, "acme")
    assert (answer.cookies["agent_link"].value, answer.cookies["agent_link"]["max-age"]) == ("", 0)
    assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", "))
    client.post("/accounts/logout/")
    sign_up(client, username="second", email="second@example.com")
    assert agent_of("second") is None


def test_in_the_address_of_sign_up_itself_too(acme, client):
    answer = client.post("/accounts/signup/?aid=acme", typed(agent_id="acme"))
    assert (answer.status_code, answer.cookies["agent_link"].value, agent_of()) == (302, "", "acme")


def test_one_that_is_refused_uses_nothing_up(acme, client):
    client.get("/?aid=acme")
    assert "agent_link" not in sign_up(client, "acme", name="").cookies
    assert sign_up(client).status_code == 302
    assert agent_of() == "acme"


def test_a_known_e_mail_address_is_answered_alike(acme, bob):
    """Nobody learns from the cookie whether an address has an account."""
    answers = []
    for name, email in (("second", "second@example.com"), ("third", bob.user.email)):
        client = Client()
        client.get("/?aid=acme")
        answers.append(sign_up(client, "acme", username=name, email=email))
    first, second = ((answer.status_code, answer.url, answer.cookies["agent_link"].output()) for answer in answers)
    assert first == second


def test_it_is_for_good(acme, zeta, bob_client, bob):
    """A customer who follows a link stays whose client they are."""
    Account.objects.filter(pk=bob.pk).update(referred_by=None)
    bob_client.get("/dashboard/?aid=acme")
    bob_client.post("/accounts/profile/", {"form": "contact", "name": "Bob", "referred_by": acme.account_id})
    assert agent_of() is None


def test_an_agent_that_signs_up_by_their_own_link_is_another_account(acme, client):
    """The same person may have two accounts; an account is never its own agent (see accounts.models)."""
    client.get("/?aid=acme")
    sign_up(client)
    assert Account.objects.get(user__username="bob").referred_by == acme.account
