from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0024_what_two_sides_want")]

    operations = [migrations.AddField("twin", "thing_id", models.CharField(blank=True, default="", max_length=64))]
