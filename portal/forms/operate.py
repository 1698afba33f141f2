"""Starting, stopping, unlocking, restarting: what a night shift orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.forms.command import CommandForm, evse
from portal.views import formats


class StartSession(CommandForm):
    verb, title, group = "remote_start", _("Start a session"), _("Operate")
    evse_id = evse()
    token = forms.CharField(
        label=_("Token"), max_length=36, widget=forms.TextInput(attrs={"list": "known-tokens", "autocomplete": "off"})
    )


class StopSession(CommandForm):
    verb, title, group = "remote_stop", _("Stop a session"), _("Operate")
    session_id = forms.TypedChoiceField(label=_("Session"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running = {session.pk: session for session in self.open_sessions()}
        self.offer(
            "session_id",
            [
                (
                    pk,
                    gettext("Connector {number} · since {time} · {token}").format(
                        number=session.evse_id, time=formats.clock(session.started_at), token=session.token_value
                    ),
                )
                for pk, session in self.running.items()
            ],
            none=gettext("No session is running on this charger."),
        )

    def harm(self) -> str:
        session = self.running[self.cleaned_data["session_id"]]
        so_far = f"{formats.number((session.energy_wh or 0) / 1000, 2)} kWh"
        return gettext("End the session on connector {number} of {identity}, {energy} so far.").format(
            number=session.evse_id, identity=self.charger.identity, energy=so_far
        )


class UnlockConnector(CommandForm):
    verb, title, group = "unlock", _("Unlock a connector"), _("Operate")
    lead = _("Releases a stuck plug. A running session may end.")
    evse_id = evse()

    def harm(self) -> str:
        evse_id = self.cleaned_data["evse_id"]
        if not self.open_sessions(evse_id):
            return ""
        return gettext("Unlock connector {number} of {identity}. {cars}").format(
            number=evse_id, identity=self.charger.identity, cars=self.cars(evse_id)
        )


class Reset(CommandForm):
    verb, title, group = "reset", _("Restart"), _("Operate")
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            ("soft", _("Soft: ends sessions properly, then restarts")),
            ("hard", _("Hard: at once, as if unplugged")),
        ],
    )

    def harm(self) -> str:
        is_hard = self.cleaned_data["kind"] == "hard"
        said = (
            gettext("Hard restart of {identity}. {cars}") if is_hard else gettext("Soft restart of {identity}. {cars}")
        )
        return said.format(identity=self.charger.identity, cars=self.cars())


class ChangeAvailability(CommandForm):
    verb, title, group = "change_availability", _("Take out of or into service"), _("Operate")
    evse_id = evse(required=False)
    operative = forms.TypedChoiceField(
        label=_("Service"),
        choices=[("yes", _("In service")), ("no", _("Out of service"))],
        coerce=lambda value: value == "yes",
        help_text=_("A running session is finished first."),
    )

    def harm(self) -> str:
        if self.cleaned_data["operative"]:
            return ""
        evse_id = self.cleaned_data["evse_id"] or 0
        said = (
            gettext(
                "Take connector {number} of {identity} out of service: nobody can charge there until you put it back. "
                "{cars}"
            )
            if evse_id
            else gettext("Take all of {identity} out of service: nobody can charge there until you put it back. {cars}")
        )
        return said.format(number=evse_id, identity=self.charger.identity, cars=self.cars(evse_id))


class ReserveNow(CommandForm):
    verb, title, group = "reserve", _("Reserve a connector"), _("Operate")
    evse_id = evse()
    token = forms.CharField(
        label=_("Token"), max_length=36, widget=forms.TextInput(attrs={"list": "known-tokens", "autocomplete": "off"})
    )
    minutes = forms.IntegerField(label=_("For minutes"), min_value=1, max_value=24 * 60, initial=30)

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
    verb, title, group = "cancel_reservation", _("Cancel a reservation"), _("Operate")
    reservation_id = forms.TypedChoiceField(label=_("Reservation"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        running = self.charger.reservations.filter(status="accepted", expires_at__gt=timezone.now())
        self.offer(
            "reservation_id",
            [
                (
                    row.reservation_id,
                    gettext("{id} · connector {number} · {token}").format(
                        id=row.reservation_id, number=row.evse_id, token=row.token_value
                    ),
                )
                for row in running
            ],
            none=gettext("Nothing is reserved on this charger."),
        )


class TriggerMessage(CommandForm):
    verb, title, group = "trigger", _("Ask for a message"), _("Operate")
    message = forms.ChoiceField(
        label=_("Message"),
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
        ],
    )
    evse_id = evse(required=False)
