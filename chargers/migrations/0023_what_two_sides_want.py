from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0022_progress_of_uploads")]

    operations = [migrations.AddField("twin", "shown", models.JSONField(default=dict))]
