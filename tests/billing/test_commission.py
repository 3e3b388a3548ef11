"""Commission: what an agent earns on a charge, and gives back with its refund (domain.md §8)."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from billing import audit, commission, ledger, taxes
from billing.models import OwedCommission, Transfer
from catalog.models import Price
from tests.billing.month import FEBRUARY, add_funds, balance, customer, hold_plan, run
from tests.billing.movements import at, charge, put_in, refund
from tests.factories import AccountFactory

D = Decimal
WHEN = at(1, 11)
THE_27TH = date(2027, 1, 27)


def an_agent(name: str = "agent", percent: str | None = "3", **more: object) -> Account:
    return AccountFactory(user__username=name, commission_percent=percent and D(percent), **more)


def a_client(agent: Account, name: str = "client", funds: str = "100", **more: object) -> Account:
    client = AccountFactory(user__username=name, referred_by=agent, **more)
    put_in(client, funds, at(1, 2))
    return client


def earned(agent: Account) -> list[tuple[str, Decimal]]:
    """What moved between the agent and the house's commission, in order: below zero what went back."""
    own, moved = ledger.of(agent), []
    for transfer in Transfer.objects.filter(kind="commission").of(own).order_by("pk"):
        moved.append((transfer.key, transfer.amount if transfer.target_id == own.pk else -transfer.amount))
    return moved


def owe(agent: Account, client: Account) -> None:
    """$0.30 of commission that the agent has spent before the client was refunded."""
    paid = charge(client, "10.00", "0", WHEN)
    charge(agent, "0.3000", "0", WHEN)
    refund(client, "10.00", "0", WHEN, of=paid)


@pytest.fixture
def agent(db) -> Account:
    return an_agent()


@pytest.fixture
def client_of_agent(agent) -> Account:
    return a_client(agent)


class TestEarning:
    @pytest.mark.parametrize(
        ("net", "percent", "amount"),
        [
            ("1.00", "3", "0.0300"),
            ("10.00", "3", "0.3000"),
            ("1.95", "3", "0.0585"),
            ("1.95", "2.5", "0.0488"),
            ("0.05", "0.10", "0.0001"),
            ("19.95", "20", "3.9900"),
        ],
    )
    def test_it_is_the_rate_of_the_net_price_in_ten_thousandths(self, net, percent, amount, db):
        agent = an_agent(percent=percent)
        paid = charge(a_client(agent), net, "0.50", WHEN, key="order:1")
        made = Transfer.objects.get(kind="commission")
        assert (made.key, made.amount, made.source_id, made.target, made.target_balance) == (
            "order:1:commission",
            D(amount),
            ledger.HOUSE_IDS["commission"],
            ledger.of(agent),
            D(amount),
        )
        assert (made.commission_on, made.made_at) == (paid, WHEN)
        assert made.memo == f"Commission of {percent.rstrip('0').rstrip('.') if '.' in percent else percent} %"
        assert list(audit.differences()) == []

    @pytest.mark.parametrize(("net", "percent"), [("1.00", "0"), ("0.0001", "3"), ("1.00", None)])
    def test_what_is_nothing_moves_nothing(self, net, percent, db):
        agent = an_agent(percent=percent)
        charge(a_client(agent), net, "0", WHEN)
        assert earned(agent) == []

    def test_a_closed_account_earns_nothing(self, db):
        agent = an_agent(closed_on=date(2027, 1, 10))
        charge(a_client(agent), "1.00", "0", WHEN)
        assert earned(agent) == []

    def test_nobody_earns_on_a_deposit_nor_on_a_credit(self, agent, client_of_agent):
        put_in(client_of_agent, "5.00", WHEN)
        add_funds(client_of_agent, "5.00")
        assert earned(agent) == []

    def test_an_agents_agent_earns_on_what_the_agent_pays_alone(self, agent):
        younger = an_agent("younger", referred_by=agent)
        put_in(younger, "10", WHEN)
        charge(a_client(younger), "1.00", "0", WHEN, key="order:1")
        assert (earned(agent), len(earned(younger))) == ([], 1)
        charge(younger, "2.00", "0", WHEN, key="order:2")
        assert earned(agent) == [("order:2:commission", D("0.06"))]

    def test_the_same_charge_again_earns_nothing_more_whatever_the_rate_is_by_then(self, agent, client_of_agent):
        for percent in ("3", "5"):
            Account.objects.filter(pk=agent.pk).update(commission_percent=percent)
            charge(client_of_agent, "1.00", "0", WHEN, key="order:1")
        assert earned(agent) == [("order:1:commission", D("0.03"))]

    def test_nor_does_one_that_was_made_before_its_agent_was_approved(self, db):
        agent = an_agent(percent=None)
        client = a_client(agent)
        charge(client, "1.00", "0", WHEN, key="order:1")
        Account.objects.filter(pk=agent.pk).update(commission_percent="3")
        charge(client, "1.00", "0", WHEN, key="order:1")
        assert earned(agent) == []

    def test_what_cannot_be_paid_earns_nothing(self, agent, client_of_agent):
        with pytest.raises(ledger.InsufficientFunds), transaction.atomic():
            charge(client_of_agent, "100.00", "0.01", WHEN)
        assert (earned(agent), balance(agent)) == ([], 0)

    def test_customers_without_an_agent_cost_no_query_more(self, alice, django_assert_num_queries):
        put_in(alice, "10", WHEN)
        client = a_client(an_agent())
        charge(client, "1.00", "0", WHEN)
        with django_assert_num_queries(2):
            charge(alice, "1.00", "0", WHEN)
        # The agent, its ledger account, the commission, and what it may owe.
        with django_assert_num_queries(6):
            charge(client, "1.00", "0", WHEN)

    def test_commission_on_nothing_is_found(self, agent, client_of_agent):
        deposit = put_in(client_of_agent, "1", WHEN)
        made = put_in(agent, "1", WHEN, kind="commission", house="commission", commission_on=deposit)
        assert list(audit.differences()) == [f"{agent.number}: commission {made.key} is on no charge and no refund."]

    @pytest.mark.parametrize(
        ("kind", "names_a_charge", "constraint"),
        [
            ("commission", False, "commission_belongs_to_a_charge"),
            ("credit", True, "commission_belongs_to_a_charge"),
        ],
    )
    def test_commission_and_nothing_else_names_what_it_is_on(
        self, kind, names_a_charge, constraint, agent, client_of_agent
    ):
        more = {"commission_on": charge(client_of_agent, "1.00", "0", WHEN)} if names_a_charge else {}
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            put_in(agent, "1", WHEN, kind=kind, house="commission", **more)

    def test_only_refunds_give_a_charge_back(self, client_of_agent):
        paid = charge(client_of_agent, "1.00", "0", WHEN)
        with pytest.raises(IntegrityError, match="only_refunds_give_a_charge_back"), transaction.atomic():
            put_in(client_of_agent, "1", WHEN, refund_of=paid)


class TestGivingBack:
    def test_a_refund_takes_the_commission_back(self, agent, client_of_agent):
        paid = charge(client_of_agent, "10.00", "0.89", WHEN, key="order:1")
        given = refund(client_of_agent, "10.00", "0.89", WHEN, of=paid)
        assert earned(agent) == [("order:1:commission", D("0.3")), (f"{given.key}:commission", D("-0.3"))]
        back = Transfer.objects.latest("pk")
        assert (back.commission_on, back.source_balance, back.memo) == (
            given,
            0,
            "Commission taken back: the charge was refunded",
        )
        assert (balance(client_of_agent), list(audit.differences())) == (100, [])

    def test_the_rate_of_the_charge_counts_and_not_todays(self, agent, client_of_agent):
        paid = charge(client_of_agent, "10.00", "0", WHEN)
        Account.objects.filter(pk=agent.pk).update(commission_percent=None, closed_on=date(2027, 1, 12))
        refund(client_of_agent, "5.00", "0", WHEN, of=paid)
        assert balance(agent) == D("0.15")

    def test_a_refund_of_what_earned_nothing_takes_nothing(self, agent, client_of_agent):
        Account.objects.filter(pk=agent.pk).update(commission_percent=None)
        paid = charge(client_of_agent, "10.00", "0", WHEN)
        Account.objects.filter(pk=agent.pk).update(commission_percent="3")
        refund(client_of_agent, "10.00", "0", WHEN, of=paid)
        assert earned(agent) == []

    def test_what_the_agent_has_spent_is_owed_and_taken_from_what_comes_next(self, agent, client_of_agent):
        paid = charge(client_of_agent, "10.00", "0", WHEN, key="order:1")
        charge(agent, "0.2000", "0", WHEN, key="order:2")
        given = refund(client_of_agent, "10.00", "0", WHEN, of=paid)
        owed = OwedCommission.objects.get()
        assert (balance(agent), owed.agent, owed.refund, owed.left) == (0, ledger.of(agent), given, D("0.2"))

        charge(client_of_agent, "4.00", "0", WHEN, key="order:3")
        owed.refresh_from_db()
        assert (balance(agent), owed.left) == (0, D("0.08"))
        charge(client_of_agent, "4.00", "0", WHEN, key="order:4")
        owed.refresh_from_db()
        assert (balance(agent), owed.left, OwedCommission.objects.unpaid().exists()) == (D("0.04"), 0, False)
        assert earned(agent)[1:] == [
            (f"{given.key}:commission", D("-0.1")),
            ("order:3:commission", D("0.12")),
            (f"{given.key}:commission:0.2000", D("-0.12")),
            ("order:4:commission", D("0.12")),
            (f"{given.key}:commission:0.0800", D("-0.08")),
        ]
        assert list(audit.differences()) == []

    def test_what_is_owed_is_taken_from_commission_and_not_from_a_deposit(self, agent, client_of_agent):
        owe(agent, client_of_agent)
        put_in(agent, "5", WHEN)
        assert (balance(agent), OwedCommission.objects.get().left) == (5, D("0.3"))
        charge(client_of_agent, "1.00", "0", WHEN)
        assert (balance(agent), OwedCommission.objects.get().left) == (5, D("0.27"))

    def test_however_many_are_owed_a_charge_costs_the_same(self, agent, client_of_agent, django_assert_num_queries):
        paid = [charge(client_of_agent, "10.00", "0", WHEN) for _ in range(3)]
        charge(agent, "0.9000", "0", WHEN)
        for each in paid:
            refund(client_of_agent, "10.00", "0", WHEN, of=each)
        # What is owed, and the part of the first that is taken: see test_customers_without_an_agent.
        with django_assert_num_queries(8):
            charge(client_of_agent, "1.00", "0", WHEN)
        assert [owed.left for owed in OwedCommission.objects.order_by("pk")] == [D("0.27"), D("0.3"), D("0.3")]

    def test_nobody_owes_less_than_nothing(self, agent, client_of_agent):
        given = refund(client_of_agent, "1.00", "0", WHEN, of=charge(client_of_agent, "1.00", "0", WHEN))
        with pytest.raises(IntegrityError, match="nobody_owes_less_than_nothing"), transaction.atomic():
            OwedCommission.objects.create(refund=given, agent=ledger.of(agent), left=D("-0.0001"))


@given(
    net=st.decimals("0.01", "99", places=2),
    percent=st.decimals("0.01", "20", places=2),
    parts=st.lists(st.decimals("0.01", "60", places=2), min_size=1, max_size=6),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_parts_a_charge_comes_back_its_commission_does(db, net, percent, parts):
    with transaction.atomic():
        agent = an_agent(percent=str(percent))
        client = a_client(agent)
        paid = charge(client, str(net), "0", WHEN)
        whole = commission.on(net, percent)
        for part in parts:
            refund(client, str(part), "0", WHEN, of=paid)
            left = max(net - sum(parts[: parts.index(part) + 1], D(0)), D(0)) if parts.count(part) == 1 else None
            if left is not None:
                assert balance(agent) == whole - commission.share(whole, of=net, before=net, after=left)
        if sum(parts) >= net:
            assert (balance(agent), balance(client)) == (0, 100)
        assert list(audit.differences()) == []
        transaction.set_rollback(True)


@pytest.mark.usefixtures("catalog")
class TestTheMonth:
    """The same, set-based."""

    @pytest.fixture(autouse=True)
    def _taxes(self, db):
        taxes.load()

    @pytest.fixture
    def fees(self) -> dict[str, Decimal]:
        return dict(Price.objects.values_list("product__code", "monthly"))

    def test_each_charge_of_the_cycle_earns(self, agent, fees):
        clients = [customer(f"client{n}", funds="50", referred_by=agent) for n in range(3)]
        stranger = customer("stranger", funds="50")
        run(THE_27TH)
        each = commission.on(fees["pay-per-minute"], D(3))
        assert earned(agent) == [(f"renewal:{client.pk}:2027-02:1:commission", each) for client in clients]
        made = Transfer.objects.filter(kind="commission").order_by("pk")
        assert [transfer.target_balance for transfer in made] == [each, 2 * each, 3 * each]
        assert {transfer.memo for transfer in made} == {"Commission of 3 %"}
        assert [transfer.commission_on.source.account for transfer in made] == clients
        assert balance(stranger) < 50
        assert list(audit.differences()) == []

        run(THE_27TH)
        run(date(2027, 1, 28))
        assert len(earned(agent)) == 3

    def test_it_says_what_a_single_charge_says(self, fees):
        """Two agents, one of them the other's client, both billed in the same statement as their own clients."""
        older, alone = an_agent("older", "2.5"), customer("alone", funds="50")
        younger = an_agent("younger", "7.35", referred_by=older)
        for agent in (older, younger):
            add_funds(agent, "50")
            hold_plan(agent)
        for n in range(4):
            hold_plan(customer(f"client{n}", funds="50", referred_by=(older, younger)[n % 2]))
        run(THE_27TH)
        for charged in Transfer.objects.filter(kind="charge"):
            agent = charged.source.account.referred_by
            on = Transfer.objects.filter(commission_on=charged)
            assert [(each.target.account, each.amount) for each in on] == (
                [(agent, commission.on(charged.amount, agent.commission_percent))] if agent else []
            )
        assert (len(earned(older)), len(earned(younger))) == (3, 2)
        assert alone.referred_by is None
        assert list(audit.differences()) == []

    @pytest.mark.parametrize("gone", [{"commission_percent": None}, {"closed_on": date(2027, 1, 20)}])
    def test_who_is_no_agent_any_more_earns_nothing(self, agent, gone):
        customer("client", funds="50", referred_by=agent)
        Account.objects.filter(pk=agent.pk).update(**gone)
        run(THE_27TH)
        assert (Transfer.objects.filter(kind="charge").count(), earned(agent)) == (1, [])

    def test_what_is_owed_is_collected_from_it(self, agent, fees):
        client = customer("client", funds="50", referred_by=agent)
        owe(agent, client)
        put_in(agent, "5", WHEN)
        run(THE_27TH)
        each = commission.on(fees["pay-per-minute"], D(3))
        assert (balance(agent), OwedCommission.objects.get().left) == (5, D("0.3") - each)

    def test_and_from_nothing_else(self, agent):
        """The client's renewal fails, so nothing is earned."""
        client = customer("client", funds="10", referred_by=agent)
        owe(agent, client)
        charge(client, "10.00", "0", WHEN, key="calls")
        put_in(agent, "5", WHEN)
        Account.objects.filter(pk=agent.pk).update(commission_percent="3")
        before = balance(agent)
        run(THE_27TH)
        assert (client.cycles.get().state, balance(agent)) == ("failed", before)
        assert list(audit.differences()) == []

    def test_the_agents_own_bill_is_paid_from_what_was_there_before(self, agent):
        """Not from the commission of the same statement: whether that comes first is nobody's promise."""
        hold_plan(agent)
        customer("client", funds="50", referred_by=agent)
        outcome = run(THE_27TH)
        assert (outcome.settled, balance(agent) > 0) == (1, True)
        assert agent.cycles.get(month=FEBRUARY).state == "failed"
