"""A customer opens a ticket from a link, staff answer in the admin, and the customer reads it by the e-mail's link."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Account
from billing.models import Service
from callcentric import clock
from support.attachments import judge
from support.models import CannedAnswer, Ticket
from tests.browser.conftest import last_mail_to, log_in
from tests.browser.scanning import findings, judged, log_in_at_this_size
from tests.factories import PASSWORD, PhoneNumberFactory, hold_number
from tests.support.conversations import HTML, PNG, answer_as_customer, answer_as_staff, open_ticket


@pytest.fixture
def lost(rich_alice: Account) -> Service:
    """A number that Alice lost three days ago for failed rebilling, and that is kept for her."""
    today = clock.today()
    ended = today - timedelta(days=3)
    number = PhoneNumberFactory(digits="15185550123", state="kept", last_holder=rich_alice, disconnected_on=ended)
    dates = {"started_on": ended - timedelta(days=40), "paid_until": ended}
    ending = {"state": "cancelled", "cancelled_on": ended, "reason": "failed_rebilling"}
    return hold_number(rich_alice, phone_number=number, **dates, **ending)


def log_in_as_staff(page: Page) -> None:
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("sam")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def test_a_ticket_from_a_lost_number_to_its_rating(page, lost, sam):
    CannedAnswer.objects.create(title="Put aside", text="Hello {name}, your number is put aside for you.")
    log_in(page, "alice")
    page.goto(f"/support/tickets/new/?category=orders&service={lost.pk}")
    expect(page.get_by_text("(518) 555-0123 in Albany, NY, Pay Per Minute, ended on")).to_be_visible()
    expect(page.get_by_label("Category")).to_have_value("orders")
    page.get_by_label("Subject").fill("My number was not assigned")
    page.get_by_label("What happened").fill("I ordered it again and got another.")
    files = page.get_by_label("Attach files")
    # Nothing is lost by a file that is refused, but the file itself.
    files.set_input_files({"name": "screen.png", "mimeType": "image/png", "buffer": HTML})
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.get_by_text("screen.png is not what its name says: its content is plain text.")).to_be_visible()
    expect(page.get_by_label("What happened")).to_have_value("I ordered it again and got another.")
    files.set_input_files({"name": "screen.png", "mimeType": "image/png", "buffer": PNG})
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.get_by_text("is open. We write to you by e-mail when we answer.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="screen.png").click()
    assert download.value.suggested_filename == "screen.png"

    desk = page.context.browser.new_context(base_url=page.url.split("/support")[0]).new_page()
    log_in_as_staff(desk)
    desk.goto("/admin/support/ticket/")
    desk.get_by_role("link", name="My number was not assigned").click()
    until = lost.cancelled_on + timedelta(days=44)
    expect(desk.get_by_role("region", name="Lost numbers")).to_contain_text(
        f"Can be reclaimed until {until:%-d %B %Y}."
    )
    desk.get_by_label("Canned answer").select_option(label="Put aside")
    desk.get_by_role("button", name="Put it into the text").click()
    expect(desk.get_by_label("Write")).to_have_value("Hello Alice, your number is put aside for you.")
    desk.get_by_role("button", name="Answer and resolve").click()
    expect(desk.get_by_text("The ticket is resolved, and an e-mail tells the customer.")).to_be_visible()
    desk.context.close()

    mail = last_mail_to("alice@example.com")
    ticket = Ticket.objects.get()
    assert (mail.subject, ticket.state) == (f"Your ticket {ticket.reference} is resolved", "resolved")
    page.goto(re.search(r"http\S+", mail.message).group())
    expect(page.get_by_text("Hello Alice, your number is put aside for you.")).to_be_visible()
    page.get_by_label("5, very good").check()
    page.get_by_role("button", name="Rate our help").click()
    expect(page.get_by_text("Thank you for your rating.")).to_be_visible()
    page.get_by_role("link", name="Support").click()
    expect(page.get_by_role("row", name=re.compile("My number was not assigned.*Resolved"))).to_be_visible()


def test_two_of_staff_at_once(page, rich_alice, sam):
    ticket = open_ticket(rich_alice, now=clock.now())
    log_in_as_staff(page)
    page.goto(f"/admin/support/ticket/{ticket.pk}/change/")
    page.get_by_label("Write").fill("We look into it.")
    answer_as_customer(ticket, "It works again!", now=clock.now())
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Alice wrote: It works again!")
    expect(page.get_by_label("Write")).to_have_value("We look into it.")
    page.get_by_role("button", name="Private note").click()
    expect(page.get_by_text("Your note is in the ticket. Only staff read it.")).to_be_visible()


def test_without_javascript_on_a_phone(page_without_javascript, rich_alice):
    page = page_without_javascript
    log_in_at_this_size(page)
    page.goto("/support/tickets/")
    page.get_by_role("link", name="Open a trouble ticket").click()
    page.get_by_label("Category").select_option(label="Technical")
    page.get_by_label("Subject").fill("No calls come in")
    page.get_by_label("What happened").fill("Since this morning.")
    page.get_by_role("button", name="Open the ticket").click()
    page.get_by_label("Your answer").fill("Now they do.")
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("Your answer is in the ticket.")).to_be_visible()
    page.get_by_role("button", name="Close this ticket").click()
    expect(page.get_by_role("link", name="Open a new ticket")).to_be_visible()


def test_the_pages_are_well(sized_page: Page, lost, sam, rich_alice):
    page, now = sized_page, clock.now()
    log_in_at_this_size(page)
    found = findings(page, "/support/tickets/")
    long = "x" * 200
    conversation = open_ticket(rich_alice, long, text=long * 3, now=now, attached=[judge(f"{long}.png", PNG)])
    answer_as_staff(conversation, sam, f"https://example.com/{long}", now=now)
    resolved = answer_as_staff(open_ticket(rich_alice, now=now), sam, resolves=True, now=now)
    closed = open_ticket(rich_alice, now=now)
    closed.come_to(Ticket.State.CLOSED, now=now)
    for path in [
        "/support/tickets/",
        f"/support/tickets/new/?category=orders&service={lost.pk}",
        *(f"/support/tickets/{ticket.reference}/" for ticket in (conversation, resolved, closed)),
    ]:
        found += findings(page, path)
    page.goto("/support/tickets/new/")
    page.get_by_label("Attach files").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": HTML})
    page.get_by_role("button", name="Open the ticket").click()
    assert found + judged(page, "a new ticket that is refused") == []
