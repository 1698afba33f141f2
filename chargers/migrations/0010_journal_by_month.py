from django.db import migrations

from chargers.retention import JOURNAL


def partition(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        JOURNAL.partition()
        schema_editor.execute(
            "CREATE INDEX exchange_by_time ON chargers_exchange USING brin (requested_at) WITH (autosummarize = on)"
        )


class Migration(migrations.Migration):
    """On PostgreSQL the log is a table per month. Copies it: ten million rows take some minutes."""

    dependencies = [("chargers", "0009_fewer_indexes")]

    operations = [migrations.RunPython(partition)]
