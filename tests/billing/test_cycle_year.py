"""A year by the clock: 2028, its leap day, both changes of the hour, and customers who begin on each day of a month.

Every day somebody orders, cancels, keeps, runs out of money, pays late; and the cycle runs. At the end each day of each
service is paid for once, each account has one invoice a month, and each notice was sent once.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from post_office.models import Email

from accounts.models import Account
from billing import audit, cycle, ending, ledger, months, taxes
from billing.models import Cycle, Invoice, InvoiceLine, Service, Transfer
from callcentric.clock import BUSINESS_ZONE
from orders import back_orders
from orders.models import Order, OrderLine
from phone_numbers.models import BackOrder, RateCenter
from tests.billing.month import add_funds, balance
from tests.factories import AccountFactory, AddressFactory, PhoneNumberFactory, RateCenterFactory
from tests.orders.channels import put_channels
from tests.orders.checkouts import add_number
from tests.orders.conftest import put_into_cart
from tests.orders.waiting import number_into_cart, order_what_is_in_the_cart

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

FIRST, LAST = date(2028, 1, 1), date(2029, 1, 1)
# Also an hour that there is not on 12 March, and one that there is twice on 5 November.
HOURS = [time(0, 5), time(1, 30), time(2, 30), time(12), time(23, 55)]
# What customers order on their first day: a plan, a number, or both.
ORDERS = {
    0: ["north-america-500"],
    1: ["pay-per-minute"],
    2: ["pay-per-call", "office-unlimited"],
    3: ["world-select-residential", "personal-unlimited"],
}


def on(month: int, day: int) -> date:
    return date(2028, month, day)


class Year:
    """31 customers, each with a number of their own: the day of the month on which they sign up."""

    def __init__(self) -> None:
        self.acts: dict[date, list[Callable[[datetime], object]]] = defaultdict(list)
        self.added: Counter[int] = Counter()
        # Days that were given: of a number that came after the month it was paid for.
        self.given: dict[int, tuple[date, date]] = {}
        self.place = RateCenterFactory()
        for _ in range(60):
            PhoneNumberFactory(rate_center=self.place)
        self.customers = {day: self._customer(day) for day in range(1, 32)}
        for day, account in self.customers.items():
            self._sign_up(day, account)
        for day in (5, 10, 15, 20, 25, 30):
            self.at(on(6, min(day, 26)), lambda now, day=day: self.cancel(day, now))
        for day in (1, 6, 11, 16, 21, 26, 31):
            self.at(on(6, 12), lambda now, day=day: self.cancel(day, now))
            # The last two only when July has been collected.
            self.at(on(6, 25) if day < 26 else on(6, 30), lambda now, day=day: self.keep(day, now))
        for day in (2, 7, 12, 17, 22, 27):
            self.at(on(5, 15), lambda now, day=day: self.spend_all(day, now))
            self.at(on(6, 1) if day == 12 else on(5, 29), lambda now, day=day: self.fund(day, now))
        for day in (3, 8, 13, 18, 23, 28):
            self.at(on(8, 10), lambda now, day=day: self.spend_all(day, now))
        for day in (3, 13):
            self.at(on(9, 12), lambda now, day=day: self.fund(day, now))
            self.at(on(9, 12), lambda now, day=day: self.order(day, now, *ORDERS[day % 4]))
        self._changes()

    def _changes(self) -> None:
        """Channels, plans that replace another, a number that came late."""
        self.at(on(4, 10), lambda now: self.channels(9, 2, now))
        self.at(on(7, 8), lambda now: self.cancel(9, now, "channel"))
        self.at(on(4, 28), lambda now: self.channels(29, 3, now))
        self.at(on(9, 5), lambda now: self.cancel(29, now))
        self.at(on(5, 30), lambda now: self.order(14, now, "north-america-500"))
        self.at(on(5, 10), lambda now: self.order(19, now, "pay-per-call"))
        self.at(on(5, 30), lambda now: self.order(24, now, "pay-per-call"))
        self.at(on(7, 15), lambda now: self.order(24, now, "north-america-500"))
        self.at(on(2, 20), lambda now: self.wait(4, now))
        self.at(on(3, 29), lambda now: self.fill(4, now))

    def _customer(self, day: int) -> Account:
        address = AddressFactory(region="NY" if day % 2 else "CA")
        return AccountFactory(user__username=f"day{day}", billing_address=address, service_address=address)

    def _sign_up(self, day: int, account: Account) -> None:
        month = {29: 2, 30: 3, 31: 1}.get(day, 1 + day % 3)
        self.at(on(month, day), lambda now: self.fund(day, now))
        self.at(on(month, day), lambda now: self.order(day, now, *ORDERS[day % 4]))

    def at(self, day: date, act: Callable[[datetime], object]) -> None:
        self.acts[day].append(act)

    def live(self, *, skips: Callable[[date], bool] = lambda day: False) -> None:
        day = FIRST
        while day <= LAST:
            now = datetime.combine(day, HOURS[day.toordinal() % len(HOURS)], tzinfo=BUSINESS_ZONE)
            for act in self.acts[day]:
                act(now)
            for _ in range(0 if skips(day) else 2 if day.day in (1, 10, 20, 27) else 1):
                cycle.run(on=day, now=now, charge_cards=lambda: 0)
            day += timedelta(days=1)

    # What customers do.

    def held(self, day: int, *kinds: str) -> list[Service]:
        return list(Service.objects.held().filter(account=self.customers[day], kind__in=kinds).order_by("pk"))

    def fund(self, day: int, now: datetime) -> None:
        self.added[day] += 1000
        add_funds(self.customers[day], "1000", key=f"funds:{day}:{now}", now=now)

    def spend_all(self, day: int, now: datetime) -> None:
        account = self.customers[day]
        self.added[day] -= balance(account)
        ledger.charge(
            account=account, key=f"spent:{day}", net=balance(account), tax=Decimal(0), memo="Calls", made_at=now
        )

    def order(self, day: int, now: datetime, *codes: str) -> Order:
        account = self.customers[day]
        for code in codes:
            if code in ("pay-per-minute", "office-unlimited", "personal-unlimited"):
                add_number(account, self.place, code=code, now=now)
            else:
                put_into_cart(account, code)
        return order_what_is_in_the_cart(account, now=now)

    def channels(self, day: int, count: int, now: datetime) -> None:
        put_channels(self.held(day, "did")[0], count)
        order_what_is_in_the_cart(self.customers[day], now=now)

    def cancel(self, day: int, now: datetime, *kinds: str) -> None:
        ending.cancel(self.held(day, *(kinds or ("plan", "did")))[0], today=now.date(), now=now)

    def keep(self, day: int, now: datetime) -> None:
        ending.keep(self.held(day, "plan", "did")[0], today=now.date())

    def wait(self, day: int, now: datetime) -> None:
        number_into_cart(self.customers[day], "personal-unlimited", RateCenterFactory(name="Troy"))
        order_what_is_in_the_cart(self.customers[day], now=now)

    def fill(self, day: int, now: datetime) -> None:
        waiting = BackOrder.objects.get()
        self.given[waiting.service.pk] = (months.next_month(on(2, 20)), months.last_day(now.date()))
        number = PhoneNumberFactory(rate_center=RateCenter.objects.get(name="Troy"))
        back_orders.fill(waiting, number=number, now=now)


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def days_of_line(line: OrderLine) -> list[date]:
    placed = line.order.placed_at.astimezone(BUSINESS_ZONE).date()
    return days(placed, months.paid_until(placed))


def days_of_invoice(line: InvoiceLine) -> list[date]:
    return days(line.month, months.last_day(line.month))


def paid_days(year: Year, service: Service) -> list[date]:
    """Each day that something has paid for, as often as it was paid for."""
    found = [day for line in service.order_lines.all() for day in days_of_line(line)]
    found += [day for line in service.invoice_lines.all() for day in days_of_invoice(line)]
    return sorted(found + (days(*year.given[service.pk]) if service.pk in year.given else []))


def fee_days(service: Service) -> list[date]:
    """Of 911: each day that its own fee has paid for, and not the plan that it is inside of."""
    found = [day for line in service.invoice_lines.all() if line.amount for day in days_of_invoice(line)]
    for line in service.order_lines.all():
        placed = line.order.placed_at.astimezone(BUSINESS_ZONE).date()
        found += days(placed, months.last_day(placed)) if line.this_month else []
        found += days_of_invoice(InvoiceLine(month=months.next_month(placed))) if line.next_month else []
    return sorted(found)


def check_each_day_is_paid_once(year: Year) -> None:
    for service in Service.objects.prefetch_related("order_lines__order", "invoice_lines").order_by("pk"):
        whole = days(service.started_on, service.paid_until)
        found = paid_days(year, service)
        if service.kind == "e911":
            # A plan that included it was replaced by one that does not: its own fee begins in the middle of a month.
            assert sorted(set(found)) == whole, service.pk
            assert len(fee_days(service)) == len(set(fee_days(service))), service.pk
        else:
            assert found == whole, (service.pk, service.product.code, service.account.user.username)


def check_what_has_ended(*, late: bool) -> None:
    """With its last paid day where its customer wished; on the 1st where it was not paid, or at the next run."""
    for service in Service.objects.exclude(state="cancelled"):
        assert service.paid_until == date(2029, 1, 31), service.pk
    for service in Service.objects.filter(state="cancelled"):
        if service.reason in ("customer", "not_needed"):
            assert service.cancelled_on == service.paid_until, service.pk
        elif service.reason == "failed_rebilling":
            unpaid = (service.cancelled_on - service.paid_until).days
            assert 1 <= unpaid <= 4 if late else unpaid == 1, service.pk
        else:
            assert service.reason == "replaced", service.pk


def check_the_money(year: Year) -> None:
    assert list(audit.differences()) == []
    for day, account in year.customers.items():
        ordered = sum(order.total for order in account.orders.all())
        invoiced = sum(invoice.total for invoice in account.invoices.all())
        assert balance(account) == year.added[day] - ordered - invoiced, day
    renewals = Transfer.objects.filter(key__startswith="renewal:", kind="charge")
    charged = {transfer.key: transfer.amount for transfer in renewals}
    assert charged == {invoice.key: invoice.net for invoice in Invoice.objects.filter(net__gt=0)}


def parts() -> set[tuple[str, date]]:
    """Who got a second invoice for a month."""
    second = Invoice.objects.filter(part__gt=1).select_related("account__user")
    return {(invoice.account.user.username, invoice.month) for invoice in second}


def check_the_notices() -> None:
    """Each once: the forecast, the failure, the cancellation, and what its customer ended."""
    sent: Counter[tuple[str, str]] = Counter()
    for to, subject in Email.objects.values_list("to", "subject"):
        sent[to[0] if isinstance(to, list) else to, subject.partition(":")[0]] += 1
    expected: Counter[tuple[str, str]] = Counter()
    for each in Cycle.objects.select_related("account__user"):
        email = each.account.user.email
        if each.forecast_on:
            expected[email, f"Your services in {each.month:%B}"] += 1
        if each.told_on:
            last = max(each.month, each.told_on + timedelta(days=1))
            expected[email, f"Your services are going to be cancelled on {last:%-d %B %Y}"] += 1
        if each.cancelled_on:
            expected[email, "Your services were cancelled"] += 1
    about_the_month = {key: count for key, count in sent.items() if key[1].startswith("Your services ")}
    assert about_the_month == expected
    assert set(expected.values()) == {1}
    ended = Service.objects.filter(reason="customer").exclude(kind="channel", number_service__state="cancelled")
    assert sum(count for key, count in sent.items() if key[1].startswith("Services that ended on")) == ended.count()
    assert sum(count for key, count in sent.items() if key[1] == "Your 911 service has ended") == (
        Service.objects.filter(reason="not_needed").count()
    )


def check_everybody_was_foretold() -> None:
    """Whoever was billed for a service that they had on the 26th was told on the 20th, or as soon as they had it."""
    foretold = set(Cycle.objects.filter(forecast_on__isnull=False).values_list("account", "month"))
    for line in InvoiceLine.objects.select_related("invoice", "service"):
        known_by = months.month_before(line.month).replace(day=24)
        if line.service.started_on <= known_by and line.service.product.kind != "e911":
            assert (line.invoice.account_id, line.month) in foretold


def test_every_day():
    taxes.load()
    year = Year()
    year.live()

    check_each_day_is_paid_once(year)
    check_what_has_ended(late=False)
    check_the_money(year)
    check_the_notices()
    check_everybody_was_foretold()
    # A number that came on 29 March, and two that were kept when the 27th was over: each after its account had paid.
    assert parts() == {("day4", on(4, 1)), ("day26", on(7, 1)), ("day31", on(7, 1))}
    assert sorted(Cycle.objects.filter(cancelled_on__isnull=False).values_list("cancelled_on", flat=True)) == (
        [on(9, 1)] * 6
    )
    assert Cycle.objects.filter(told_on=on(5, 27)).count() == 6
    assert not Cycle.objects.open().exists()


def test_with_days_on_which_nothing_ran():
    taxes.load()
    chance = random.Random(2028)
    away = {day for day in days(FIRST, LAST - timedelta(days=1)) if chance.random() < 0.4}
    # The workers were down for a week: over a first attempt, and over a 1st.
    away |= {*days(on(4, 25), on(4, 30)), *days(on(7, 29), on(8, 3))}
    # Never so long that somebody who cannot pay still has services when they order anew.
    away -= {on(9, 4), on(9, 5)}
    year = Year()
    year.live(skips=lambda day: day in away)

    check_each_day_is_paid_once(year)
    check_what_has_ended(late=True)
    check_the_money(year)
    check_the_notices()
    assert parts() <= {("day4", on(4, 1)), ("day26", on(7, 1)), ("day31", on(7, 1))}
    assert Cycle.objects.filter(cancelled_on__isnull=False).count() == 6
    assert not Cycle.objects.open().exists()
