"""The FAQ's "How do I order a rate plan?", step by step, as customers do it."""

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from billing import ledger
from billing.models import Payment, Service
from orders.models import Order
from tests.browser.conftest import PASSWORD, fill_card, last_mail_to, log_in
from tests.factories import AccountFactory


def choose_plan(page: Page, plan: str) -> None:
    """Dashboard → Order products and services → the outbound page → Order Now."""
    page.get_by_role("link", name="Order products and services").first.click()
    page.get_by_role("link", name="Compare and order rate plans").click()
    page.locator("article", has=page.get_by_role("heading", name=plan, exact=True)).get_by_role(
        "button", name="Order Now"
    ).click()
    expect(page.get_by_role("heading", name="Your cart")).to_be_visible()


def go_to_checkout(page: Page) -> None:
    page.get_by_role("link", name="Checkout", exact=True).click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Checkout")).to_be_visible()


def confirm(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Confirm order")).click()


def test_how_do_i_order_a_rate_plan(page, rich_alice):
    log_in(page, "alice")
    choose_plan(page, "North America 500")
    expect(page.get_by_text("Added because your service address is in the US or Canada")).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    order = Order.objects.get()
    expect(page.get_by_role("heading", name=f"Order {order.reference}")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    products = page.get_by_role("region", name="My products")
    expect(products.get_by_role("rowheader", name="North America 500")).to_be_visible()
    expect(products.get_by_text("911 is not active yet.")).to_be_visible()
    assert ledger.of(rich_alice).balance == 200 - order.total
    assert last_mail_to("alice@example.com").subject == f"Your Callcentric order {order.reference}"


def place_a_first_order(page: Page, address: str) -> None:
    """Of North America Basic, by a new customer: confirms the e-mail address, says where to live, adds a card."""
    link = re.search(r"http\S+/accounts/confirm-email/\S+", last_mail_to(address).message)[0]
    page.goto(link)
    page.locator("main").get_by_role("button", name="Confirm").click()
    page.goto("/dashboard/")
    choose_plan(page, "North America Basic")
    page.get_by_role("link", name="Checkout", exact=True).click()
    page.get_by_label("Street address").first.fill("1 Test Street")
    page.get_by_label("City").first.fill("Albany")
    page.get_by_label("State").first.select_option("NY")
    page.get_by_label("ZIP code").first.fill("12207")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Add a card").click()
    fill_card(page, "4242424242424242")
    page.locator("main").get_by_role("button", name=re.compile("card", re.I)).click()
    page.wait_for_url("**/checkout/")
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()


def test_sign_up_to_a_confirmed_order_with_a_new_card(page):
    page.goto("/")
    page.get_by_role("link", name="Sign Up").first.click()
    form = page.locator("main form")
    form.get_by_label("Your name").fill("Bob")
    form.get_by_label("E-mail").fill("bob@example.com")
    form.get_by_label("Username").fill("bob")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_label("Country").select_option("US")
    form.get_by_role("button", name="Sign Up").click()
    page.wait_for_url("**/dashboard/")
    place_a_first_order(page, "bob@example.com")
    bob = Account.objects.get(user__username="bob")
    order = Order.objects.get(account=bob)
    assert (order.from_card, order.payment.state) == (order.total, Payment.State.SUCCEEDED)
    assert ledger.of(bob).balance == 0
    assert set(Service.objects.held().filter(account=bob).values_list("kind", flat=True)) == {"plan", "e911"}


@pytest.mark.parametrize("name", ["username", "number", "spaced number"])
def test_log_in_by_username_and_by_1777_number(page, rich_alice, name):
    number = rich_alice.number
    typed = {"username": "alice", "number": number, "spaced number": f"1-777-{number[4:7]}-{number[7:]}"}[name]
    log_in(page, typed)
    expect(page.get_by_text(number).first).to_be_visible()


def test_a_declined_card_changes_nothing_and_the_page_says_so(page, portal, add_card):
    alice = AccountFactory(user__username="alice")
    add_card(alice, number="4000000000000341")
    log_in(page, "alice")
    choose_plan(page, "North America 500")
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_role("alert")).to_contain_text("declined")
    expect(page.get_by_role("alert")).to_contain_text("Your cart is as it was.")
    page.get_by_role("link", name="Back to the cart").click()
    expect(page.get_by_role("heading", name="North America 500")).to_be_visible()
    assert Service.objects.count() == 0
    assert ledger.of(alice).balance == 0


def test_a_card_that_wants_3d_secure_at_checkout(page, portal, add_card):
    alice = AccountFactory(user__username="alice")
    add_card(alice, number="4000002760003184")
    log_in(page, "alice")
    choose_plan(page, "North America 500")
    go_to_checkout(page)
    confirm(page)
    page.wait_for_url("**/billing/payments/**")
    page.get_by_role("button", name=re.compile("bank", re.I)).click()
    page.get_by_role("button", name="Complete authentication").click()
    page.wait_for_url("**/orders/**")
    expect(page.get_by_role("heading", name=re.compile("^Order "))).to_be_visible()
    page.goto("/dashboard/")
    expect(page.get_by_role("rowheader", name="North America 500")).to_be_visible()
    assert Payment.objects.get().state == Payment.State.SUCCEEDED


def test_the_same_without_javascript(page_without_javascript, rich_alice):
    page = page_without_javascript
    page.goto("/accounts/login/")
    form = page.locator("main form").first
    form.get_by_label("Username").fill("alice")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Log in").click()
    choose_plan(page, "Pay Per Call")
    expect(page.get_by_text("Pay Per Call needs money in the balance to call.")).to_be_visible()
    go_to_checkout(page)
    confirm(page)
    expect(page.get_by_text("Thank you. Your order is complete.")).to_be_visible()
    page.get_by_role("link", name="My Account").first.click()
    expect(page.get_by_role("rowheader", name="Pay Per Call")).to_be_visible()
