"""Staff look at a customer's pages, and the customer reads it."""

import pytest
from playwright.sync_api import expect

from accounts.models import Account, User
from tests.browser.conftest import log_in
from tests.browser.scanning import findings, judged
from tests.browser.test_tickets import log_in_as_staff
from tests.factories import UserFactory

REASON = "You asked us why your order is not completed."


@pytest.fixture
def sam(portal) -> User:
    return UserFactory(username="sam", is_staff=True, is_superuser=True)


def test_staff_look_change_nothing_and_the_customer_reads_why(page, rich_alice: Account, sam):
    log_in_as_staff(page)
    page.goto(f"/admin/accounts/account/{rich_alice.pk}/change/")
    page.get_by_role("link", name="View as customer").click()
    page.get_by_role("button", name="View as customer").click()
    expect(page.get_by_text("Say why: the customer reads it")).to_be_visible()
    page.get_by_label("Why you look").fill(REASON)
    page.get_by_role("button", name="View as customer").click()
    expect(page.get_by_role("heading", name="Hello Alice")).to_be_visible()
    banner = page.get_by_role("form", name="You are looking at a customer's pages")
    expect(banner).to_contain_text(f"You are looking at the pages of Alice ({rich_alice.number})")
    for path in ("/dashboard/", "/accounts/profile/"):
        assert findings(page, path) == []
    page.get_by_label("Name").fill("Mallory")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("heading", name="You can only look")).to_be_visible()
    assert judged(page, "what is refused") == []
    rich_alice.refresh_from_db()
    assert rich_alice.name == "Alice"
    banner.get_by_role("button", name="Stop looking").click()
    expect(page.get_by_text("You are no longer looking at the pages of")).to_be_visible()

    page.context.clear_cookies()
    log_in(page, "alice")
    page.goto("/accounts/profile/")
    expect(page.get_by_role("region", name="Our staff looked at your account")).to_contain_text(REASON)


def test_staffs_first_page_says_what_is_going_on(page, rich_alice, sam):
    log_in_as_staff(page)
    expect(page.get_by_role("region", name="Orders", exact=True)).to_contain_text("No orders yet today.")
    expect(page.get_by_role("region", name="First answers")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide
