"""Every address, asked by everybody; an address that is in no table fails, so that each says whom it is for."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponseBase
from django.template.backends.django import Template as DrawnTemplate
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from tests.access import things
from tests.access.tables import ACTIONS, ADMIN, MODELS, PORTAL, POST_ONLY, STAFF
from tests.agents.making import an_agent
from tests.factories import AccountFactory
from tests.staff.people import client_of, somebody

# Pages with the same links as others, and what is downloaded.
NO_LINKS = ("_history", "_delete", "_add", "_csv", "_disconnects", "_problems", "_attachment", "_import", "jsi18n")
TABLE = PORTAL | {f"admin:{name}": answers for name, answers in ADMIN.items()}


def names(patterns: Any = None, *, prefix: str = "") -> Iterator[str]:
    """The names of all addresses there are. What has no name sends to one that has, or says that there is none."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, prefix="admin:" if pattern.namespace == "admin" else prefix)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield prefix + pattern.name


def answer(response: HttpResponseBase) -> str:
    if response.status_code == 200:
        return "ok"
    if response.status_code not in (302, 303):
        return str(response.status_code)
    place = response.headers["Location"]
    if place.startswith("/accounts/login/?next="):
        return "login"
    page = urlsplit(place).path
    if page in ("/admin/", "/admin/login/"):
        return "admin" if page == "/admin/" else "no staff"
    # It has another address in every run.
    return "to" if page.startswith(("/support/tickets/", "/services/", "/billing/payments/", "/faq/")) else f"to {page}"


def ask(client: Client, name: str, address: str, **sent: Any) -> str:
    """What ``client`` is answered; whatever it has done is undone."""
    posts = name.removeprefix("admin:") in POST_ONLY or sent
    # No block of its own: Stripe is asked only where there is none.
    before = transaction.savepoint()
    response = client.post(address, sent) if posts else client.get(address)
    transaction.savepoint_rollback(before)
    return answer(response)


@pytest.fixture
def addresses(stripe_server, alice, sam, catalog) -> dict[str, str]:
    """A real one for each name, with Alice's own things in it."""
    arguments = things.addresses_of_the_portal(alice)
    rows = things.rows_of_the_admin(alice, sam)
    for model, row in rows.items():
        for page in ("change", "delete", "history"):
            arguments[f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"] = [row.pk]
    arguments |= {f"admin:{name}": given for name, given in things.arguments_of_the_admin(rows).items()}
    return {name: things.address(name, arguments.get(name, [])) for name in names()}


@pytest.fixture
def staff() -> dict[str, Client]:
    roles = ("Support", "Billing", "Stock", "Administrators")
    return {each: client_of(somebody(role)) for each, role in zip(STAFF, roles, strict=True)}


@pytest.fixture
def everybody(staff, client, alice_client, bob_client) -> dict[str, Client]:
    agent = an_agent(AccountFactory(), "zeta")
    customers = {"alice": alice_client, "bob": bob_client, "agent": client_of(agent.account.user)}
    return {"visitor": client, **customers, **staff}


def test_every_address_is_in_the_table():
    assert set(names()) == set(TABLE)


@pytest.fixture
def undrawn(monkeypatch):
    """Whether somebody gets a page is decided before it is drawn, which takes most of the time."""
    monkeypatch.setattr(DrawnTemplate, "render", lambda self, context=None, request=None: "")


def test_everybody_is_answered_as_the_table_says(addresses, everybody, undrawn):
    told = {
        (name, who): ask(client, name, address)
        for name, address in addresses.items()
        for who, client in everybody.items()
    }
    expected = {(name, who): answer for name, answers in TABLE.items() for who, answer in answers.items()}
    other = {cell for cell in expected if told.get(cell) != expected[cell]}
    assert {cell: told.get(cell) for cell in other} == {cell: expected[cell] for cell in other}


def test_staff_change_what_the_table_says(addresses, staff, undrawn):
    """Whoever may not is refused; whoever may is asked for what is missing."""
    told = {
        model: {
            who: ask(client, "", addresses[f"admin:{model}_change"], do="note") == "403"
            for who, client in staff.items()
        }
        for model in MODELS
    }
    assert told == {
        model: {who: letter not in may for letter, who in zip("SBKA", STAFF, strict=True)}
        for model, (_, _, may, _) in MODELS.items()
    }


def test_what_only_changes_something_asks_for_a_post(addresses, alice_client):
    portal = POST_ONLY & set(PORTAL)
    asked = {name: alice_client.get(addresses[name]).status_code for name in portal}
    assert asked == dict.fromkeys(portal, 405)


def test_no_page_of_staff_leads_where_they_may_not_go(addresses, staff):
    wrong, told = set(), PORTAL | ADMIN
    for who in ("support", "billing", "stock"):
        pages = [name for name in ADMIN if ADMIN[name][who] == "ok" and not name.endswith(NO_LINKS)]
        for name in pages:
            shown = staff[who].get(addresses[f"admin:{name}"]).content.decode()
            links = {resolve(link).url_name for link in re.findall(r'href="(/admin/[^"#?]*)', shown)}
            wrong |= {(who, name, link) for link in links - {"app_list"} if told[link][who] not in ("ok", "to")}
    assert wrong == set()


@pytest.mark.django_db
def test_the_actions_of_a_list_are_for_whom_the_table_says():
    """The admin runs no other action, whatever is posted."""
    request = RequestFactory().get("/")
    found: dict[str, dict[str, str]] = {}
    for letter, role in zip("SBKA", ("Support", "Billing", "Stock", "Administrators"), strict=True):
        request.user = somebody(role)
        for model, model_admin in admin.site._registry.items():
            for name in model_admin.get_actions(request):
                actions = found.setdefault(f"{model._meta.app_label}_{model._meta.model_name}", {})
                actions[name] = actions.get(name, "") + letter
    assert found == ACTIONS


@pytest.mark.django_db
@pytest.mark.parametrize(
    "asked",
    ["support_ticket_changelist?show", "phone_numbers_backorder_changelist?state", "billing_cycle_changelist?stands"],
)
def test_a_filter_that_there_is_not_shows_what_the_list_begins_with(sam_client, asked):
    name, parameter = asked.split("?")
    for value in ("no such", "\0", "x" * 1000):
        assert sam_client.get(reverse(f"admin:{name}"), {parameter: value}).status_code == 200


@pytest.mark.django_db
def test_the_admin_has_no_login_of_its_own(client, alice_client):
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/").url.startswith("/accounts/login/")
    assert alice_client.get("/admin/login/").status_code == 403


@pytest.mark.django_db
def test_an_unknown_address_is_answered_in_our_words(client):
    page = client.get("/no/such/page/")
    assert page.status_code == 404
    assert "Callcentric" in page.content.decode()
