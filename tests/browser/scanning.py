"""Scans pages with axe, on a phone and on a desk: nothing serious or critical, and nothing wider than the screen."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import PASSWORD, log_in

# An address that nothing answers.
UNKNOWN = "/no/such/page/"
# localstripe's card element has boxes without labels; Stripe's own stands in a frame of Stripe's.
OPTIONS = {"exclude": [["#card-element"]]}


def findings(page: Page, path: str) -> list[str]:
    answer = page.goto(path)
    # Not some other page that stands in for it: a redirect would be scanned, and found to be well.
    assert (answer.status, page.url.split("/", 3)[3]) == (404 if path == UNKNOWN else 200, path[1:])
    return judged(page, path)


def judged(page: Page, path: str) -> list[str]:
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


def log_in_at_this_size(page: Page) -> None:
    """On a phone the header's form is folded away, so the login page is used."""
    if page.viewport_size["width"] >= 1000:
        log_in(page, "alice")
        return
    page.goto("/accounts/login/")
    form = page.locator("main form").first
    form.get_by_label("Username").fill("alice")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard/")
