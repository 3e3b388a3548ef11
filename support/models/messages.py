"""What was said in a ticket, what happened to it, and the files that came along."""

from typing import Self
from uuid import uuid4

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Prefetch, Q
from django.db.models.functions import Length

from callcentric import clock
from support.models.tickets import Ticket

# Each file, and how many of them a message takes.
LARGEST_FILE = 5 * 1024 * 1024
FILES_A_MESSAGE = 5


class MessageQuerySet(models.QuerySet["Message"]):
    def for_the_customer(self) -> Self:
        """What the ticket's customer may read: everything that is not between staff."""
        return self.filter(is_private=False)

    def in_words(self) -> Self:
        """Messages with their authors and the names of their files at hand, the first written first."""
        files = Attachment.objects.without_content().order_by("place")
        authors = self.select_related("staff", "came_from", "ticket__account")
        return authors.prefetch_related(Prefetch("attachments", files)).order_by("written_at", "pk")


class Message(models.Model):
    """A line of a ticket's conversation: what somebody wrote, or what happened.

    Its ticket may be merged into another one; who wrote what and when stays as it was.
    """

    class Author(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        STAFF = "staff", "Staff"
        PORTAL = "portal", "Portal"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    # What a form is known by: however often its button is pressed, it writes once.
    token = models.UUIDField(unique=True, default=uuid4)
    author = models.CharField(max_length=10, choices=Author.choices)
    # Who of staff.
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Between staff: it never reaches the customer.
    is_private = models.BooleanField(default=False)
    # Not written but done: "closed this ticket".
    is_event = models.BooleanField(default=False)
    text = models.TextField()
    written_at = models.DateTimeField(default=clock.now)
    # The ticket it was written in, where that was merged into this one.
    came_from = models.ForeignKey(Ticket, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(author="staff", staff__isnull=False) | ~Q(author="staff") & Q(staff__isnull=True),
                name="what_staff_write_says_who",
            ),
            models.CheckConstraint(
                condition=~Q(author="customer", is_private=True), name="customers_write_no_private_notes"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="a_message_says_something"),
            models.CheckConstraint(
                condition=Q(came_from__isnull=True) | ~Q(came_from=F("ticket")), name="a_message_came_from_elsewhere"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="messages_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="messages_say_what_they_said",
                fields=["author", "staff", "is_private", "is_event", "text", "written_at"],
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    def who(self, *, for_staff: bool) -> str:
        """Its author's name. Customers are not told who of staff it was."""
        if self.author == Message.Author.CUSTOMER:
            return self.ticket.account.name
        if self.author == Message.Author.PORTAL:
            return "The portal"
        return str(self.staff) if for_staff else f"{settings.OPERATOR} staff"


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def without_content(self) -> Self:
        """Attachments to be named and linked; their bytes stay in the database."""
        return self.defer("content")


class Attachment(models.Model):
    """A file that came with a message. Its bytes are here: web and worker keep nothing on disk."""

    class Kind(models.TextChoices):
        """What it is by its content; the value is what it is served as."""

        PNG = "image/png", "a PNG picture"
        JPEG = "image/jpeg", "a JPEG picture"
        GIF = "image/gif", "a GIF picture"
        WEBP = "image/webp", "a WebP picture"
        PDF = "application/pdf", "a PDF"
        TEXT = "text/plain", "plain text"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attachments")
    # Its address: it follows the message into another ticket, and cannot be guessed.
    key = models.UUIDField(unique=True, default=uuid4)
    place = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    size = models.PositiveIntegerField()
    content = models.BinaryField()

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "place"], name="attachments_have_places"),
            models.CheckConstraint(condition=Q(place__range=(1, FILES_A_MESSAGE)), name="a_message_has_five_files"),
            models.CheckConstraint(condition=Q(size__range=(1, LARGEST_FILE)), name="a_file_has_at_most_5_mb"),
            models.CheckConstraint(condition=Q(size=Length("content")), name="a_file_is_as_large_as_it_says"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"]
                ),
                name="a_file_is_a_picture_a_pdf_or_text",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CannedAnswer(models.Model):
    """An answer that staff give often; they edit it, and change it once more before it is sent."""

    title = models.CharField(max_length=100, unique=True)
    category = models.CharField(
        max_length=20, choices=Ticket.Category.choices, blank=True, help_text="Empty: for tickets of every category."
    )
    text = models.TextField(help_text="{name} becomes the customer's name, {reference} the ticket's reference.")

    class Meta:
        ordering = ["title"]

    def __str__(self) -> str:
        return self.title

    def for_ticket(self, ticket: Ticket) -> str:
        return self.text.replace("{name}", ticket.account.name).replace("{reference}", ticket.reference)
