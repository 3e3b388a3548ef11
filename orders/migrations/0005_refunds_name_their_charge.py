from django.db import migrations

# Refunds of lines were known by their keys alone. Transfers are append-only but for this.
NAME_THEM = """
ALTER TABLE billing_transfer DISABLE TRIGGER USER;
UPDATE billing_transfer refund SET refund_of_id = charge.id
FROM orders_orderline line
JOIN billing_transfer charge ON charge.key = 'order:' || line.order_id
WHERE refund.key = 'refund:' || line.id AND refund.kind = 'refund' AND refund.refund_of_id IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE billing_transfer ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0011_commission'),
        ('orders', '0004_orders_of_a_day'),
    ]

    operations = [
        migrations.RunSQL(NAME_THEM, migrations.RunSQL.noop),
    ]
