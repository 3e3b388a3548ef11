"""The statements' pages and files: they say the same, and what the ledger says."""

import csv
import io
import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse
from django.utils.html import strip_tags
from pypdf import PdfReader

from billing import ledger, statements
from billing.models import Invoice, InvoiceLine, Statement, Transfer
from catalog.models import Product
from tests.billing.movements import House, Kind, at, charge, put_in, refund
from tests.factories import PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels

JANUARY, FEBRUARY = date(2027, 1, 1), date(2027, 2, 1)
PAGES = ["statement", "statement_pdf", "statement_csv"]


def words(html: str) -> str:
    return " ".join(unescape(strip_tags(html.replace("<", " <"))).split())


def page_of(client, month=JANUARY) -> str:
    return words(client.get(reverse("statement", args=[month])).content.decode())


def pdf_of(client, month=JANUARY) -> PdfReader:
    response = client.get(reverse("statement_pdf", args=[month]))
    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    return PdfReader(io.BytesIO(response.content))


def text_of(reader: PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def rows_of(client, month=JANUARY) -> list[list[str]]:
    response = client.get(reverse("statement_csv", args=[month]))
    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(io.StringIO(response.content.decode())))


def renew(account, services, month: date, when) -> Transfer:
    """What the cycle writes for one account: an invoice, its lines, and the charge."""
    net = sum(amount for _, amount in services)
    tax = Decimal("1.06")
    invoice = Invoice.objects.create(account=account, month=month, net=net, tax=tax, issued_at=when)
    for service, amount in services:
        InvoiceLine.objects.create(invoice=invoice, service=service, month=month, amount=amount)
    return charge(account, str(net), str(tax), when, key=invoice.key, memo=f"Renewal for {month:%B %Y}")


@pytest.fixture
def full_month(alice, catalog):
    """A month with every kind of movement, in and out."""
    put_in(alice, "30.00", at(12, 20, year=2026))
    statements.make_due(now=at(1, 1, 3))
    put_in(alice, "20.00", at(1, 2), memo="Visa 4242")
    put_in(alice, "11.40", at(1, 3), kind=Kind.CARD_PAYMENT, memo="Mastercard 4444")
    paid = charge(alice, "4.00", "0.36", at(1, 3), memo="Order ABCD2345")
    # On a client's charge, as far as the statement goes.
    earned = {"kind": Kind.COMMISSION, "house": House.COMMISSION, "commission_on": paid.tax}
    put_in(alice, "0.0355", at(1, 5), **earned, memo="Commission of 3 %")
    refund(alice, "2.00", "0.18", at(1, 8), of=paid, memo="Order ABCD2345: Pay Per Minute")
    put_in(alice, "1.50", at(1, 9), kind=Kind.CREDIT, house=House.ADJUSTMENT, memo="=Goodwill")
    take(alice, "5.00", at(1, 12), Kind.REFUND, House.CARDS, "Refund to Visa 4242")
    take(alice, "0.0100", at(1, 13), Kind.COMMISSION, House.COMMISSION, "Taken back", commission_on=paid.tax)
    number = hold_number(alice)
    channels = hold_channels(number, 2)
    services = [(number, Decimal("1.95")), *((channel, Decimal("3.00")) for channel in channels)]
    renew(alice, services, FEBRUARY, at(1, 27))
    put_in(alice, "9.00", at(2, 1, 0))
    statements.make_due(now=at(2, 1, 3))
    return Statement.objects.get(month=JANUARY)


def take(account, amount, when, kind, house, memo, **more):
    ledger.post(
        key=f"out:{when}",
        kind=kind,
        source=ledger.of(account),
        target=ledger.house(house),
        amount=Decimal(amount),
        memo=memo,
        made_at=when,
        **more,
    )


def number_on(text: str, name: str) -> str:
    return re.search(rf"{re.escape(name)} (−?\$[\d,.]+\d)", text)[1]


class TestAMonthOfEverything:
    TOTALS = {
        "Opening balance": "$30.00",
        "Deposits": "$20.00",
        "Card payments": "$11.40",
        "Credits": "$1.50",
        "Commission": "$0.04",
        "Refunds": "$2.00",
        "Tax refunded": "$0.18",
        "Charges": "−$11.95",
        "Refunds to your cards": "−$5.00",
        "Commission taken back": "−$0.01",
        "Tax": "−$1.42",
        "Closing balance": "$46.73",
    }
    LINES = [
        ("2 Jan 2027", "Deposit", "Visa 4242", "$20.00", "", "$50.00"),
        ("3 Jan 2027", "Card payment", "Mastercard 4444", "$11.40", "", "$61.40"),
        ("3 Jan 2027", "Charge", "Order ABCD2345", "−$4.00", "−$0.36", "$57.04"),
        ("5 Jan 2027", "Commission", "Commission of 3 %", "$0.04", "", "$57.07"),
        ("8 Jan 2027", "Refund", "Order ABCD2345: Pay Per Minute", "$2.00", "$0.18", "$59.25"),
        ("9 Jan 2027", "Credit", "=Goodwill", "$1.50", "", "$60.75"),
        ("12 Jan 2027", "Refund", "Refund to Visa 4242", "−$5.00", "", "$55.75"),
        ("13 Jan 2027", "Commission", "Taken back", "−$0.01", "", "$55.74"),
    ]
    RENEWAL = ("27 Jan 2027", "Charge", "Renewal for February 2027")
    PAID = ["Pay Per Minute {number}: $1.95", "2 × Additional incoming channel on {number}: $6.00"]

    def said_by(self, text: str, full_month) -> None:
        """Everything that a page or a file in words says."""
        assert {name: number_on(text, name) for name in self.TOTALS} == self.TOTALS
        for line in self.LINES:
            assert " ".join(filter(None, line)) in text
        number = hold_number_of(full_month.account)
        paid = [each.format(number=number) for each in self.PAID]
        assert " ".join([*self.RENEWAL]) in text
        assert [each for each in paid if each not in text] == []
        assert "−$7.95 −$1.06 $46.73" in text
        account = full_month.account
        facts = ["Callcentric", account.name, account.number, str(full_month.billing_address), "00000002"]
        assert [fact for fact in facts if fact not in text] == []
        assert "Amounts are kept with four places and shown in cents." in text

    def test_the_page(self, alice_client, full_month):
        self.said_by(page_of(alice_client), full_month)

    def test_the_pdf(self, alice_client, full_month):
        reader = pdf_of(alice_client)
        text = text_of(reader)
        # The renewal's amounts stand on its own line, what it paid for below.
        self.said_by(text, full_month)
        assert (reader.metadata.title, reader.metadata.author) == ("Statement 00000002, January 2027", "Callcentric")
        assert "Page 1 of 1" in text

    def test_the_csv(self, alice_client, full_month):
        header, opening, *lines, closing = rows_of(alice_client)
        assert header == ["Statement", "Date", "Type", "Source", "Amount", "Tax", "Balance", "Services"]
        assert opening == ["00000002", "2027-01-01", "Opening balance", "", "", "", "30.0000", ""]
        assert closing == ["00000002", "2027-01-31", "Closing balance", "", "", "", "46.7355", ""]
        number = hold_number_of(full_month.account)
        assert [line[1:] for line in lines] == [
            ["2027-01-02", "Deposit", "Visa 4242", "20.0000", "0.0000", "50.0000", ""],
            ["2027-01-03", "Card payment", "Mastercard 4444", "11.4000", "0.0000", "61.4000", ""],
            ["2027-01-03", "Charge", "Order ABCD2345", "-4.0000", "-0.3600", "57.0400", ""],
            ["2027-01-05", "Commission", "Commission of 3 %", "0.0355", "0.0000", "57.0755", ""],
            ["2027-01-08", "Refund", "Order ABCD2345: Pay Per Minute", "2.0000", "0.1800", "59.2555", ""],
            ["2027-01-09", "Credit", "'=Goodwill", "1.5000", "0.0000", "60.7555", ""],
            ["2027-01-12", "Refund", "Refund to Visa 4242", "-5.0000", "0.0000", "55.7555", ""],
            ["2027-01-13", "Commission", "Taken back", "-0.0100", "0.0000", "55.7455", ""],
            [
                "2027-01-27",
                "Charge",
                "Renewal for February 2027",
                "-7.9500",
                "-1.0600",
                "46.7355",
                f"Pay Per Minute {number}: 1.9500; 2 × Additional incoming channel on {number}: 6.0000",
            ],
        ]
        moved = sum(Decimal(line[4]) + Decimal(line[5]) for line in lines)
        assert Decimal(opening[6]) + moved == Decimal(closing[6])

    def test_and_the_ledger(self, alice, full_month):
        """The customer's transfers of the month, each side and its amount, straight from the rows."""
        customer = ledger.of(alice)
        moved = Transfer.objects.filter(made_at__gte=at(1, 1, 0), made_at__lt=at(2, 1, 0))
        change = sum(each.amount if each.target_id == customer.pk else -each.amount for each in moved)
        assert (full_month.opening, full_month.opening + change) == (30, full_month.closing)
        assert full_month.closing + 9 == customer.balance


def hold_number_of(account):
    return account.services.get(kind=Product.Kind.DID).phone_number


class TestPages:
    @pytest.mark.parametrize("name", PAGES)
    def test_a_stranger(self, full_month, bob_client, name):
        assert bob_client.get(reverse(name, args=[JANUARY])).status_code == 404

    @pytest.mark.parametrize("name", PAGES)
    def test_a_month_without_a_statement(self, full_month, alice_client, name):
        assert alice_client.get(reverse(name, args=[FEBRUARY])).status_code == 404

    @pytest.mark.parametrize("month", ["2027-13", "2027-00", "0000-01", "2027-1", "next"])
    @pytest.mark.parametrize("ending", ["/", ".pdf", ".csv"])
    def test_what_is_no_month(self, alice_client, month, ending):
        assert alice_client.get(f"/billing/statements/{month}{ending}").status_code == 404

    def test_only_to_be_read(self, full_month, alice_client):
        codes = {alice_client.post(reverse(name, args=[JANUARY])).status_code for name in PAGES}
        assert codes | {alice_client.post(reverse("statements")).status_code} == {405}

    def test_the_files_are_named_after_account_and_month(self, alice, full_month, alice_client):
        for ending in ["pdf", "csv"]:
            response = alice_client.get(f"/billing/statements/2027-01.{ending}")
            assert response["Content-Disposition"] == (
                f'attachment; filename="statement-{alice.number}-2027-01.{ending}"'
            )

    def test_a_month_in_which_nothing_moved(self, alice, alice_client):
        put_in(alice, "20.00", at(1, 3))
        statements.make_due(now=at(3, 1, 3))
        for text in [page_of(alice_client, FEBRUARY), text_of(pdf_of(alice_client, FEBRUARY))]:
            assert "No money moved in this month." in text
            assert (number_on(text, "Opening balance"), number_on(text, "Closing balance")) == ("$20.00", "$20.00")
            assert "four places" not in text
        assert [row[2] for row in rows_of(alice_client, FEBRUARY)] == ["Type", "Opening balance", "Closing balance"]

    def test_cents_only_say_nothing_of_fractions(self, alice, alice_client):
        put_in(alice, "20.00", at(1, 3))
        statements.make_due(now=at(2, 1, 3))
        assert "four places" not in page_of(alice_client) + text_of(pdf_of(alice_client))

    @pytest.mark.parametrize("rows", [1, 3])
    @pytest.mark.parametrize(("name", "queries"), list(zip(PAGES, [8, 7, 7], strict=True)))
    def test_a_constant_number_of_queries(
        self, alice, catalog, alice_client, django_assert_num_queries, name, queries, rows
    ):
        put_in(alice, "90.00", at(1, 3))
        for number in range(rows):
            service = hold_number(alice, phone_number=PhoneNumberFactory(state="assigned", holder=alice))
            renew(alice, [(service, Decimal("1.95"))], date(2027, 2 + number, 1), at(1, 27, number))
        statements.make_due(now=at(2, 1, 3))
        with django_assert_num_queries(queries):
            assert alice_client.get(reverse(name, args=[JANUARY])).status_code == 200


class TestList:
    def test_newest_first(self, full_month, alice_client):
        page = alice_client.get(reverse("statements"))
        assert [each.month for each in page.context["page"]] == [JANUARY, date(2026, 12, 1)]
        assert "January 2027 00000002 $30.00 $46.73 PDF of January 2027 CSV of January 2027" in words(
            page.content.decode()
        )

    def test_24_on_a_page(self, alice, alice_client):
        put_in(alice, "20.00", at(1, 3, year=2025))
        statements.make_due(now=at(2, 1, 3))
        assert len(alice_client.get(reverse("statements"), {"page": 2}).context["page"].object_list) == 1
        assert "?page=2" in alice_client.get(reverse("statements")).content.decode()

    def test_nothing_of_anybody_else(self, full_month, bob_client):
        assert len(bob_client.get(reverse("statements")).context["page"].object_list) == 0

    def test_linked_from_billing(self, alice_client):
        assert 'href="/billing/statements/"' in alice_client.get(reverse("billing")).content.decode()

    @pytest.mark.parametrize("rows", [1, 3])
    def test_a_constant_number_of_queries(self, alice, alice_client, django_assert_num_queries, rows):
        put_in(alice, "20.00", at(1, 3))
        statements.make_due(now=at(1 + rows, 1, 3))
        with django_assert_num_queries(5):
            page = alice_client.get(reverse("statements"))
        assert len(page.context["page"].object_list) == rows

    @pytest.mark.parametrize("day", ["2027-01-11", "2027-01-31"])
    def test_before_the_first_it_says_when(self, alice, alice_client, time_machine, day):
        time_machine.move_to(f"{day}T17:00:00+00:00")
        put_in(alice, "20.00", at(1, 3))
        shown = words(alice_client.get(reverse("statements")).content.decode())
        assert "No statement yet Your first one comes on 1 February 2027" in shown

    def test_on_the_first_it_is_being_made(self, alice, alice_client, time_machine):
        time_machine.move_to("2027-02-01T06:00:00+00:00")
        put_in(alice, "20.00", at(1, 3))
        assert "Your first statement is being made" in alice_client.get(reverse("statements")).content.decode()


class TestLongAndForeign:
    def test_thousands_of_lines_with_the_header_on_each_page(self, alice, alice_client):
        customer, cards = ledger.of(alice), ledger.house(House.CARDS)
        put_in(alice, "1.00", at(1, 2))
        lines = 3000
        Transfer.objects.bulk_create(
            Transfer(
                key=f"many:{number}",
                kind=Kind.DEPOSIT,
                source=cards,
                target=customer,
                amount=Decimal(1),
                target_balance=Decimal(number + 1),
                memo=f"Deposit {number}",
                made_at=at(1, 3),
            )
            for number in range(1, lines + 1)
        )
        type(customer).objects.filter(pk=customer.pk).update(balance=lines + 1)
        statements.make_due(now=at(2, 1, 3))
        pages = [" ".join(page.extract_text().split()) for page in pdf_of(alice_client).pages]
        assert len(pages) > 50
        assert [number for number, page in enumerate(pages, 1) if f"Page {number} of {len(pages)}" not in page] == []
        assert [
            number
            for number, page in enumerate(pages, 1)
            if "Date Type Source Amount Tax Balance" not in " ".join(page.split())
        ] == []
        found = re.findall(r"Deposit (\d+)", " ".join(pages))
        assert [int(each) for each in found] == list(range(1, lines + 1))

    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("Zoë Świątek-Žižková", "Zoë Świątek-Žižková"),
            ("Ștefan Őry Ğül Þór", "Ștefan Őry Ğül Þór"),
            ("Nguyễn Ελένη Щукин", "Nguyễn Ελένη Щукин"),
            # Marks apart from their letters, as some keyboards write them.
            ("Ame\u0301lie", "Amélie"),
            ("山田 Taro", "?? Taro"),
            ("Full\uff37idth", "FullWidth"),
            ("Bell\x07 <b>&amp;", "Bell? <b>&amp;"),
        ],
    )
    def test_names_of_the_world(self, alice, alice_client, name, written):
        type(alice).objects.filter(pk=alice.pk).update(name=name)
        put_in(alice, "20.00", at(1, 3))
        statements.make_due(now=at(2, 1, 3))
        assert f"{written} 1 January 2027 to 31 January 2027" in text_of(pdf_of(alice_client))

    def test_a_word_that_is_wider_than_its_column(self, alice, alice_client):
        put_in(alice, "20.00", at(1, 3), memo="x" * 200)
        statements.make_due(now=at(2, 1, 3))
        text = text_of(pdf_of(alice_client))
        pieces = [word for word in text.split() if set(word) == {"x"}]
        assert (sum(map(len, pieces)), len(pieces)) == (200, 5)

    def test_a_renewal_of_more_services_than_a_page_has_room_for(self, alice, catalog, alice_client):
        put_in(alice, "500.00", at(1, 3))
        numbers = [hold_number(alice) for _ in range(120)]
        renew(alice, [(number, Decimal("1.95")) for number in numbers], FEBRUARY, at(1, 27))
        statements.make_due(now=at(2, 1, 3))
        reader = pdf_of(alice_client)
        text = text_of(reader)
        assert len(reader.pages) == 4
        assert [str(each.phone_number) for each in numbers if f"{each.phone_number}: $1.95" not in text] == []
