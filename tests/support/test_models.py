"""Each constraint of support's tables, violated once."""

from datetime import date

import pytest
from django.db import IntegrityError, ProgrammingError

from support.models import Attachment, Message, Ticket
from support.models.messages import LARGEST_FILE
from tests.support.conversations import NOON, PNG


def violates(name: str):
    return pytest.raises(IntegrityError, match=name)


class TestTicket:
    def test_a_reference_names_one(self, ticket, alice):
        with violates("reference"):
            Ticket.objects.create(account=alice, category="billing", subject="Other", reference=ticket.reference)

    def test_abuse_is_opened_by_staff_alone(self, alice):
        with violates("abuse_is_opened_by_staff_alone"):
            Ticket.objects.create(account=alice, category="abuse", subject="Forged")

    @pytest.mark.parametrize(
        "values",
        [{"state": "resolved"}, {"state": "open", "resolved_at": NOON}, {"state": "staff", "resolved_at": NOON}],
    )
    def test_a_resolved_ticket_says_when(self, ticket, values):
        with violates("a_resolved_ticket_says_when"):
            Ticket.objects.update(**values)

    @pytest.mark.parametrize("values", [{"state": "closed"}, {"state": "open", "closed_at": NOON}])
    def test_a_closed_ticket_says_when(self, ticket, values):
        with violates("a_closed_ticket_says_when"):
            Ticket.objects.update(**values)

    def test_a_merged_ticket_is_closed(self, ticket, alice):
        other = Ticket.objects.create(account=alice, category="billing", subject="Other")
        with violates("a_merged_ticket_is_closed"):
            Ticket.objects.filter(pk=ticket.pk).update(merged_into=other)

    def test_a_ticket_is_not_merged_into_itself(self, ticket):
        with violates("a_ticket_is_not_merged_into_itself"):
            Ticket.objects.update(merged_into=ticket, state="closed", closed_at=NOON)

    @pytest.mark.parametrize(
        "values",
        [
            {"rating": 0, "state": "closed", "closed_at": NOON},
            {"rating": 6, "state": "closed", "closed_at": NOON},
            {"rating": 3},
        ],
    )
    def test_what_is_done_is_rated_from_one_to_five(self, ticket, values):
        with violates("what_is_done_is_rated_from_one_to_five"):
            Ticket.objects.update(**values)


class TestMessage:
    @pytest.mark.parametrize("author", ["staff", "customer", "portal"])
    def test_what_staff_write_says_who(self, ticket, sam, author):
        with violates("what_staff_write_says_who"):
            Message.objects.create(ticket=ticket, author=author, text="x", staff=None if author == "staff" else sam)

    def test_customers_write_no_private_notes(self, ticket):
        with violates("customers_write_no_private_notes"):
            Message.objects.create(ticket=ticket, author="customer", text="x", is_private=True)

    def test_a_message_says_something(self, ticket):
        with violates("a_message_says_something"):
            Message.objects.create(ticket=ticket, author="customer", text="")

    def test_a_message_came_from_elsewhere(self, ticket):
        with violates("a_message_came_from_elsewhere"):
            Message.objects.create(ticket=ticket, author="customer", text="x", came_from=ticket)

    def test_a_form_writes_once(self, ticket):
        with violates("token"):
            Message.objects.create(ticket=ticket, author="customer", text="x", token=ticket.messages.get().token)

    @pytest.mark.parametrize(
        "values",
        [
            {"text": "Forged"},
            {"author": "portal"},
            {"is_private": True},
            {"is_event": True},
            {"written_at": NOON.replace(year=2020)},
        ],
        ids=["text", "author", "private", "event", "time"],
    )
    def test_messages_say_what_they_said(self, ticket, values):
        with pytest.raises(ProgrammingError, match="Cannot update"):
            Message.objects.update(**values)

    def test_messages_stay(self, ticket):
        with pytest.raises(ProgrammingError, match="Cannot delete"):
            Message.objects.all().delete()


class TestAttachment:
    @pytest.fixture
    def values(self, ticket) -> dict:
        return {
            "message": ticket.messages.get(),
            "place": 1,
            "name": "a.png",
            "kind": "image/png",
            "size": len(PNG),
            "content": PNG,
        }

    @pytest.mark.parametrize("place", [0, 6])
    def test_a_message_has_five_files(self, values, place):
        with violates("a_message_has_five_files"):
            Attachment.objects.create(**values | {"place": place})

    def test_attachments_have_places(self, values):
        Attachment.objects.create(**values)
        with violates("attachments_have_places"):
            Attachment.objects.create(**values)

    @pytest.mark.parametrize("size", [0, LARGEST_FILE + 1])
    def test_a_file_has_at_most_5_mb(self, values, size):
        with violates("a_file_has_at_most_5_mb"):
            Attachment.objects.create(**values | {"size": size, "content": b"x" * size})

    def test_a_file_is_as_large_as_it_says(self, values):
        with violates("a_file_is_as_large_as_it_says"):
            Attachment.objects.create(**values | {"size": len(PNG) - 1})

    def test_a_file_is_a_picture_a_pdf_or_text(self, values):
        with violates("a_file_is_a_picture_a_pdf_or_text"):
            Attachment.objects.create(**values | {"kind": "text/html"})


def test_a_resolved_ticket_closes_on_the_seventh_business_day(ticket):
    """Half past eleven in the evening in New York is the next day in London, and still the same day here."""
    ticket.come_to("resolved", now=NOON.replace(hour=23, minute=30))
    ticket.refresh_from_db()
    assert ticket.closes_on == date(2027, 1, 18)
    ticket.come_to("closed", now=NOON)
    assert ticket.closes_on is None


def test_the_time_in_a_state_begins_with_the_state(ticket):
    ticket.come_to("staff", now=NOON.replace(hour=13))
    ticket.come_to("staff", now=NOON.replace(hour=14))
    assert ticket.state_since == NOON.replace(hour=13)
