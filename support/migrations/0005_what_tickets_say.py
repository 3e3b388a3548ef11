import orders.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('support', '0004_first_messages'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='ticket',
            name='text',
        ),
        migrations.AlterField(
            model_name='ticket',
            name='reference',
            field=models.CharField(default=orders.models.new_reference, editable=False, max_length=8, unique=True),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(fields=['state', 'state_since'], name='ticket_queue'),
        ),
        migrations.AddIndex(
            model_name='ticket',
            index=models.Index(fields=['account', '-opened_at'], name='ticket_of_account'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('category', 'abuse'), ('opened_by', 'customer'), _negated=True), name='abuse_is_opened_by_staff_alone'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'closed'), models.Q(('resolved_at__isnull', False), ('state', 'resolved')), models.Q(models.Q(('state__in', ['resolved', 'closed']), _negated=True), ('resolved_at__isnull', True)), _connector='OR'), name='a_resolved_ticket_says_when'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed')), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True)), _connector='OR'), name='a_closed_ticket_says_when'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), ('state', 'closed'), _connector='OR'), name='a_merged_ticket_is_closed'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), models.Q(('merged_into', models.F('pk')), _negated=True), _connector='OR'), name='a_ticket_is_not_merged_into_itself'),
        ),
        migrations.AddConstraint(
            model_name='ticket',
            constraint=models.CheckConstraint(condition=models.Q(('rating__isnull', True), models.Q(('rating__range', (1, 5)), ('state__in', ['resolved', 'closed'])), _connector='OR'), name='what_is_done_is_rated_from_one_to_five'),
        ),
    ]
