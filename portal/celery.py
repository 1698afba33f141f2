"""The Celery application: ingest bootstep, tasks, beat's schedule. Part of the composition root."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("chargeyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
