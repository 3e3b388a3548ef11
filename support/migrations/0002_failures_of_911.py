from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce


def date_failures(apps, schema_editor):
    """A ticket on the present failure has its moment; one on a failure that is over, the moment it was opened."""
    services = apps.get_model("billing", "Service").objects.filter(state="failed")
    present = services.filter(pk=OuterRef("service"), address=OuterRef("address")).values("failed_at")
    tickets = apps.get_model("support", "Ticket").objects.filter(service__isnull=False)
    tickets.update(failed_at=Coalesce(Subquery(present), F("opened_at")))


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_failures_of_911"),
        ("support", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(date_failures, migrations.RunPython.noop),
        migrations.RemoveConstraint(
            model_name="ticket",
            name="one_ticket_per_911_address_that_failed",
        ),
        migrations.RemoveField(
            model_name="ticket",
            name="address",
        ),
        migrations.AddConstraint(
            model_name="ticket",
            constraint=models.UniqueConstraint(fields=("service", "failed_at"), name="one_ticket_per_failure_of_911"),
        ),
    ]
