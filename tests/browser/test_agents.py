"""A customer becomes an agent, and a visitor signs up by the agent's link."""

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from agents import approval
from agents.models import Agent
from billing import audit
from callcentric import clock
from tests.agents.making import a_client_of, an_agent
from tests.billing.movements import charge
from tests.browser.conftest import PASSWORD, last_mail_to, log_in
from tests.browser.scanning import findings, judged, log_in_at_this_size
from tests.browser.test_order_a_rate_plan import place_a_first_order
from tests.browser.test_tickets import log_in_as_staff
from tests.factories import AccountFactory
from tests.orders.conftest import credit


@pytest.fixture
def acme(rich_alice) -> Agent:
    return an_agent(rich_alice)


def sign_up(page: Page, name: str) -> Account:
    """By the page that is open, whatever its Agent ID says."""
    form = page.locator("main form")
    form.get_by_label("Your name").fill(name.capitalize())
    form.get_by_label("E-mail").fill(f"{name}@example.com")
    form.get_by_label("Username").fill(name)
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign Up").click()
    page.wait_for_url("**/dashboard/")
    return Account.objects.get(user__username=name)


def test_a_visitor_signs_up_by_a_link(page, acme):
    page.goto("/coverage/?aid=acme")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="Sign Up").first.click()
    expect(page.get_by_text("Referred by acme.")).to_be_visible()
    expect(page.get_by_label("Agent ID")).to_have_value("acme")
    client = sign_up(page, "bob")
    assert client.referred_by == acme.account

    # The link is used up; and whoever empties the box comes by nobody.
    page.get_by_role("button", name="Log out").click()
    page.goto("/accounts/signup/?aid=acme")
    page.get_by_label("Agent ID").fill("")
    assert sign_up(page, "bobby").referred_by is None

    page.get_by_role("button", name="Log out").click()
    log_in(page, "alice")
    page.get_by_role("link", name="Refer clients").click()
    clients = page.get_by_role("region", name="Clients (1)")
    expect(clients.get_by_role("rowheader")).to_have_text(f"1777 ••• {client.number[-4:]}")


def test_what_a_client_pays_brings_commission(page: Page, acme, calendar):
    """By an order, whose rest of January and 911 fee are $2.82, and by the renewal of February for $1.95."""
    calendar(date(2027, 1, 11))
    page.goto("/?aid=acme")
    page.get_by_role("link", name="Sign Up").first.click()
    client = sign_up(page, "bob")
    place_a_first_order(page, "bob@example.com")
    agent = page.context.browser.new_context(base_url=page.url.split("/orders")[0]).new_page()
    log_in(agent, "alice")
    agent.goto("/agents/")
    clients = agent.get_by_role("region", name="Clients (1)")
    expect(clients.get_by_role("cell", name="$0.0846")).to_have_count(2)

    credit(client, "10")
    assert calendar(date(2027, 1, 27))["settled"] == 1
    agent.reload()
    expect(clients.get_by_role("cell", name="$0.1431")).to_have_count(2)
    agent.goto("/billing/")
    expect(agent.get_by_text("Commission of 3 %").first).to_be_visible()
    agent.context.close()
    assert list(audit.differences()) == []


def test_a_customer_becomes_an_agent(page, rich_alice, sam):
    log_in(page, "alice")
    page.get_by_role("link", name="Refer clients").click()
    page.get_by_role("link", name="Apply to become an agent").click()
    page.get_by_label("Agent ID").fill("Acme")
    page.get_by_label("How you will bring clients").fill("By my shop.")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("You have applied as acme")).to_be_visible()

    desk = page.context.browser.new_context(base_url=page.url.split("/agents")[0]).new_page()
    log_in_as_staff(desk)
    desk.goto("/admin/agents/agent/")
    desk.get_by_role("link", name="Approve…").click()
    expect(desk.get_by_text("By my shop.")).to_be_visible()
    desk.get_by_label("Commission, %").fill("5")
    desk.get_by_label("Reason").fill("A good shop.")
    desk.get_by_role("button", name="Approve").click()
    expect(desk.get_by_text("acme is an agent now, at 5 %. A welcome e-mail is on its way.")).to_be_visible()
    desk.context.close()

    mail = last_mail_to("alice@example.com")
    assert mail.subject == "You are an agent now"
    page.goto(re.search(r"\S+/agents/", mail.message).group())
    expect(page.get_by_text("You earn 5 % of")).to_be_visible()
    expect(page.get_by_label("Link to share")).to_have_value(re.search(r"\S+aid=acme", mail.message).group())
    code = page.get_by_role("img", name="QR code of your link")
    assert code.evaluate("picture => picture.complete && picture.naturalWidth > 0") is True
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").endswith("/?aid=acme")


def test_without_javascript_there_is_nothing_to_press_that_does_nothing(page_without_javascript, acme):
    page = page_without_javascript
    log_in_at_this_size(page)
    page.goto("/agents/")
    expect(page.get_by_label("Link to share")).to_have_value(acme.link)
    expect(page.get_by_role("button", name="Copy the link")).to_be_hidden()


def test_the_pages_are_well(sized_page: Page, rich_alice, sam):
    page, now = sized_page, clock.now()
    found = findings(page, "/agents/")
    page.goto("/accounts/signup/?aid=nobody")
    log_in_at_this_size(page)
    found += findings(page, "/agents/") + findings(page, "/agents/apply/")
    page.get_by_label("Agent ID").fill("!")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Use 3 to 20 letters, digits and hyphens.").wait_for()
    found += judged(page, "an application that is refused")
    agent = approval.apply(account=rich_alice, agent_id="a-shop-of-20-letters", about="", now=now)
    found += findings(page, "/agents/")
    approval.approve(agent, percent=approval.DEFAULT_PERCENT, by=sam, reason="A good shop", now=now)
    found += findings(page, "/agents/") + findings(page, "/agents/commission/")
    for _ in range(3):
        charge(a_client_of(agent), "5.00", "0", now)
    found += findings(page, "/agents/") + findings(page, "/agents/commission/")
    approval.close(agent, by=sam, reason="Because", now=now)
    assert found + findings(page, "/agents/") == []


def test_sign_up_by_a_link_is_well(sized_page: Page, db):
    an_agent(AccountFactory(), "a-shop-of-20-letters")
    sized_page.goto("/?aid=a-shop-of-20-letters")
    assert findings(sized_page, "/accounts/signup/") == []
    expect(sized_page.get_by_text("Referred by a-shop-of-20-letters.")).to_be_visible()
