"""What a charger tells, as OCPP 2.0.1 CALLs."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gateway.simulator import events as e
from gateway.simulator.authorization import ACCEPTED
from gateway.simulator.calls import Call, Kind, Payload
from gateway.simulator.charger import Charger
from gateway.simulator.connector import Connector, Session
from gateway.simulator.dialect import Agent, wire_time
from gateway.simulator.events import Cause, Event, JobKind, JobStep, Reading, Reason, State, Topic
from gateway.simulator.meter import measured

STATUSES = {
    State.AVAILABLE: "Available",
    State.RESERVED: "Reserved",
    State.UNAVAILABLE: "Unavailable",
    State.FAULTED: "Faulted",
}
CHARGING_STATES = {
    State.CHARGING: "Charging",
    State.SUSPENDED_EV: "SuspendedEV",
    State.SUSPENDED_EVSE: "SuspendedEVSE",
}
TRIGGERS = {
    Cause.PLUGGED: "CablePluggedIn",
    Cause.AUTHORIZED: "Authorized",
    Cause.REMOTE_START: "RemoteStart",
    Cause.INTERVAL: "MeterValuePeriodic",
    Cause.CLOCK: "MeterValueClock",
    Cause.STATE_CHANGED: "ChargingStateChanged",
    Cause.LIMIT_CHANGED: "ChargingRateChanged",
    Cause.TRIGGERED: "Trigger",
}
ENDINGS = {
    Reason.LOCAL: ("StopAuthorized", "Local"),
    Reason.UNPLUGGED: ("EVDeparted", "EVDisconnected"),
    Reason.FULL: ("ChargingStateChanged", "StoppedByEV"),
    Reason.REMOTE: ("RemoteStop", "Remote"),
    Reason.DEAUTHORIZED: ("Deauthorized", "DeAuthorized"),
    Reason.UNLOCKED: ("UnlockCommand", "Other"),
    Reason.SOFT_RESET: ("ResetCommand", "ImmediateReset"),
    Reason.HARD_RESET: ("ResetCommand", "ImmediateReset"),
    Reason.REBOOT: ("AbnormalCondition", "Reboot"),
    Reason.FAULT: ("AbnormalCondition", "Other"),
}
"""Trigger and stoppedReason."""
FAULT_ENDINGS = {"GroundFailure": "GroundFault", "OverCurrentFailure": "OvercurrentFault"}
CONTEXTS = {Cause.INTERVAL: "Sample.Periodic", Cause.CLOCK: "Sample.Clock", Cause.TRIGGERED: "Trigger"}
STEPS = {
    JobStep.IDLE: "Idle",
    JobStep.DOWNLOADING: "Downloading",
    JobStep.DOWNLOADED: "Downloaded",
    JobStep.DOWNLOAD_FAILED: "DownloadFailed",
    JobStep.SIGNATURE_VERIFIED: "SignatureVerified",
    JobStep.INSTALLING: "Installing",
    JobStep.INSTALL_REBOOTING: "InstallRebooting",
    JobStep.INSTALLED: "Installed",
    JobStep.INSTALLATION_FAILED: "InstallationFailed",
    JobStep.UPLOADING: "Uploading",
    JobStep.UPLOADED: "Uploaded",
    JobStep.UPLOAD_FAILED: "UploadFailure",
}
_event_ids = itertools.count(1)


def status_name(state: State) -> str:
    return STATUSES.get(state, "Occupied")


def boot(charger: Charger, reason: str) -> Call:
    text = charger.settings.text
    station = {
        "model": text("model")[:20],
        "vendorName": text("vendor")[:50],
        "serialNumber": text("serial"),
        "firmwareVersion": text("firmware"),
    }
    return Call("BootNotification", {"chargingStation": station, "reason": reason}, Kind.BOOT)


def heartbeat() -> Call:
    return Call("Heartbeat", {})


def status(agent: Agent, event: e.StatusChanged, kind: Kind = Kind.ORDINARY) -> list[Call]:
    """The connector's status, and a NotifyEvent when a fault came or went: the status carries no error code here."""
    payload = {
        "timestamp": wire_time(event.at),
        "connectorStatus": status_name(event.state),
        "evseId": event.number,
        "connectorId": 1,
    }
    calls = [Call("StatusNotification", payload, kind)]
    if event.fault is not None and event.number not in agent.faulted:
        agent.faulted.add(event.number)
        calls.append(_problem(event, event.fault))
    elif event.fault is None and event.number in agent.faulted:
        agent.faulted.discard(event.number)
        calls.append(_problem(event, None))
    return calls


def _problem(event: e.StatusChanged, fault: e.Fault | None) -> Call:
    at = wire_time(event.at)
    data: Payload = {
        "eventId": next(_event_ids),
        "timestamp": at,
        "trigger": "Delta",
        "actualValue": "true" if fault else "false",
        "cleared": fault is None,
        "component": {"name": "Connector", "evse": {"id": event.number, "connectorId": 1}},
        "variable": {"name": "Problem"},
        "eventNotificationType": "HardWiredNotification",
    }
    if fault is not None:
        data |= {"techCode": f"{fault.code} {fault.vendor_code}", "techInfo": fault.info}
    return Call("NotifyEvent", {"generatedAt": at, "seqNo": 0, "tbc": False, "eventData": [data]})


def report(agent: Agent, event: Event) -> Iterable[Call]:
    """The CALLs an event makes; most make one, some none."""
    match event:
        case e.TokenShown(connector, token, _, remote_id):
            yield _authorize(agent.charger, connector, token, remote_id)
        case e.SessionStarted(session, reading, cause):
            yield _started(agent, session, reading, cause)
        case e.SessionUpdated(session, reading, state, cause):
            yield _updated(agent, session, reading, state, cause)
        case e.SessionStopped(session, reading, reason, fault):
            yield _ended(agent, session, reading, reason, fault)
        case e.MeterRead(number, reading, cause):
            yield from _meter_values(agent.charger, number, reading, cause)
        case e.ReservationEnded(reservation_id, is_expired):
            told = {"reservationId": reservation_id, "reservationUpdateStatus": "Expired" if is_expired else "Removed"}
            yield Call("ReservationStatusUpdate", told, Kind.KEPT)
        case e.SecurityAlarm(kind, info, at):
            payload = {"type": kind, "timestamp": wire_time(at), "techInfo": info}
            yield Call("SecurityEventNotification", payload, Kind.KEPT)
        case e.JobTold(job, step, request_id):
            yield _job(job, step, request_id, Kind.KEPT)
        case e.Asked(topic, number):
            yield from _asked(agent, topic, number)


def id_token(token: str, *, is_remote: bool = False) -> Payload:
    return {"idToken": token, "type": "Central" if is_remote else "ISO14443"}


def _authorize(charger: Charger, connector: Connector, token: str, remote_id: int | None) -> Call:
    def answered(answer: Payload) -> None:
        verdict = answer["idTokenInfo"]["status"]
        charger.tokens.remember(token, verdict)
        charger.answer_token(connector, token, is_accepted=verdict == ACCEPTED, remote_id=remote_id)

    return Call(
        "Authorize",
        {"idToken": id_token(token, is_remote=remote_id is not None)},
        on_answer=answered,
        on_failure=partial(charger.answer_token_offline, connector, token, remote_id),
    )


def _event(agent: Agent, kind: str, session: Session, reading: Reading, trigger: str, **info: Any) -> Payload:
    """A TransactionEvent without its meter values. `seqNo` counts in the order things happened."""
    payload: Payload = {
        "eventType": kind,
        "timestamp": wire_time(reading.at),
        "triggerReason": trigger,
        "seqNo": session.next_number(),
        "evse": {"id": session.connector.number, "connectorId": 1},
        "transactionInfo": {
            "transactionId": session.wire_id,
            "timeSpentCharging": round(session.charging_s),
            **info,
        },
    }
    if not agent.is_online:
        payload["offline"] = True
    return payload


def _started(agent: Agent, session: Session, reading: Reading, cause: Cause) -> Call:
    charger = agent.charger
    session.wire_id = str(uuid.UUID(int=charger.chance.getrandbits(128), version=4))
    info = {} if session.remote_id is None else {"remoteStartId": session.remote_id}
    payload = _event(
        agent, "Started", session, reading, TRIGGERS[cause], chargingState=CHARGING_STATES[session.state], **info
    )
    payload["idToken"] = id_token(session.token, is_remote=session.remote_id is not None)
    if session.reservation_id is not None:
        payload["reservationId"] = session.reservation_id
    payload |= _values(reading, charger.settings.items("stop_measurands"), "Transaction.Begin")

    def answered(answer: Payload) -> None:
        verdict = (answer.get("idTokenInfo") or {}).get("status")
        if verdict is None:
            return
        charger.tokens.remember(session.token, verdict)
        if verdict != ACCEPTED and charger.settings.is_on("stop_on_invalid_token"):
            charger.stop(session, Reason.DEAUTHORIZED)

    return Call("TransactionEvent", payload, Kind.TRANSACTION, on_answer=answered)


def _updated(agent: Agent, session: Session, reading: Reading, state: State, cause: Cause) -> Call:
    payload = _event(agent, "Updated", session, reading, TRIGGERS[cause], chargingState=CHARGING_STATES[state])
    wanted = "clock_measurands" if cause is Cause.CLOCK else "sampled_measurands"
    payload |= _values(reading, agent.charger.settings.items(wanted), CONTEXTS.get(cause, "Other"))
    return Call("TransactionEvent", payload, Kind.TRANSACTION)


def _ended(agent: Agent, session: Session, reading: Reading, reason: Reason, fault: e.Fault | None) -> Call:
    trigger, stopped = ENDINGS[reason]
    if fault is not None:
        stopped = FAULT_ENDINGS.get(fault.code, stopped)
    state = "Idle" if reason is Reason.UNPLUGGED else "EVConnected"
    payload = _event(agent, "Ended", session, reading, trigger, chargingState=state, stoppedReason=stopped)
    if session.stop_token is not None:
        payload["idToken"] = id_token(session.stop_token, is_remote=session.remote_id is not None)
    payload |= _values(reading, agent.charger.settings.items("stop_measurands"), "Transaction.End")
    return Call("TransactionEvent", payload, Kind.TRANSACTION)


def _meter_values(charger: Charger, number: int, reading: Reading, cause: Cause) -> Iterator[Call]:
    wanted = "clock_measurands" if cause is Cause.CLOCK else "sampled_measurands"
    if values := _values(reading, charger.settings.items(wanted), CONTEXTS[cause]):
        kind = Kind.TRIGGERED if cause is Cause.TRIGGERED else Kind.ORDINARY
        yield Call("MeterValues", {"evseId": number, **values}, kind)


def _values(reading: Reading, wanted: list[str], context: str) -> Payload:
    """`meterValue` as 2.0.1 writes it, or nothing: an empty list is not allowed."""
    sampled = []
    for value in measured(reading, wanted):
        told: Payload = {
            "value": value.value,
            "context": context,
            "measurand": value.measurand,
            "location": "EV" if value.measurand == "SoC" else "Outlet",
            "unitOfMeasure": {"unit": value.unit},
        }
        sampled.append(told if value.phase is None else told | {"phase": value.phase})
    return {"meterValue": [{"timestamp": wire_time(reading.at), "sampledValue": sampled}]} if sampled else {}


def _job(job: JobKind, step: JobStep, request_id: int | None, kind: Kind) -> Call:
    action = "LogStatusNotification" if job in (JobKind.LOG, JobKind.DIAGNOSTICS) else "FirmwareStatusNotification"
    payload: Payload = {"status": STEPS[step]}
    if request_id is not None and step is not JobStep.IDLE:
        payload["requestId"] = request_id
    return Call(action, payload, kind)


def _asked(agent: Agent, topic: Topic, number: int) -> Iterator[Call]:
    charger = agent.charger
    match topic:
        case Topic.HEARTBEAT:
            yield Call("Heartbeat", {}, Kind.TRIGGERED)
        case Topic.STATUS:
            now = charger.agenda.now()
            for c in charger.connectors:
                if number in (0, c.number):
                    yield from status(agent, e.StatusChanged(c.number, c.state, c.fault, now), Kind.TRIGGERED)
        case Topic.FIRMWARE:
            yield _job(*agent.job_step(JobKind.FIRMWARE, JobKind.SIGNED_FIRMWARE), Kind.TRIGGERED)
        case Topic.LOG:
            yield _job(*agent.job_step(JobKind.LOG), Kind.TRIGGERED)
        case _:
            # Meter values and sessions go out as readings of their own (charger.read).
            return
