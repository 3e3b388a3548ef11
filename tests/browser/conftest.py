"""A real Chromium on the real portal: web server, Celery worker, Valkey, PostgreSQL and localstripe."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from celery.contrib.testing.worker import start_worker
from django.core.management import call_command
from playwright.sync_api import Browser, Page, sync_playwright
from post_office.models import Email

from accounts.models import Account, User
from billing import ledger
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from callcentric.celery import app as celery_app
from tests.factories import AccountFactory, UserFactory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"
WAIT = 15_000
SIZES = [(360, 740, "light"), (1280, 900, "dark")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser these tests are skipped aloud; where PORTAL_REQUIRE_BROWSER is set (CI) they fail."""
    for item in items:
        if "tests/browser/" not in str(item.path).replace(os.sep, "/"):
            continue
        item.add_marker(pytest.mark.browser)
        if CHROMIUM is None and not os.environ.get("PORTAL_REQUIRE_BROWSER"):
            item.add_marker(pytest.mark.skip(reason="NO CHROMIUM: install it (apt-get install chromium) to run this"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium on this machine, and PORTAL_REQUIRE_BROWSER asks for one"
    # Playwright runs an event loop in this thread, where Django would else refuse to use the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def portal(transactional_db, live_server, settings, stripe_server, stripe_webhooks) -> Iterator[str]:
    """The address of a portal that serves, with its catalogue loaded and a Celery worker beside it."""
    settings.SITE_URL = live_server.url
    # Django's test runner keeps mail in memory; here it goes the portal's own way, as rows that a worker sends.
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    call_command("load_catalog", verbosity=0)
    call_command("load_taxes", verbosity=0)
    with start_worker(celery_app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        yield live_server.url


@pytest.fixture
def page(browser: Browser, portal: str) -> Iterator[Page]:
    context = browser.new_context(base_url=portal, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


@pytest.fixture
def page_without_javascript(browser: Browser, portal: str) -> Iterator[Page]:
    context = browser.new_context(base_url=portal, java_script_enabled=False, viewport={"width": 360, "height": 740})
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


@pytest.fixture(params=SIZES, ids=["phone", "desk in the dark"])
def sized_page(request: pytest.FixtureRequest, browser: Browser, portal: str) -> Iterator[Page]:
    width, height, scheme = request.param
    context = browser.new_context(
        base_url=portal, viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT)
    yield context.new_page()
    context.close()


@pytest.fixture
def calendar(settings, tmp_path):
    """Moves the business date for the whole portal, and does what that date calls for as `run_cycle` does."""
    settings.CLOCK_FILE = tmp_path / "clock"

    def to(day: date) -> dict:
        clock.set_today(day)
        said = StringIO()
        call_command("run_cycle", "--json", stdout=said)
        return json.loads(said.getvalue())

    return to


@pytest.fixture
def rich_alice(portal: str) -> Account:
    """Alice with $200.00 in her balance, an address in New York and no card."""
    alice = AccountFactory(user__username="alice")
    ledger.post(
        key=f"test:{alice.pk}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(alice),
        amount=Decimal("200"),
        memo="Credit",
        made_at=clock.now(),
    )
    return alice


@pytest.fixture
def sam(portal: str) -> User:
    """Staff, in the database that the portal serves from."""
    return UserFactory(username="sam", is_staff=True, is_superuser=True)


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """By the form in the header of a public page."""
    page.goto("/")
    header = page.locator("header")
    header.get_by_label("Username").first.fill(name)
    header.get_by_label("Password").first.fill(password)
    header.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard/")


def fill_card(page: Page, number: str, *, year: str = "40") -> None:
    """Into localstripe's element: five boxes with nothing but placeholders."""
    for name, value in {
        "number": number,
        "exp_month": "12",
        "exp_year": year,
        "cvc": "123",
        "postal_code": "12207",
    }.items():
        page.locator(f"#card-element input[placeholder={name}]").fill(value)


def last_mail_to(address: str) -> Email:
    return Email.objects.filter(to=[address]).latest("pk")
