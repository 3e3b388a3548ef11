"""What an agent has earned, by month and by client, as the ledger has it."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest

from agents import commission_chart, commissions
from agents.commissions import Client, Share
from agents.models import Agent
from billing import ledger
from tests.agents.making import NOON, a_client_of, an_agent
from tests.billing.movements import at, charge, put_in, refund
from tests.factories import AccountFactory

D = Decimal
TODAY = date(2027, 1, 11)


@pytest.fixture
def agent(alice) -> Agent:
    return an_agent(alice)


@pytest.fixture
def own(agent):
    return ledger.of(agent.account)


def by_month(own) -> dict[str, str]:
    return {f"{month:%Y-%m}": str(amount) for month, amount in commissions.by_month(own).items()}


def shares(own, **more) -> list[tuple[str, str, str]]:
    found = commissions.shares(commissions.by_client(own, **more))
    return [(f"{share.month:%Y-%m}", share.number, str(share.amount)) for share in found]


@pytest.mark.parametrize(("number", "shown"), [("17771234567", "1777 ••• 4567"), ("17770000000", "1777 ••• 0000")])
def test_of_a_number_the_end_is_told(number, shown):
    assert commissions.masked(number) == shown


class TestByMonth:
    def test_each_movement_counts_in_its_own_month_in_new_york(self, agent, own):
        client = a_client_of(agent)
        charge(client, "1.00", "0.09", at(12, 31, 23, year=2026))
        charge(client, "10.00", "0", at(1, 1, 0))
        charge(client, "0.01", "0", at(1, 2))
        assert by_month(own) == {"2027-01": "0.3003", "2026-12": "0.0300"}

    def test_what_is_taken_back_counts_when_it_is(self, agent, own):
        client = a_client_of(agent)
        paid = charge(client, "10.00", "0", at(12, 5, year=2026))
        refund(client, "4.00", "0", at(1, 5), of=paid)
        assert by_month(own) == {"2027-01": "-0.1200", "2026-12": "0.3000"}

    def test_nothing_else_in_the_balance_counts(self, agent, own, bob):
        put_in(agent.account, "50", at(1, 2))
        charge(agent.account, "5", "0", at(1, 3))
        # A customer with no agent, and one of another.
        put_in(bob, "50", at(1, 2))
        charge(bob, "5", "0", at(1, 3))
        charge(a_client_of(an_agent(AccountFactory(), "zeta")), "5", "0", at(1, 3))
        assert by_month(own) == {}

    def test_the_last_twelve_with_the_empty_ones(self):
        earned = {date(2027, 1, 1): D("0.3"), date(2026, 2, 1): D("0.2"), date(2026, 1, 1): D("9")}
        months = commissions.last_twelve(earned, today=TODAY)
        assert (list(months)[0], list(months)[-1], len(months)) == (date(2026, 2, 1), date(2027, 1, 1), 12)
        assert {month: amount for month, amount in months.items() if amount} == {
            date(2026, 2, 1): D("0.2"),
            date(2027, 1, 1): D("0.3"),
        }

    @pytest.mark.parametrize(
        ("today", "first"),
        [(date(2028, 2, 29), date(2027, 3, 1)), (date(2027, 12, 31), date(2027, 1, 1)), (TODAY, date(2026, 2, 1))],
    )
    def test_which_months_these_are(self, today, first):
        assert list(commissions.last_twelve({}, today=today))[0] == first

    def test_what_is_still_to_be_taken_back(self, agent, own):
        client = a_client_of(agent)
        paid = charge(client, "10.00", "0", at(1, 5))
        assert commissions.still_owed(own) == 0
        charge(agent.account, "0.2500", "0", at(1, 6))
        refund(client, "10.00", "0", at(1, 7), of=paid)
        assert (commissions.still_owed(own), by_month(own)) == (D("0.2500"), {"2027-01": "0.2500"})
        charge(client, "5.00", "0", at(1, 8))
        assert (commissions.still_owed(own), by_month(own)) == (D("0.1000"), {"2027-01": "0.2500"})


class TestByClient:
    def test_newest_month_first_and_then_newest_client(self, agent, own):
        first, second = a_client_of(agent, number="17771110001"), a_client_of(agent, number="17771110002")
        charge(first, "1.00", "0", at(12, 5, year=2026))
        paid = charge(second, "2.00", "0", at(12, 6, year=2026))
        charge(first, "3.00", "0", at(1, 5))
        charge(first, "4.00", "0", at(1, 6))
        refund(second, "2.00", "0", at(1, 7), of=paid)
        assert shares(own) == [
            ("2027-01", "1777 ••• 0002", "-0.0600"),
            ("2027-01", "1777 ••• 0001", "0.2100"),
            ("2026-12", "1777 ••• 0002", "0.0600"),
            ("2026-12", "1777 ••• 0001", "0.0300"),
        ]
        assert shares(own, month=date(2026, 12, 1)) == shares(own)[2:]
        assert shares(own, month=date(2026, 11, 1)) == []

    def test_clients_of_a_page_with_what_each_has_brought(self, agent, own):
        first = a_client_of(agent, number="17771110001", opened_at=at(12, 1, 23, year=2026))
        second = a_client_of(agent, number="17771110002", opened_at=NOON)
        third = a_client_of(agent, number="17771110003")
        charge(first, "1.00", "0", at(12, 5, year=2026))
        paid = charge(first, "10.00", "0", at(12, 31, 23, year=2026))
        refund(first, "5.00", "0", at(1, 5), of=paid)
        charge(second, "2.00", "0", at(1, 1, 0))
        charge(third, "9.00", "0", at(1, 6))
        clients = list(commissions.clients_of(agent.account))
        assert clients == [third, second, first]
        assert commissions.with_commission(own, [second, first], today=TODAY) == [
            Client("1777 ••• 0002", date(2027, 1, 11), D("0.0600"), D("0.0600")),
            Client("1777 ••• 0001", date(2026, 12, 1), D("-0.1500"), D("0.1800")),
        ]

    def test_a_client_who_has_paid_nothing(self, agent, own):
        assert [client.total for client in commissions.with_commission(own, [a_client_of(agent)], today=TODAY)] == [0]

    def test_the_client_of_an_agent_may_be_an_agent(self, agent, own):
        """What a client earns as an agent is not what it brings its own."""
        client = a_client_of(agent, number="17771110001")
        below = a_client_of(an_agent(client, "zeta"))
        charge(below, "10.00", "0", at(1, 5))
        charge(client, "1.00", "0", at(1, 6))
        assert shares(own) == [("2027-01", "1777 ••• 0001", "0.0300")]


@pytest.mark.parametrize("clients", [1, 3])
def test_queries_do_not_grow_with_clients(agent, own, django_assert_num_queries, clients):
    for _ in range(clients):
        client = a_client_of(agent)
        paid = charge(client, "10.00", "0", at(1, 5))
        refund(client, "4.00", "0", at(1, 6), of=paid)
    found = list(commissions.clients_of(agent.account))
    with django_assert_num_queries(2):
        assert len(commissions.with_commission(own, found, today=TODAY)) == clients
    with django_assert_num_queries(2):
        assert len(commissions.shares(commissions.by_client(own))) == clients
    with django_assert_num_queries(1):
        assert list(commissions.by_month(own).values()) == [D("0.1800") * clients]


def test_the_csv_has_four_places_and_no_formulas():
    file = StringIO()
    day = date(2027, 1, 1)
    commissions.write_csv([Share(day, "=1+1", day, D("0.03")), Share(day, "1777 ••• 0001", day, D("-1.2"))], file)
    assert file.getvalue().splitlines() == [
        "Month,Client,Signed up,Commission",
        "2027-01,'=1+1,2027-01-01,0.0300",
        "2027-01,1777 ••• 0001,2027-01-01,-1.2000",
    ]


class TestTheChart:
    def drawn(self, *amounts: str):
        return commission_chart.drawn({date(2027, n, 1): D(amount) for n, amount in enumerate(amounts, start=1)})

    def test_bars_stand_on_the_line_and_hang_below_it(self):
        chart = self.drawn("0.40", "0", "-0.20")
        assert [line.label for line in chart.gridlines] == ["−$0.20", "$0", "$0.20", "$0.40"]
        zero = chart.gridlines[1].y
        assert [(bar.y, bar.height) for bar in chart.bars] == [("8.00", "101.33"), (zero, "0.00"), (zero, "50.67")]
        assert (chart.gridlines[0].y, zero, chart.width) == ("160.00", "109.33", 138)

    @pytest.mark.parametrize(
        ("highest", "labels"),
        [
            ("0", ["$0", "$0.005", "$0.01"]),
            ("0.0003", ["$0", "$0.005", "$0.01"]),
            ("0.03", ["$0", "$0.015", "$0.03"]),
            ("3.5", ["$0", "$2", "$4"]),
            ("1234", ["$0", "$1,000", "$2,000"]),
        ],
    )
    def test_the_scale_is_round(self, highest, labels):
        assert [line.label for line in self.drawn(highest).gridlines] == labels
