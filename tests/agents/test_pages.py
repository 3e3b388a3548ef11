"""The programme, the application, and an agent's own pages."""

import csv
import re
from datetime import date
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import Account
from agents import approval
from agents.models import Agent
from billing import ledger
from tests.agents.making import NOON, a_client_of, an_agent
from tests.billing.movements import at, charge, refund
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.usefixtures("noon")

APPLY = "/agents/apply/"


def words(response) -> str:
    main = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL).group()
    return " ".join(strip_tags(main).split())


def cells(response, table: int) -> list[list[str]]:
    """The rows of a table of the page, as texts."""
    bodies = re.findall(r"<tbody>(.*?)</tbody>", response.content.decode(), re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", bodies[table], re.DOTALL)
    return [
        [" ".join(strip_tags(cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


def a_busy_client(agent: Agent, **more: object) -> Account:
    client = a_client_of(agent, **more)
    paid = charge(client, "10.00", "0.89", at(12, 5, year=2026))
    charge(client, "1.00", "0", at(1, 5))
    refund(client, "5.00", "0.44", at(1, 6), of=paid)
    return client


class TestTheProgramme:
    def test_visitors_read_it_and_may_sign_up(self, client):
        page = client.get("/agents/")
        links = re.findall(r'<a class="button[^"]*" href="([^"]+)">([^<]+)</a>', page.content.decode())
        assert [link for link in links if link[1] != "Cart"][-2:] == [
            ("/accounts/signup/", "Sign Up"),
            (APPLY, "Log in and apply"),
        ]
        assert "3 % unless we agree on something else" in words(page)

    def test_it_is_linked_from_every_page_and_from_the_profile(self, client, alice_client):
        assert client.get("/").content.decode().count('<a href="/agents/">Refer clients</a>') == 1
        # The footer has it too.
        assert (
            alice_client.get("/accounts/profile/").content.decode().count('<a href="/agents/">Refer clients</a>') == 2
        )

    @pytest.mark.parametrize(
        ("state", "told", "button"),
        [
            (None, "", "Apply to become an agent"),
            ("applied", "You have applied as acme on 11 January 2027, and we are looking at it.", ""),
            ("declined", "We could not make you an agent when you applied last.", "Apply again"),
        ],
    )
    def test_a_customer_sees_what_became_of_it(self, alice, alice_client, state, told, button):
        if state:
            an_agent(alice, state=state)
        page = alice_client.get("/agents/")
        assert told in words(page)
        assert re.findall(rf'href="{APPLY}">([^<]+)<', page.content.decode()) == ([button] if button else [])

    def test_a_closed_account_is_not_asked_to_apply(self, alice, alice_client):
        Account.objects.update(closed_on=date(2027, 1, 10))
        assert APPLY not in alice_client.get("/agents/").content.decode()

    def test_staff_read_it(self, sam_client):
        page = sam_client.get("/agents/")
        assert (page.status_code, APPLY in page.content.decode()) == (200, False)


class TestApplying:
    def apply(self, client: Client, agent_id: str = "acme", about: str = "By my shop."):
        return client.post(APPLY, {"agent_id": agent_id, "about": about})

    def test_it_is_stored_in_small_letters(self, alice, alice_client):
        answer = self.apply(alice_client, " ACME-1 ")
        assert (answer.status_code, answer.url) == (303, "/agents/")
        agent = Agent.objects.get()
        assert (agent.account, agent.agent_id, agent.about, agent.state, agent.applied_at) == (
            alice,
            "acme-1",
            "By my shop.",
            "applied",
            NOON,
        )
        page = alice_client.get("/agents/")
        assert "We have your application." in words(page)

    @pytest.mark.parametrize(
        ("agent_id", "message"),
        [
            ("", "This field is required."),
            ("ab", "Use 3 to 20 letters, digits and hyphens."),
            ("-ab", "Use 3 to 20 letters, digits and hyphens."),
            ("a b c", "Use 3 to 20 letters, digits and hyphens."),
            ("ａｃｍｅ", "Use 3 to 20 letters, digits and hyphens."),
            ("acme\x00", "Null characters are not allowed."),
            ("a" * 21, "Ensure this value has at most 20 characters (it has 21)."),
            ("a" * 10_000, "Ensure this value has at most 20 characters (it has 10000)."),
            ("17771234567", "An Agent ID cannot look like a 1777 number. Choose another one."),
            ("1777-123-4567", "An Agent ID cannot look like a 1777 number. Choose another one."),
            ("taken", "This ID is taken. Choose another one."),
            ("TAKEN", "This ID is taken. Choose another one."),
        ],
    )
    def test_ids_that_are_refused(self, alice_client, bob, agent_id, message):
        an_agent(bob, "taken", state="declined")
        page = self.apply(alice_client, agent_id)
        assert (page.status_code, page.context["form"].errors) == (422, {"agent_id": [message]})
        assert page.context["form"]["about"].value() == "By my shop."

    def test_what_one_says_has_an_end(self, alice_client):
        page = self.apply(alice_client, about="x" * 1001)
        assert (page.status_code, list(page.context["form"].errors)) == (422, ["about"])

    def test_an_id_that_is_taken_in_the_same_moment(self, alice_client, bob, monkeypatch):
        monkeypatch.setattr(Agent, "validate_unique", lambda *args, **more: None)
        monkeypatch.setattr(Agent, "validate_constraints", lambda *args, **more: None)
        an_agent(bob)
        page = self.apply(alice_client)
        assert (page.status_code, page.context["form"].errors) == (
            409,
            {"agent_id": ["This ID is taken. Choose another one."]},
        )

    def test_the_e_mail_address_comes_first(self, db, client):
        client.force_login(AccountFactory(email_confirmed=False).user)
        assert "Confirm your e-mail address first." in words(client.get(APPLY))
        page = self.apply(client)
        assert page.status_code == 409
        assert "Confirm your e-mail address before you apply: we sent you a link." in words(page)

    @pytest.mark.parametrize("state", ["applied", "approved", "closed"])
    def test_once_is_enough(self, alice, alice_client, state):
        an_agent(alice, state=state)
        for answer in (alice_client.get(APPLY), self.apply(alice_client, "other")):
            assert (answer.status_code, answer.url) == (302, "/agents/")
        assert Agent.objects.get().agent_id == "acme"

    def test_whoever_was_declined_applies_again_with_what_was_typed(self, alice, alice_client):
        an_agent(alice, state="declined")
        form = alice_client.get(APPLY).context["form"]
        assert (form["agent_id"].value(), form["about"].value()) == ("acme", "By my shop.")
        assert self.apply(alice_client, "acme", "By my blog.").status_code == 303
        assert Agent.objects.values_list("agent_id", "about", "state").get() == ("acme", "By my blog.", "applied")

    def test_a_closed_account_is_told_so(self, alice, alice_client):
        Account.objects.update(closed_on=date(2027, 1, 10))
        assert (alice_client.get(APPLY).status_code, self.apply(alice_client).status_code) == (409, 409)


class TestTheAgentsPage:
    def test_what_was_earned_with_whom(self, acme, alice_client):
        a_client_of(acme, number="17771110001", opened_at=at(12, 1, year=2026))
        a_busy_client(acme, number="17771110002", opened_at=at(1, 3))
        page = alice_client.get("/agents/")
        assert "Agent ID acme. You earn 3 % of" in words(page)
        # $10.00 in December; in January $1.00 less $5.00 of that.
        assert re.findall(r'<p class="price">(.*?)</p>', page.content.decode()) == ["−$0.1200", "$0.1800"]
        months, clients = cells(page, 0), cells(page, 1)
        assert months[:3] == [
            ["January 2027", "−$0.1200"],
            ["December 2026", "$0.3000"],
            ["November 2026", "$0.0000"],
        ]
        assert len(months) == 12
        assert clients == [
            ["1777 ••• 0002", "3 Jan 2027", "−$0.1200", "$0.1800"],
            ["1777 ••• 0001", "1 Dec 2026", "$0.0000", "$0.0000"],
        ]
        bars = re.findall(r"<title>(\w+ \d{4}: .*?)</title>", page.content.decode())
        assert (len(bars), bars[0], bars[-1]) == (12, "February 2026: $0.0000", "January 2027: −$0.1200")

    def test_the_link_works_without_javascript_and_leads_to_sign_up(self, acme, alice_client, client, settings):
        page = alice_client.get("/agents/").content.decode()
        [link] = re.findall(r'<input class="mono" id="agent-link" type="text" value="([^"]+)" readonly>', page)
        assert link == f"{settings.SITE_URL}/?aid=acme"
        client.get(link.removeprefix(settings.SITE_URL))
        assert client.get("/accounts/signup/").context["form"].referrer == "acme"

    def test_nothing_else_of_a_client(self, acme, alice_client):
        user = UserFactory(username="mallory", email="mallory@example.com")
        client = a_busy_client(acme, user=user, number="17779876543", name="Mallory M.", funds="77.77")
        answers = [alice_client.get(reverse(name)) for name in ("agents", "agents_commission", "agents_commission_csv")]
        for answer in answers:
            text = unquote(answer.content.decode())
            told = {"allory", "17779876543", "7779876", "66.77", "Order ABC", f"/{client.pk}/"}
            assert {secret for secret in told if secret in text} == set()
            assert text.count("6543") == (1 if answer is answers[0] else 2)

    def test_what_is_still_to_be_taken_back(self, acme, alice_client):
        client = a_client_of(acme)
        paid = charge(client, "10.00", "0", at(1, 5))
        charge(acme.account, "0.2500", "0", at(1, 6))
        refund(client, "10.00", "0", at(1, 7), of=paid)
        page = alice_client.get("/agents/")
        assert re.findall(r'<p class="price">(.*?)</p>', page.content.decode()) == ["$0.2500", "$0.2500", "$0.2500"]
        assert "Still to be taken back" in words(page)

    def test_before_the_first_client(self, acme, alice_client):
        page = alice_client.get("/agents/")
        assert "No clients yet" in words(page)
        assert "<svg viewBox" not in re.search(r"<main.*</main>", page.content.decode(), re.DOTALL).group()

    def test_closed_it_says_so_and_keeps_what_was(self, acme, alice_client, sam):
        a_busy_client(acme)
        approval.close(acme, by=sam, reason="Because", now=at(1, 9))
        page = alice_client.get("/agents/")
        assert "Your agent's account was closed on 9 January 2027." in words(page)
        assert ("?aid=" in page.content.decode(), len(cells(page, 1))) == (False, 1)
        assert alice_client.get("/agents/link.svg").status_code == 404
        assert alice_client.get("/agents/commission/").status_code == 200

    def test_a_closed_account_looks_and_shares_nothing(self, acme, alice_client):
        a_busy_client(acme)
        Account.objects.filter(pk=acme.account_id).update(closed_on=date(2027, 1, 10))
        page = alice_client.get("/agents/")
        assert (page.status_code, "?aid=" in page.content.decode(), len(cells(page, 1))) == (200, False, 1)

    def test_newest_clients_first_25_on_a_page(self, acme, alice_client):
        for n in range(26):
            a_client_of(acme, number=f"1777111{n:04}")
        first, second = (cells(alice_client.get(f"/agents/?page={page}"), 0) for page in (1, 2))
        assert [row[0] for row in first] == [f"1777 ••• {n:04}" for n in range(25, 0, -1)]
        assert [row[0] for row in second] == ["1777 ••• 0000"]

    @pytest.mark.parametrize("clients", [1, 3])
    @pytest.mark.parametrize(
        ("name", "queries"), [("agents", 11), ("agents_commission", 9), ("agents_commission_csv", 7)]
    )
    def test_queries_do_not_grow(self, acme, alice_client, django_assert_num_queries, clients, name, queries):
        for _ in range(clients):
            a_busy_client(acme)
        alice_client.get("/")
        with django_assert_num_queries(queries):
            alice_client.get(reverse(name))


class TestCommission:
    @pytest.fixture
    def busy(self, acme) -> Account:
        charge(a_client_of(acme, number="17771110001", opened_at=at(12, 1, year=2026)), "2.00", "0", at(1, 7))
        return a_busy_client(acme, number="17771110002", opened_at=at(1, 3))

    @pytest.mark.parametrize(
        ("query", "rows", "total"),
        [
            ("", [0, 1, 2], "All months: $0.2400"),
            ("?month=2027-01", [0, 1], "January 2027: −$0.0600"),
            ("?month=2026-12", [2], "December 2026: $0.3000"),
            # What is not understood shows all.
            ("?month=2025-01", [0, 1, 2], "All months: $0.2400"),
            ("?month=x'--", [0, 1, 2], "All months: $0.2400"),
            ("?month=%00", [0, 1, 2], "All months: $0.2400"),
            ("?page=99", [0, 1, 2], "All months: $0.2400"),
        ],
    )
    def test_by_month_and_client(self, busy, alice_client, query, rows, total):
        all_rows = [
            ["January 2027", "1777 ••• 0002", "3 Jan 2027", "−$0.1200"],
            ["January 2027", "1777 ••• 0001", "1 Dec 2026", "$0.0600"],
            ["December 2026", "1777 ••• 0002", "3 Jan 2027", "$0.3000"],
        ]
        page = alice_client.get(f"/agents/commission/{query}")
        assert cells(page, 0) == [all_rows[row] for row in rows]
        assert total in words(page)

    def test_25_on_a_page_which_keep_the_month(self, acme, alice_client):
        for n in range(26):
            charge(a_client_of(acme, number=f"1777111{n:04}"), "1.00", "0", at(1, 5))
        page = alice_client.get("/agents/commission/?month=2027-01")
        assert len(cells(page, 0)) == 25
        assert 'href="?month=2027-01&amp;page=2"' in page.content.decode()
        assert cells(alice_client.get("/agents/commission/?month=2027-01&page=2"), 0) == [
            ["January 2027", "1777 ••• 0000", "11 Jan 2027", "$0.0300"]
        ]

    def test_before_the_first_payment(self, acme, alice_client):
        assert "No commission yet" in words(alice_client.get("/agents/commission/"))
        assert alice_client.get("/agents/commission.csv").content.decode().splitlines() == [
            "Month,Client,Signed up,Commission"
        ]

    @pytest.mark.parametrize(
        ("query", "name", "rows"),
        [("", "commission-acme.csv", 3), ("?month=2027-01", "commission-acme-2027-01.csv", 2)],
    )
    def test_as_csv(self, busy, alice_client, query, name, rows):
        answer = alice_client.get(f"/agents/commission.csv{query}")
        assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == (
            "text/csv; charset=utf-8",
            f'attachment; filename="{name}"',
        )
        assert (
            list(csv.reader(answer.content.decode().splitlines()))[1:]
            == [
                ["2027-01", "1777 ••• 0002", "2027-01-03", "-0.1200"],
                ["2027-01", "1777 ••• 0001", "2026-12-01", "0.0600"],
                ["2026-12", "1777 ••• 0002", "2027-01-03", "0.3000"],
            ][:rows]
        )


def test_the_qr_code_is_dark_on_white_with_a_quiet_zone_and_nothing_inline(acme, alice_client):
    answer = alice_client.get("/agents/link.svg")
    drawing = answer.content.decode()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    [size] = re.findall(r'viewBox="0 0 (\d+) \1"', drawing)
    assert '<rect fill="white" x="0" y="0" width="100%" height="100%"' in drawing
    corners = [tuple(map(int, corner)) for corner in re.findall(r"M(\d+),(\d+)H", drawing)]
    # Four modules around it.
    assert (min(map(min, corners)), max(map(max, corners)) < int(size) - 4) == (4, True)
    assert re.findall(r"style|<script|\son\w+=", drawing) == []


@pytest.mark.parametrize("name", ["agents_commission", "agents_commission_csv", "agents_qr_code"])
@pytest.mark.parametrize("state", [None, "applied", "declined"])
def test_who_is_no_agent_has_none_of_these_pages(acme, bob, bob_client, name, state):
    if state:
        an_agent(bob, "zeta", state=state)
    assert bob_client.get(reverse(name)).status_code == 404


def test_an_agent_sees_its_own_clients_alone(acme, bob, bob_client):
    a_busy_client(acme, number="17771110001")
    zeta = an_agent(bob, "zeta")
    a_busy_client(zeta, number="17771110002")
    assert [row[0] for row in cells(bob_client.get("/agents/"), 1)] == ["1777 ••• 0002"]
    assert {row[1] for row in cells(bob_client.get("/agents/commission/"), 0)} == {"1777 ••• 0002"}
    assert ledger.of(zeta.account).balance > 0
