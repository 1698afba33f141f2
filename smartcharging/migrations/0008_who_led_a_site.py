import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chargers", "0022_progress_of_uploads"),
        ("smartcharging", "0007_who_leads_a_site"),
    ]

    operations = [
        migrations.AddField("siteplan", "unsafe_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("siteplan", "edge_version", models.CharField(blank=True, max_length=32)),
        migrations.AddField("siteplan", "edge_kept_frames", models.PositiveIntegerField(default=0)),
        migrations.AddField("siteplan", "edge_sample", models.JSONField(blank=True, null=True)),
        migrations.AddField("outlet", "edge_worst_a", models.FloatField(blank=True, null=True)),
        migrations.CreateModel(
            name="LeadChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("epoch", models.PositiveIntegerField()),
                (
                    "leader",
                    models.CharField(
                        choices=[
                            ("cloud", "this yard"),
                            ("edge", "the edge at the site"),
                            ("returning", "the edge, asked to hand back"),
                        ],
                        max_length=9,
                    ),
                ),
                ("by", models.CharField(blank=True, max_length=160)),
                ("is_edge_off", models.BooleanField(default=False)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lead_changes", to="chargers.site"
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-id"),
                "indexes": [models.Index(fields=["site", "-at"], name="lead_change_recent")],
            },
        ),
    ]
