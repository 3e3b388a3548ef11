"""The customer's pages: the list, a new ticket, the conversation, and what strangers and attackers get."""

import io
import re
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from support import conversation, desk, pace
from support.attachments import judge
from support.models import Attachment, Message, Ticket
from tests.factories import PhoneNumberFactory, hold_number
from tests.support.conversations import (
    HTML,
    NOON,
    PNG,
    answer_as_customer,
    answer_as_staff,
    hour,
    last_line,
    lines,
    open_ticket,
)

NEW = "/support/tickets/new/"
TYPED = {"category": "technical", "subject": "No calls come in", "text": "Since this morning."}


@pytest.fixture(autouse=True)
def _one_o_clock():
    """An hour after the tickets of these tests are opened."""
    with time_machine.travel("2027-01-11T18:00:00Z", tick=False):
        yield


def page_of(ticket: Ticket) -> str:
    return reverse("ticket", args=[ticket.reference])


def words(response) -> str:
    main = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL).group()
    return " ".join(strip_tags(main).split())


def errors(response) -> dict:
    return response.context["form"].errors


def png(size: int | None = None, name: str = "screen.png") -> SimpleUploadedFile:
    content = PNG + b"\x00" * (size - len(PNG)) if size else PNG
    # What the browser says of it is not asked.
    return SimpleUploadedFile(name, content, content_type="text/html")


class TestList:
    def test_without_tickets_it_says_what_to_do(self, alice_client):
        said = words(alice_client.get("/support/tickets/"))
        assert said.endswith(
            "You have no tickets Whatever does not work, or is not clear: write to our staff, and they answer here and "
            "tell you by e-mail. Open a trouble ticket"
        )

    def test_open_ones_first_the_last_written_first(self, alice, alice_client, sam, bob):
        closed, old, new, resolved = (open_ticket(alice, name) for name in ["closed", "old", "new", "resolved"])
        open_ticket(bob, "Bob's")
        conversation.close(closed, now=hour(9))
        answer_as_staff(resolved, sam, resolves=True, now=hour(8))
        answer_as_customer(new, now=hour(2))
        # What staff note is not seen in the order either.
        desk.note(old, text="x", by=sam, seen=last_line(old), now=hour(5))
        page = alice_client.get("/support/tickets/")
        assert [ticket.subject for ticket in page.context["page"]] == ["new", "old", "closed", "resolved"]

    def test_it_takes_the_same_queries_for_one_and_for_three(self, alice, alice_client, sam):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get("/support/tickets/").status_code == 200
            return len(captured)

        answer_as_staff(open_ticket(alice), sam)
        one = queries()
        for _ in range(2):
            answer_as_staff(open_ticket(alice), sam)
        assert (one, queries()) == (5, 5)


class TestNew:
    def test_it_opens_and_leads_to_the_conversation(self, alice, alice_client):
        answer = alice_client.post(NEW, {**TYPED, "attached": [png(), png(name="b.png")]}, follow=True)
        ticket = Ticket.objects.get()
        assert answer.redirect_chain == [(page_of(ticket), 303)]
        assert (ticket.account, ticket.category, ticket.subject, ticket.opened_at) == (
            alice,
            "technical",
            "No calls come in",
            hour(1),
        )
        assert lines(ticket) == ["Alice: Since this morning."]
        assert list(Attachment.objects.values_list("name", "kind", "size")) == [
            ("screen.png", "image/png", len(PNG)),
            ("b.png", "image/png", len(PNG)),
        ]

    def test_the_form_sent_twice_opens_one(self, alice_client):
        token = str(uuid4())
        sent = [alice_client.post(NEW, {**TYPED, "token": token}) for _ in range(2)]
        assert (sent[0].url, Ticket.objects.count()) == (sent[1].url, 1)

    def test_a_link_names_what_it_is_about(self, alice, alice_client, catalog):
        held = hold_number(alice, phone_number=PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice))
        link = f"{NEW}?category=orders&service={held.pk}"
        page = alice_client.get(link)
        assert page.context["form"]["category"].value() == "orders"
        about = "(518) 555-0100 in Albany, NY, Pay Per Minute"
        assert f"This ticket will be about {about}" in words(page)
        answer = alice_client.post(link, TYPED, follow=True)
        assert Ticket.objects.get().service == held
        assert f"What it is about {about}" in words(answer)

    def test_a_strangers_service_is_not_there(self, alice, bob_client, catalog):
        link = f"{NEW}?service={hold_number(alice).pk}"
        assert (bob_client.get(link).status_code, bob_client.post(link, TYPED).status_code) == (404, 404)
        assert Ticket.objects.count() == 0

    def test_what_was_typed_is_kept_on_refusal(self, alice_client):
        page = alice_client.post(NEW, {**TYPED, "subject": "  ", "attached": [png()]})
        assert (page.status_code, dict(errors(page))) == (422, {"subject": ["This field is required."]})
        assert "Since this morning." in page.content.decode()
        assert "Choose your files again: none was kept." in words(page)

    def test_so_many_that_nobody_writes_them_by_hand(self, alice_client, monkeypatch):
        monkeypatch.setattr(pace, "MESSAGES_AN_HOUR", 1)
        answers = [alice_client.post(NEW, TYPED) for _ in range(2)]
        assert [each.status_code for each in answers] == [303, 409]
        assert "Since this morning." in answers[1].content.decode()

    @pytest.mark.parametrize(
        ("typed", "field", "problem"),
        [
            ({"category": "abuse"}, "category", "Choose one of the categories in the list."),
            ({"category": ""}, "category", "Choose what your ticket is about."),
            ({"subject": "\u200b\u200d\u2060"}, "subject", "There is nothing to be read in this. Write it in words."),
            ({"subject": "\u3164"}, "subject", "There is nothing to be read in this. Write it in words."),
            ({"text": "\u200b\n\ufeff"}, "text", "There is nothing to be read in this. Write it in words."),
            ({"text": " "}, "text", "Write something first."),
            (
                {"subject": "x" * 201},
                "subject",
                "Ensure this value has at most 200 characters (it has 201).",
            ),
            ({"subject": "a\nBcc: bob@example.com"}, "subject", "Write this in one line."),
            ({"subject": "a\x00b"}, "subject", "Null characters are not allowed."),
            ({"text": "a\x00b"}, "text", "Null characters are not allowed."),
            (
                {"text": "x" * 20_001},
                "text",
                "Ensure this value has at most 20000 characters (it has 20001).",
            ),
            ({"token": "forged"}, "token", "Enter a valid UUID."),
        ],
    )
    def test_what_is_refused(self, alice_client, typed, field, problem):
        page = alice_client.post(NEW, {**TYPED, **typed})
        assert (page.status_code, errors(page)[field][-1], Ticket.objects.count()) == (422, problem, 0)

    @pytest.mark.parametrize(
        ("files", "problems"),
        [
            (
                [SimpleUploadedFile("photo.png", HTML, content_type="image/png")],
                [
                    "photo.png is not what its name says: its content is plain text. We take pictures (PNG, JPEG, GIF, "
                    "WebP), PDF and plain text (.txt, .log, .csv); give it the name of what it is and attach it again."
                ],
            ),
            (
                [png(5 * 1024 * 1024 + 1), SimpleUploadedFile("empty.txt", b"")],
                [
                    "screen.png is larger than 5 MB. Attach a smaller picture, or the part of the file that matters.",
                    "empty.txt is empty.",
                ],
            ),
            ([png()] * 6, ["A message takes 5 files, and these are 6. Send the others with a second message."]),
        ],
        ids=["html as png", "too large and empty", "six"],
    )
    def test_files_that_are_refused(self, alice_client, files, problems):
        for file in files:
            file.seek(0)
        page = alice_client.post(NEW, {**TYPED, "attached": files})
        assert (page.status_code, errors(page)["attached"], Ticket.objects.count()) == (422, problems, 0)

    def test_five_megabytes_are_taken(self, alice_client):
        assert alice_client.post(NEW, {**TYPED, "attached": png(5 * 1024 * 1024)}).status_code == 303
        assert Attachment.objects.get().size == 5 * 1024 * 1024


class TestConversation:
    def test_both_sides_are_read_and_private_notes_are_not(self, ticket, sam, alice_client):
        desk.note(ticket, text="A secret.", by=sam, seen=last_line(ticket), now=NOON)
        answer_as_staff(ticket, sam, "See https://example.com/help")
        page = alice_client.get(page_of(ticket))
        assert [(who, message.text) for message, who in page.context["said"]] == [
            ("Alice", "Since this morning."),
            ("Callcentric staff", "See https://example.com/help"),
        ]
        content = page.content.decode()
        assert ("secret" in content, "sam" in strip_tags(content)) == (False, False)
        assert '<a href="https://example.com/help" rel="nofollow">https://example.com/help</a>' in content

    def test_text_with_script_is_text(self, alice, sam, alice_client):
        script = "<script>alert(1)</script>"
        ticket = open_ticket(alice, script, text=script, attached=[judge("<img src=x onerror=alert(1)>.png", PNG)])
        answer_as_staff(ticket, sam, script)
        for path in (page_of(ticket), "/support/tickets/"):
            content = alice_client.get(path).content.decode()
            assert re.findall(r"<script(?![^>]*\ssrc=)|onerror=alert\(1\)>", content) == []
        assert content.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 1

    def test_an_answer_with_a_file(self, ticket, sam, alice_client):
        answer_as_staff(ticket, sam)
        answer = alice_client.post(page_of(ticket), {"text": "Here it is.", "attached": png()})
        assert (answer.status_code, answer.url) == (303, page_of(ticket))
        ticket.refresh_from_db()
        assert (ticket.state, lines(ticket)[-1], Attachment.objects.get().message.text) == (
            "staff",
            "Alice: Here it is.",
            "Here it is.",
        )

    def test_nothing_written_is_refused(self, ticket, alice_client):
        page = alice_client.post(page_of(ticket), {"text": ""})
        assert (page.status_code, errors(page)["text"]) == (422, ["Write something first."])

    def test_answering_a_closed_ticket_keeps_what_was_typed(self, ticket, sam, alice_client):
        desk.close(ticket, by=sam, seen=last_line(ticket), now=NOON)
        page = alice_client.post(page_of(ticket), {"text": "But it is <b>not</b> done."})
        assert page.status_code == 409
        assert "But it is &lt;b&gt;not&lt;/b&gt; done." in page.content.decode()
        assert f"This ticket is closed. Open a new one, and name {ticket.reference} in it." in words(page)
        assert Message.objects.filter(text__contains="But it is").count() == 0

    def test_a_closed_one_says_to_open_a_new_one(self, ticket, alice_client):
        assert alice_client.post(f"{page_of(ticket)}close/", follow=True).status_code == 200
        page = alice_client.get(page_of(ticket))
        assert "If you need more help, open a new one" in words(page)
        assert 'href="/support/tickets/new/?category=technical"' in page.content.decode()
        assert page.content.decode().count("<textarea") == 0
        assert alice_client.post(f"{page_of(ticket)}reopen/").status_code == 409

    def test_resolved_reopened_and_rated(self, ticket, sam, alice_client):
        assert alice_client.post(f"{page_of(ticket)}rate/", {"rating": 5}).status_code == 409
        answer_as_staff(ticket, sam, resolves=True)
        assert "it closes by itself on 18 January 2027" in words(alice_client.get(page_of(ticket)))
        for rating in ["", "0", "6", "x"]:
            assert alice_client.post(f"{page_of(ticket)}rate/", {"rating": rating}).status_code == 422
        assert alice_client.post(f"{page_of(ticket)}rate/", {"rating": "4"}).status_code == 303
        assert Ticket.objects.get().rating == 4
        assert alice_client.post(f"{page_of(ticket)}reopen/").status_code == 303
        assert (Ticket.objects.get().state, Ticket.objects.get().rating) == ("staff", None)

    def test_one_that_was_merged_leads_on(self, ticket, alice, sam, alice_client):
        other = open_ticket(alice, "The same again")
        desk.merge(other, into=ticket, by=sam, seen=last_line(other), now=NOON)
        page = alice_client.get(page_of(other))
        assert f"This ticket went on as {ticket.reference}, with all that was written in it." in words(page)
        assert f"in ticket {other.reference}" in words(alice_client.get(page_of(ticket)))
        assert alice_client.post(page_of(other), {"text": "x"}).status_code == 409

    def test_it_takes_the_same_queries_for_one_and_for_three(self, alice, sam, alice_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get(page_of(ticket)).status_code == 200
            return len(captured)

        ticket = open_ticket(alice, attached=[judge("a.png", PNG)])
        one = queries()
        for _ in range(2):
            answer_as_customer(ticket, attached=[judge("a.png", PNG), judge("b.png", PNG)])
            answer_as_staff(ticket, sam)
        assert (one, queries()) == (6, 6)

    def test_guessing_references(self, ticket, bob_client, alice_client):
        guesses = [ticket.reference, ticket.reference.lower(), "A" * 8, "1", "x" * 500, "%00", "0 OR 1=1"]
        assert [bob_client.get(f"/support/tickets/{guess}/").status_code for guess in guesses] == [404] * 7
        assert alice_client.get(page_of(ticket)).status_code == 200

    @pytest.mark.parametrize("deed", ["", "close/", "reopen/", "rate/"])
    def test_a_stranger_does_nothing(self, ticket, bob_client, deed):
        answer = bob_client.post(f"{page_of(ticket)}{deed}", {"text": "Forged", "rating": "1"})
        assert (answer.status_code, lines(ticket)) == (404, ["Alice: Since this morning."])

    def test_a_form_from_elsewhere_is_refused(self, ticket, alice):
        client = Client(enforce_csrf_checks=True)
        client.force_login(alice.user)
        for path in [NEW, page_of(ticket), f"{page_of(ticket)}close/"]:
            assert client.post(path, TYPED).status_code == 403


class TestAttachments:
    def attach(self, ticket: Ticket, name: str, content: bytes) -> str:
        answer_as_customer(ticket, attached=[judge(name, content)])
        return reverse("ticket_attachment", args=[Attachment.objects.latest("pk").key])

    @pytest.mark.parametrize(
        ("name", "content", "kind", "disposition"),
        [
            ("screen.png", PNG + HTML, "image/png", 'attachment; filename="screen.png"'),
            ("page.txt", HTML, "text/plain; charset=utf-8", 'attachment; filename="page.txt"'),
            ("Größe.txt", b"1", "text/plain; charset=utf-8", "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.txt"),
            ('a";b.txt', b"1", "text/plain; charset=utf-8", 'attachment; filename="a\\";b.txt"'),
        ],
    )
    def test_it_is_saved_and_never_run(self, ticket, alice_client, name, content, kind, disposition):
        answer = alice_client.get(self.attach(ticket, name, content))
        assert answer.content == content
        assert {header: answer[header] for header in list(answer.headers) if header in SAFE} == SAFE | {
            "Content-Type": kind,
            "Content-Disposition": disposition,
        }

    def test_another_customers_is_not_there(self, ticket, bob_client, client, sam_client):
        path = self.attach(ticket, "a.png", PNG)
        assert bob_client.get(path).status_code == 404
        assert client.get(path).url == f"/accounts/login/?next={path}"
        assert sam_client.get(path).url == "/admin/"

    def test_what_came_with_a_private_note_is_staffs(self, ticket, sam, alice_client):
        file = judge("a.png", PNG)
        desk.note(ticket, text="Secret.", by=sam, attached=[file], seen=last_line(ticket), now=NOON)
        path = reverse("ticket_attachment", args=[Attachment.objects.get().key])
        assert alice_client.get(path).status_code == 404

    def test_a_name_brings_no_header_of_its_own(self, alice_client):
        """As a browser would never send it: line breaks and a path in the name of the file."""
        boundary = "xxx"
        parts = [f'name="{name}"\r\n\r\n{value}' for name, value in TYPED.items()]
        parts.append('name="attached"; filename="../../etc/a%0d%0aX-Evil: 1\x00\u202egnp.txt"\r\n\r\nwords')
        body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        sent = io.BytesIO(f"{body}--{boundary}--\r\n".encode())
        answer = alice_client.post(NEW, sent.read(), content_type=f"multipart/form-data; boundary={boundary}")
        assert answer.status_code == 303
        assert Attachment.objects.get().name == "a%0d%0aX-Evil: 1gnp.txt"
        got = alice_client.get(reverse("ticket_attachment", args=[Attachment.objects.get().key]))
        assert got.get("X-Evil") is None


SAFE = {
    "Content-Type": "",
    "Content-Disposition": "",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
