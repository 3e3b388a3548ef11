from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models
from django.db.models.functions import Reverse, Upper


class Migration(migrations.Migration):

    dependencies = [
        ('phone_numbers', '0004_stock_loads'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='ratecenter',
            index=GinIndex(OpClass(Upper('name'), name='gin_trgm_ops'), name='rate_center_name'),
        ),
        migrations.AddIndex(
            model_name='phonenumber',
            index=models.Index(OpClass(Reverse('digits'), name='text_pattern_ops'), condition=models.Q(('state', 'in_stock')), name='number_ending'),
        ),
    ]
