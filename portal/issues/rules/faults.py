"""What chargers report about themselves: faulted connectors (both versions), alerts of monitors (2.x)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Q

from chargers.models import Alert, Charger, Connector, ConnectorStatus
from chargers.sentences import phrase
from portal.issues import language
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact

# OCPP 2.x severities: 0 danger, 1 hardware failure, 2 system failure, 3 critical; the rest is error and less.
GRAVE = 3
# An alert that has been there so long and that nobody saw is history, not news.
OLDEST_ALERT = timedelta(days=7)


def find_faulted(look: Look) -> Iterator[Finding]:
    faulted = Connector.objects.filter(status=ConnectorStatus.FAULTED, charger__is_online=True).order_by()
    for connector in faulted.filter(Q(status_at=None) | Q(status_at__lte=look.since)).select_related("charger"):
        fault = language.read(connector.error_code, connector.vendor_error_code, connector.info)
        where = f"connector {connector.label}" if connector.evse_id else "the charger as a whole"
        codes = " ".join(filter(None, [connector.error_code, connector.vendor_error_code]))
        yield Finding(
            key=f"faulted:{connector.pk}",
            title=f"{connector.charger.identity}: {fault.cause} ({where}{f', {codes}' if codes else ''})."[:255],
            charger_id=connector.charger_id,
            evse_id=connector.evse_id,
            severity=Severity.CRITICAL if fault.is_dangerous else Severity.MAJOR,
            facts={
                "connector": connector.pk,
                "error_code": connector.error_code,
                "vendor_error_code": connector.vendor_error_code,
                "info": connector.info,
            },
            evidence=[fact(connector.status_at, f"It reported Faulted, {codes or 'without a code'}. {connector.info}")],
        )


def prove_faulted(issues: Sequence[Issue], look: Look) -> Gone:
    pks = [issue.facts.get("connector") for issue in issues]
    rows = Connector.objects.filter(pk__in=pks, charger__is_online=True).order_by()
    now = {connector.pk: connector for connector in rows.exclude(status=ConnectorStatus.FAULTED)}
    return {
        issue.pk: f"It reports {now[pk].get_status_display().capitalize()}."
        for issue in issues
        # "Unknown" is our word for: it has not told yet.
        if (pk := issue.facts.get("connector")) in now and now[pk].status != ConnectorStatus.UNKNOWN
    }


def find_alerts(look: Look) -> Iterator[Finding]:
    alerts = Alert.objects.filter(cleared_at=None, severity__lte=GRAVE, received_at__gte=look.at - OLDEST_ALERT)
    for alert in alerts.filter(received_at__lte=look.since).select_related("charger").order_by():
        fault = language.read("", alert.tech_code, alert.tech_info)
        yield Finding(
            key=f"alert:{alert.charger_id}:{alert.path[:60]}:{alert.monitor_id}",
            title=f"{alert.charger.identity}: {alert.path} is {alert.value[:40]}. {fault.cause}."[:255],
            charger_id=alert.charger_id,
            severity=Severity.CRITICAL if alert.severity == 0 or fault.is_dangerous else Severity.MAJOR,
            facts={"path": alert.path, "error_code": alert.tech_code, "info": alert.tech_info},
            evidence=[
                fact(alert.received_at, f"{alert.path} = {alert.value[:80]} {alert.tech_code} {alert.tech_info}")
            ],
        )


def prove_alerts(issues: Sequence[Issue], look: Look) -> Gone:
    open_alerts = set(
        Alert.objects.filter(charger__in=[issue.charger_id for issue in issues], cleared_at=None)
        .order_by()
        .values_list("charger", "path")
    )
    online = set(
        Charger.objects.filter(pk__in=[i.charger_id for i in issues], is_online=True).values_list("pk", flat=True)
    )
    return {
        issue.pk: "The charger says that it is over."
        for issue in issues
        if (issue.charger_id, issue.facts.get("path")) not in open_alerts and issue.charger_id in online
    }


def fault_of(issue: Issue) -> language.Fault | None:
    """What the codes of an issue mean; None if it is not about codes."""
    facts = issue.facts
    if "error_code" not in facts:
        return None
    vendor_code = str(facts.get("vendor_error_code", ""))
    return language.read(str(facts["error_code"]), vendor_code, str(facts.get("info", "")))


FAULTED = Rule(
    name="faulted",
    title=phrase("Faulted"),
    severity=Severity.MAJOR,
    find=find_faulted,
    prove=prove_faulted,
    patience=timedelta(seconds=30),
    patience_means=phrase("a connector reports a fault"),
    first_step=phrase("Read the cause above; it says whether a restart may help."),
    who=phrase("depends on the fault"),
    steps=("ask_state", "fetch_log", "restart"),
)
ALERT = Rule(
    name="alert",
    title=phrase("Grave alert of a monitor"),
    severity=Severity.MAJOR,
    find=find_alerts,
    prove=prove_alerts,
    patience=timedelta(seconds=30),
    patience_means=phrase("an alert of severity 0 to 3 is raised (OCPP 2.x)"),
    first_step=phrase("See the variable and its monitor under Security and Configuration of the charger."),
    who=phrase("depends on the variable"),
    steps=("fetch_log",),
)
