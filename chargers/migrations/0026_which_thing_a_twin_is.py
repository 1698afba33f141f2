from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0025_when_certificates_were_revoked")]

    operations = [migrations.AddField("twin", "thing_id", models.CharField(blank=True, default="", max_length=64))]
