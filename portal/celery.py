"""The Celery application: ingest bootstep, tasks, beat's schedule. Part of the composition root."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, signals
from celery.schedules import crontab
from django.conf import settings
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
if "beat" in sys.argv:
    # It rings and does nothing else. Django's checks, which the others make, would have it load every page: 30 MB.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

WORKER_PID = "CHARGEYARD_WORKER_PID"  # from the worker to its pool children

app = Celery("chargeyard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("gateway.ingest.bootstep:Ingest")  # by name: imported once Django is set up
app.conf.update(
    broker_connection_max_retries=None,  # Redis may be away for as long as it likes: frames are served without it
    broker_transport_options={
        # A view that rings a doorbell must not hang when Redis does not answer.
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "max_retries": 1,
        "interval_start": 0.1,
        "interval_step": 0,
        # A task lost with its worker comes again after 2 minutes instead of an hour; none of ours takes longer.
        "visibility_timeout": 120,
        "unacked_restore_interval": 60,
    },
    worker_cancel_long_running_tasks_on_connection_loss=True,  # they are repeated (acks_late) anyway
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,  # nobody listens; it costs Redis traffic
    worker_send_task_events=False,
    beat_schedule={
        name: {"task": task, "schedule": every_s, "options": {"expires": every_s}}
        for name, task, every_s in (
            # What no doorbell rang for: Redis was away, or the charger has come back since.
            ("deliver pending commands", "gateway.tasks.deliver_pending", 5.0),
            ("close commands that waited too long", "gateway.tasks.sweep_commands", 5.0),
            ("give up gateways that fell silent", "gateway.tasks.sweep_gateways", 10.0),
            ("end connections of revoked certificates", "gateway.tasks.hang_up_revoked", 10.0),
            ("tell the edges of sites what changed", "gateway.tasks.brief_edges", 5.0),
            ("share the power of sites", "smartcharging.tasks.sweep_plans", 5.0),
            ("read charging profiles back", "smartcharging.tasks.advance_placements", 5.0),
            ("go on with chargers that are tried", "smartcharging.tasks.advance_probes", 5.0),
            ("try chargers with new firmware", "smartcharging.tasks.probe_after_firmware", 60.0),
            ("roll up the hours of sessions", "sessions.tasks.roll_up", 60.0),
            ("go on with chargers that are led to a higher profile", "chargers.tasks.advance_upgrades", 30.0),
            ("ask chargers to renew their certificates", "chargers.tasks.renew_certificates", 3600.0),
            ("compare chargers with what is wanted of them", "chargers.tasks.look_at_configuration", 5.0),
            ("go on with what is written to chargers", "chargers.tasks.go_on_with_rollouts", 5.0),
            ("look for issues", "portal.issues.tasks.watch", 15.0),
            ("count what chargers break", "chargers.tasks.count_breaches", 60.0),
            ("propose what doubtful sessions drew", "sessions.tasks.propose", 60.0),
            ("tell stations what running sessions cost", "sessions.tasks.tell_costs", 15.0),
            ("ask stations for events that are missing", "sessions.tasks.ask_for_missing_events", 30.0),
            ("look for the effects of orders", "sessions.tasks.look_for_effects", 5.0),
            ("tell what channels have not heard", "portal.issues.tasks.tell", 30.0),
            ("look for logs that chargers left", "chargers.tasks.look_for_uploads", 15.0),
            ("move firmware campaigns on", "sessions.tasks.advance_campaigns", 5.0),
            ("delete large frames that nobody took", "gateway.tasks.sweep_large_frames", 3600.0),
        )
    }
    # By the clock: a beat that is restarted each day would never come to the end of 24 hours.
    | (
        {"tell AWS of our chargers": {"task": "gateway.tasks.tell_aws", "schedule": 10.0, "options": {"expires": 10.0}}}
        if settings.AWS_IOT_THINGS
        else {}
    )
    | (
        {"report the yard to CloudWatch": {"task": "gateway.tasks.report_yard", "schedule": 60.0}}
        if settings.CLOUDWATCH_NAMESPACE
        else {}
    )
    | {
        name: {"task": task, "schedule": crontab(hour=hour, minute=17)}
        for name, task, hour in (
            ("make the next months of the log", "chargers.tasks.make_partitions", 1),
            ("make the next months of meter values", "sessions.tasks.make_partitions", 1),
            ("forget old frames and histories", "chargers.tasks.forget_old", 3),
            ("forget what sites drew long ago", "smartcharging.tasks.forget_old", 5),
            ("forget old meter values and notices", "sessions.tasks.forget_old", 4),
            ("forget issues closed long ago", "portal.tasks.forget_old", 5),
        )
    },
)


@signals.setup_logging.connect
def keep_our_logging(**kwargs: Any) -> None:
    """Django has configured logging (`portal.logs`); a receiver here tells Celery to leave it alone."""


@signals.worker_init.connect
def remember_worker(**kwargs: Any) -> None:
    os.environ[WORKER_PID] = str(os.getpid())


@signals.worker_before_create_process.connect
def share_what_is_loaded(**kwargs: Any) -> None:
    from gateway.collector import keep_collector_off

    keep_collector_off()


@signals.worker_process_init.connect
def begin_child(**kwargs: Any) -> None:
    """Pool children of a worker that was killed must not go on without it, nor wait for ever for the database."""
    from chargers import database
    from gateway.ingest.lineage import die_with_parent

    die_with_parent(int(os.environ[WORKER_PID]))
    database.lose_patience()


@signals.task_prerun.connect
def replace_broken_connection(sender: Any, **kwargs: Any) -> None:
    """After an outage. Celery itself closes the connection before each task, a good one as well, or else never any."""
    if not sender.request.is_eager:
        close_old_connections()
