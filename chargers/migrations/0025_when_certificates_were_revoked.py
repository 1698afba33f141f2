from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0024_what_two_sides_want")]

    operations = [
        migrations.AddField("certificaterequest", "revoked_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "certificaterequest",
            models.Index(
                fields=["revoked_at"], condition=models.Q(("revoked_at__isnull", False)), name="certificate_revoked"
            ),
        ),
    ]
