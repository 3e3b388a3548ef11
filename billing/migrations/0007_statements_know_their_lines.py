import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    # Nothing has made a statement before this, so the new columns need no first value.

    dependencies = [
        ('accounts', '0001_initial'),
        ('billing', '0006_the_month'),
    ]

    operations = [
        migrations.AddField(
            model_name='statement',
            name='after',
            field=models.PositiveBigIntegerField(),
        ),
        migrations.AddField(
            model_name='statement',
            name='through',
            field=models.PositiveBigIntegerField(),
        ),
        migrations.AddField(
            model_name='statement',
            name='billing_address',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.address'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statement',
            trigger=pgtrigger.compiler.Trigger(name='statements_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='dfb31d4467a7a51dd76145beef060c750b31081a', operation='UPDATE OR DELETE', pgid='pgtrigger_statements_are_append_only_72dab', table='billing_statement', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='statement',
            constraint=models.CheckConstraint(condition=models.Q(('through__gt', models.F('after')), models.Q(('opening', models.F('closing')), ('through', models.F('after'))), _connector='OR'), name='a_statement_without_lines_ends_as_it_began'),
        ),
        # One side of almost every transfer is the house's, one of five accounts, the other one of many customers'. A
        # sample may show the house alone, and then a customer's few rows are looked for among all rows of the ledger.
        migrations.RunSQL(
            "ALTER TABLE billing_transfer ALTER source_id SET (n_distinct = -0.05), ALTER target_id SET (n_distinct = -0.05)",
            "ALTER TABLE billing_transfer ALTER source_id RESET (n_distinct), ALTER target_id RESET (n_distinct)",
        ),
    ]
