"""Each charger knows the state that speaks for the whole of it: counting a fleet reads one index and no connector."""

from django.db import migrations, models

LEADING = (
    "faulted", "charging", "suspended_ev", "suspended_evse", "preparing", "finishing", "occupied", "reserved",
    "available", "unavailable",
)  # fmt: skip
RANKS = " ".join(f"WHEN '{status}' THEN {rank}" for rank, status in enumerate(LEADING))
FILL = (
    "UPDATE chargers_charger SET leading_status = COALESCE((SELECT status FROM chargers_connector "  # noqa: S608
    "WHERE charger_id = chargers_charger.id "
    f"ORDER BY CASE status {RANKS} ELSE {len(LEADING)} END LIMIT 1), 'unknown')"
)


class Migration(migrations.Migration):
    dependencies = [("chargers", "0018_files_and_campaigns")]

    operations = [
        migrations.AddField(
            model_name="charger",
            name="leading_status",
            field=models.CharField(default="unknown", editable=False, max_length=16),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="charger", name="charger_is_online"),
        migrations.AddIndex(
            model_name="charger",
            index=models.Index(fields=["is_online", "leading_status", "site"], name="charger_by_state"),
        ),
    ]
