"""The FAQ in a real browser: from a search with a typo to the page that is described; the pages scanned with axe."""

import re

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in
from tests.browser.scanning import findings, judged, log_in_at_this_size


@pytest.fixture
def faq(portal) -> None:
    call_command("load_faq", verbosity=0)


def test_from_a_typo_to_the_page_it_describes(page: Page, faq, rich_alice):
    log_in(page, "alice")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="FAQ").click()
    page.get_by_label("Search the FAQ").fill("extar chanels")
    page.get_by_role("search", name="FAQ").get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nothing was found for “extar chanels”, so these are for extra channels.")).to_be_visible()
    page.get_by_role("link", name="How do I add extra channels to a number?").click()
    expect(page.get_by_role("heading", name="How do I add extra channels to a number?")).to_be_visible()
    expect(page.get_by_text("Each costs $3.00 a month")).to_be_visible()
    page.get_by_role("article").get_by_role("link", name="Order products and services").click()
    page.get_by_role("region", name="Additional Incoming Channels").get_by_role(
        "link", name=re.compile("^Order Now")
    ).click()
    expect(page.get_by_role("heading", name="Additional Incoming Channels")).to_be_visible()


def test_the_same_without_javascript(page_without_javascript: Page, faq):
    page = page_without_javascript
    page.goto("/faq/")
    page.get_by_label("Search the FAQ").fill("covrage")
    page.get_by_role("search", name="FAQ").get_by_role("button", name="Search").click()
    page.get_by_role("link", name="How do I check whether my area is covered?").click()
    page.get_by_role("article").get_by_role("link", name="Coverage").click()
    expect(page.get_by_role("heading", name="Coverage", exact=True)).to_be_visible()


def test_an_answer_tells_a_customer_their_own(page: Page, faq, rich_alice):
    page.goto("/faq/billing/add-funds/")
    expect(page.get_by_text("For your account")).to_have_count(0)
    log_in(page, "alice")
    page.goto("/faq/billing/add-funds/")
    expect(page.get_by_role("region", name="For your account")).to_contain_text("Your balance is $200.00.")


def test_back_to_the_top(page: Page, faq):
    page.goto("/faq/")
    page.get_by_role("link", name="Return to top from General").click()
    page.wait_for_function("window.scrollY === 0")


def test_pages_are_accessible(sized_page: Page, faq, rich_alice):
    page = sized_page
    paths = [
        "/faq/",
        "/faq/billing/",
        "/faq/products-and-services/get-back-a-lost-number/",
        "/faq/search/?q=order%20number",
        "/faq/search/?q=recliam",
        "/faq/search/?q=fax%20number",
        "/faq/search/?q=xyzzy",
        "/faq/search/",
    ]
    found = [finding for path in paths for finding in findings(page, path)]
    assert page.goto(f"/faq/search/?q={'x' * 200}").status == 422
    found += judged(page, "a search that is too long")
    log_in_at_this_size(page)
    assert found + findings(page, "/faq/billing/balance-or-card/") == []
