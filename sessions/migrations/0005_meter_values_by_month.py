from django.db import migrations

from sessions.retention import METER_VALUES


def partition(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        METER_VALUES.partition()
        schema_editor.execute(
            "CREATE INDEX meter_value_by_receipt ON charging_sessions_metervalue USING brin (received_at) "
            "WITH (autosummarize = on)"
        )


class Migration(migrations.Migration):
    """On PostgreSQL meter values are a table per month. Copies them: ten million rows take some minutes."""

    dependencies = [("charging_sessions", "0004_dated_keys_and_stale_hours")]

    operations = [migrations.RunPython(partition)]
