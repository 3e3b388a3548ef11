"""No serious or critical finding of axe on any page, on a phone and on a desk; and nothing wider than the screen."""

import re
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from allauth.account.models import EmailConfirmationHMAC
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from playwright.sync_api import Page

from accounts.models import Account
from billing import payments, statements
from billing.models import Payment
from callcentric import clock
from callcentric.money import ZERO
from catalog.models import Product
from orders import cart as carts
from orders import checkout, pricing
from orders.models import Cart, CartLine
from tests.browser.conftest import PASSWORD, last_mail_to
from tests.browser.scanning import UNKNOWN, findings, judged, log_in_at_this_size
from tests.factories import hold_number
from tests.orders.channels import hold_channels
from tests.orders.waiting import wait_in_line

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
    UNKNOWN,
    "/dev/",
    "/dev/outbox/",
]
CUSTOMERS_PAGES = [
    "/dashboard/",
    "/order/",
    "/order/outbound/",
    "/order/channels/",
    "/cart/",
    "/checkout/address/",
    "/checkout/",
    "/orders/",
    "/billing/",
    "/billing/transactions/",
    "/billing/statements/",
    "/billing/spending/",
    "/billing/deposit/",
    "/billing/cards/add/",
    "/billing/auto-recharge/",
    "/accounts/profile/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/sessions/",
]


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
    waiting = Payment.objects.create(
        account=rich_alice, card=card, amount=6, purpose="deposit", token=uuid4(), state="sent", sent_at=clock.now()
    )
    hold_channels(hold_number(rich_alice), 2)
    more = [f"/orders/{order.reference}/", f"/back-orders/{wait_in_line(order).pk}/withdraw/"]
    more += [f"/billing/payments/{each.token}/" for each in (payment, waiting)]
    more.append(_a_statement())
    found = [finding for path in CUSTOMERS_PAGES + more for finding in findings(sized_page, path)]
    assert found + _setting_up_two_factor_login(sized_page) == []


def _a_statement() -> str:
    month = clock.today().replace(day=1)
    statements.make_all(month=month, now=clock.now() + timedelta(days=40))
    return f"/billing/statements/{month:%Y-%m}/"


def _setting_up_two_factor_login(page: Page) -> list[str]:
    """Asks for the password once more, then shows the picture to scan."""
    page.goto("/accounts/2fa/totp/activate/")
    found = judged(page, "password asked for again")
    page.locator("main form").first.get_by_label("Password").fill(PASSWORD)
    page.locator("main form").first.get_by_role("button").first.click()
    page.wait_for_url("**/totp/activate/")
    return found + judged(page, page.url)


def test_pages_that_refuse(sized_page, rich_alice: Account):
    """The same forms with everything wrong in them."""
    page = sized_page
    found = []
    for path, button in [("/accounts/signup/", "Sign Up"), ("/accounts/login/", "Log in")]:
        page.goto(path)
        page.locator("main form").first.evaluate("form => form.noValidate = true")
        page.locator("main form").first.get_by_role("button", name=button).click()
        found += judged(page, f"{path} refused")
    log_in_at_this_size(page)
    for path, button in [("/checkout/address/", "Continue"), ("/accounts/profile/", "Save")]:
        page.goto(path)
        form = page.locator("main form", has=page.get_by_label("City")).first
        form.evaluate("form => form.noValidate = true")
        form.get_by_label("City").first.fill("")
        form.get_by_role("button", name=button).first.click()
        page.get_by_text("Enter the city.").first.wait_for()
        found += judged(page, f"{path} refused")
    assert found == []


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
    quoted = pricing.quote_for(account=account, lines=lines, now=now, service_address=account.service_address)
    confirmation = checkout.Confirmation(
        token=uuid4(), total=quoted.total, from_card=ZERO, pays_from="balance", card=None
    )
    return checkout.place(account=account, confirmation=confirmation, now=now)


def test_pages_behind_links_in_e_mails(sized_page, rich_alice: Account):
    page = sized_page
    address = rich_alice.user.emailaddress_set.get()
    address.verified = False
    address.save()
    found = findings(page, f"/accounts/confirm-email/{EmailConfirmationHMAC.create(address).key}/")
    page.goto("/accounts/password/reset/")
    page.locator("main form").first.get_by_label("E-mail").fill(address.email)
    page.locator("main form").first.get_by_role("button").first.click()
    page.wait_for_url("**/password/reset/done/")
    found += judged(page, page.url)
    page.goto(re.search(r"http\S+/accounts/password/reset/key/\S+", last_mail_to(address.email).message)[0])
    assert page.get_by_label("New password").count() > 0
    assert found + judged(page, page.url) == []


def test_pages_of_two_factor_login(sized_page, rich_alice: Account):
    page = sized_page
    TOTP.activate(rich_alice.user, generate_totp_secret())
    codes = RecoveryCodes.activate(rich_alice.user)
    page.goto("/accounts/login/")
    form = page.locator("main form").first
    form.get_by_label("Username").fill("alice")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/2fa/authenticate/")
    found = judged(page, page.url)
    page.locator("main form").first.get_by_role("textbox").first.fill(codes.get_unused_codes()[0])
    page.locator("main form").first.get_by_role("button").first.click()
    page.wait_for_url("**/dashboard/")
    assert found + findings(page, "/accounts/2fa/") == []


def test_the_page_of_a_payment_that_the_bank_asks_about(sized_page, rich_alice: Account, add_card):
    card = add_card(rich_alice, number="4000002760003184")
    begun = payments.begin(
        account=rich_alice, card=card, amount=Decimal(5), purpose="deposit", token=uuid4(), now=clock.now()
    )
    assert payments.charge(begun, now=clock.now()).state == Payment.State.NEEDS_CUSTOMER
    log_in_at_this_size(sized_page)
    assert findings(sized_page, f"/billing/payments/{begun.token}/") == []
