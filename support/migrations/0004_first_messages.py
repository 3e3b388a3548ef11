from django.db import migrations
from django.db.models import F
from django.utils import timezone

from orders.models import new_reference


def begin_conversations(apps, schema_editor):
    """What a ticket said becomes its first message. Until now every ticket was opened by the portal, for 911 that failed."""
    Ticket, Message = apps.get_model("support", "Ticket"), apps.get_model("support", "Message")
    now = timezone.now()
    Ticket.objects.update(opened_by="portal", state_since=F("opened_at"))
    # Nobody wrote down when: the seven days to the end begin now.
    Ticket.objects.filter(state="resolved").update(resolved_at=now)
    Ticket.objects.filter(state="closed").update(closed_at=now)
    for ticket in Ticket.objects.iterator():
        ticket.reference = new_reference()
        ticket.save(update_fields=["reference"])
        text = ticket.text or ticket.subject
        Message.objects.create(ticket=ticket, author="portal", text=text, written_at=ticket.opened_at)


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0003_conversations"),
    ]

    operations = [
        migrations.RunPython(begin_conversations, migrations.RunPython.noop),
    ]
