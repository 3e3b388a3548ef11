"""Orders that wait for a number: filled, withdrawn or refunded, once and exactly."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import QuerySet
from post_office.models import Email

from accounts.models import Account
from billing import audit, history, ledger
from billing.models import Service
from orders import back_orders
from orders.models import Cart, OrderLine
from phone_numbers.models import BackOrder, PhoneNumber
from tests.billing.month import hold_plan
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, balance
from tests.orders.conftest import credit, live_at_the_billing_address, put_into_cart
from tests.orders.waiting import DAY_30, number_into_cart, order_what_is_in_the_cart, wait_for_number

# 21 of 31 days of 5.95, set-up 4.95; 911: 1.50 once and 21 of 31 days of 1.50; in New York.
NUMBER, EMERGENCY, TAX = Decimal("8.98"), Decimal("2.52"), Decimal("1.02")
PAID = NUMBER + EMERGENCY + TAX


def ready(account: Account) -> Account:
    credit(account, "200")
    return live_at_the_billing_address(account)


@pytest.fixture
def customer(alice, catalog, taxes) -> Account:
    return ready(alice)


@pytest.fixture
def other(bob, catalog, taxes) -> Account:
    return ready(bob)


@pytest.fixture
def waiting(customer) -> BackOrder:
    found = wait_for_number(customer)
    Email.objects.all().delete()
    return found


def mails() -> QuerySet[Email]:
    """Those on numbers: 911 has its own."""
    return Email.objects.exclude(subject__contains="911")


def service_of(back_order: BackOrder) -> Service:
    return Service.objects.get(back_order=back_order)


class TestOrdered:
    def test_the_confirmation_says_how_long_it_takes_and_what_can_be_done(self, customer):
        wait_for_number(customer)
        mail = Email.objects.get()
        assert mail.message.partition("* Personal Unlimited in Albany, NY: $8.98\n")[2].splitlines()[0] == (
            "  No number was in stock there when you chose it: we get one for you and tell you by e-mail. "
            "Expected wait: 10–30 business days. "
            "Until it comes you can withdraw the order and get the money back to your balance; "
            "after 30 days without a number you get it back in any case."
        )

    def test_the_orders_page_says_what_became_of_it(self, waiting, alice_client):
        page = f"/orders/{waiting.service.order_lines.get().order.reference}/"
        assert f'href="/back-orders/{waiting.pk}/withdraw/"' in alice_client.get(page).content.decode()
        back_orders.withdraw(waiting, now=NOON)
        text = alice_client.get(page).content.decode()
        assert text.count("The money for this came back to your balance on 11 January 2027.") == 2
        assert "/withdraw/" not in text


class TestFill:
    def test_the_number_is_the_customers(self, waiting, customer):
        number = PhoneNumberFactory()
        # Monday 11 January; Wednesday of the week after.
        back_orders.fill(waiting, number=number, now=NOON + timedelta(days=9))
        filled = BackOrder.objects.get()
        number.refresh_from_db()
        service = service_of(waiting)
        assert (number.state, number.holder) == (PhoneNumber.State.ASSIGNED, customer)
        assert (filled.state, filled.phone_number, filled.waited) == (BackOrder.State.FILLED, number, 7)
        assert (service.state, service.phone_number, service.paid_until) == ("active", number, date(2027, 1, 31))
        mail = mails().get()
        assert (mail.to, mail.subject) == (["alice@example.com"], f"Your new phone number: {number}")
        assert "This is the number you waited for. It is paid until 31 January 2027." in mail.message
        assert balance(customer) == 200 - PAID

    def test_nobody_pays_for_a_month_without_a_number(self, waiting, customer):
        back_orders.fill(waiting, number=PhoneNumberFactory(), now=NOON.replace(month=2, day=3))
        assert (service_of(waiting).paid_until, balance(customer)) == (date(2027, 2, 28), 200 - PAID)

    def test_911_that_came_with_it_and_nothing_else_called_for_is_paid_as_far(self, waiting, customer):
        back_orders.fill(waiting, number=PhoneNumberFactory(), now=NOON.replace(month=2, day=3))
        assert Service.objects.get(account=customer, kind="e911").paid_until == date(2027, 2, 28)

    def test_911_that_a_plan_called_for_meanwhile_is_not(self, waiting, customer):
        hold_plan(customer, "pay-per-call")
        back_orders.fill(waiting, number=PhoneNumberFactory(), now=NOON.replace(month=2, day=3))
        assert Service.objects.get(account=customer, kind="e911").paid_until == date(2027, 1, 31)

    def test_what_was_paid_further_stays(self, customer):
        waiting = wait_for_number(customer, now=NOON.replace(day=28))
        back_orders.fill(waiting, number=PhoneNumberFactory(), now=NOON.replace(day=29))
        assert service_of(waiting).paid_until == date(2027, 2, 28)

    @pytest.mark.parametrize("state", ["assigned", "kept", "out"])
    def test_a_number_that_is_not_free_changes_nothing(self, waiting, bob, state):
        facts = {"assigned": {"holder": bob}, "kept": {"last_holder": bob, "disconnected_on": date(2027, 1, 4)}}
        number = PhoneNumberFactory(state=state, **facts.get(state, {}))
        with pytest.raises(back_orders.stock.NumberTaken):
            back_orders.fill(waiting, number=number, now=NOON)
        waiting.refresh_from_db()
        assert (waiting.state, service_of(waiting).state, Email.objects.count()) == ("waiting", "pending", 0)

    def test_an_order_gets_one_number(self, waiting):
        first, second = PhoneNumberFactory.create_batch(2)
        back_orders.fill(waiting, number=first, now=NOON)
        with pytest.raises(back_orders.NoLongerWaiting):
            back_orders.fill(waiting, number=second, now=NOON)
        second.refresh_from_db()
        assert second.state == PhoneNumber.State.IN_STOCK


class TestAssignNext:
    def test_the_oldest_of_the_place_comes_first(self, customer, other):
        late = wait_for_number(other, now=NOON + timedelta(hours=1))
        early = wait_for_number(customer)
        elsewhere = wait_for_number(customer, at=RateCenterFactory(name="Troy"))
        PhoneNumberFactory.create_batch(3)
        albany, now = early.rate_center, NOON + timedelta(days=1)
        assert [back_orders.assign_next(albany, now=now) for _ in range(3)] == [early, late, None]
        elsewhere.refresh_from_db()
        assert elsewhere.state == BackOrder.State.WAITING

    def test_without_a_number_it_waits_on(self, waiting, bob):
        PhoneNumberFactory(rate_center=RateCenterFactory(name="Troy"))
        PhoneNumberFactory(state="assigned", holder=bob)
        assert back_orders.assign_next(waiting.rate_center, now=NOON) is None
        assert service_of(waiting).state == Service.State.PENDING

    def test_a_hold_that_is_over_is_free_and_one_that_is_not_is_kept(self, waiting):
        token = "5f0c3f0e-8d5d-4a7c-9f3a-0a1b2c3d4e5f"
        held = PhoneNumberFactory(state="held", held_by=token, held_until=NOON + timedelta(minutes=10))
        assert back_orders.assign_next(waiting.rate_center, now=NOON) is None
        filled = back_orders.assign_next(waiting.rate_center, now=NOON + timedelta(minutes=10))
        assert filled.phone_number == held

    def test_a_number_of_staffs_choice(self, waiting):
        _, chosen = PhoneNumberFactory.create_batch(2)
        assert back_orders.assign_next(waiting.rate_center, number=chosen, now=NOON).phone_number == chosen


class TestWithdraw:
    def test_what_was_paid_is_back(self, waiting, customer):
        # The number was all that 911 was for.
        shown = back_orders.what_comes_back(waiting)
        given = back_orders.withdraw(waiting, now=NOON)
        assert (given, given.total, balance(customer)) == (shown, PAID, 200)
        services = Service.objects.filter(account=customer).order_by("pk")
        assert [(each.kind, each.state, each.reason, each.cancelled_on) for each in services] == [
            ("did", "cancelled", "withdrawn", NOON.date()),
            ("e911", "cancelled", "not_needed", NOON.date()),
        ]
        waiting.refresh_from_db()
        assert (waiting.state, waiting.closed_at, waiting.waited) == ("withdrawn", NOON, None)
        assert list(OrderLine.objects.values_list("refunded_at", flat=True)) == [NOON, NOON]
        assert list(audit.differences()) == []

    def test_the_history_says_so(self, waiting, customer):
        back_orders.withdraw(waiting, now=NOON)
        own = ledger.of(customer)
        lines = history.lines(history.transfers(own), own)[:2]
        reference = waiting.service.order_lines.get().order.reference
        assert {(line.kind, line.source, line.amount) for line in lines} == {
            ("Refund", f"Order {reference}: Personal Unlimited in Albany, NY", NUMBER),
            ("Refund", f"Order {reference}: 911", EMERGENCY),
        }
        assert sum(line.tax for line in lines) == TAX

    def test_so_does_its_csv(self, waiting, customer):
        back_orders.withdraw(waiting, now=NOON)
        own, file = ledger.of(customer), io.StringIO()
        history.write_csv(history.transfers(own, kind="refund"), own, file)
        reference = waiting.service.order_lines.get().order.reference
        assert file.getvalue().splitlines()[1:] == [
            f"2027-01-11,Refund,Order {reference}: 911,2.5200,0.2200,200.0000",
            f'2027-01-11,Refund,"Order {reference}: Personal Unlimited in Albany, NY",8.9800,0.8000,197.2600',
        ]

    def test_the_customer_is_told_how_much(self, waiting):
        back_orders.withdraw(waiting, now=NOON)
        mail = mails().get()
        assert mail.subject == "Your order for a number in Albany, NY is withdrawn"
        assert "$12.52 is back in your balance: $11.50, and $1.02 of tax." in mail.message

    def test_twice_is_once(self, waiting, customer):
        back_orders.withdraw(waiting, now=NOON)
        with pytest.raises(back_orders.NoLongerWaiting, match="withdrawn already"):
            back_orders.withdraw(waiting, now=NOON)
        assert (balance(customer), mails().count()) == (200, 1)

    def test_a_number_that_has_come_stays(self, waiting, customer):
        number = PhoneNumberFactory()
        back_orders.fill(waiting, number=number, now=NOON)
        with pytest.raises(back_orders.NoLongerWaiting) as refusal:
            back_orders.withdraw(waiting, now=NOON)
        assert str(refusal.value) == (
            f"Your number has come: {number} is yours now, so this order can no longer be withdrawn. "
            "See it among your products."
        )
        assert balance(customer) == 200 - PAID

    def test_911_that_is_active_ends_too_and_is_paid_for(self, waiting, customer):
        Service.objects.filter(kind="e911").update(state="active", confirmed_at=NOON)
        back_orders.withdraw(waiting, now=NOON)
        assert Service.objects.get(kind="e911").reason == Service.Reason.NOT_NEEDED
        assert balance(customer) == 200 - PAID + NUMBER + Decimal("0.80")

    @pytest.mark.parametrize("first", [0, 1])
    def test_the_last_of_two_orders_brings_911_back(self, waiting, customer, alice_client, first):
        """The first brought 911, and its money comes back with the last, whichever that is."""
        orders = [waiting, wait_for_number(customer, now=NOON + timedelta(hours=1))]
        number_again = NUMBER + Decimal("0.80")
        given = back_orders.withdraw(orders.pop(first), now=NOON)
        assert (given.total, Service.objects.get(kind="e911").state) == (number_again, "pending")
        text = alice_client.get(f"/back-orders/{orders[0].pk}/withdraw/").content.decode()
        assert f"${PAID}" in text
        given = back_orders.withdraw(orders[0], now=NOON)
        assert (given.total, balance(customer), list(audit.differences())) == (PAID, 200, [])
        assert "$12.52 is back in your balance: $11.50, and $1.02 of tax." in mails().last().message

    def test_911_that_two_orders_paid_for_comes_back_whole(self, customer):
        """It came with a plan that included its monthly part, which was due when the next plan did not."""
        put_into_cart(customer, "north-america-500")
        waiting = wait_for_number(customer)
        put_into_cart(customer, "pay-per-call")
        order_what_is_in_the_cart(customer)
        Service.objects.held().filter(kind="plan").update(state="cancelled", cancelled_on=NOON.date(), reason="staff")
        shown = back_orders.what_comes_back(waiting)
        assert (back_orders.withdraw(waiting, now=NOON), shown.net) == (shown, NUMBER + EMERGENCY)
        # 21 of 31 days of the plan's 6.95, and the tax on it.
        assert (balance(customer), list(audit.differences())) == (200 - Decimal("4.71") - Decimal("0.42"), [])

    def test_911_that_a_plan_needs_too_stays(self, customer):
        put_into_cart(customer, "pay-per-call")
        waiting = wait_for_number(customer)
        back_orders.withdraw(waiting, now=NOON)
        assert Service.objects.get(kind="e911").state == Service.State.PENDING
        assert balance(customer) == 200 - (EMERGENCY + Decimal("0.22"))

    def test_the_tax_adds_up_however_many_lines_come_back(self, customer):
        """Two numbers of 8.98 and 911: rounded line by line the tax would be 0.80 + 0.80 + 0.22, a cent more."""
        number_into_cart(customer)
        number_into_cart(customer, at=RateCenterFactory(name="Troy"))
        order = order_what_is_in_the_cart(customer)
        assert order.tax == Decimal("1.82")
        first, second = BackOrder.objects.order_by("pk")
        back_orders.withdraw(first, now=NOON)
        assert Service.objects.get(kind="e911").state == Service.State.PENDING
        back_orders.withdraw(second, now=NOON)
        assert (balance(customer), list(audit.differences())) == (200, [])

    def test_what_was_put_into_the_cart_meanwhile_stays(self, waiting, customer):
        put_into_cart(customer)
        back_orders.withdraw(waiting, now=NOON)
        assert Cart.objects.get(account=customer).lines.count() == 1


class TestRefundOverdue:
    def test_after_30_days_and_not_before(self, waiting, customer):
        # The first and the last moment of a business day.
        late_on_day_29 = DAY_30.replace(hour=23, minute=59) - timedelta(days=1)
        assert back_orders.refund_overdue(now=late_on_day_29) == 0
        assert back_orders.refund_overdue(now=DAY_30.replace(hour=0)) == 1
        waiting.refresh_from_db()
        assert (waiting.state, waiting.refund_on, balance(customer)) == ("refunded", date(2027, 2, 10), 200)
        assert service_of(waiting).reason == Service.Reason.UNFILLED
        mail = mails().get()
        assert mail.subject == "We found no number in Albany, NY: your money is back"
        assert "$12.52 is back in your balance" in mail.message

    def test_running_twice_refunds_once(self, waiting, customer):
        assert [back_orders.refund_overdue(now=DAY_30) for _ in range(2)] == [1, 0]
        assert (balance(customer), mails().count()) == (200, 1)

    def test_what_was_filled_or_withdrawn_is_left_alone(self, customer, other):
        back_orders.fill(wait_for_number(customer), number=PhoneNumberFactory(), now=NOON)
        back_orders.withdraw(wait_for_number(other), now=NOON)
        assert back_orders.refund_overdue(now=DAY_30) == 0
        assert (balance(customer), balance(other)) == (200 - PAID, 200)

    def test_a_late_run_refunds_what_is_left(self, waiting, other):
        wait_for_number(other, now=NOON + timedelta(days=20))
        assert back_orders.refund_overdue(now=DAY_30 + timedelta(days=15)) == 1


class TestWithdrawPage:
    def test_it_asks_first_and_says_what_comes_back(self, waiting, alice_client):
        page = alice_client.get(f"/back-orders/{waiting.pk}/withdraw/")
        text = page.content.decode()
        assert (page.status_code, page.context["coming_back"].total) == (200, PAID)
        assert ("Withdraw this order?" in text, "$12.52" in text, "$1.02" in text) == (True, True, True)
        assert service_of(waiting).state == Service.State.PENDING

    def test_confirming_withdraws(self, waiting, customer, alice_client):
        response = alice_client.post(f"/back-orders/{waiting.pk}/withdraw/")
        assert (response.status_code, response.url, balance(customer)) == (302, "/dashboard/", 200)
        text = alice_client.get("/dashboard/").content.decode()
        assert "Your order for a number in Albany, NY is withdrawn. $12.52 is in your balance." in text

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_staff_were_faster(self, waiting, customer, alice_client, method):
        number = PhoneNumberFactory()
        back_orders.fill(waiting, number=number, now=NOON)
        response = getattr(alice_client, method)(f"/back-orders/{waiting.pk}/withdraw/")
        assert response.status_code == 409
        assert f"Your number has come: {number} is yours now" in response.content.decode()
        assert balance(customer) == 200 - PAID

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_strangers_is_not_found(self, waiting, bob_client, method):
        assert getattr(bob_client, method)(f"/back-orders/{waiting.pk}/withdraw/").status_code == 404
        assert service_of(waiting).state == Service.State.PENDING
