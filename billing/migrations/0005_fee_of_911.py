from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_failures_of_911"),
    ]

    operations = [
        migrations.AddField(
            model_name="service",
            name="fee_paid_until",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="service",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fee_paid_until__isnull", True),
                    models.Q(("fee_paid_until__lte", models.F("paid_until")), ("kind", "e911")),
                    _connector="OR",
                ),
                name="only_911_is_paid_by_its_fee_or_a_plan",
            ),
        ),
    ]
