"""What a charger tells, as OCPP 1.6 CALLs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gateway.simulator import events as e
from gateway.simulator.authorization import ACCEPTED
from gateway.simulator.calls import Call, Kind, Payload
from gateway.simulator.charger import Charger
from gateway.simulator.configuration import Configuration
from gateway.simulator.connector import Connector, Session
from gateway.simulator.dialect import Agent, wire_time
from gateway.simulator.events import Cause, Event, JobKind, JobStep, Reading, Reason, Topic
from gateway.simulator.meter import measured

REASONS = {
    Reason.LOCAL: "Local",
    Reason.UNPLUGGED: "EVDisconnected",
    Reason.FULL: "Other",
    Reason.REMOTE: "Remote",
    Reason.DEAUTHORIZED: "DeAuthorized",
    Reason.UNLOCKED: "UnlockCommand",
    Reason.SOFT_RESET: "SoftReset",
    Reason.HARD_RESET: "HardReset",
    Reason.REBOOT: "Reboot",
    Reason.FAULT: "Other",
}
CONTEXTS = {Cause.INTERVAL: "Sample.Periodic", Cause.CLOCK: "Sample.Clock", Cause.TRIGGERED: "Trigger"}
JOBS = {
    JobKind.FIRMWARE: "FirmwareStatusNotification",
    JobKind.SIGNED_FIRMWARE: "SignedFirmwareStatusNotification",
    JobKind.DIAGNOSTICS: "DiagnosticsStatusNotification",
    JobKind.LOG: "LogStatusNotification",
}
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
    JobStep.UPLOAD_FAILED: "UploadFailed",
}
NO_TRANSACTION = -1
"""The transaction id of a session whose StartTransaction never got through (errata 3.18)."""


def boot(charger: Charger, _reason: str) -> Call:
    text = charger.settings.text
    return Call(
        "BootNotification",
        {
            "chargePointVendor": text("vendor")[:20],
            "chargePointModel": text("model")[:20],
            "chargePointSerialNumber": text("serial"),
            "chargeBoxSerialNumber": text("serial"),
            "firmwareVersion": text("firmware"),
            "meterType": "Class B, MID",
        },
        Kind.BOOT,
    )


def heartbeat() -> Call:
    return Call("Heartbeat", {})


def status(_agent: Agent, event: e.StatusChanged, kind: Kind = Kind.ORDINARY) -> list[Call]:
    payload: Payload = {
        "connectorId": event.number,
        "errorCode": event.fault.code if event.fault else "NoError",
        "status": event.state.value,
        "timestamp": wire_time(event.at),
    }
    if event.fault is not None:
        payload |= {"info": event.fault.info, "vendorId": "chargeyard.sim", "vendorErrorCode": event.fault.vendor_code}
    return [Call("StatusNotification", payload, kind)]


def report(agent: Agent, event: Event) -> Iterable[Call]:
    """The CALLs an event makes; most make one, some none."""
    match event:
        case e.TokenShown(connector, token, _, remote_id):
            yield _authorize(agent.charger, connector, token, remote_id)
        case e.SessionStarted(session, reading):
            yield _start(agent.charger, session, reading)
        case e.SessionUpdated(session, reading, _, cause) if cause in CONTEXTS:
            yield from _meter_values(agent.charger, session.connector.number, reading, cause, session)
        case e.SessionStopped(session, reading, reason):
            yield _stop(agent.charger, session, reading, reason)
        case e.MeterRead(number, reading, cause):
            yield from _meter_values(agent.charger, number, reading, cause, None)
        case e.SecurityAlarm(kind, info, at):
            payload = {"type": kind, "timestamp": wire_time(at), "techInfo": info}
            yield Call("SecurityEventNotification", payload, Kind.KEPT)
        case e.JobTold(job, step, request_id) if (job, step) != (JobKind.FIRMWARE, JobStep.INSTALL_REBOOTING):
            yield _job(job, step, request_id, Kind.KEPT)
        case e.Asked(topic, number):
            yield from _asked(agent, topic, number)


def _authorize(charger: Charger, connector: Connector, token: str, remote_id: int | None) -> Call:
    def answered(answer: Payload) -> None:
        verdict = answer["idTagInfo"]["status"]
        charger.tokens.remember(token, verdict)
        charger.answer_token(connector, token, is_accepted=verdict == ACCEPTED, remote_id=remote_id)

    return Call(
        "Authorize",
        {"idTag": token},
        on_answer=answered,
        on_failure=partial(charger.answer_token_offline, connector, token, remote_id),
    )


def _start(charger: Charger, session: Session, reading: Reading) -> Call:
    payload: Payload = {
        "connectorId": session.connector.number,
        "idTag": session.token,
        "meterStart": round(reading.energy_wh),
        "timestamp": wire_time(reading.at),
    }
    if session.reservation_id is not None:
        payload["reservationId"] = session.reservation_id

    def answered(answer: Payload) -> None:
        session.wire_id = str(int(answer["transactionId"]))
        verdict = answer["idTagInfo"]["status"]
        charger.tokens.remember(session.token, verdict)
        charger.limits_changed()
        if verdict != ACCEPTED and charger.settings.is_on("stop_on_invalid_token"):
            charger.stop(session, Reason.DEAUTHORIZED)

    return Call("StartTransaction", payload, Kind.TRANSACTION, on_answer=answered)


def _stop(charger: Charger, session: Session, reading: Reading, reason: Reason) -> Call:
    def payload() -> Payload:
        told: Payload = {
            "transactionId": _transaction_id(session),
            "meterStop": round(reading.energy_wh),
            "timestamp": wire_time(reading.at),
            "reason": REASONS[reason],
        }
        if session.stop_token is not None:
            told["idTag"] = session.stop_token
        if data := _samples(reading, charger.settings, "stop_measurands", "Transaction.End"):
            told["transactionData"] = data
        return told

    def answered(answer: Payload) -> None:
        if info := answer.get("idTagInfo"):
            charger.tokens.remember(session.token, info["status"])

    return Call("StopTransaction", payload, Kind.TRANSACTION, on_answer=answered)


def _transaction_id(session: Session) -> int:
    # Asked when the CALL goes out: by then the StartTransaction ahead of it in the queue has its answer, or none.
    return NO_TRANSACTION if session.wire_id is None else int(session.wire_id)


def _meter_values(
    charger: Charger, number: int, reading: Reading, cause: Cause, session: Session | None
) -> Iterator[Call]:
    wanted = "clock_measurands" if cause is Cause.CLOCK else "sampled_measurands"
    values = _samples(reading, charger.settings, wanted, CONTEXTS[cause])

    def payload() -> Payload:
        told: Payload = {"connectorId": number, "meterValue": values}
        return told if session is None else told | {"transactionId": _transaction_id(session)}

    kind = Kind.ORDINARY if session is None else Kind.TRANSACTION
    if values:
        yield Call("MeterValues", payload, Kind.TRIGGERED if cause is Cause.TRIGGERED else kind)


def _samples(reading: Reading, settings: Configuration, wanted: str, context: str) -> list[dict[str, Any]]:
    """One meterValue as 1.6 writes it: values are strings. Empty if nothing is wanted (or to be seen)."""
    sampled = list(_sampled(reading, settings.items(wanted), context))
    return [{"timestamp": wire_time(reading.at), "sampledValue": sampled}] if sampled else []


def _sampled(reading: Reading, wanted: list[str], context: str) -> Iterator[dict[str, str]]:
    for value in measured(reading, wanted):
        sampled = {
            "value": f"{value.value:g}" if value.unit != "Wh" else f"{value.value:.0f}",
            "context": context,
            "measurand": value.measurand,
            "location": "EV" if value.measurand == "SoC" else "Outlet",
            "unit": value.unit,
        }
        yield sampled if value.phase is None else sampled | {"phase": value.phase}


def _job(job: JobKind, step: JobStep, request_id: int | None, kind: Kind) -> Call:
    name = STEPS[step]
    if job is JobKind.LOG and step is JobStep.UPLOAD_FAILED:
        # The whitepaper spells it another way than the diagnostics of 1.6 itself.
        name = "UploadFailure"
    payload: Payload = {"status": name}
    if request_id is not None and job in (JobKind.SIGNED_FIRMWARE, JobKind.LOG):
        payload["requestId"] = request_id
    return Call(JOBS[job], payload, kind)


def _asked(agent: Agent, topic: Topic, number: int) -> Iterator[Call]:
    charger = agent.charger
    match topic:
        case Topic.HEARTBEAT:
            yield Call("Heartbeat", {}, Kind.TRIGGERED)
        case Topic.STATUS:
            now = charger.agenda.now()
            if number == 0:
                yield from status(agent, e.StatusChanged(0, charger.state, None, now), Kind.TRIGGERED)
            for c in charger.connectors:
                if number in (0, c.number):
                    yield from status(agent, e.StatusChanged(c.number, c.state, c.fault, now), Kind.TRIGGERED)
        case Topic.FIRMWARE:
            yield _job(*agent.job_step(JobKind.FIRMWARE, JobKind.SIGNED_FIRMWARE), Kind.TRIGGERED)
        case Topic.DIAGNOSTICS:
            yield _job(*agent.job_step(JobKind.DIAGNOSTICS), Kind.TRIGGERED)
        case Topic.LOG:
            yield _job(*agent.job_step(JobKind.LOG), Kind.TRIGGERED)
        case _:
            # Meter values go out as readings of their own (charger.read).
            return
