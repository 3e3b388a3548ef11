"""Whatever moves and whenever: statements chain without a gap and say what the ledger says."""

from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import audit, history, ledger, statement_lines, statements
from billing.models import ParkedAccount, Statement, Transfer
from tests.billing.movements import at, charge, put_in, refund
from tests.factories import AccountFactory

CENTS = st.integers(1, 50_000).map(lambda hundredths: str(Decimal(hundredths) / 10_000))
# What happens, to whom, in which month and on which day: mostly one after the other, and now and then the ledger takes
# a movement of one month after one of the next.
HAPPENINGS = st.lists(
    st.tuples(st.sampled_from(["in", "charge", "refund", "make"]), st.integers(0, 2), st.integers(0, 40), CENTS, CENTS),
    max_size=25,
)
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def happen(account, what: str, amount: str, tax: str, when) -> None:
    if what == "charge" and ledger.of(account).balance >= Decimal(amount) + Decimal(tax):
        charge(account, amount, tax, when)
    elif what == "refund" and (paid := Transfer.objects.filter(source=ledger.of(account), kind="charge").last()):
        refund(account, amount, tax, when, of=paid)
    elif what == "in":
        put_in(account, amount, when)


def chain(account) -> list[Statement]:
    return list(Statement.objects.filter(account=account).order_by("month"))


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(happenings=HAPPENINGS, shuffled=st.booleans())
def test_statements_chain_and_equal_the_ledger(db, happenings, shuffled):
    accounts = AccountFactory.create_batch(3)
    days = [day for _, _, day, _, _ in happenings]
    for day, (what, who, _, amount, tax) in zip(days if shuffled else sorted(days), happenings, strict=True):
        when = at(1 + day // 10, 1 + day % 10 * 3, day % 24)
        if what == "make":
            # Somewhere in between, for the months that are over by then: what comes later for them is late.
            statements.make_due(now=when)
        else:
            happen(accounts[who], what, amount, tax, when)
    statements.make_due(now=at(6, 2))
    for account in accounts:
        assert_it_adds_up(account)
    assert ParkedAccount.objects.count() == 0
    assert list(audit.differences()) == []
    assert list(Statement.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, Statement.objects.count() + 1)
    )


def assert_it_adds_up(account) -> None:
    customer, found = ledger.of(account), chain(account)
    ends = [(Decimal(0), 0), *((each.closing, each.through) for each in found)]
    assert [(each.opening, each.after) for each in found] == ends[:-1]
    assert ends[-1][0] == customer.balance
    # Every movement is on one statement.
    lines = [line for each in found for line in statement_lines.contents_of(each).lines]
    every = history.lines(history.transfers(customer).order_by("pk"), customer)
    assert lines == every
    for each in found:
        contents = statement_lines.contents_of(each)
        assert each.opening + sum(amount for _, amount in contents.totals) == each.closing
    # No month without a statement while there was money.
    months = [each.month for each in found]
    assert months == sorted(set(months))
    for before, after in zip(found, found[1:], strict=False):
        assert before.closing == 0 or after.month == date(2027, before.month.month + 1, 1)
    assert not Transfer.objects.of(customer).exists() or found
