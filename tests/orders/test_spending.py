"""What was spent in the last 12 months: which money counts, in which month, as which kind; the chart and its page."""

import re
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from billing.models import Invoice, InvoiceLine
from catalog.models import Product
from orders import refunds, spending_chart
from orders.models import Order
from orders.spending import KINDS, Month, Spending, spending
from tests.billing.movements import at, charge, put_in
from tests.factories import hold_number
from tests.orders.channels import hold_channels

TODAY = date(2027, 1, 11)
NOTHING = [Decimal(0)] * 6


def order(account, *lines, when=None, rate="0.08875", state="completed"):
    """An order as checkout leaves it: lines of product code, set-up, rest of this month, next month."""
    when = when or at(1, 11)
    amounts = [tuple(Decimal(amount) for amount in line[1:]) for line in lines]
    subtotal = sum(sum(each) for each in amounts)
    tax = refunds.tax_on(subtotal, Decimal(rate))
    made = Order.objects.create(
        account=account,
        token=uuid4(),
        state=state,
        billing_address=account.billing_address,
        service_address=account.billing_address,
        tax_rate=Decimal(rate),
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
        completed_at=when if state == "completed" else None,
    )
    for position, (line, (setup, this_month, next_month)) in enumerate(zip(lines, amounts, strict=True), start=1):
        made.lines.create(
            product=Product.objects.get(code=line[0]),
            position=position,
            setup=setup,
            this_month=this_month,
            next_month=next_month,
        )
    return made


def renewal(account, services, *, tax="0", when=None, month=date(2027, 2, 1)):
    amounts = [Decimal(amount) for _, amount in services]
    invoice = Invoice.objects.create(
        account=account, month=month, net=sum(amounts), tax=Decimal(tax), issued_at=when or at(1, 27)
    )
    for (service, _), amount in zip(services, amounts, strict=True):
        InvoiceLine.objects.create(invoice=invoice, service=service, month=month, amount=amount)


def spent(account, today=TODAY) -> dict[str, list[Decimal]]:
    """Months in which something was spent, by their names."""
    found = spending(account, today=today)
    return {f"{month.first_day:%Y-%m}": list(month.amounts) for month in found.months if month.total}


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.usefixtures("catalog")
class TestWhatCounts:
    def test_an_order_by_kind(self, alice):
        order(
            alice,
            ("north-america-500", "0", "4.71", "6.95"),
            ("pay-per-minute", "3.95", "1.32", "0"),
            ("additional-channel", "0", "2.03", "0"),
            ("e911", "1.50", "0", "1.50"),
        )
        # Plans, numbers, channels, 911, set-up fees, tax.
        assert spent(alice) == {"2027-01": amounts("11.66", "1.32", "2.03", "1.50", "5.45", "1.95")}

    def test_a_renewal_when_it_was_paid_and_not_the_month_it_pays_for(self, alice):
        number = hold_number(alice)
        channels = hold_channels(number, 2)
        renewal(alice, [(number, "1.95"), (channels[0], "3"), (channels[1], "3")], tax="0.71", when=at(1, 2))
        assert spent(alice) == {"2027-01": amounts("0", "1.95", "6", "0", "0", "0.71")}

    def test_orders_and_renewals_of_a_month_add_up(self, alice):
        number = hold_number(alice)
        renewal(alice, [(number, "1.95")], tax="0.17", when=at(1, 2))
        order(alice, ("pay-per-minute", "3.95", "1.95", "0"))
        assert spent(alice) == {"2027-01": amounts("0", "3.90", "0", "0", "3.95", "0.69")}

    def test_a_refunded_line_is_left_out_with_its_tax(self, alice):
        made = order(alice, ("north-america-500", "0", "6.95", "0"), ("pay-per-minute", "3.95", "1.95", "0"))
        put_in(alice, "20", at(1, 11))
        charge(alice, str(made.subtotal), str(made.tax), at(1, 11), key=made.charge_key)
        refunds.give_back([made.lines.get(product__code="pay-per-minute")], now=at(1, 12))
        assert spent(alice) == {"2027-01": amounts("6.95", "0", "0", "0", "0", "0.62")}
        refunds.give_back([made.lines.get(product__code="north-america-500")], now=at(1, 12))
        assert spent(alice) == {}

    @pytest.mark.parametrize("state", ["paying", "failed"])
    def test_an_order_that_was_not_completed(self, alice, state):
        order(alice, ("pay-per-minute", "3.95", "1.95", "0"), state=state)
        assert spent(alice) == {}

    def test_somebody_elses(self, alice, bob):
        order(alice, ("pay-per-minute", "3.95", "1.95", "0"))
        renewal(alice, [(hold_number(alice), "1.95")], when=at(1, 2))
        assert spent(bob) == {}

    @pytest.mark.parametrize(
        ("when", "month"),
        [
            (at(1, 31, 23, year=2026), None),
            (at(2, 1, 0, year=2026), "2026-02"),
            (at(12, 31, 23, year=2026), "2026-12"),
            (at(1, 1, 0), "2027-01"),
        ],
    )
    def test_twelve_months_of_new_york(self, alice, when, month):
        order(alice, ("north-america-500", "0", "6.95", "0"), when=when, rate="0")
        renewal(alice, [(hold_number(alice), "1.95")], when=when)
        assert spent(alice) == ({month: amounts("6.95", "1.95", "0", "0", "0", "0")} if month else {})

    def test_the_months_are_the_last_twelve(self, alice):
        found = [month.first_day for month in spending(alice, today=date(2027, 3, 31)).months]
        assert (len(found), found[0], found[-1]) == (12, date(2026, 4, 1), date(2027, 3, 1))

    def test_totals(self, alice):
        order(alice, ("pay-per-minute", "3.95", "1.95", "0"), rate="0", when=at(12, 5, year=2026))
        order(alice, ("pay-per-minute", "3.95", "1.00", "0"), rate="0")
        found = spending(alice, today=TODAY)
        assert found.total == Decimal("10.85")
        assert [amount for _, amount in found.totals] == amounts("0", "2.95", "0", "0", "7.90", "0")
        assert [name for name, _ in found.totals] == [
            "Rate plans",
            "Phone numbers",
            "Channels",
            "911",
            "Set-up fees",
            "Tax",
        ]


def chart_of(*months: tuple[str, ...]):
    return spending_chart.drawn(
        Spending([Month(date(2027, number, 1), tuple(amounts(*each))) for number, each in enumerate(months, start=1)])
    )


class TestChart:
    @pytest.mark.parametrize(
        ("highest", "top"),
        [
            ("0.50", 1),
            ("1", 1),
            ("1.01", 2),
            ("9.99", 10),
            ("10", 10),
            ("10.01", 20),
            ("52.10", 60),
            ("81", 100),
            ("1204.50", 2000),
        ],
    )
    def test_the_scale_ends_at_a_round_amount(self, highest, top):
        lines = chart_of((highest, "0", "0", "0", "0", "0")).gridlines
        assert [line.amount for line in lines] == [0, Decimal(top) / 2, top]

    def test_the_scale_is_in_whole_dollars_where_it_can_be(self):
        assert [line.label for line in chart_of(("1", "0", "0", "0", "0", "0")).gridlines] == ["$0", "$0.50", "$1"]
        assert [line.label for line in chart_of(("1500", "0", "0", "0", "0", "0")).gridlines] == [
            "$0",
            "$1,000",
            "$2,000",
        ]

    def test_the_pieces_of_a_bar_stand_on_each_other(self):
        chart = chart_of(("2.50", "0", "5", "0", "0", "2.5"), ("0",) * 6)
        pieces = chart.bars[0].pieces
        assert [piece.css for piece in pieces] == ["of-plan", "of-channel", "of-tax"]
        assert [(piece.y, piece.height) for piece in pieces] == [
            ("122.00", "38.00"),
            ("46.00", "76.00"),
            ("8.00", "38.00"),
        ]
        assert chart.bars[1].pieces == []

    def test_every_kind_has_a_colour_of_its_own(self, settings):
        css = (settings.BASE_DIR / "static/css/spending.css").read_text()
        light = re.findall(r"--of-(\w+): (#\w+);", css)[: len(KINDS)]
        assert [kind for kind, _ in light] == list(KINDS)
        assert len({colour for _, colour in light}) == len(KINDS)


def page_of(client) -> str:
    return " ".join(client.get(reverse("spending")).content.decode().split())


@pytest.mark.usefixtures("catalog")
class TestPage:
    @pytest.fixture(autouse=True)
    def _in_january(self, time_machine):
        time_machine.move_to(at(1, 11))

    def test_it_draws_and_lists(self, alice, alice_client):
        order(alice, ("pay-per-minute", "3.95", "1.32", "0"))
        page = page_of(alice_client)
        assert "<title>January 2027: $5.74</title>" in page
        assert page.count("<rect ") == 3
        assert (
            '<th scope="row" class="nowrap">January 2027</th> '
            '<td data-label="Rate plans" class="money"></td>'
            '<td data-label="Phone numbers" class="money">$1.32</td>'
            '<td data-label="Channels" class="money"></td>'
            '<td data-label="911" class="money"></td>'
            '<td data-label="Set-up fees" class="money">$3.95</td>'
            '<td data-label="Tax" class="money">$0.47</td> '
            '<td data-label="Total" class="money">$5.74</td>'
        ) in page
        assert "Stacked bars of the last 12 months: $5.74 altogether." in page
        assert "style=" not in page

    def test_nothing_spent_yet(self, alice_client):
        page = page_of(alice_client)
        assert ("Nothing spent yet" in page, "<svg viewBox" in page.split("<main")[1]) == (True, False)
        assert 'href="/order/"' in page.split("<main")[1]

    def test_nothing_of_anybody_else(self, alice, bob_client):
        order(alice, ("pay-per-minute", "3.95", "1.32", "0"))
        assert "Nothing spent yet" in page_of(bob_client)

    def test_linked_from_billing(self, alice_client):
        assert 'href="/billing/spending/"' in alice_client.get(reverse("billing")).content.decode()

    def test_only_to_be_read(self, alice_client):
        assert alice_client.post(reverse("spending")).status_code == 405

    @pytest.mark.parametrize("rows", [1, 3])
    def test_a_constant_number_of_queries(self, alice, alice_client, django_assert_num_queries, rows):
        for number in range(rows):
            order(alice, ("pay-per-minute", "3.95", "1.32", "0"), ("e911", "1.50", "0", "0"), when=at(1, 1 + number))
            renewal(alice, [(hold_number(alice), "1.95")], when=at(1, 5), month=date(2027, 2 + number, 1))
        with django_assert_num_queries(6):
            assert alice_client.get(reverse("spending")).status_code == 200
