"""Starting, stopping, unlocking, restarting: what a night shift orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Max
from django.utils import timezone

from portal.forms.command import CommandForm, evse
from portal.views import formats


class StartSession(CommandForm):
    verb, title, group = "remote_start", "Start a session", "Operate"
    evse_id = evse()
    token = forms.CharField(
        label="Token", max_length=36, widget=forms.TextInput(attrs={"list": "known-tokens", "autocomplete": "off"})
    )


class StopSession(CommandForm):
    verb, title, group = "remote_stop", "Stop a session", "Operate"
    session_id = forms.TypedChoiceField(label="Session", coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running = {session.pk: session for session in self.open_sessions()}
        self.offer(
            "session_id",
            [
                (pk, f"Connector {session.evse_id} · since {formats.clock(session.started_at)} · {session.token_value}")
                for pk, session in self.running.items()
            ],
            none="No session is running on this charger.",
        )

    def harm(self) -> str:
        session = self.running[self.cleaned_data["session_id"]]
        so_far = f"{(session.energy_wh or 0) / 1000:.2f} kWh so far"
        return f"End the session on connector {session.evse_id} of {self.charger.identity}, {so_far}."


class UnlockConnector(CommandForm):
    verb, title, group = "unlock", "Unlock a connector", "Operate"
    lead = "Releases a stuck plug. A running session may end."
    evse_id = evse()

    def harm(self) -> str:
        evse_id = self.cleaned_data["evse_id"]
        if not self.open_sessions(evse_id):
            return ""
        return f"Unlock connector {evse_id} of {self.charger.identity}. {self.cars(evse_id)}"


class Reset(CommandForm):
    verb, title, group = "reset", "Restart", "Operate"
    kind = forms.ChoiceField(
        choices=[("soft", "Soft: ends sessions properly, then restarts"), ("hard", "Hard: at once, as if unplugged")]
    )

    def harm(self) -> str:
        kind = self.cleaned_data["kind"].capitalize()
        return f"{kind} restart of {self.charger.identity}. {self.cars()}"


class ChangeAvailability(CommandForm):
    verb, title, group = "change_availability", "Take out of or into service", "Operate"
    evse_id = evse(required=False)
    operative = forms.TypedChoiceField(
        label="Service",
        choices=[("yes", "In service"), ("no", "Out of service")],
        coerce=lambda value: value == "yes",
        help_text="A running session is finished first.",
    )

    def harm(self) -> str:
        if self.cleaned_data["operative"]:
            return ""
        evse_id = self.cleaned_data["evse_id"] or 0
        place = f"connector {evse_id} of {self.charger.identity}" if evse_id else f"all of {self.charger.identity}"
        return f"Take {place} out of service: nobody can charge there until you put it back. {self.cars(evse_id)}"


class ReserveNow(CommandForm):
    verb, title, group = "reserve", "Reserve a connector", "Operate"
    evse_id = evse()
    token = forms.CharField(
        label="Token", max_length=36, widget=forms.TextInput(attrs={"list": "known-tokens", "autocomplete": "off"})
    )
    minutes = forms.IntegerField(label="For minutes", min_value=1, max_value=24 * 60, initial=30)

    def arguments(self) -> dict[str, Any]:
        until = timezone.now() + timedelta(minutes=self.cleaned_data["minutes"])
        highest = self.charger.reservations.aggregate(last=Max("reservation_id"))["last"]
        return {
            "evse_id": self.cleaned_data["evse_id"],
            "token": self.cleaned_data["token"],
            "expires_at": until.isoformat(timespec="seconds"),
            "reservation_id": (highest or 0) + 1,
        }


class CancelReservation(CommandForm):
    verb, title, group = "cancel_reservation", "Cancel a reservation", "Operate"
    reservation_id = forms.TypedChoiceField(label="Reservation", coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        running = self.charger.reservations.filter(status="accepted", expires_at__gt=timezone.now())
        self.offer(
            "reservation_id",
            [
                (row.reservation_id, f"{row.reservation_id} · connector {row.evse_id} · {row.token_value}")
                for row in running
            ],
            none="Nothing is reserved on this charger.",
        )


class TriggerMessage(CommandForm):
    verb, title, group = "trigger", "Ask for a message", "Operate"
    message = forms.ChoiceField(
        choices=[
            (name, name)
            for name in (
                "StatusNotification",
                "MeterValues",
                "Heartbeat",
                "BootNotification",
                "FirmwareStatusNotification",
                "DiagnosticsStatusNotification",
                "LogStatusNotification",
                "SignCertificate",
            )
        ]
    )
    evse_id = evse(required=False)
