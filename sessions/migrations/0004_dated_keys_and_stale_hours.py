from datetime import UTC, datetime

from django.db import migrations

from chargers import clocks
from chargers.rows import dated, rewrite

PORTION = 5000


def put_time_first(apps, schema_editor):
    """A repeat of a reading that we have is found by its new key only if ours is rewritten."""
    MeterValue = apps.get_model("charging_sessions", "MeterValue")
    last = 0
    while rows := list(MeterValue.objects.filter(pk__gt=last).order_by("pk").only("key", "device_time")[:PORTION]):
        for row in rows:
            row.key = dated(row.key, clocks.parse(row.device_time))
        rewrite(rows, ("key",))
        last = rows[-1].pk


def mark_all(apps, schema_editor):
    """What was told before there were roll-ups is rolled up as well, by and by."""
    apps.get_model("charging_sessions", "ChargingSession").objects.update(stale_from=datetime(1970, 1, 1, tzinfo=UTC))


class Migration(migrations.Migration):
    dependencies = [("charging_sessions", "0003_session_hours")]

    operations = [migrations.RunPython(put_time_first), migrations.RunPython(mark_all)]
