"""What a customer and staff do to a ticket: its states, who is told, and who comes too late."""

import threading
from uuid import uuid4

import pytest
from django.db import connection
from post_office.models import Email

from accounts.models import User
from support import conversation, desk, pace, tickets
from support.attachments import judge
from support.desk import ChangedMeanwhile, NotMerged, NotThisCategory
from support.models import Attachment, Message, Ticket
from support.pace import TooManyMessages
from support.writing import TicketIsClosed
from tests.support.conversations import (
    NOON,
    PNG,
    answer_as_customer,
    answer_as_staff,
    hour,
    last_line,
    lines,
    open_ticket,
)


@pytest.fixture(autouse=True)
def _mail_as_rows(settings):
    settings.EMAIL_BACKEND = "post_office.EmailBackend"


def subjects() -> list[str]:
    return list(Email.objects.order_by("pk").values_list("subject", flat=True))


class TestStates:
    def test_a_new_one_is_open_and_says_nothing_about_how_many_there_are(self, ticket, alice):
        assert (ticket.state, ticket.state_since, ticket.opened_at, ticket.opened_by) == (
            "open",
            NOON,
            NOON,
            "customer",
        )
        assert lines(ticket) == ["Alice: Since this morning."]
        assert len({open_ticket(alice).reference[:1] for _ in range(20)}) > 5
        assert subjects() == []

    def test_it_stays_open_until_staff_answer(self, ticket, sam):
        assert answer_as_customer(ticket, now=hour(1)).state == "open"
        assert answer_as_staff(ticket, sam, now=hour(2)).state == "customer"
        assert (ticket.state_since, ticket.first_answered_at) == (hour(2), hour(2))
        assert answer_as_customer(ticket, now=hour(3)).state == "staff"
        # The second answer in a row does not make the customer wait anew.
        assert answer_as_customer(ticket, now=hour(4)).state_since == hour(3)
        assert answer_as_staff(ticket, sam, now=hour(5)).first_answered_at == hour(2)

    def test_resolved_with_an_answer_or_without_and_reopened_by_the_customer(self, ticket, sam):
        answer_as_staff(ticket, sam, "Done.", resolves=True)
        assert (ticket.state, ticket.resolved_at) == ("resolved", NOON)
        assert answer_as_customer(ticket, now=hour(1)).state == "staff"
        assert ticket.resolved_at is None
        answer_as_staff(ticket, sam, "", resolves=True, now=hour(2))
        assert (ticket.state, ticket.resolved_at) == ("resolved", hour(2))
        conversation.reopen(ticket, now=hour(3))
        assert lines(ticket) == [
            "Alice: Since this morning.",
            "sam: Done.",
            "sam marked this ticket as resolved",
            "Alice: Still nothing.",
            "sam marked this ticket as resolved",
            "Alice reopened this ticket",
        ]
        assert Ticket.objects.get().state == "staff"

    def test_reopening_what_goes_on_changes_nothing(self, ticket):
        conversation.reopen(ticket, now=hour(1))
        assert (Ticket.objects.get().state, lines(ticket)) == ("open", ["Alice: Since this morning."])

    def test_closed_by_its_customer_who_then_opens_a_new_one(self, ticket):
        for _ in range(2):
            conversation.close(ticket, now=hour(1))
        assert lines(ticket) == ["Alice: Since this morning.", "Alice closed this ticket"]
        for deed in (answer_as_customer, lambda ticket: conversation.reopen(ticket, now=NOON)):
            with pytest.raises(TicketIsClosed) as refused:
                deed(ticket)
            assert str(refused.value) == (f"This ticket is closed. Open a new one, and name {ticket.reference} in it.")

    def test_a_rating_is_for_the_end_and_goes_when_it_was_none(self, ticket, sam):
        with pytest.raises(conversation.NotResolvedYet):
            conversation.rate(ticket, stars=5, now=NOON)
        answer_as_staff(ticket, sam, resolves=True)
        for stars in (2, 2, 4):
            conversation.rate(ticket, stars=stars, now=NOON)
        ticket.refresh_from_db()
        assert (ticket.rating, lines(ticket)[-2:]) == (
            4,
            ["Alice rated our help 2 of 5", "Alice rated our help 4 of 5"],
        )
        assert answer_as_customer(ticket).rating is None

    def test_staff_reopen_what_is_closed(self, ticket, sam):
        conversation.close(ticket, now=NOON)
        with pytest.raises(TicketIsClosed, match="Reopen it first, or write a private note"):
            answer_as_staff(ticket, sam)
        desk.note(ticket, text="Watch this.", by=sam, seen=last_line(ticket), now=NOON)
        desk.reopen(ticket, by=sam, seen=last_line(ticket), now=NOON)
        assert (Ticket.objects.get().state, Ticket.objects.get().closed_at) == ("staff", None)


class TestTwice:
    def test_the_same_form_opens_one_ticket(self, alice):
        token = uuid4()
        assert open_ticket(alice, token=token) == open_ticket(alice, token=token)
        assert Message.objects.count() == 1

    def test_the_same_form_answers_once(self, ticket):
        token = uuid4()
        for _ in range(2):
            answer_as_customer(ticket, token=token)
        assert lines(ticket) == ["Alice: Since this morning.", "Alice: Still nothing."]

    def test_the_same_form_of_staff_opens_one(self, alice, sam):
        form = {"category": "abuse", "subject": "Calls", "text": "Stop.", "by": sam, "token": uuid4(), "now": NOON}
        assert tickets.open_by_staff(alice, **form) == tickets.open_by_staff(alice, **form)
        assert subjects() == [f"We have opened ticket {Ticket.objects.get().reference} for you"]

    def test_thirty_messages_an_hour(self, ticket, monkeypatch):
        monkeypatch.setattr(pace, "MESSAGES_AN_HOUR", 3)
        for _ in range(2):
            answer_as_customer(ticket)
        with pytest.raises(TooManyMessages):
            answer_as_customer(ticket)
        with pytest.raises(TooManyMessages):
            open_ticket(ticket.account)
        assert len(lines(answer_as_customer(ticket, now=hour(1)))) == 4


class TestMails:
    def test_each_answer_and_each_change_that_matters_to_the_customer(self, ticket, sam):
        answer_as_staff(ticket, sam, "A secret answer.")
        answer_as_customer(ticket)
        desk.assign(ticket, to=sam, by=sam, seen=last_line(ticket), now=NOON)
        desk.note(ticket, text="A secret note.", by=sam, seen=last_line(ticket), now=NOON)
        desk.recategorise(ticket, category="billing", by=sam, seen=last_line(ticket), now=NOON)
        answer_as_staff(ticket, sam, resolves=True)
        desk.reopen(ticket, by=sam, seen=last_line(ticket), now=NOON)
        answer_as_staff(ticket, sam, "", resolves=True)
        desk.close(ticket, by=sam, seen=last_line(ticket), now=NOON)
        name = ticket.reference
        assert subjects() == [
            f"An answer to your ticket {name}",
            f"Your ticket {name} is resolved",
            f"Your ticket {name} is open again",
            f"Your ticket {name} is resolved",
            f"Your ticket {name} is closed",
        ]
        assert {tuple(mail.to) for mail in Email.objects.all()} == {("alice@example.com",)}
        assert [mail.message.count("secret") for mail in Email.objects.all()] == [0] * 5

    def test_it_links_to_the_ticket(self, ticket, sam, settings):
        answer_as_staff(ticket, sam)
        assert Email.objects.get().message == (
            "Hello Alice,\n\nOur staff have answered you.\n\nNo calls come in\n"
            f"{settings.SITE_URL}/support/tickets/{ticket.reference}/\n\nCallcentric\n\n"
        )

    def test_resolved_says_until_when(self, ticket, sam):
        answer_as_staff(ticket, sam, resolves=True)
        assert Email.objects.get().message.splitlines()[2] == (
            "Our staff have answered you and think that this ticket is resolved. If it is not, answer in it: that "
            "opens it again. It closes by itself on 18 January 2027. You can rate our help there too."
        )


class TestStaff:
    def test_they_assign_move_and_note_without_telling(self, ticket, sam):
        desk.assign(ticket, to=sam, by=sam, seen=last_line(ticket), now=NOON)
        desk.assign(ticket, to=None, by=sam, seen=last_line(ticket), now=NOON)
        desk.recategorise(ticket, category="porting", by=sam, seen=last_line(ticket), now=NOON)
        desk.note(ticket, text="Ask the carrier.", by=sam, seen=last_line(ticket), now=NOON)
        ticket.refresh_from_db()
        assert (ticket.assignee, ticket.category, ticket.state, subjects()) == (None, "porting", "open", [])
        assert lines(ticket)[1:] == [
            "(sam assigned this ticket to sam)",
            "(sam assigned this ticket to nobody)",
            "sam moved this ticket to Porting",
            "(sam: Ask the carrier.)",
        ]
        assert ticket.messages.for_the_customer().count() == 2

    def test_a_customers_ticket_never_becomes_one_about_abuse(self, ticket, sam):
        with pytest.raises(NotThisCategory):
            desk.recategorise(ticket, category="abuse", by=sam, seen=last_line(ticket), now=NOON)

    def test_what_they_open_waits_for_the_customer_and_counts_no_first_answer(self, alice, sam):
        form = {"category": "abuse", "subject": "Calls", "text": "Stop.", "by": sam, "token": uuid4(), "now": NOON}
        opened = tickets.open_by_staff(alice, **form)
        answer_as_customer(opened)
        answer_as_staff(opened, sam)
        assert (opened.opened_by, opened.state, opened.first_answered_at, opened.assignee) == (
            "staff",
            "customer",
            None,
            sam,
        )


class TestTwoOfStaff:
    @pytest.mark.parametrize(
        "deed",
        [
            lambda ticket, who: desk.answer(ticket, text="x", **who),
            lambda ticket, who: desk.answer(ticket, text="", resolves=True, **who),
            lambda ticket, who: desk.note(ticket, text="x", **who),
            lambda ticket, who: desk.assign(ticket, to=None, **who),
            lambda ticket, who: desk.recategorise(ticket, category="billing", **who),
            lambda ticket, who: desk.close(ticket, **who),
            lambda ticket, who: desk.reopen(ticket, **who),
            lambda ticket, who: desk.merge(ticket, into=ticket, **who),
        ],
        ids=["answer", "resolve", "note", "assign", "recategorise", "close", "reopen", "merge"],
    )
    @pytest.mark.parametrize("meanwhile", ["customer", "staff", "note", "closed"])
    def test_who_has_not_seen_the_last_line_changes_nothing(self, ticket, sam, deed, meanwhile):
        seen = last_line(ticket)
        {
            "customer": lambda: answer_as_customer(ticket),
            "staff": lambda: answer_as_staff(ticket, sam),
            "note": lambda: desk.note(ticket, text="x", by=sam, seen=seen, now=NOON),
            "closed": lambda: conversation.close(ticket, now=NOON),
        }[meanwhile]()
        before = lines(ticket)
        with pytest.raises(ChangedMeanwhile):
            deed(ticket, {"by": sam, "seen": seen, "now": NOON})
        assert lines(ticket) == before

    @pytest.mark.race
    @pytest.mark.django_db(transaction=True)
    def test_of_eight_who_answer_at_once_one_does(self, ticket, sam):
        gate, seen, told = threading.Barrier(8), last_line(ticket), []

        def answer():
            gate.wait(30)
            try:
                desk.answer(ticket, text="I take it.", by=sam, seen=seen, now=NOON)
            except ChangedMeanwhile:
                told.append(1)
            connection.close()

        threads = [threading.Thread(target=answer) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (len(told), lines(ticket), len(subjects())) == (7, ["Alice: Since this morning.", "sam: I take it."], 1)

    @pytest.mark.race
    @pytest.mark.django_db(transaction=True)
    def test_the_same_form_eight_times_at_once_opens_one(self, alice):
        gate, token, opened = threading.Barrier(8), uuid4(), []

        def send():
            gate.wait(30)
            opened.append(open_ticket(alice, token=token).pk)
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (len(set(opened)), len(opened), Ticket.objects.count()) == (1, 8, 1)


class TestMerging:
    @pytest.fixture
    def other(self, alice) -> Ticket:
        return open_ticket(alice, "The same again", text="As before.", now=hour(1), attached=[judge("a.png", PNG)])

    def merge(self, ticket: Ticket, into: Ticket, sam: User) -> None:
        desk.merge(ticket, into=into, by=sam, seen=last_line(ticket), now=hour(3))
        ticket.refresh_from_db()
        into.refresh_from_db()

    def test_messages_keep_their_authors_their_times_and_where_they_were_written(self, ticket, other, sam):
        answer_as_staff(ticket, sam, now=hour(2))
        self.merge(other, ticket, sam)
        assert [
            (message.who(for_staff=True), message.written_at, message.came_from)
            for message in ticket.messages.in_words()
        ] == [
            ("Alice", NOON, None),
            ("Alice", hour(1), other),
            ("sam", hour(2), None),
            ("sam", hour(3), None),
        ]
        assert lines(ticket)[-1] == f"sam merged ticket {other.reference} (The same again) into this one"
        assert lines(other) == [f"sam merged this ticket into {ticket.reference}"]
        assert (other.state, other.merged_into, ticket.state) == ("closed", ticket, "staff")
        assert Attachment.objects.get().message.ticket == ticket
        assert subjects()[-1] == f"Your ticket {other.reference} goes on as {ticket.reference}"

    def test_what_was_merged_into_it_goes_along(self, ticket, other, alice, sam):
        third = open_ticket(alice, "A third")
        self.merge(other, third, sam)
        self.merge(third, ticket, sam)
        other.refresh_from_db()
        assert (other.merged_into, third.merged_into) == (ticket, ticket)
        assert {message.came_from for message in ticket.messages.all()} == {None, other, third}

    def test_only_into_an_open_one_of_the_same_customer(self, ticket, other, bob, sam):
        bobs = open_ticket(bob)
        with pytest.raises(NotMerged, match="is another customer's"):
            self.merge(ticket, bobs, sam)
        with pytest.raises(NotMerged, match="into itself"):
            self.merge(ticket, ticket, sam)
        conversation.close(other, now=NOON)
        with pytest.raises(NotMerged, match="is closed"):
            self.merge(ticket, other, sam)
        assert Message.objects.exclude(came_from=None).count() == 0

    def test_it_goes_on_there_alone(self, ticket, other, sam):
        self.merge(other, ticket, sam)
        with pytest.raises(TicketIsClosed, match=f"This ticket went on as {ticket.reference}. Write there."):
            answer_as_customer(other)
        with pytest.raises(TicketIsClosed, match=f"merged into {ticket.reference}. Go on there."):
            desk.reopen(other, by=sam, seen=last_line(other), now=NOON)
        with pytest.raises(conversation.NotResolvedYet):
            conversation.rate(other, stars=5, now=NOON)

    @pytest.mark.race
    @pytest.mark.django_db(transaction=True)
    def test_two_that_are_merged_into_each_other_at_once(self, ticket, other, sam):
        gate, told = threading.Barrier(2), []
        pairs = [(ticket, other, last_line(ticket)), (other, ticket, last_line(other))]

        def merge(one, into, seen):
            gate.wait(30)
            try:
                desk.merge(one, into=into, by=sam, seen=seen, now=NOON)
            except ChangedMeanwhile:
                told.append(1)
            connection.close()

        threads = [threading.Thread(target=merge, args=pair) for pair in pairs]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert (told, Ticket.objects.filter(merged_into=None).count()) == ([1], 1)
