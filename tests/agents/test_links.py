"""Links with ``aid=…``: what is remembered, how long, and that nothing in them breaks a page."""

import re
from datetime import date, timedelta
from urllib.parse import quote, urlencode

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from agents import approval, links
from agents.models import Agent
from tests.access.tables import PORTAL
from tests.access.test_access import addresses  # noqa: F401 (a fixture)
from tests.agents.making import NOON

pytestmark = pytest.mark.usefixtures("noon")

PRIVATE = {"private", "no-store"}
NASTY = [
    "' OR 1=1 --",
    "acme'; DROP TABLE agents_agent; --",
    "a" * 10_000,
    "acme\x00",
    "\x00",
    "\u0661\u0667\u0667\u0667\u0665\u0665\u0665\u0660\u0660\u0660\u0660",
    "ａｃｍｅ",
    "<script>alert(1)</script>",
    "acme\r\nSet-Cookie: a=b",
    "",
    "ac",
]


def follow(client: Client, agent_id: str, path: str = "/coverage/"):
    return client.get(f"{path}?{urlencode({'aid': agent_id})}")


def referrer(client: Client) -> str:
    """Whom the sign-up page says the visitor was referred by, which is what its field is filled with."""
    page = client.get(reverse("account_signup"))
    told = re.findall(r"Referred by <strong>(.*?)</strong>", page.content.decode())
    field = page.context["form"]["agent_id"].value() or ""
    assert told == ([field] if field else [])
    return field


def cache_control(response) -> set[str]:
    return set(filter(None, response.headers.get("Cache-Control", "").split(", ")))


class TestWhatIsRemembered:
    @pytest.mark.parametrize("typed", ["acme", "ACME", "{number}", "1777-{rest}"])
    def test_an_id_or_a_1777_number_on_any_page(self, acme, client, typed):
        number = acme.account.number
        follow(client, typed.format(number=number, rest=number[4:]))
        assert referrer(client) == "acme"

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/", 200),
            ("/coverage/", 200),
            ("/accounts/signup/", 200),
            ("/no/such/page/", 404),
            ("/dashboard/", 302),
            ("/admin/", 302),
            ("/coverage", 301),
            ("/healthz", 200),
        ],
    )
    def test_whatever_the_answer_is(self, acme, client, path, status):
        assert follow(client, "acme", path).status_code == status
        assert referrer(client) == "acme"

    def test_in_the_address_of_a_post(self, acme, client):
        assert client.post("/accounts/login/?aid=acme", {"login": "nobody", "password": "x"}).status_code == 200
        assert referrer(client) == "acme"

    def test_what_is_posted_is_no_link(self, acme, client):
        client.post("/accounts/login/", {"aid": "acme"})
        assert referrer(client) == ""

    def test_the_page_is_served_as_it_was_asked_for(self, acme, client):
        page = client.get("/coverage/?q=albany&aid=acme&page=2")
        assert (page.status_code, page.context["request"].GET.dict()) == (
            200,
            {"q": "albany", "aid": "acme", "page": "2"},
        )

    def test_the_query_goes_along_to_the_login_page(self, acme, client):
        answer = client.get("/orders/?page=2&aid=acme")
        assert (answer.status_code, answer.url) == (302, f"/accounts/login/?next={quote('/orders/?page=2&aid=acme')}")

    def test_the_last_link_wins(self, acme, zeta, client):
        follow(client, "acme")
        follow(client, "zeta")
        assert referrer(client) == "zeta"

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("aid=acme&aid=zeta", "zeta"),
            ("aid=zeta&aid=acme", "acme"),
            ("aid=acme&aid=nobody", ""),
            ("aid=acme&aid=", ""),
        ],
    )
    def test_the_last_of_several_in_one_address(self, acme, zeta, client, query, found):
        client.get(f"/?{query}")
        assert referrer(client) == found

    @pytest.mark.parametrize("state", ["applied", "declined", "closed"])
    def test_who_takes_no_clients_overwrites_nobody(self, acme, zeta, client, state):
        Agent.objects.filter(pk=zeta.pk).update(state=state)
        follow(client, "acme")
        assert "agent_link" not in follow(client, "zeta").cookies
        assert referrer(client) == "acme"

    def test_nor_does_one_whose_account_is_closed(self, acme, zeta, client):
        zeta.account.closed_on = date(2027, 1, 10)
        zeta.account.save()
        follow(client, "acme")
        follow(client, "zeta")
        assert referrer(client) == "acme"

    def test_one_that_is_closed_since_is_dropped(self, acme, client, sam):
        follow(client, "acme")
        approval.close(acme, by=sam, reason="Asked for it", now=NOON)
        assert referrer(client) == ""

    def test_a_customer_who_is_logged_in_goes_on_as_before(self, acme, bob_client):
        assert follow(bob_client, "acme", "/dashboard/").status_code == 200
        bob_client.post("/accounts/logout/")
        assert referrer(bob_client) == "acme"


class TestHowLong:
    @pytest.mark.parametrize(("days", "found"), [(0, "acme"), (29, "acme"), (30, "acme"), (31, "")])
    def test_thirty_business_days_after_the_link(self, acme, client, time_machine, days, found):
        follow(client, "acme")
        time_machine.move_to(NOON + timedelta(days=days), tick=False)
        assert referrer(client) == found

    def test_to_the_end_of_the_last_day_in_new_york(self, acme, client, time_machine):
        follow(client, "acme")
        time_machine.move_to(NOON.replace(hour=23, minute=59) + timedelta(days=30), tick=False)
        assert referrer(client) == "acme"
        time_machine.move_to(NOON.replace(hour=0, minute=1) + timedelta(days=31), tick=False)
        assert referrer(client) == ""

    def test_the_same_link_again_begins_anew(self, acme, client, time_machine):
        follow(client, "acme")
        time_machine.move_to(NOON + timedelta(days=29), tick=False)
        follow(client, "acme")
        time_machine.move_to(NOON + timedelta(days=59), tick=False)
        assert referrer(client) == "acme"


class TestTheCookie:
    @pytest.mark.parametrize("https", [False, True])
    def test_what_it_is_like(self, acme, client, settings, https):
        settings.SESSION_COOKIE_SECURE = https
        cookie = follow(client, "acme").cookies["agent_link"]
        assert cookie.value.startswith("acme:2027-01-11:")
        assert {name: cookie[name] for name in ("max-age", "path", "domain", "httponly", "samesite", "secure")} == {
            "max-age": 31 * 24 * 3600,
            "path": "/",
            "domain": "",
            "httponly": True,
            "samesite": "Lax",
            "secure": https or "",
        }

    @pytest.mark.parametrize(
        "forged",
        [
            "acme:2027-01-11:1tWxyz:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "acme",
            "",
            ":",
            "::::",
            "\x00",
            "ä" * 3000,
            "' OR 1=1 --",
        ],
    )
    def test_what_we_did_not_write_is_none(self, acme, client, forged):
        client.cookies["agent_link"] = forged
        assert referrer(client) == ""
        assert client.get("/").status_code == 200

    def test_one_that_was_signed_for_something_else_is_none(self, acme, client):
        client.cookies["agent_link"] = signing.get_cookie_signer(salt="something else").sign("acme:2027-01-11")
        assert referrer(client) == ""

    def test_one_that_was_altered_is_none(self, acme, zeta, client):
        follow(client, "acme")
        client.cookies["agent_link"] = client.cookies["agent_link"].value.replace("acme", "zeta")
        assert referrer(client) == ""


@pytest.mark.parametrize("path", ["/", "/coverage/", "/no/such/page/", "/accounts/signup/"])
@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_in_a_link_breaks_a_page(acme, client, path, nasty):
    client.get("/?aid=acme")
    plain, answer = client.get(path), follow(client, nasty, path)
    assert (answer.status_code, "agent_link" in answer.cookies) == (plain.status_code, False)
    assert referrer(client) == "acme"


@pytest.mark.parametrize(
    ("query", "more"), [("", 0), ("?q=x", 0), ("?aid=acme", 1), ("?aid=nobody", 1), ("?aid=' OR 1=1", 0), ("?aid=", 0)]
)
def test_a_link_costs_one_query_and_none_where_it_can_be_nobody(acme, client, django_assert_num_queries, query, more):
    client.get("/accounts/forgot/")
    # A page that asks the database nothing, for a visitor who has followed a link before.
    client.get("/?aid=acme")
    with django_assert_num_queries(more):
        client.get(f"/accounts/forgot/{query}")


def test_a_link_to_the_sign_up_page_is_looked_up_once(acme, client, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get("/accounts/signup/?aid=acme")


class TestCaches:
    def test_an_answer_that_sets_the_cookie_is_nobody_elses(self, acme, client):
        for path in ("/", "/coverage/", "/faq/", "/no/such/page/", "/dashboard/", "/accounts/signup/"):
            answer = follow(client, "acme", path)
            assert (path, PRIVATE - cache_control(answer)) == (path, set())
            assert "Cookie" in answer.headers["Vary"].split(", ")

    def test_the_sign_up_page_is_kept_by_nobody(self, acme, client):
        client.get("/?aid=acme")
        answer = client.get("/accounts/signup/")
        assert PRIVATE - cache_control(answer) == set()
        assert "Cookie" in answer.headers["Vary"].split(", ")

    def test_no_other_page_shows_whose_link_was_followed(self, addresses):  # noqa: F811 (the fixture)
        """What a shared cache may keep of one visitor is what every other would be shown."""
        linked, other = Client(), Client()
        linked.get(f"/?aid={Agent.objects.approved().get()}")
        other.get("/")
        assert (links.COOKIE in linked.cookies, links.COOKIE in other.cookies) == (True, False)
        public = {name for name, answers in PORTAL.items() if answers["visitor"] == "ok"}
        for name in sorted(public - {"account_signup"}):
            seen, plain = linked.get(addresses[name]), other.get(addresses[name])
            assert (name, words(seen)) == (name, words(plain))
            assert seen.headers.get("Cache-Control") == plain.headers.get("Cache-Control")


def words(response) -> str:
    """The page without the token that every visitor has of their own, and what names its forms."""
    return re.sub(r"[A-Za-z0-9]{64}|[0-9a-f-]{36}", "TOKEN", response.content.decode())
