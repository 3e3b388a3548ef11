from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now


def date_failures(apps, schema_editor):
    """Nobody has written down when the failures there are began: they begin now."""
    apps.get_model("billing", "Service").objects.filter(state="failed").update(failed_at=Now())


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0003_channels_and_911"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="service",
            name="only_911_fails_and_says_why",
        ),
        migrations.AddField(
            model_name="service",
            name="failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(date_failures, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=Q(state="failed", kind="e911", failed_at__isnull=False) & ~Q(problem="")
                | ~Q(state="failed") & (Q(state="cancelled") | Q(failed_at__isnull=True)),
                name="only_911_fails_and_says_when_and_why",
            ),
        ),
    ]
