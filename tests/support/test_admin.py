"""The staff's desk: the queue, a ticket with its customer beside it, and two who work on the same one."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from support import conversation
from support.attachments import judge
from support.models import Attachment, CannedAnswer, Message, Ticket
from tests.factories import UserFactory, hold_number
from tests.orders.conftest import credit
from tests.support.conversations import (
    NOON,
    PNG,
    answer_as_customer,
    answer_as_staff,
    desk_of,
    hour,
    last_line,
    lines,
    lose_number,
    open_ticket,
)

QUEUE = "/admin/support/ticket/"


@pytest.fixture(autouse=True)
def _one_o_clock():
    """An hour after the tickets of these tests are opened."""
    with time_machine.travel("2027-01-11T18:00:00Z", tick=False):
        yield


def press(client: Client, ticket: Ticket, button: str, *, seen: int | None = None, **typed):
    """Press one of the buttons; what the page had in its fields is sent with it."""
    shown = {"category": ticket.category, "assignee": ticket.assignee_id or "", "canned": "", "into": "", "text": ""}
    data = {**shown, "do": button, "seen": last_line(ticket) if seen is None else seen, **typed}
    return client.post(desk_of(ticket), data)


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


class TestQueue:
    def shown(self, client: Client, **asked: str) -> list[str]:
        return [ticket.subject for ticket in client.get(QUEUE, asked).context["cl"].result_list]

    @pytest.fixture
    def queue(self, alice, bob, sam) -> dict[str, Ticket]:
        queue = {
            subject: open_ticket(account, subject, now=NOON - timedelta(days=days), category=category)
            for subject, account, days, category in [
                ("new", alice, 0, "billing"),
                ("old", bob, 8, "technical"),
                ("answered", alice, 4, "billing"),
                ("waits again", bob, 9, "porting"),
                ("resolved", alice, 2, "billing"),
                ("closed", alice, 2, "billing"),
            ]
        }
        answer_as_staff(queue["answered"], sam, now=NOON - timedelta(days=3.5))
        answer_as_staff(queue["waits again"], sam, now=NOON - timedelta(days=8))
        answer_as_customer(queue["waits again"], now=NOON - timedelta(days=2))
        answer_as_staff(queue["resolved"], sam, resolves=True)
        conversation.close(queue["closed"], now=NOON)
        Ticket.objects.filter(subject__in=["old", "answered"]).update(assignee=sam)
        return queue

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ({}, ["old", "waits again", "new"]),
            ({"show": "customer"}, ["answered"]),
            ({"show": "resolved"}, ["resolved"]),
            ({"show": "closed"}, ["closed"]),
            ({"show": "every"}, ["old", "answered", "waits again", "new", "resolved", "closed"]),
            ({"whose": "mine"}, ["old"]),
            ({"whose": "nobody"}, ["waits again", "new"]),
            ({"whose": "mine", "show": "every"}, ["old", "answered"]),
            ({"category__exact": "billing"}, ["new"]),
            ({"age": "1"}, ["old", "waits again"]),
            ({"age": "3"}, ["old"]),
            ({"age": "7"}, ["old"]),
            ({"age": "7 OR 1=1"}, ["old", "waits again", "new"]),
        ],
    )
    def test_those_that_wait_for_staff_the_longest_first_and_the_others_when_asked(
        self, queue, sam_client, asked, shown
    ):
        assert self.shown(sam_client, **asked) == shown

    def test_a_reference_and_a_1777_number_are_found(self, queue, sam_client, bob):
        assert self.shown(sam_client, q=queue["new"].reference) == ["new"]
        assert self.shown(sam_client, q=bob.number) == ["old", "waits again"]

    def test_it_takes_the_same_queries_for_one_and_for_three(self, alice, sam_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert sam_client.get(QUEUE).status_code == 200
            return len(captured)

        open_ticket(alice)
        one = queries()
        for _ in range(2):
            open_ticket(alice)
        assert (one, queries()) == (4, 4)

    def test_customers_do_not_see_it(self, ticket, alice_client):
        assert alice_client.get(QUEUE).status_code == 302
        assert alice_client.post(desk_of(ticket), {"do": "close"}).status_code == 302


class TestTicket:
    def test_both_sides_and_the_notes(self, ticket, sam, sam_client):
        press(sam_client, ticket, "note", text="A secret.")
        answer_as_staff(ticket, sam, now=hour(2))
        page = sam_client.get(desk_of(ticket))
        assert [(who, message.text, message.is_private) for message, who, _ in page.context["said"]] == [
            ("Alice", "Since this morning.", False),
            ("sam", "A secret.", True),
            ("sam", "We look into it.", False),
        ]

    def test_text_with_script_is_text(self, alice, sam_client):
        script = "<script>alert(1)</script>"
        ticket = open_ticket(alice, script, text=script, attached=[judge(f"{script}.png", PNG)])
        for path in (desk_of(ticket), QUEUE):
            assert sam_client.get(path).content.decode().count(script) == 0

    def test_answering(self, ticket, sam, sam_client):
        answer = press(sam_client, ticket, "answer", text="We look into it.", attached=file())
        assert (answer.status_code, answer.url) == (302, desk_of(ticket))
        assert told(answer) == ["Your answer is in the ticket, and an e-mail tells the customer."]
        ticket.refresh_from_db()
        assert (ticket.state, lines(ticket)[-1], Attachment.objects.get().message.staff) == (
            "customer",
            "sam: We look into it.",
            sam,
        )

    @pytest.mark.parametrize(
        ("button", "typed", "state", "line"),
        [
            ("resolve", {"text": "Done."}, "resolved", "sam marked this ticket as resolved"),
            ("resolve", {}, "resolved", "sam marked this ticket as resolved"),
            ("note", {"text": "Watch this."}, "open", "(sam: Watch this.)"),
            ("take", {}, "open", "(sam assigned this ticket to sam)"),
            ("category", {"category": "porting"}, "open", "sam moved this ticket to Porting"),
            ("close", {}, "closed", "sam closed this ticket"),
        ],
    )
    def test_what_the_buttons_do(self, ticket, sam_client, button, typed, state, line):
        assert press(sam_client, ticket, button, **typed).status_code == 302
        ticket.refresh_from_db()
        assert (ticket.state, lines(ticket)[-1]) == (state, line)

    def test_assigning_to_another_and_to_nobody(self, ticket, sam_client):
        other = UserFactory(username="other", is_staff=True)
        press(sam_client, ticket, "assign", assignee=other.pk)
        ticket.refresh_from_db()
        assert ticket.assignee == other
        press(sam_client, ticket, "assign", assignee="")
        ticket.refresh_from_db()
        assert ticket.assignee is None

    @pytest.mark.parametrize(
        ("button", "typed", "field", "problem"),
        [
            ("answer", {}, "text", "Write something first."),
            ("answer", {"text": "\u200b"}, "text", "There is nothing to be read in this. Write it in words."),
            ("note", {"text": " "}, "text", "Write something first."),
            ("insert", {}, "canned", "Choose one first."),
            ("merge", {}, "into", "Choose one first."),
            (
                "category",
                {"category": "abuse"},
                "category",
                "Select a valid choice. abuse is not one of the available choices.",
            ),
        ],
    )
    def test_what_is_refused(self, ticket, sam_client, button, typed, field, problem):
        page = press(sam_client, ticket, button, **typed)
        assert (page.status_code, dict(page.context["form"].errors)) == (422, {field: [problem]})
        assert len(lines(ticket)) == 1

    def test_a_customer_is_nobodys_assignee(self, ticket, sam_client, bob):
        assert press(sam_client, ticket, "assign", assignee=bob.user.pk).status_code == 422

    def test_files_that_are_refused(self, ticket, sam_client):
        page = press(sam_client, ticket, "answer", text="Typed.", attached=file(b"MZ\x90\x00"))
        assert page.status_code == 422
        assert ("Typed." in page.content.decode(), Message.objects.count()) == (True, 1)

    def test_a_canned_answer_goes_behind_what_was_typed(self, ticket, sam_client):
        canned = CannedAnswer.objects.create(title="Hello", text="Hello {name}, this is about {reference}.")
        page = press(sam_client, ticket, "insert", text="Typed.", canned=canned.pk)
        assert page.context["form"]["text"].value() == f"Typed.\n\nHello Alice, this is about {ticket.reference}."
        assert Message.objects.count() == 1

    def test_what_was_typed_stays_when_something_else_is_done(self, ticket, sam_client):
        page = press(sam_client, ticket, "take", text="Half an answer")
        assert (page.status_code, page.context["form"]["text"].value()) == (200, "Half an answer")
        assert (page.context["form"]["assignee"].value(), lines(ticket)[-1]) == (
            User.objects.get(username="sam").pk,
            "(sam assigned this ticket to sam)",
        )
        # What the page shows now has been seen.
        sent = press(sam_client, ticket, "answer", text="A whole one", seen=page.context["last_seen"])
        assert sent.status_code == 302

    def test_a_button_that_is_none(self, ticket, sam_client):
        assert press(sam_client, ticket, "delete").status_code == 403
        assert sam_client.get(f"{QUEUE}999999/change/").status_code == 404
        assert sam_client.post(reverse("admin:support_ticket_delete", args=[ticket.pk])).status_code == 403

    def test_it_takes_the_same_queries_for_one_and_for_three(self, alice, sam, sam_client, catalog):
        def more() -> None:
            lose_number(alice)
            hold_number(alice)
            credit(alice, f"{Ticket.objects.count()}")
            answer_as_customer(ticket, attached=[judge("a.png", PNG)])
            answer_as_staff(ticket, sam)
            open_ticket(alice)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert sam_client.get(desk_of(ticket)).status_code == 200
            return len(captured)

        ticket = open_ticket(alice)
        more()
        one = queries()
        more()
        more()
        assert (one, queries()) == (16, 16)


class TestTwoOfStaff:
    def test_the_second_is_told_what_has_happened_and_keeps_what_was_typed(self, ticket, sam, sam_client):
        seen = last_line(ticket)
        answer_as_customer(ticket, "It works again!")
        page = press(sam_client, ticket, "answer", text="We look into it.", seen=seen)
        assert page.status_code == 409
        assert [str(message) for message in page.context["refused"].messages] == [
            "Nothing was changed: something has happened in this ticket since you opened it. Read below what it was; "
            "what you typed is still in the form."
        ]
        assert [message.text for message, _, is_new in page.context["said"] if is_new] == ["It works again!"]
        assert page.context["form"]["text"].value() == "We look into it."
        assert lines(ticket) == ["Alice: Since this morning.", "Alice: It works again!"]
        # Having read it, they send it all the same.
        content = page.content.decode()
        assert f'name="seen" value="{page.context["last_seen"]}"' in content
        sent = press(sam_client, ticket, "answer", text="We look into it.", seen=page.context["last_seen"])
        assert (sent.status_code, lines(ticket)[-1]) == (302, "sam: We look into it.")

    def test_pressing_twice_answers_once(self, ticket, sam_client):
        seen = last_line(ticket)
        codes = [press(sam_client, ticket, "answer", text="Once.", seen=seen).status_code for _ in range(2)]
        assert (codes, lines(ticket)[1:]) == ([302, 409], ["sam: Once."])

    @pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30])
    def test_a_forged_line_is_refused(self, ticket, sam_client, seen):
        assert press(sam_client, ticket, "close", seen=seen).status_code == 422


class TestMerging:
    def test_it_leads_to_the_other_one(self, ticket, alice, sam_client):
        other = open_ticket(alice, "The same again")
        merged = press(sam_client, other, "merge", into=ticket.reference)
        assert (merged.status_code, merged.url) == (302, desk_of(ticket))
        page = sam_client.get(desk_of(other)).content.decode()
        assert page.count('value="answer"') == page.count('value="merge"') == 0
        assert f"in {other.reference}" in sam_client.get(desk_of(ticket)).content.decode()

    def test_another_customers_is_not_offered(self, ticket, bob, sam_client):
        page = press(sam_client, ticket, "merge", into=open_ticket(bob).reference)
        assert (page.status_code, list(page.context["form"].errors)) == (422, ["into"])


class TestOpening:
    TYPED = {"category": "abuse", "subject": "Calls at night", "text": "Please stop."}

    def test_on_an_account(self, alice, sam, sam_client):
        page = sam_client.get(f"{QUEUE}add/?account={alice.number}")
        assert page.context["form"]["number"].value() == alice.number
        token = str(uuid4())
        sent = [
            sam_client.post(f"{QUEUE}add/", {**self.TYPED, "number": alice.number, "token": token}) for _ in range(2)
        ]
        ticket = Ticket.objects.get()
        assert [each.url for each in sent] == [desk_of(ticket)] * 2
        assert (ticket.account, ticket.category, ticket.opened_by, ticket.state, lines(ticket)) == (
            alice,
            "abuse",
            "staff",
            "customer",
            ["sam: Please stop."],
        )

    @pytest.mark.parametrize("number", ["17770000000", "1777", "alice", "", "1777\x00"])
    def test_on_no_account(self, alice, sam_client, number):
        page = sam_client.post(f"{QUEUE}add/", {**self.TYPED, "number": number})
        assert (page.status_code, list(page.context["form"].errors)) == (422, ["number"])
        assert "Please stop." in page.content.decode()


class TestRights:
    def staff(self, *rights: str) -> Client:
        user = UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        client = Client()
        client.force_login(user)
        return client

    def test_who_may_look_does_nothing(self, ticket):
        client = self.staff("view_ticket")
        page = client.get(desk_of(ticket))
        assert (page.status_code, page.content.decode().count('name="do"')) == (200, 0)
        assert press(client, ticket, "close").status_code == 403
        assert client.get(f"{QUEUE}add/").status_code == client.post(f"{QUEUE}add/").status_code == 403

    def test_who_may_not_look_sees_nothing(self, ticket):
        answer_as_customer(ticket, attached=[judge("a.png", PNG)])
        attachment = reverse("admin:support_ticket_attachment", args=[Attachment.objects.get().key])
        client = self.staff("view_account")
        assert [client.get(path).status_code for path in (QUEUE, desk_of(ticket), attachment)] == [403, 403, 403]

    def test_files_are_saved_and_never_run(self, ticket, sam_client, alice_client):
        press(sam_client, ticket, "note", text="Secret.", attached=file())
        path = reverse("admin:support_ticket_attachment", args=[Attachment.objects.get().key])
        got = sam_client.get(path)
        assert (got.content, got["Content-Disposition"], got["Content-Security-Policy"]) == (
            PNG,
            'attachment; filename="a.png"',
            "default-src 'none'; sandbox",
        )
        assert alice_client.get(path).status_code == 302


class TestCannedAnswers:
    def test_staff_write_them(self, sam_client):
        typed = {"title": "Hello", "text": "Hello {name}.", "category": ""}
        assert sam_client.post("/admin/support/cannedanswer/add/", typed).status_code == 302
        assert CannedAnswer.objects.get().text == "Hello {name}."
        listed = sam_client.get("/admin/support/cannedanswer/")
        assert [each.title for each in listed.context["cl"].result_list] == ["Hello"]


def file(content: bytes = PNG):
    return SimpleUploadedFile("a.png", content)
