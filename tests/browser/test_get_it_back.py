"""The FAQ's "How do I get back what I lost?": by one click to the 19th, by ordering the number again to day 44."""

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from billing.models import Service
from callcentric import clock
from orders.models import Order, OrderLine
from phone_numbers import stock
from phone_numbers.models import RateCenter
from tests.browser.conftest import last_mail_to, log_in
from tests.browser.scanning import findings, judged, log_in_at_this_size
from tests.browser.test_order_a_number import get_a_number, look_up
from tests.browser.test_order_a_rate_plan import confirm
from tests.factories import AccountFactory, RateCenterFactory
from tests.orders.channels import hold_channels
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.losing import a_911, a_number, a_plan, lose

LINK = "Click here to reorder these products"


@pytest.fixture
def calendar(settings, tmp_path):
    """Moves the business date for the whole portal, worker and all."""
    settings.CLOCK_FILE = tmp_path / "clock"
    return clock.set_today


@pytest.fixture
def alice_who_lost(rich_alice: Account, albany: RateCenter) -> Account:
    """Alice on 1 January, as failed rebilling left her: without her plan, her number, its channels and her 911."""
    live_at_the_billing_address(rich_alice)
    number = a_number(rich_alice, "15185550123", at=albany)
    hold_channels(number, 2)
    for each in (a_plan(rich_alice), number, a_911(rich_alice)):
        lose(each)
    return rich_alice


@pytest.fixture
def albany(portal) -> RateCenter:
    RateCenterFactory(name="Troy")
    return RateCenterFactory(name="Albany")


def number_row(page: Page, digits: str):
    return page.get_by_role("region", name="My products").get_by_role("rowheader", name=re.compile(re.escape(digits)))


def test_by_one_click_on_the_fifth(page, alice_who_lost, calendar):
    calendar(date(2027, 1, 5))
    log_in(page, "alice")
    expect(page.get_by_role("heading", name="MY PRODUCTS")).to_be_visible()
    page.get_by_role("link", name=LINK, exact=True).click()
    page.wait_for_url("**/cart/")
    expect(page.get_by_text("Set-up fee $3.95: waived, because you lost it 4 days ago.")).to_be_visible()
    expect(
        page.get_by_text("911 recovery fee $1.50: waived, because your 911 service ended 4 days ago.")
    ).to_be_visible()
    expect(page.get_by_text("Yours to reclaim until 14 February 2027.")).to_be_visible()
    expect(page.get_by_text("Held for you until")).to_have_count(0)
    page.get_by_role("link", name="Checkout", exact=True).click()
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    expect(number_row(page, "(518) 555-0123")).to_be_visible()
    expect(page.get_by_role("region", name="My products").get_by_text("2 included + 2 extra")).to_be_visible()
    expect(page.get_by_role("link", name=LINK)).to_have_count(0)
    assert not OrderLine.objects.exclude(setup=0).exists()
    assert last_mail_to("alice@example.com").subject == "Your phone number is back: (518) 555-0123"


def test_on_the_20th_the_link_is_gone(page, alice_who_lost, calendar):
    calendar(date(2027, 1, 19))
    log_in(page, "alice")
    expect(page.get_by_role("link", name=LINK, exact=True)).to_be_visible()
    calendar(date(2027, 1, 20))
    # Pressed on a page of yesterday.
    page.get_by_role("link", name=LINK, exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("possible from the 1st to the 19th of a month.")
    page.goto("/dashboard/")
    expect(page.get_by_role("link", name=LINK)).to_have_count(0)
    page.get_by_role("link", name="What you have lost, and how to get it back").click()
    row = page.get_by_role("article", name=re.compile("Pay Per Minute"))
    expect(row).to_contain_text("was possible until 19 January 2027")
    row.get_by_role("button", name="Get it back").click()
    expect(page.get_by_text("Set-up fee $3.95: waived, because you lost it 19 days ago.")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("2 × Additional incoming channel"))).to_be_visible()


def test_by_its_place_on_day_30(page, alice_who_lost, calendar):
    calendar(date(2027, 1, 31))
    log_in(page, "alice")
    get_a_number(page, "Pay Per Minute")
    look_up(page, "United States of America", "New York", "Albany")
    expect(page.get_by_text("Your number (518) 555-0123 is still yours to reclaim")).to_be_visible()
    expect(page.get_by_text("The set-up fee is $3.95: it was waived until 20 January 2027.")).to_be_visible()
    page.get_by_role("button", name="Order Now (518) 555-0123").click()
    expect(page.get_by_text("It is waived for 19 days, and you lost it 30 days ago.").first).to_be_visible()
    page.get_by_role("link", name="Checkout", exact=True).click()
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    expect(number_row(page, "(518) 555-0123")).to_be_visible()
    assert (
        Order.objects.get().lines.get(product__kind="did").setup
        == Service.objects.held().get(kind="did").product.prices.get().setup
    )


def test_day_45_is_refused_and_the_number_goes_to_bob(page, alice_who_lost, albany, calendar):
    calendar(date(2027, 2, 15))
    log_in(page, "alice")
    page.goto(f"/order/inbound/lookup/?product=pay-per-minute&area={albany.pk}")
    expect(page.get_by_text("Your number (518) 555-0123 cannot be given back to you")).to_be_visible()
    expect(page.get_by_text("You lost it 45 days ago, and a number is kept for 44 days")).to_be_visible()
    ticket = page.get_by_role("link", name=re.compile("Open a trouble ticket")).first
    assert "category=orders&service=" in ticket.get_attribute("href")
    page.goto("/services/lost/")
    row = page.get_by_role("article", name=re.compile("Pay Per Minute"))
    expect(row).to_contain_text("It cannot come back")
    expect(row.get_by_role("button", name="Get it back")).to_have_count(0)
    # What the job does that night.
    assert stock.return_to_stock(today=date(2027, 2, 15)) == 1
    bob = live_at_the_billing_address(AccountFactory(user__username="bob"))
    credit(bob, "50")
    page.context.clear_cookies()
    log_in(page, "bob")
    page.goto(f"/order/inbound/lookup/?product=pay-per-minute&area={albany.pk}")
    page.locator("article", has=page.get_by_role("heading", name="Pay Per Minute", exact=True)).get_by_role(
        "button", name="Order Now"
    ).click()
    page.get_by_role("link", name="Checkout", exact=True).click()
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    assert Service.objects.held().get(kind="did").account == bob


def test_axe_finds_nothing_on_these_pages(sized_page, alice_who_lost, albany, calendar):
    out = lose(a_number(alice_who_lost, "15185550155", at=albany))
    stock.take_out(type(out.phone_number).objects.filter(pk=out.phone_number_id), note="Misdialled")
    calendar(date(2027, 1, 5))
    log_in_at_this_size(sized_page)
    lookup = f"/order/inbound/lookup/?product=pay-per-minute&area={albany.pk}"
    found = [finding for path in ("/dashboard/", "/services/lost/", lookup) for finding in findings(sized_page, path)]
    sized_page.goto("/dashboard/")
    sized_page.get_by_role("link", name=LINK).click()
    sized_page.wait_for_url("**/cart/")
    found += judged(sized_page, "what was lost in the cart")
    found += findings(sized_page, "/checkout/")
    assert found == []
