"""What the yard may do by itself about an issue before anybody has seen it: one order, once. Off until staff say so.

The interlock: nothing at all is ordered of a charger at which somebody could come to harm (ground failure,
over-temperature, RCD and the like), and none is restarted whose codes we cannot read to the end, for one of them may
mean just that. What keeps a step back is said as a sentence, and looked at again with each look of the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers import commands
from chargers.models import Alert, Charger, Connector, ConnectorStatus, Participant
from chargers.sentences import read
from portal.issues import language
from portal.issues.models import Issue, Note, RuleSetting
from portal.issues.rules.faults import fault_of
from sessions.campaigns import busy

MOST_AN_HOUR = 20  # in the whole yard: what so many have at once is not mended one by one
REST = timedelta(hours=6)  # between two steps at one charger, whatever the rules
ORDER_TTL_S = 120  # a restart must not reach a charger at which a car has come meanwhile
DANGER = 1  # alerts of OCPP 2.x: 0 danger, 1 hardware failure


@dataclass(frozen=True, slots=True)
class Step:
    """``disturbs``: only where no car is plugged in, and only where what the charger says is known to be harmless."""

    title: str | Promise
    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)
    disturbs: bool = False


STEPS: dict[str, Step] = {
    "ask_state": Step(gettext_lazy("Ask it to tell its state again"), "trigger", {"message": "StatusNotification"}),
    "ask_reading": Step(gettext_lazy("Ask it for a meter reading"), "trigger", {"message": "MeterValues"}),
    "tell_time": Step(gettext_lazy("Have it ask us for the time"), "trigger", {"message": "Heartbeat"}),
    "fetch_log": Step(gettext_lazy("Fetch its log"), "fetch_logs", {"kind": "diagnostics"}),
    "restart": Step(gettext_lazy("Restart it, once no car is plugged in"), "reset", {"kind": "soft"}, disturbs=True),
}


def take(step_name: str, issues: Iterable[Issue], *, at: datetime) -> list[Issue]:
    """Do a rule's step for those of its issues, just found, for which nothing keeps it back.

    In the caller's transaction. Returns the issues that were acted upon.
    """
    step = STEPS.get(step_name)
    waiting = [issue for issue in issues if issue.is_open and issue.charger_id and issue.stepped_at is None]
    if step is None or not waiting:
        return []
    held = holds(step, waiting, at=at)
    done: list[Issue] = []
    taken = {issue.charger_id for issue in waiting if issue.pk in held}
    left = MOST_AN_HOUR - _within_the_hour(at)
    chargers = Charger.objects.in_bulk([issue.charger_id for issue in waiting if issue.charger_id])
    for issue in sorted(waiting, key=lambda each: (each.severity, each.opened_at)):
        if issue.charger_id in taken or len(done) >= left:
            continue
        taken.add(issue.charger_id)  # a charger with several issues is asked once
        _act(step, issue, chargers[issue.charger_id or 0], at)
        done.append(issue)
    return done


def _act(step: Step, issue: Issue, charger: Charger, at: datetime) -> None:
    arguments = dict(step.arguments)
    if step.verb == "trigger" and issue.evse_id:
        arguments["evse_id"] = issue.evse_id
    if step.verb == "fetch_logs":
        arguments["base_url"] = settings.PUBLIC_URL
    issue.step = commands.request(
        charger,
        step.verb,
        arguments=arguments,
        via=f"issue {issue.pk}",
        ttl_s=ORDER_TTL_S,
        idempotency_key=f"issue-{issue.pk}",
    )
    issue.stepped_at = at
    issue.save(update_fields=["step", "stepped_at"])
    Note.objects.create(issue=issue, at=at, kind=Note.Kind.STEPPED, text=str(step.title))


def standing(issue: Issue, setting: RuleSetting | None, *, at: datetime) -> str:
    """For people: what the yard means to do about an issue and why it has not; empty if it has, or is to do nothing."""
    step = STEPS.get(setting.step) if setting else None
    if step is None or not issue.is_open or not issue.charger_id or issue.stepped_at:
        return ""
    if _within_the_hour(at) >= MOST_AN_HOUR:
        return _("%(count)d steps were taken within the hour, as many as there may be; look for what they share.") % {
            "count": MOST_AN_HOUR
        }
    return holds(step, [issue], at=at).get(issue.pk, "")


def _within_the_hour(at: datetime) -> int:
    return Issue.objects.filter(stepped_at__gt=at - timedelta(hours=1)).count()


# -- what keeps a step back ------------------------------------------------------------------------------------------


def holds(step: Step, issues: Sequence[Issue], *, at: datetime) -> dict[int, str]:
    """Issue pk → why the step must not be done now, a sentence. The danger comes first: it is what people must read."""
    ids = {issue.charger_id for issue in issues if issue.charger_id}
    chargers = Charger.objects.in_bulk(ids)
    dangers = _dangers(ids, may_restart=step.disturbs)
    plugged = (busy(ids) | _plugged(ids)) if step.disturbs else set()
    updating = set(
        Participant.objects.filter(
            charger__in=ids, state__in=(Participant.State.UPDATING, Participant.State.SOAKING)
        ).values_list("charger", flat=True)
    )
    rested = Issue.objects.filter(charger__in=ids, stepped_at__gt=at - REST).values_list("charger", flat=True)
    resting = set(rested)
    found: dict[int, str] = {}
    for issue in issues:
        charger = chargers.get(issue.charger_id or 0)
        if charger is None:
            found[issue.pk] = _("It is about no single charger.")
        elif charger.pk in dangers:
            found[issue.pk] = dangers[charger.pk]
        elif issue.acknowledged_at or issue.assigned_to_id or issue.is_snoozed:
            found[issue.pk] = _("Somebody looks after it.")
        elif not charger.is_online or not charger.is_booted:
            found[issue.pk] = _("It is offline.")
        elif charger.pk in updating:
            found[issue.pk] = _("Its firmware is being updated.")
        elif charger.pk in plugged:
            found[issue.pk] = _("A car is plugged in.")
        elif charger.pk in resting:
            found[issue.pk] = _("Something was done by itself at this charger within the last six hours.")
    return found


def _plugged(charger_ids: set[int]) -> set[int]:
    free = (
        ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED, ConnectorStatus.RESERVED,
        ConnectorStatus.UNKNOWN,
    )  # fmt: skip
    taken = Connector.objects.filter(charger__in=charger_ids, evse_id__gt=0).exclude(status__in=free).order_by()
    return set(taken.values_list("charger", flat=True))


def _dangers(charger_ids: set[int], *, may_restart: bool) -> dict[int, str]:
    """Chargers to be left alone, and why: by their connectors, their alerts, and what is not proven to be over."""
    told: defaultdict[int, list[tuple[str, str, str]]] = defaultdict(list)
    has_code = Q(status=ConnectorStatus.FAULTED) | ~Q(error_code__in=("", "NoError")) | ~Q(vendor_error_code="")
    plugs = Connector.objects.filter(has_code, charger__in=charger_ids).order_by()
    for pk, *codes in plugs.values_list("charger", "error_code", "vendor_error_code", "info"):
        told[pk].append((codes[0], codes[1], codes[2]))
    found: dict[int, str] = {}
    for alert in Alert.objects.filter(charger__in=charger_ids, cleared_at=None).order_by():
        told[alert.charger_id].append(("", alert.tech_code, alert.tech_info))
        if alert.severity is not None and alert.severity <= DANGER:
            found[alert.charger_id] = _("Never by itself: %(what)s was raised as a danger.") % {"what": alert.path}
    for issue in Issue.objects.filter(
        charger__in=charger_ids, closed_at=None, rule__in=("faulted", "alert")
    ).order_by():
        if (fault := fault_of(issue)) and fault.is_dangerous and issue.charger_id:
            found[issue.charger_id] = _never(fault)
    for pk, said in told.items():
        for error_code, vendor_code, text in said:
            if why := _objection(error_code, vendor_code, text, may_restart=may_restart):
                found.setdefault(pk, why)
    return found


def _objection(error_code: str, vendor_code: str, text: str, *, may_restart: bool) -> str:
    """Why a charger that says this is left alone; ``may_restart``: it would be restarted."""
    meanings = language.meanings(error_code, vendor_code, text)
    for fault in meanings or [language.read(error_code, vendor_code, text)]:
        if fault.is_dangerous:
            return _never(fault)
    if not may_restart:
        return ""
    if meanings is None or not meanings:
        says = " ".join(filter(None, [error_code, vendor_code, text])) or _("nothing of what is wrong")
        return _("Not restarted by itself: it says %(says)s, which we cannot read.") % {"says": says[:80]}
    if stays := next((fault for fault in meanings if not fault.may_restart), None):
        return _("Not restarted by itself: %(cause)s.") % {"cause": read(stays.cause)}
    return ""


def _never(fault: language.Fault) -> str:
    return _("Never by itself: %(cause)s.") % {"cause": read(fault.cause)}
