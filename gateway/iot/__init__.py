"""Chargers as AWS IoT sees them: a Thing and three shadows for each. Off unless `AWS_IOT_THINGS` is set.

    charger's row ─▶ twins (what has changed) ─▶ teller ─▶ Thing, shadows          every 10 s, by Celery
    $aws/events/thing/+/…, shadows that changed ─▶ worker's MQTT link ─▶ news, wishes ─▶ charger, commands

`cloud` knows AWS and its errors and no charger; `documents` and `sides` are pure; no charger ever waits for any of it.
"""
