"""911 on the customer's pages: with a number, asked for where it is missing, moved, failed (domain.md §2, §12)."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.urls import reverse
from post_office.models import Email

from accounts import moving
from accounts.models import Account
from billing import emergency
from billing.models import Service
from catalog.models import Product
from orders import fulfilment
from orders.models import Cart, CartLine, Order
from tests.factories import AddressFactory, PhoneNumberFactory, RateCenterFactory, hold_number
from tests.orders.checkouts import NOON, balance, held, place
from tests.orders.conftest import credit, live_at_the_billing_address, put_into_cart
from tests.orders.waiting import quote_of

PROFILE = "/accounts/profile/"
CORRECTED = {
    "form": "service_address",
    "service-country": "US",
    "service-street": "9 Far Road",
    "service-city": "Albany",
    "service-region": "NY",
    "service-postal_code": "12207",
}
pytestmark = pytest.mark.usefixtures("catalog", "_noon")


@pytest.fixture
def _noon():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T17:00:00Z", tick=False):
        yield


@pytest.fixture
def buyer(alice: Account, taxes) -> Account:
    """Alice with $200.00 and her address, and nothing in the cart."""
    credit(alice, "200")
    return live_at_the_billing_address(alice)


def want_number(account: Account, **more) -> CartLine:
    """A Pay Per Minute number in the account's cart; without ``phone_number`` it is for staff to find."""
    cart, _ = Cart.objects.get_or_create(account=account)
    product = Product.objects.get(code="pay-per-minute")
    return CartLine.objects.create(
        cart=cart, product=product, kind=product.kind, rate_center=RateCenterFactory(), **more
    )


def lines(order: Order) -> list[tuple[str, Decimal, Decimal]]:
    return [(line.product.code, line.setup, line.this_month) for line in order.lines.order_by("position")]


NUMBER, WHOLE_911 = (
    ("pay-per-minute", Decimal("3.95"), Decimal("1.32")),
    ("e911", Decimal("1.50"), Decimal("1.02")),
)
# 3.95 + 1.32 and 1.50 + 1.02, and 8.875 % of it.
WITH_911, WITHOUT = Decimal("8.48"), Decimal("5.74")


class TestWithANumber:
    @pytest.mark.parametrize("is_in_stock", [True, False])
    def test_the_first_brings_911_and_the_second_nothing(self, buyer, is_in_stock):
        def number():
            return {"phone_number": PhoneNumberFactory()} if is_in_stock else {}

        want_number(buyer, **number())
        assert lines(place(buyer, total=WITH_911)) == [NUMBER, WHOLE_911]
        assert [service[:2] for service in held(buyer)] == [
            ("pay-per-minute", "active" if is_in_stock else "pending"),
            ("e911", "pending"),
        ]
        want_number(buyer, **number())
        assert lines(place(buyer, total=WITHOUT)) == [NUMBER]
        assert [service[0] for service in held(buyer)] == ["pay-per-minute", "e911", "pay-per-minute"]

    def test_a_plan_that_includes_it_pays_its_monthly_part(self, buyer):
        want_number(buyer, phone_number=PhoneNumberFactory())
        put_into_cart(buyer, "north-america-500")
        # 5.27 + 4.71 + 1.50, and 8.875 % of it.
        order = place(buyer, total=Decimal("12.50"))
        assert lines(order) == [
            NUMBER,
            ("north-america-500", 0, Decimal("4.71")),
            ("e911", Decimal("1.50"), 0),
        ]

    def test_plans_that_change_back_and_forth_pay_each_day_of_911_once(self, buyer):
        """With a number on the 11th, inside a plan on the 12th, not inside one on the 13th, and so on."""
        want_number(buyer, phone_number=PhoneNumberFactory())
        paid = []
        days = {12: "north-america-500", 13: "pay-per-call", 14: "north-america-500", 15: "pay-per-call"}
        for day, code in {11: None, **days, 26: "north-america-500", 28: "pay-per-call"}.items():
            now = NOON.replace(day=day)
            if code:
                put_into_cart(buyer, code)
            order = place(buyer, now=now, total=quote_of(buyer, now=now).total)
            lines_of_911 = order.lines.filter(product__kind="e911")
            paid += [(day, *months) for months in lines_of_911.values_list("this_month", "next_month")]
        assert paid == [(11, Decimal("1.02"), 0), (28, 0, Decimal("1.50"))]
        assert Service.objects.get(kind="e911").fee_paid_until == date(2027, 2, 28)

    def test_a_month_inside_a_plan_is_not_its_own_fee(self, buyer):
        for day, code in {11: "north-america-500", 12: "pay-per-call", 13: "north-america-500"}.items():
            put_into_cart(buyer, code)
            now = NOON.replace(day=day)
            place(buyer, now=now, total=quote_of(buyer, now=now).total)
            expected = None if day == 11 else date(2027, 1, 31)
            assert Service.objects.get(kind="e911").fee_paid_until == expected

    def test_it_begins_where_the_customer_is_by_then(self, buyer):
        """The address changed while the bank was asked: 911 is for the new one."""
        addresses = {"billing_address": buyer.billing_address, "service_address": buyer.service_address}
        order = Order.objects.create(
            account=buyer, token=uuid4(), tax_rate=0, subtotal=0, tax=0, total=0, placed_at=NOON, **addresses
        )
        for position, code in enumerate(["north-america-500", "e911"], start=1):
            order.lines.create(product=Product.objects.get(code=code), position=position)
        moving.serve_at(buyer, AddressFactory(street="9 Far Road"), now=NOON)
        fulfilment.begin_services(order, list(order.lines.in_words().order_by("position")), now=NOON)
        service = Service.objects.get(kind="e911")
        assert (service.state, service.address.street) == ("pending", "9 Far Road")


@pytest.fixture
def moved_in(buyer) -> Account:
    """Alice came to the US with a number and no 911."""
    hold_number(buyer)
    return buyer


class TestAskedFor:
    def test_the_dashboard_asks_and_charges_nothing(self, moved_in, alice_client):
        page = alice_client.get("/dashboard/")
        assert (page.context["lacks_911"], page.context["failed_911"]) == (True, None)
        assert "You have no 911 service." in page.content.decode()
        assert (balance(moved_in), Service.objects.filter(kind="e911").count()) == (200, 0)

    def test_its_button_puts_911_into_the_cart_once(self, moved_in, alice_client):
        for _ in range(2):
            response = alice_client.post("/cart/add/", {"product": "e911"})
            assert (response.status_code, response.url) == (302, "/cart/")
        assert str(next(iter(get_messages(response.wsgi_request)))) == "911 is in your cart."
        assert list(moved_in.cart.lines.values_list("kind", "quantity")) == [("e911", 1)]
        quote = alice_client.get("/cart/").context["quote"]
        assert [(line.product.code, line.amount) for line in quote.lines] == [("e911", Decimal("2.52"))]

    def test_it_is_ordered_like_anything_else(self, moved_in, alice_client):
        alice_client.post("/cart/add/", {"product": "e911"})
        # 1.50 + 1.02, and 8.875 % of it.
        order = place(moved_in, total=Decimal("2.74"))
        assert (lines(order), CartLine.objects.count()) == ([WHOLE_911], 0)
        assert held(moved_in)[-1] == ("e911", "pending", date(2027, 1, 11), date(2027, 1, 31))
        assert alice_client.get("/dashboard/").context["lacks_911"] is False

    def test_it_can_be_taken_out_again(self, moved_in, alice_client):
        alice_client.post("/cart/add/", {"product": "e911"})
        alice_client.post(f"/cart/{moved_in.cart.lines.get().pk}/remove/")
        assert CartLine.objects.count() == 0

    def test_who_has_it_is_not_asked_and_is_refused(self, shopper, alice_client):
        place(shopper)
        assert alice_client.get("/dashboard/").context["lacks_911"] is False
        response = alice_client.post("/cart/add/", {"product": "e911"})
        assert response.status_code == 409
        assert "Your account has 911 already" in response.content.decode()
        assert CartLine.objects.count() == 0

    def test_where_911_does_not_exist_nobody_is_asked_and_it_is_refused(self, moved_in, alice_client):
        moved_in.service_address = AddressFactory(country="DE", region="", postal_code="10115", city="Berlin")
        moved_in.save()
        assert alice_client.get("/dashboard/").context["lacks_911"] is False
        response = alice_client.post("/cart/add/", {"product": "e911"})
        assert "911 exists in the US and Canada" in response.content.decode()
        assert (response.status_code, CartLine.objects.count()) == (409, 0)

    def test_a_visitor_is_refused(self, client):
        response = client.post("/cart/add/", {"product": "e911"})
        assert "911 comes with a rate plan or a phone number" in response.content.decode()
        assert (response.status_code, Cart.objects.count()) == (409, 0)

    def test_a_cart_whose_reason_for_911_is_gone_says_so(self, moved_in, alice_client):
        alice_client.post("/cart/add/", {"product": "e911"})
        Service.objects.update(state="cancelled", cancelled_on=NOON.date(), reason="staff")
        problem = "911 comes with a rate plan or a phone number, and you have neither. Order one, or remove 911."
        assert alice_client.get("/cart/").context["quote"].problems == (problem,)
        form = {"token": str(uuid4()), "total": "2.74", "from_card_balance": "0", "pays_from": "balance"}
        response = alice_client.post("/checkout/", form)
        assert (response.status_code, response.context["problem"], balance(moved_in)) == (422, problem, 200)


@pytest.fixture
def active(shopper) -> Service:
    """Alice's 911, ordered and confirmed."""
    place(shopper)
    service = Service.objects.get(kind="e911")
    emergency.confirm(service, now=NOON)
    Email.objects.all().delete()
    return service


class TestTheAddressChanges:
    def test_in_the_profile(self, active, alice, alice_client):
        response = alice_client.post(PROFILE, CORRECTED)
        assert (response.status_code, response.url) == (302, f"{PROFILE}#service_address")
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "Your 911 service address is saved. At a new address, 911 is not active until we confirm it."
        ]
        self.has_moved(active)
        alice.refresh_from_db()
        assert (alice.service_address.street, alice.billing_address.street) == ("9 Far Road", "1 Test Street")

    def test_at_checkout(self, active, alice, alice_client):
        billing = {f"billing-{name[8:]}": value for name, value in CORRECTED.items() if name != "form"}
        response = alice_client.post("/checkout/address/", {**billing, "same": "on"})
        assert response.status_code == 302
        self.has_moved(active)

    def has_moved(self, service: Service) -> None:
        service.refresh_from_db()
        assert (service.state, service.address.street, service.confirmed_at) == ("pending", "9 Far Road", None)
        assert [mail.subject for mail in Email.objects.all()] == ["911 is not active at your new address yet"]

    def test_a_refused_address_changes_nothing_and_loses_nothing(self, active, alice_client):
        response = alice_client.post(PROFILE, CORRECTED | {"service-postal_code": "90210"})
        assert response.status_code == 422
        form = response.context["service_address_form"]
        assert (list(form.errors), form["street"].value()) == (["postal_code"], "9 Far Road")
        active.refresh_from_db()
        assert (active.state, active.address.street) == ("active", "1 Test Street")

    def test_the_billing_address_moves_nothing(self, active, alice_client):
        billing = {name.replace("service-", "billing-"): value for name, value in CORRECTED.items()}
        assert alice_client.post(PROFILE, billing | {"form": "address"}).status_code == 302
        active.refresh_from_db()
        assert (active.state, active.address.street) == ("active", "1 Test Street")

    def test_without_javascript_a_button_shows_the_fields_of_another_country(self, active, alice_client):
        response = alice_client.post(PROFILE, CORRECTED | {"service-country": "DE", "show_fields": "service"})
        form = response.context["service_address_form"]
        assert (response.status_code, "region" in form.fields, form.errors) == (200, False, {})
        assert form["street"].value() == "9 Far Road"

    def test_an_order_moves_what_was_left_behind(self, active, shopper):
        """The sweep has not run yet: the order does what it would do, by the same rule."""
        Account.objects.filter(pk=shopper.pk).update(service_address=AddressFactory(street="9 Far Road"))
        put_into_cart(shopper, "north-america-basic")
        place(shopper, total=Decimal("1.44"))
        active.refresh_from_db()
        assert (active.state, active.address.street) == ("pending", "9 Far Road")


class TestFailed:
    PROBLEM = "There is no house number 1 in Test Street."

    @pytest.fixture
    def pending(self, active) -> Service:
        Service.objects.filter(pk=active.pk).update(state="pending", confirmed_at=None)
        active.refresh_from_db()
        return active

    def answer(self, client, service: Service, **more):
        data = {"action": "fail_911", "_selected_action": [service.pk], **more}
        return client.post(reverse("admin:billing_service_changelist"), data)

    def shown(self, service: Service) -> str:
        return f"{service.pk}:{service.address_id}"

    def test_staff_are_asked_why(self, pending, sam_client):
        page = self.answer(sam_client, pending)
        assert page.status_code == 200
        text = page.content.decode()
        assert "1 Test Street, Albany, NY 12207" in text
        assert f'name="shown" value="{self.shown(pending)}"' in text
        pending.refresh_from_db()
        assert pending.state == "pending"

    @pytest.mark.parametrize("problem", ["", "   ", "x" * 301])
    def test_without_an_answer_nothing_fails(self, pending, sam_client, problem):
        page = self.answer(sam_client, pending, problem=problem, shown=self.shown(pending))
        assert (page.status_code, list(page.context["form"].errors)) == (422, ["problem"])
        pending.refresh_from_db()
        assert (pending.state, Email.objects.count()) == ("pending", 0)

    def test_the_customer_is_told_everywhere(self, pending, sam_client, alice_client):
        response = self.answer(sam_client, pending, problem=self.PROBLEM, shown=self.shown(pending))
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "911 failed for 1 of 1 chosen services. Each customer is told."
        ]
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (
            ["alice@example.com"],
            "911 is NOT active: your address was not accepted",
        )
        pages = ["/dashboard/", f"/orders/{Order.objects.get().reference}/"]
        for text in [mail.message, *(alice_client.get(page).content.decode() for page in pages)]:
            assert ("911 is NOT ACTIVE." in text, self.PROBLEM in text, f"{PROFILE}#service_address" in text) == (
                True,
                True,
                True,
            )

    def test_one_that_has_moved_since_staff_looked_stays(self, pending, sam_client, alice_client):
        shown = self.shown(pending)
        alice_client.post(PROFILE, CORRECTED)
        response = self.answer(sam_client, pending, problem=self.PROBLEM, shown=shown)
        assert [(each.level_tag, str(each)) for each in get_messages(response.wsgi_request)] == [
            (
                "warning",
                "911 failed for 0 of 1 chosen services. The others do not wait for it, or have just moved: look again.",
            )
        ]
        pending.refresh_from_db()
        assert (pending.state, pending.problem) == ("pending", "")

    def test_the_correction_makes_it_wait_again(self, pending, alice_client):
        emergency.fail(pending, problem=self.PROBLEM, now=NOON)
        assert alice_client.get("/dashboard/").context["failed_911"] == pending
        alice_client.post(PROFILE, CORRECTED)
        page = alice_client.get("/dashboard/")
        assert page.context["failed_911"] is None
        assert [product.warning for product in page.context["products"] if product.service.kind == "e911"] == [
            "911 is not active yet. We e-mail you as soon as it is confirmed."
        ]

    def test_customers_do_not_decide(self, pending, alice_client):
        assert self.answer(alice_client, pending, problem="x", shown=self.shown(pending)).status_code == 302
        pending.refresh_from_db()
        assert pending.state == "pending"
