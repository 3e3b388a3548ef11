"""No serious or critical finding of axe on any page, on a phone and on a desk; and nothing wider than the screen."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from accounts.models import Account
from billing.models import Payment
from callcentric import clock
from callcentric.money import ZERO
from catalog.models import Product
from orders import cart as carts
from orders import checkout
from orders.models import Cart, CartLine
from tests.browser.conftest import WAIT, log_in

VISITORS_PAGES = [
    "/",
    "/products/outbound/",
    "/products/inbound/",
    "/products/additional/",
    "/coverage/",
    "/coverage/?q=albany",
    "/cart/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/forgot/",
    "/accounts/password/reset/",
    "/no/such/page/",
    "/dev/",
]
CUSTOMERS_PAGES = [
    "/dashboard/",
    "/order/",
    "/order/outbound/",
    "/cart/",
    "/checkout/address/",
    "/checkout/",
    "/orders/",
    "/billing/",
    "/billing/transactions/",
    "/billing/deposit/",
    "/billing/cards/add/",
    "/accounts/profile/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/sessions/",
]
# localstripe's card element has boxes without labels; Stripe's own stands in a frame of Stripe's.
OPTIONS = {"exclude": [["#card-element"]]}
SIZES = [(360, 740, "light"), (1280, 900, "dark")]


@pytest.fixture(params=SIZES, ids=["phone", "desk in the dark"])
def sized_page(request, browser: Browser, portal: str) -> Iterator[Page]:
    width, height, scheme = request.param
    context = browser.new_context(
        base_url=portal, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


def findings(page: Page, path: str) -> list[str]:
    page.goto(path)
    violations = Axe().run(page, context=OPTIONS).response["violations"]
    found = [
        f"{path}: {each['id']} ({each['impact']}) at {node['target']}"
        for each in violations
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        found.append(f"{path}: wider than the screen")
    return found


def test_visitors_pages(sized_page):
    found = [finding for path in VISITORS_PAGES for finding in findings(sized_page, path)]
    assert found == []


def test_customers_pages(sized_page, rich_alice: Account, add_card):
    card = add_card(rich_alice)
    order = _an_order(rich_alice)
    payment = Payment.objects.create(
        account=rich_alice, card=card, amount=5, purpose="deposit", token=uuid4(), state="failed", problem="Declined."
    )
    _fill_cart(rich_alice, "pay-per-call")
    log_in_at_this_size(sized_page)
    more = [f"/orders/{order.reference}/", f"/billing/payments/{payment.token}/"]
    found = [finding for path in CUSTOMERS_PAGES + more for finding in findings(sized_page, path)]
    assert found == []


def log_in_at_this_size(page: Page) -> None:
    """On a phone the header's form is folded away, so the login page is used."""
    if page.viewport_size["width"] >= 1000:
        log_in(page, "alice")
        return
    page.goto("/accounts/login/")
    form = page.locator("main form").first
    form.get_by_label("Username").fill("alice")
    form.get_by_label("Password").fill("correct horse battery")
    form.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard/")


def _fill_cart(account: Account, code: str) -> Cart:
    cart, _ = Cart.objects.get_or_create(account=account)
    product = Product.objects.get(code=code)
    CartLine.objects.create(cart=cart, product=product, kind=product.kind)
    return cart


def _an_order(account: Account):
    account.service_address = account.billing_address
    account.save()
    now = clock.now()
    lines = carts.lines_of(_fill_cart(account, "north-america-500"))
    quoted = carts.quote_for(account=account, lines=lines, today=now.date(), service_address=account.service_address)
    confirmation = checkout.Confirmation(
        token=uuid4(), total=quoted.total, from_card=ZERO, pays_from="balance", card=None
    )
    return checkout.place(account=account, confirmation=confirmation, now=now)
