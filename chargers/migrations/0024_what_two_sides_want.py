from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0023_revocation_answers")]

    operations = [migrations.AddField("twin", "shown", models.JSONField(default=dict))]
