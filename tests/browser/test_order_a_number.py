"""The FAQ's "How do I order a phone number (DID)?" and "How do I add extra channels …", as customers do it."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from billing import ledger
from billing.models import Service
from callcentric import clock
from orders.models import CartLine, Order
from phone_numbers import stock
from phone_numbers.models import BackOrder, PhoneNumber, WaitTime
from tests.browser.conftest import last_mail_to, log_in
from tests.browser.test_order_a_rate_plan import confirm, go_to_checkout
from tests.factories import PASSWORD, PhoneNumberFactory, RateCenterFactory, RegionFactory, UserFactory, hold_number


@pytest.fixture
def albany(portal):
    """Albany, among other places of other states and provinces."""
    RateCenterFactory(name="Newark", region=RegionFactory(code="NJ", name="New Jersey"))
    RateCenterFactory(name="Toronto", region=RegionFactory(country="CA", code="ON", name="Ontario"))
    RateCenterFactory(name="Troy")
    WaitTime.objects.create(country="US", shortest=3, longest=10)
    return RateCenterFactory(name="Albany")


@pytest.fixture
def number(albany) -> PhoneNumber:
    return PhoneNumberFactory(digits="15185550123", rate_center=albany)


def get_a_number(page: Page, product: str) -> None:
    """Dashboard → Order products and services → the inbound page → Get a number."""
    page.goto("/dashboard/")
    page.get_by_role("link", name="Order products and services").first.click()
    page.get_by_role("link", name="Order a phone number").click()
    page.get_by_role("article", name=product).get_by_role("link", name="Get a number").click()


def look_up(page: Page, country: str, state: str, area: str) -> None:
    page.get_by_label("Country").select_option(label=country)
    page.get_by_label("State").select_option(label=state)
    page.get_by_label("Area").select_option(label=area)
    page.get_by_role("button", name="Lookup").click()


def order_now(page: Page, product: str) -> None:
    page.locator("article", has=page.get_by_role("heading", name=product, exact=True)).get_by_role(
        "button", name="Order Now"
    ).click()
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()


def test_how_do_i_order_a_phone_number(page, rich_alice, number):
    log_in(page, "alice")
    get_a_number(page, "Pay Per Minute")
    look_up(page, "United States of America", "New York", "Albany")
    expect(page.get_by_text("fewer than 5").first).to_be_visible()
    order_now(page, "Pay Per Minute")
    expect(page.get_by_role("heading", name="(518) 555-0123 in Albany, NY")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Held for you until .* \(1[45]:\d\d left\)"))).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    products = page.get_by_role("region", name="My products")
    expect(products.get_by_role("rowheader", name=re.compile(r"\(518\) 555-0123"))).to_be_visible()
    number.refresh_from_db()
    assert (number.state, number.holder) == ("assigned", rich_alice)
    assert ledger.of(rich_alice).balance == 200 - Order.objects.get().total
    assert last_mail_to("alice@example.com").subject == "Your new phone number: (518) 555-0123"


def test_choosing_the_very_number(page, rich_alice, number):
    chosen = PhoneNumberFactory(digits="15185550142", rate_center=number.rate_center)
    log_in(page, "alice")
    page.goto(f"/coverage/{number.rate_center.pk}/")
    page.get_by_role("link", name="Choose your number").first.click()
    page.get_by_label("Digits you would like").fill("0142")
    page.get_by_role("button", name="Show numbers").click()
    expect(page.get_by_text("(518) 555-0123")).to_have_count(0)
    page.get_by_role("button", name="Order Now (518) 555-0142").click()
    expect(page.get_by_role("heading", name="(518) 555-0142 in Albany, NY")).to_be_visible()
    assert CartLine.objects.get().phone_number == chosen


def test_the_whole_way_without_javascript_on_a_phone(page_without_javascript, rich_alice, number):
    page = page_without_javascript
    page.goto("/accounts/login/")
    form = page.locator("main form")
    form.get_by_label("Username").fill("alice")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Log in").click()
    get_a_number(page, "Office Unlimited")
    page.get_by_label("State").select_option(label="New York")
    page.get_by_role("button", name="Lookup").click()
    page.get_by_label("Area").select_option(label="Albany")
    page.get_by_role("button", name="Lookup").click()
    order_now(page, "Office Unlimited")
    expect(page.get_by_text(re.compile("Held for you until"))).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    assert Service.objects.get(kind="did").phone_number == number


def test_how_do_i_add_extra_channels(page, rich_alice, albany):
    taking = hold_number(rich_alice, "office-unlimited", phone_number=_assigned(rich_alice, albany, "15185550101"))
    hold_number(rich_alice, "personal-unlimited", phone_number=_assigned(rich_alice, albany, "15185550102"))
    log_in(page, "alice")
    page.get_by_role("link", name="Order products and services").first.click()
    section = page.get_by_role("region", name="Additional Incoming Channels")
    section.get_by_role("link", name=re.compile("^Order Now")).click()
    expect(page.get_by_role("radio", name=re.compile(r"\(518\) 555-0101"))).to_be_visible()
    expect(page.get_by_role("radio", name=re.compile(r"\(518\) 555-0102"))).to_have_count(0)
    expect(
        page.get_by_text("(518) 555-0102 is a Personal Unlimited number, and Personal Unlimited takes no")
    ).to_be_visible()
    page.get_by_role("radio", name=re.compile(r"\(518\) 555-0101")).check()
    page.get_by_label("How many channels").fill("3")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=re.compile("3 × Additional incoming channel"))).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    expect(page.get_by_role("region", name="My products").get_by_text("3 included + 3 extra")).to_be_visible()
    assert sorted(taking.channels.held().values_list("slot", flat=True)) == [1, 2, 3]


def _assigned(account: Account, place, digits: str) -> PhoneNumber:
    return PhoneNumberFactory(digits=digits, rate_center=place, state="assigned", holder=account)


def test_a_back_order_until_staff_assign_the_number(page, rich_alice, albany):
    log_in(page, "alice")
    get_a_number(page, "Pay Per Minute")
    look_up(page, "United States of America", "New York", "Albany")
    expect(page.get_by_text("A manual order takes 3–10 business days.")).to_be_visible()
    order_now(page, "Pay Per Minute")
    expect(page.get_by_text("No number was in stock there when you chose it: we get one for you")).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    expect(page.get_by_text(re.compile("You are number 1 in line"))).to_be_visible()

    UserFactory(username="sam", is_staff=True, is_superuser=True)
    PhoneNumberFactory(digits="15185550177", rate_center=albany)
    desk = page.context.browser.new_context(base_url=page.url.split("/dashboard")[0]).new_page()
    desk.goto("/admin/login/")
    desk.get_by_label("Username").fill("sam")
    desk.get_by_label("Password").fill(PASSWORD)
    desk.get_by_role("button", name="Log in").click()
    desk.goto("/admin/phone_numbers/backorder/")
    desk.get_by_role("checkbox").nth(1).check()
    desk.locator("select[name=action]").select_option(
        label=desk.locator("option", has_text="Assign next").first.inner_text()
    )
    desk.get_by_role("button", name=re.compile("Run|Go")).click()
    desk.wait_for_load_state()
    assert BackOrder.objects.get().state == BackOrder.State.FILLED
    desk.context.close()

    page.reload()
    expect(page.get_by_role("rowheader", name=re.compile(r"\(518\) 555-0177"))).to_be_visible()
    assert last_mail_to("alice@example.com").subject == "Your new phone number: (518) 555-0177"


def test_a_hold_that_runs_out_in_the_cart(page, rich_alice, number):
    log_in(page, "alice")
    page.goto(f"/coverage/{number.rate_center.pk}/")
    order_now(page, "Pay Per Minute")
    # Two seconds are left when the customer looks again; then the page asks anew by itself.
    PhoneNumber.objects.update(held_until=clock.now() + timedelta(seconds=2))
    page.reload()
    expect(page.get_by_text("The 15 minutes are over, so the number is not kept for you any more.")).to_be_visible()
    page.get_by_role("button", name="Hold it again").click()
    expect(page.get_by_text("(518) 555-0123 is held for you for 15 minutes.")).to_be_visible()
    # It runs out once more, the job frees it, and somebody else is quicker.
    PhoneNumber.objects.update(held_until=clock.now())
    stock.end_holds(now=clock.now())
    PhoneNumber.objects.update(state="out")
    page.reload()
    expect(page.get_by_text("it is no longer free. Remove it and choose another number.")).to_be_visible()
    expect(page.get_by_role("link", name="Checkout", exact=True)).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_text("Your cart is empty.")).to_be_visible()
