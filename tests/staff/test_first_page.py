"""Staff's first page: each panel's figures, who sees it, and that it leads to the list of just what it counts."""

from datetime import timedelta

import pytest
from django.urls import reverse

from callcentric import clock
from staff import first_page
from staff.first_page import Panel
from tests.factories import AccountFactory, RateCenterFactory
from tests.staff import desk
from tests.staff.desk import NOON, TODAY, ago, answered, back_order, charge, cycle, order, place_with, ticket
from tests.staff.people import client_of
from tests.staff.rights import member_of_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]
# What each panel asks for.
RIGHTS = {
    "orders": "orders.view_order",
    "cycle": "billing.view_cycle",
    "cards": "billing.view_payment",
    "back-orders": "phone_numbers.view_backorder",
    "tickets": "support.view_ticket",
    "answers": "support.view_ticket",
    "stock": "phone_numbers.view_ratecenter",
    "to-look-at": "billing.view_parkedaccount",
}


def panels() -> dict[str, Panel]:
    return {panel.name: panel for panel in first_page.panels(may=lambda model: True, today=TODAY, now=NOON)}


def figures(panel: Panel) -> dict[str, tuple[str, ...]]:
    return {row.label: row.figures for row in panel.rows}


def told(panel: Panel) -> dict[str, tuple[str, ...]]:
    """The same, without what is nothing."""
    return {label: found for label, found in figures(panel).items() if set(found) - {"0", "$0.00", "–"}}


@pytest.fixture
def at_noon(monkeypatch):
    """The lists ask for the time themselves."""
    monkeypatch.setattr(clock, "now", lambda: NOON)


def listed(client, link: str) -> int:
    answer = client.get(link)
    # A filter that the list does not know leads to it without any.
    assert (link, answer.status_code) == (link, 200)
    return answer.context["cl"].result_count


def test_a_quiet_day_says_so():
    found = panels()
    assert {name: panel.words for name, panel in found.items()} == {
        "orders": "No orders yet today.",
        "cycle": "No account owes anything for it yet.",
        "cards": "No card was declined in the last 14 days.",
        "back-orders": "No order waits for a number.",
        "tickets": "No ticket waits for staff.",
        "answers": "No ticket had its first answer in the last 12 weeks.",
        "stock": "Every place in use has 5 numbers or more.",
        "to-look-at": "Nothing: all accounts add up.",
    }
    assert [name for name, panel in found.items() if panel.pictures] == []


def test_orders_of_the_last_fortnight(alice, bob):
    order(alice, "10.00")
    order(bob, "2.50", at=ago(hours=5))
    order(alice, "7.00", at=ago(days=13))
    order(alice, "9.00", at=ago(days=14))
    panel = panels()["orders"]
    assert panel.words == "2 orders today, $12.50."
    assert told(panel) == {"11 January": ("2", "$12.50"), "29 December": ("1", "$7.00")}
    assert [picture.words for picture in panel.pictures] == ["Highest: 2", "Highest: $12.50"]
    heights = [[piece.height for piece in column.pieces] for column in panel.pictures[0].columns]
    assert heights == [[50], *[[]] * 12, [100]]


def test_one_order_is_one_order(alice):
    order(alice, "1.00")
    assert panels()["orders"].words == "1 order today, $1.00."


def test_where_the_accounts_of_the_month_stand():
    for state, count in (("settled", 3), ("failed", 2), ("parked", 1), ("planned", 1)):
        for _ in range(count):
            cycle(state)
    cycle("planned", turn_at=NOON)
    days = {"attempted_on": TODAY, "cancelled_on": TODAY, "told_on": TODAY - timedelta(days=1)}
    cycle("failed", **days)
    cycle("settled", month=TODAY.replace(month=2, day=1))
    panel = panels()["cycle"]
    assert (panel.title, panel.words) == ("The month: January 2027", "3 of 9 accounts settled.")
    assert figures(panel) == {
        "Settled": ("3",),
        "Waiting for the card's turn": ("1",),
        "Planned": ("1",),
        "Failed": ("2",),
        "Parked": ("1",),
        "Cancelled": ("1",),
    }
    assert sum(bar.width for bar in panel.pictures[0].stacked) == 1000


@pytest.mark.parametrize(("day", "month"), [(26, "January 2027"), (27, "February 2027")])
def test_from_the_27th_on_it_is_the_next_month(day, month):
    found = first_page.panels(may=lambda model: True, today=TODAY.replace(day=day), now=NOON)
    assert [panel.title for panel in found if panel.name == "cycle"] == [f"The month: {month}"]


def test_cards_that_were_declined(alice, bob):
    charge(alice, "renewal")
    charge(bob, "order")
    charge(bob, "deposit", at=ago(days=3))
    charge(bob, "deposit", at=ago(days=3), state="succeeded")
    panel = panels()["cards"]
    assert panel.words == "2 charges declined today, 3 in 14 days."
    assert told(panel) == {"11 January": ("1", "1"), "8 January": ("0", "1")}


def test_orders_that_wait_for_a_number(alice):
    for days in (0, 1, 8, 21):
        back_order(alice, at=ago(days=days))
    assert figures(panels()["back-orders"]) == {
        "Waiting": ("4",),
        "More than 3 business days": ("2",),
        "More than 10 business days": ("1",),
        "Longer than we said": ("1",),
    }


def test_tickets_that_wait_for_staff(alice):
    for days in (0, 1, 4, 30):
        ticket(alice, state_since=ago(days=days))
    panel = panels()["tickets"]
    assert figures(panel) == {
        "Waiting for staff": ("4",),
        "More than 1 day": ("3",),
        "More than 3 days": ("2",),
        "More than 7 days": ("1",),
    }
    assert [row.bar.width for row in panel.rows] == [1000, 750, 500, 250]


@pytest.mark.parametrize(
    ("waited", "said"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=89), "89 minutes"),
        (timedelta(minutes=90), "2 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(0), "0 minutes"),
    ],
)
def test_how_soon_tickets_were_answered(alice, waited, said):
    answered(alice, at=NOON, after=waited)
    panel = panels()["answers"]
    assert panel.words == f"Half of the tickets of the week of 11 January waited at most {said}."
    assert told(panel) == {"Week of 11 January": ("1", said)}


def test_places_with_few_numbers_left():
    for number in range(12):
        place_with(2, f"Town {number:02}")
    place_with(1, "Utica", "dollar-unlimited", "dirt-cheap")
    place_with(5, "Troy")
    panel = panels()["stock"]
    assert panel.words == "13 places with fewer than 5 numbers that nobody waits for."
    assert len(panel.rows) == first_page.PLACES
    assert (panel.rows[0].label, panel.rows[0].figures) == ("Utica, NY", ("Dollar Unlimited, Dirt Cheap", "1"))
    assert (panel.rows[1].label, panel.rows[1].figures) == ("Town 00, NY", ("–", "2"))


def test_accounts_and_figures_that_do_not_add_up(alice):
    desk.a_day(alice)
    panel = panels()["to-look-at"]
    assert (panel.words, figures(panel)) == ("", {"Accounts parked": ("1",), "Differences": ("1",)})


def test_each_figure_leads_to_the_list_of_just_what_it_counts(sam_client, alice, bob, at_noon):
    for account in (alice, bob):
        desk.a_day(account)
    desk.a_day(alice)
    # What none of the lists shall show with them.
    order(alice, state="failed")
    order(alice, at=ago(days=40))
    charge(alice, "deposit", code="")
    charge(alice, "deposit", at=ago(days=40))
    ticket(alice, "customer", state_since=ago(days=20))
    answered(bob, at=ago(days=200), after=timedelta(hours=1))
    place_with(9, "Troy")
    order(alice, at=ago(days=5))
    charge(bob, "renewal", at=ago(days=5))
    answered(bob, at=ago(days=20), after=timedelta(hours=1))
    back_order(bob, at=ago(days=1), place=RateCenterFactory(name="Rome"))
    cycle("settled")
    # Of several figures in a row, how many of them count what the list shows.
    counting = {"orders": 1, "cards": 2, "answers": 1}
    for panel in panels().values():
        if panel.name == "stock":
            continue
        for row in panel.rows:
            counted = sum(int(figure) for figure in row.figures[: counting.get(panel.name, 1)])
            assert (panel.name, row.label, listed(sam_client, row.link)) == (panel.name, row.label, counted)
    # Those that are told of something told it, and the whole panel's list has all of it.
    whole = {"orders": 4, "cycle": 4, "cards": 7, "back-orders": 4, "tickets": 3, "answers": 4, "stock": 7}
    assert {name: listed(sam_client, panel.link) for name, panel in panels().items() if panel.link} == whole


def test_a_place_leads_to_its_own_page(sam_client):
    place = place_with(1, "Troy")
    link = panels()["stock"].rows[0].link
    assert link == reverse("admin:phone_numbers_ratecenter_change", args=[place.pk])
    assert sam_client.get(link).status_code == 200


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_a_panel_is_for_those_who_may_see_its_list(name, alice):
    desk.a_day(alice)
    answer = client_of(member_of_staff("sam", RIGHTS[name])).get("/admin/")
    same = sorted(panel for panel, right in RIGHTS.items() if right == RIGHTS[name])
    assert sorted(panel.name for panel in answer.context["panels"]) == same


def test_who_may_change_a_list_sees_its_panel_too():
    answer = client_of(member_of_staff("sam", "support.change_ticket")).get("/admin/")
    assert [panel.name for panel in answer.context["panels"]] == ["tickets", "answers"]


def test_who_may_see_no_list_sees_no_panel(alice, django_assert_num_queries):
    desk.a_day(alice)
    client = client_of(member_of_staff("sam"))
    client.get("/admin/")
    # The user, their rights and their groups'.
    with django_assert_num_queries(3):
        answer = client.get("/admin/")
    assert (answer.status_code, answer.context["panels"]) == (200, [])
    assert 'class="panels"' not in answer.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_it_costs_the_same_for_any_number_of_rows(rows, django_assert_num_queries):
    for _ in range(rows):
        desk.a_day(AccountFactory())
    with django_assert_num_queries(16):
        panels()


def test_the_page_has_each_picture_in_words_too(sam_client, alice, at_noon):
    desk.a_day(alice)
    answer = sam_client.get("/admin/")
    html = answer.content.decode()
    pictures = [picture for panel in answer.context["panels"] for picture in panel.pictures]
    assert [picture.title for picture in pictures] == [
        "Orders a day",
        "Dollars a day",
        "Accounts of January 2027",
        "Declined charges a day",
        "Time to the first answer, by week",
    ]
    assert all(f">{picture.title}</title>" in html for picture in pictures)
    # Every picture has a name of its own, and every panel its figures.
    assert (html.count('role="img"'), html.count("</desc>")) == (len(pictures), len(pictures))
    assert html.count('<table class="figures">') == len(answer.context["panels"])


def test_who_looks_at_a_customers_pages_is_told_so(sam_client, alice):
    sam_client.post(reverse("view_as_customer", args=[alice.pk]), {"reason": "She asked."})
    html = sam_client.get("/admin/").content.decode()
    assert (reverse("stop_looking") in html, f"Looking at {alice.number}" in html) == (True, True)
