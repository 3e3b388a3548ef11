import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import callcentric.clock


class Migration(migrations.Migration):

    dependencies = [
        ('phone_numbers', '0003_coverage_loads'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='stockload',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting'), ('loaded', 'Loaded'), ('refused', 'Nothing loaded')], default='waiting', editable=False, max_length=8),
        ),
        migrations.AlterField(
            model_name='stockload',
            name='loaded_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='stockload',
            name='made_at',
            field=models.DateTimeField(default=callcentric.clock.now, editable=False, verbose_name='uploaded at'),
        ),
        migrations.AlterField(
            model_name='stockload',
            name='ended_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='stockload',
            name='numbers',
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name='numbers loaded'),
        ),
        migrations.RemoveField(model_name='stockload', name='problems'),
        migrations.AddField(
            model_name='stockload',
            name='problems',
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.AddField(
            model_name='stockload',
            name='problem_count',
            field=models.PositiveIntegerField(default=0, editable=False, verbose_name='problems'),
        ),
        migrations.AddConstraint(
            model_name='stockload',
            constraint=models.CheckConstraint(
                condition=Q(('ended_at__isnull', True), ('state', 'waiting')) | (~Q(('state', 'waiting')) & Q(('ended_at__isnull', False))),
                name='an_ended_load_says_when',
            ),
        ),
        migrations.AddConstraint(
            model_name='stockload',
            constraint=models.CheckConstraint(
                condition=Q(('numbers', 0), ('problem_count__gt', 0), ('state', 'refused')) | (~Q(('state', 'refused')) & Q(('problem_count', 0))),
                name='a_file_with_problems_loads_nothing',
            ),
        ),
    ]
