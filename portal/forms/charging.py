"""Orders that make a charger give less, or later."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.forms.command import CommandForm, evse


class SetProfile(CommandForm):
    verb, title, group = "set_profile", "Set a charging profile", "Charge less or later"
    lead = "Limits are per phase in amperes, or in watts for the connector as a whole."
    evse_id = evse(required=False)
    profile_id = forms.IntegerField(label="Profile number", min_value=1, initial=1)
    stack_level = forms.IntegerField(label="Stack level", min_value=0, initial=0, help_text="The higher one wins.")
    purpose = forms.ChoiceField(
        choices=[
            ("tx_default", "Every session (default)"),
            ("tx", "The running session only"),
            ("charger_max", "The charger as a whole, at most"),
        ]
    )
    unit = forms.ChoiceField(choices=[("A", "A per phase"), ("W", "W in all")])
    schedule = forms.CharField(
        initial="0 16",
        help_text="One line per period: seconds from the start, a space, the limit. "
        "“0 16” then “3600 32” is 16 for an hour, then 32.",
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )

    def clean_schedule(self) -> list[dict[str, float]]:
        periods = []
        for line in self.cleaned_data["schedule"].splitlines():
            try:
                start, limit = line.split()
                periods.append({"start_s": int(start), "limit": float(limit)})
            except ValueError:
                if line.strip():
                    raise ValidationError(f"{line!r} is not “seconds limit”, as in “0 16”.") from None
        if not periods or periods[0]["start_s"] != 0:
            raise ValidationError("The first period must start at 0.")
        if any(a["start_s"] >= b["start_s"] for a, b in pairwise(periods)):
            raise ValidationError("The periods must come in order of time.")
        return periods

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("purpose") == "charger_max" and data.get("evse_id"):
            self.add_error("evse_id", "A limit of the charger as a whole belongs to the whole charger.")
        if data.get("purpose") == "tx" and not (data.get("evse_id") and self.open_sessions(data["evse_id"])):
            self.add_error("evse_id", "No session is running there that the profile could hold for.")
        return data

    def arguments(self) -> dict[str, Any]:
        data = self.cleaned_data
        evse_id = data["evse_id"]
        profile = {
            "id": data["profile_id"],
            "stack_level": data["stack_level"],
            "purpose": data["purpose"],
            # Relative: the periods count from when the car starts to charge.
            "kind": "absolute" if data["purpose"] == "charger_max" else "relative",
            "unit": data["unit"],
            "periods": data["schedule"],
        }
        if data["purpose"] == "tx":
            profile["session_id"] = self.open_sessions(evse_id)[0].pk
        return {"evse_id": evse_id, "profile": profile}


class ClearProfile(CommandForm):
    verb, title, group = "clear_profiles", "Clear charging profiles", "Charge less or later"
    profile_id = forms.IntegerField(label="Profile number", required=False, help_text="Empty: all that match the rest.")
    whole = "Wherever they are"
    evse_id = evse(required=False)

    def arguments(self) -> dict[str, Any]:
        # 0 would clear only those of the charger as a whole; without a place all go.
        return {name: value for name, value in super().arguments().items() if value}

    def harm(self) -> str:
        which = self.cleaned_data["profile_id"]
        if which:
            return ""
        return f"Clear all charging profiles of {self.charger.identity}: it may draw its full power at once."


class CompositeSchedule(CommandForm):
    verb, title, group = "composite_schedule", "Ask what limit holds", "Charge less or later"
    evse_id = evse(required=False)
    duration_s = forms.TypedChoiceField(
        label="Over the next",
        coerce=int,
        choices=[(3600, "hour"), (6 * 3600, "6 hours"), (24 * 3600, "24 hours")],
    )
    unit = forms.ChoiceField(choices=[("A", "A per phase"), ("W", "W in all")])
