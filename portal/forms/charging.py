"""Orders that make a charger give less, or later."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.forms.command import CommandForm, evse


class SetProfile(CommandForm):
    verb, title, group = "set_profile", _("Set a charging profile"), _("Charge less or later")
    lead = _("Limits are per phase in amperes, or in watts for the connector as a whole.")
    evse_id = evse(required=False)
    profile_id = forms.IntegerField(label=_("Profile number"), min_value=1, initial=1)
    stack_level = forms.IntegerField(
        label=_("Stack level"), min_value=0, initial=0, help_text=_("The higher one wins.")
    )
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=[
            ("tx_default", _("Every session (default)")),
            ("tx", _("The running session only")),
            ("charger_max", _("The charger as a whole, at most")),
        ],
    )
    unit = forms.ChoiceField(label=_("Unit"), choices=[("A", _("A per phase")), ("W", _("W in all"))])
    schedule = forms.CharField(
        label=_("Schedule"),
        initial="0 16",
        help_text=_(
            "One line per period: seconds from the start, a space, the limit. "
            "“0 16” then “3600 32” is 16 for an hour, then 32."
        ),
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
                    raise ValidationError(
                        gettext("{line!r} is not “seconds limit”, as in “0 16”.").format(line=line)
                    ) from None
        if not periods or periods[0]["start_s"] != 0:
            raise ValidationError(gettext("The first period must start at 0."))
        if any(a["start_s"] >= b["start_s"] for a, b in pairwise(periods)):
            raise ValidationError(gettext("The periods must come in order of time."))
        return periods

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("purpose") == "charger_max" and data.get("evse_id"):
            self.add_error("evse_id", gettext("A limit of the charger as a whole belongs to the whole charger."))
        if data.get("purpose") == "tx" and not (data.get("evse_id") and self.open_sessions(data["evse_id"])):
            self.add_error("evse_id", gettext("No session is running there that the profile could hold for."))
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
    verb, title, group = "clear_profiles", _("Clear charging profiles"), _("Charge less or later")
    profile_id = forms.IntegerField(
        label=_("Profile number"), required=False, help_text=_("Empty: all that match the rest.")
    )
    whole = _("Wherever they are")
    evse_id = evse(required=False)

    def arguments(self) -> dict[str, Any]:
        # 0 would clear only those of the charger as a whole; without a place all go.
        return {name: value for name, value in super().arguments().items() if value}

    def harm(self) -> str:
        which = self.cleaned_data["profile_id"]
        if which:
            return ""
        return gettext("Clear all charging profiles of {identity}: it may draw its full power at once.").format(
            identity=self.charger.identity
        )


class CompositeSchedule(CommandForm):
    verb, title, group = "composite_schedule", _("Ask what limit holds"), _("Charge less or later")
    evse_id = evse(required=False)
    duration_s = forms.TypedChoiceField(
        label=_("Over the next"),
        coerce=int,
        choices=[(3600, _("hour")), (6 * 3600, _("6 hours")), (24 * 3600, _("24 hours"))],
    )
    unit = forms.ChoiceField(label=_("Unit"), choices=[("A", _("A per phase")), ("W", _("W in all"))])
