"""The pages of phone numbers scanned with axe: finding, choosing, holding and losing them, and what refuses."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page

from callcentric import clock
from catalog.models import Product
from phone_numbers.models import Offering, PhoneNumber, RateCenter, WaitTime
from tests.browser.scanning import findings, judged, log_in_at_this_size
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory, hold_number


@pytest.fixture
def albany(portal) -> RateCenter:
    """Albany with numbers, Troy near it without any, Toronto and toll-free numbers elsewhere."""
    WaitTime.objects.create(country="US", shortest=3, longest=10)
    RateCenterFactory(name="Troy", latitude=42.73, longitude=-73.69)
    RateCenterFactory(name="Toronto", region=RegionFactory(country="CA", code="ON", name="Ontario"))
    RateCenterFactory(name="Toll-free", region=RegionFactory(code="TF", name="Toll-free"), is_toll_free=True)
    albany = RateCenterFactory(name="Albany", latitude=42.65, longitude=-73.75)
    PhoneNumberFactory.create_batch(3, rate_center=albany)
    Offering.objects.create(product=Product.objects.get(code="dirt-cheap"), rate_center=albany)
    return albany


def test_finding_a_number(sized_page: Page, albany):
    troy = RateCenter.objects.get(name="Troy")
    paths = [
        "/coverage/?region=US-NY",
        "/coverage/?q=ends%2001",
        "/coverage/?q=Xyzzy",
        "/coverage/?q=12207",
        f"/coverage/{albany.pk}/",
        f"/coverage/{troy.pk}/",
        f"/order/inbound/{albany.pk}/numbers/?product=pay-per-minute",
        f"/order/inbound/{troy.pk}/numbers/?product=pay-per-minute",
    ]
    assert [finding for path in paths for finding in findings(sized_page, path)] == []


def test_ordering_a_number(sized_page: Page, rich_alice, albany):
    page = sized_page
    log_in_at_this_size(page)
    lookup = "/order/inbound/lookup/?product=office-unlimited"
    found = [
        finding
        for path in ("/order/inbound/", lookup, f"{lookup}&area={albany.pk}")
        for finding in findings(page, path)
    ]
    page.locator("article", has=page.get_by_role("heading", name="Dirt Cheap")).get_by_role(
        "button", name="Order Now"
    ).click()
    found += judged(page, "a number held in the cart")
    PhoneNumber.objects.filter(state="held").update(held_until=clock.now() - timedelta(seconds=1))
    found += findings(page, "/cart/")
    PhoneNumber.objects.filter(state="held").update(state="out", held_by=None, held_until=None)
    assert found + findings(page, "/cart/") == []


def test_pages_that_refuse(sized_page: Page, rich_alice, albany):
    page = sized_page
    dirt_cheap = hold_number(rich_alice, "dirt-cheap")
    found = []
    for path in [
        "/coverage/?q=718x",
        "/coverage/?country=US&region=US-NY&area=0",
        f"/order/inbound/{albany.pk}/numbers/?product=pay-per-minute&digits=CALLME",
    ]:
        assert page.goto(path).status == 422
        found += judged(page, path)
    log_in_at_this_size(page)
    found += findings(page, "/order/channels/")
    page.goto(f"/coverage/{albany.pk}/")
    form = page.locator("article form").first
    form.evaluate("form => { form.querySelector('[name=product]').value = 'dollar-unlimited' }")
    form.get_by_role("button", name="Order Now").click()
    page.get_by_role("heading", name="Not added to your cart").wait_for()
    assert dirt_cheap.phone_number is not None
    assert found + judged(page, "a product that is not sold there") == []
