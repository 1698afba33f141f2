"""What became of chargers that were ordered to update: by their boots, their steps, and what the `Eyes` see.

The version that a charger boots with is the truth; *Installed* is its word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db.models import QuerySet

from chargers.models import Boot, Campaign, CommandStatus, Connector, ConnectorStatus, Participant, Transfer
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
NO_VERSION = phrase("a version it does not tell")
NO_REASON = phrase("no reason told")
REFUSED = phrase("It refused: {why}")
TOLD = phrase("It told {step}.")
DID_NOT_BOOT = phrase("It did not boot with {version} within {minutes} min; it runs {runs}.")
UPDATING = phrase("Updating: {step}.")
WENT_BACK = phrase("It went back to {version}.")
BOOTED_AGAIN = phrase("It has booted {times} times more since the update.")
SOAKS = phrase("Runs it; soaks for {minutes} min.")
NO_CAR_CAME = phrase("Runs it; no car came within {hours} h.")

State = Participant.State
FAILED_STEPS = (
    "DownloadFailed", "InstallationFailed", "InstallVerificationFailed", "InvalidSignature", "InvalidCertificate",
    "RevokedCertificate", "CertificateVerificationFailed",
)  # fmt: skip
BOOT_LOOP = 3  # boots while it soaks that are no accident
STEPS = {
    "Downloading": phrase("downloading"),
    "Downloaded": phrase("downloaded"),
    "Installing": phrase("installing"),
    "InstallRebooting": "rebooting",
    "Installed": phrase("installed by its word, to boot with it yet"),
    "SignatureVerified": phrase("signature verified"),
    "InstallScheduled": phrase("to install later"),
    "DownloadScheduled": phrase("to download later"),
    "DownloadPaused": phrase("download paused"),
}


class Eyes(Protocol):
    """What only those know who see sessions."""

    def busy(self, charger_ids: Collection[int]) -> set[int]:
        """At which of these a session runs."""

    def charged(self, since: Mapping[int, datetime]) -> dict[int, datetime]:
        """Which of these have charged a car well in a session begun since then, and when it ended."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of the chargers of one campaign since they were ordered to update."""

    boots: Mapping[int, Sequence[Boot]]  # oldest first
    steps: Mapping[int, Sequence[Transfer]]  # oldest first
    faulted: set[int]
    charged: Mapping[int, datetime]


def signs(parts: Sequence[Participant], theirs: QuerySet[Participant, int], eyes: Eyes) -> Signs:
    """Of those that update or soak, and that failed without booting; four queries. ``theirs``: their chargers, of whom
    there may be more than a statement takes as parameters."""
    if not parts:
        return Signs({}, {}, set(), {})
    since = min(part.ordered_at for part in parts if part.ordered_at)
    boots, steps = defaultdict(list), defaultdict(list)
    for boot in Boot.objects.filter(charger__in=theirs, received_at__gte=since).order_by("received_at", "id"):
        boots[boot.charger_id].append(boot)
    told = Transfer.objects.filter(charger__in=theirs, kind=Transfer.Kind.FIRMWARE, received_at__gte=since)
    for step in told.order_by("received_at", "id"):
        steps[step.charger_id].append(step)
    booted = {part.charger_id: part.booted_at for part in parts if part.booted_at}
    faulted = {
        plug.charger_id
        for plug in Connector.objects.filter(charger__in=theirs, status=ConnectorStatus.FAULTED)
        if plug.charger_id in booted and plug.status_at and plug.status_at >= booted[plug.charger_id]
    }
    return Signs(boots, steps, faulted, eyes.charged(booted))


def settle(part: Participant, campaign: Campaign, seen: Signs, at: datetime) -> None:
    """Bring a part up to what is known; its columns only."""
    if part.state == State.UPDATING or (part.state == State.FAILED and part.booted_at is None):
        _settle_update(part, campaign, seen, at)
    if part.state == State.SOAKING:
        _settle_soak(part, campaign, seen, at)


def _settle_update(part: Participant, campaign: Campaign, seen: Signs, at: datetime) -> None:
    assert part.ordered_at is not None
    version = campaign.image.version
    boots = [boot for boot in seen.boots.get(part.charger_id, ()) if boot.received_at >= part.ordered_at]
    # A charger that we gave up, and that boots with it late, is no failure.
    if arrived := next((boot for boot in boots if boot.firmware_version == version), None):
        part.state, part.booted_at, part.settled_at = State.SOAKING, arrived.received_at, None
        return
    if part.state == State.FAILED:
        return
    command = part.command
    steps = [step.status for step in seen.steps.get(part.charger_id, ()) if step.received_at >= part.ordered_at]
    last = steps[-1] if steps else ""
    if command and command.status == CommandStatus.EXPIRED:
        part.state, part.ordered_at, part.command, part.why = (
            State.WAITING,
            None,
            None,
            phrase("Its order was not taken."),
        )
    elif command and command.status == CommandStatus.CANCELLED:
        _end(part, State.CANCELLED, phrase("Its order was withdrawn."), at)
    elif command and command.status in (CommandStatus.REJECTED, CommandStatus.FAILED):
        _end(part, State.FAILED, REFUSED.format(why=command.explanation or _status(command.answer)), at)
    elif last in FAILED_STEPS:
        _end(part, State.FAILED, TOLD.format(step=last), at)
    elif at >= part.ordered_at + timedelta(minutes=campaign.deadline_minutes):
        runs = part.charger.firmware_version or NO_VERSION
        _end(
            part, State.FAILED,
            DID_NOT_BOOT.format(version=version, minutes=campaign.deadline_minutes, runs=runs), at,
        )  # fmt: skip
    else:
        part.why = UPDATING.format(step=STEPS.get(last, last) or _answer(part))


def _answer(part: Participant) -> str:
    status = part.command.status if part.command else ""
    if status == CommandStatus.ACCEPTED:
        return phrase("it accepted the order")
    if status == CommandStatus.TIMEOUT:
        return phrase("it gave no answer, its next boot will tell")
    return phrase("the order is on its way")


def _status(answer: object) -> str:
    return str(answer.get("status", NO_REASON)) if isinstance(answer, dict) else NO_REASON


def _settle_soak(part: Participant, campaign: Campaign, seen: Signs, at: datetime) -> None:
    assert part.booted_at is not None
    version, charger = campaign.image.version, part.charger
    again = sum(boot.received_at > part.booted_at for boot in seen.boots.get(part.charger_id, ()))
    soaked_at = part.booted_at + timedelta(minutes=campaign.soak_minutes)
    charged_at = seen.charged.get(part.charger_id)
    if charger.firmware_version != version:
        _end(part, State.FAILED, WENT_BACK.format(version=charger.firmware_version or NO_VERSION), at)
    elif again >= BOOT_LOOP and campaign.soak_minutes:
        _end(part, State.FAILED, BOOTED_AGAIN.format(times=again), at)
    elif part.charger_id in seen.faulted:
        _end(part, State.FAILED, phrase("A connector is faulted since the update."), at)
    elif at < soaked_at:
        part.why = SOAKS.format(minutes=campaign.soak_minutes)
    elif not charger.is_online and campaign.soak_minutes:
        if at >= soaked_at + timedelta(minutes=campaign.deadline_minutes):
            _end(part, State.FAILED, phrase("It fell silent after the update."), at)
        else:
            part.why = phrase("Runs it; has been soaked, but is offline.")
    elif campaign.needs_session and charged_at is None:
        if at < part.booted_at + timedelta(hours=campaign.session_patience_hours):
            part.why = phrase("Runs it; waits for a car that charges well.")
        else:
            _end(part, State.DONE, NO_CAR_CAME.format(hours=campaign.session_patience_hours), at)
    else:
        _end(part, State.DONE, phrase("Runs it, and charged a car since.") if charged_at else phrase("Runs it."), at)


def _end(part: Participant, state: Participant.State, why: str, at: datetime) -> None:
    part.state, part.why, part.settled_at = state, why[:200], at
