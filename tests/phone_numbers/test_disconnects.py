"""What is reported to the Reassigned Numbers Database: ten digits, and the day of the last disconnect for good."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command

from callcentric import clock
from phone_numbers import disconnects, stock
from phone_numbers.models import PhoneNumber
from tests.factories import PhoneNumberFactory, RateCenterFactory, RegionFactory

DAY = date(2027, 1, 11)
HEADER = "Telephone Number,Last Permanent Disconnect Date"


@pytest.fixture(autouse=True)
def lost(alice, bob) -> None:
    """Numbers in every state that a disconnect leads to, a day apart."""
    State = PhoneNumber.State
    kept, back, again, given_back, out = (
        PhoneNumberFactory(digits=f"151855501{n:02}", state=State.ASSIGNED, holder=alice) for n in range(5)
    )
    for days, number in enumerate([kept, back, again, given_back, out]):
        stock.disconnect(number, holder=alice, on=DAY + timedelta(days=days))
    later = DAY + timedelta(days=60)
    stock.reclaim(given_back, account=alice, today=DAY + timedelta(days=3))
    stock.take_out(PhoneNumber.objects.filter(pk=out.pk), note="Test")
    PhoneNumber.objects.filter(pk__in=[back.pk, again.pk]).update(state=State.IN_STOCK, in_stock_since=later)
    # The same customer, as anybody else might have.
    stock.assign(again, account=alice, token=None, now=clock.now())
    PhoneNumberFactory(digits="15185550199")
    elsewhere = RateCenterFactory(region=RegionFactory(country="CA", code="QC", name="Quebec"), name="Montréal")
    toll_free = RateCenterFactory(name="Toll-free", is_toll_free=True)
    for digits, place in (("15145550100", elsewhere), ("18005550100", toll_free)):
        PhoneNumberFactory(digits=digits, rate_center=place, state=State.KEPT, last_holder=alice, disconnected_on=DAY)


def lines(**period: date) -> list[str]:
    return "".join(disconnects.lines(**period)).splitlines()


def test_every_disconnect_for_good_of_a_number_of_the_united_states():
    assert lines() == [
        HEADER,
        "5185550100,2027-01-11",
        "5185550101,2027-01-12",
        "5185550102,2027-01-13",
        "5185550104,2027-01-15",
    ]


def test_a_period_includes_its_first_and_its_last_day():
    assert lines(first=date(2027, 1, 12), last=date(2027, 1, 13)) == [
        HEADER,
        "5185550101,2027-01-12",
        "5185550102,2027-01-13",
    ]


def test_the_command_writes_the_same(capsys):
    call_command("export_disconnects", "--from", "2027-01-13", "--to", "2027-01-31")
    assert capsys.readouterr().out.splitlines() == [HEADER, "5185550102,2027-01-13", "5185550104,2027-01-15"]


@pytest.mark.parametrize("options", [["--from", "2027-02-01", "--to", "2027-01-01"], ["--from", "January"]])
def test_a_period_that_is_none_is_refused(options):
    with pytest.raises(CommandError):
        call_command("export_disconnects", *options)
