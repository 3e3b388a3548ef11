"""A month that goes wrong and well again, as its customer sees it: the 20th, the 27th, the 1st, the 5th."""

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from billing import audit
from billing.models import Service
from orders.models import OrderLine
from phone_numbers.models import RateCenter
from tests.browser.conftest import last_mail_to, log_in
from tests.browser.test_order_a_rate_plan import confirm
from tests.factories import AccountFactory, RateCenterFactory
from tests.orders.channels import hold_channels
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.losing import a_911, a_number, a_plan

LINK = "Click here to reorder these products"
NUMBER = "(518) 555-0123"
MAIL = "alice@example.com"


@pytest.fixture
def alice(portal: str) -> Account:
    """Alice in December 2026: a plan, a number with a channel, 911, $1.00 and no card."""
    alice = live_at_the_billing_address(AccountFactory(user__username="alice"))
    credit(alice, "1.00")
    a_plan(alice)
    hold_channels(a_number(alice, "15185550123", at=albany()), 1)
    a_911(alice)
    # They are paid for December, as their plan and number are.
    Service.objects.update(paid_until=date(2026, 12, 31))
    return alice


def albany() -> RateCenter:
    return RateCenterFactory(name="Albany")


def test_a_month_that_is_not_paid_and_how_it_comes_back(page: Page, alice: Account, calendar):
    assert calendar(date(2026, 12, 20))["forecasts"] == 1
    assert last_mail_to(MAIL).subject == "Your services in January: $12.96 on 27 December"
    log_in(page, "alice")
    expect(page.get_by_text("On 27 December: $12.96 — $11.96 is missing")).to_be_visible()
    expect(page.get_by_text("If it fails, these 4 services end on 1 January.")).to_be_visible()

    assert calendar(date(2026, 12, 27))["failed"] == 1
    assert last_mail_to(MAIL).subject == "Your services are going to be cancelled on 1 January 2027"
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Your services are going to be cancelled on 1 January 2027")
    expect(page.get_by_role("link", name=LINK)).to_have_count(0)

    assert calendar(date(2027, 1, 1))["cancelled"] == 1
    assert last_mail_to(MAIL).subject == "Your services were cancelled: how to get them back"
    page.reload()
    expect(page.get_by_role("region", name="My products")).to_have_count(0)

    calendar(date(2027, 1, 5))
    credit(alice, "30.00")
    page.reload()
    page.get_by_role("link", name=LINK, exact=True).click()
    page.wait_for_url("**/cart/")
    expect(page.get_by_text("waived, because you lost it 4 days ago.").first).to_be_visible()
    page.get_by_role("link", name="Checkout", exact=True).click()
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    products = page.get_by_role("region", name="My products")
    expect(products.get_by_text(NUMBER, exact=True)).to_be_visible()
    expect(products.get_by_text("2 included + 1 extra")).to_be_visible()
    expect(page.get_by_role("link", name=LINK)).to_have_count(0)
    assert not OrderLine.objects.exclude(setup=0).exists()

    # And the next month is as every other.
    outcome = calendar(date(2027, 1, 27))
    assert (outcome["settled"], outcome["failed"]) == (1, 0)
    page.reload()
    expect(page.get_by_text("On 27 February: $12.96 —")).to_be_visible()
    assert list(audit.differences()) == []


def test_cancelling_and_taking_it_back(page: Page, alice: Account, calendar):
    calendar(date(2026, 12, 12))
    log_in(page, "alice")
    page.get_by_role("link", name=re.compile("Details and cancelling.*555-0123")).click()
    page.get_by_role("button", name=f"Cancel {NUMBER}").click()
    expect(page.get_by_role("heading", name="It ends on 31 December 2026")).to_be_visible()
    assert last_mail_to(MAIL).subject == f"{NUMBER} ends on 31 December 2026"
    page.goto("/dashboard/")
    expect(page.get_by_text("You have cancelled it: it ends on 31 December")).to_be_visible()
    page.get_by_role("link", name=re.compile("Keep it.*555-0123")).click()
    page.get_by_role("button", name="Keep it", exact=True).click()
    expect(page.get_by_text(f"{NUMBER} goes on. Nothing is cancelled.")).to_be_visible()

    calendar(date(2026, 12, 28))
    page.reload()
    expect(page.get_by_text("You can cancel again from 1 January 2027.")).to_be_visible()
    expect(page.get_by_role("button", name=f"Cancel {NUMBER}")).to_have_count(0)
