"""A charging profile of the library: what it says, and where it is to go."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Site
from portal.forms.fields import DeskForm
from smartcharging import drafts, library
from smartcharging.models import SavedProfile

DAYS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
ROWS_LEFT = 4  # empty rows for whoever has no scripts


def moment(label: Any, help_text: Any = "") -> forms.DateTimeField:
    return forms.DateTimeField(label=label, required=False, widget=MOMENT, help_text=help_text)


class ProfileForm(DeskForm):
    """What a draft says besides its steps, which are rows of their own: ``start``, ``limit``, ``phases``, ``more``."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("For people: “Night tariff”, “Roof, at most 40 A”.")
    )
    note = forms.CharField(
        label=_("Note"), max_length=500, required=False, help_text=_("Why it exists, and who asked for it.")
    )
    purpose = forms.ChoiceField(label=_("For"), choices=list(drafts.PURPOSES.items()))
    kind = forms.ChoiceField(label=_("When"), choices=list(drafts.KINDS.items()), initial="recurring")
    unit = forms.ChoiceField(label=_("Limits in"), choices=[("A", _("A per phase")), ("W", _("W in all"))])
    stack_level = forms.IntegerField(
        label=_("Stack level"),
        min_value=0,
        initial=0,
        required=False,
        help_text=_("Of one purpose the higher one wins."),
    )
    recurrency = forms.ChoiceField(
        label=_("Recurs"), choices=list(drafts.RECURRENCIES.items()), required=False, help_text=_("If it recurs.")
    )
    start_local = forms.TimeField(
        label=_("Begins at"), required=False, help_text=_("If it recurs: by the clock of each site. Empty: 00:00."),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )  # fmt: skip
    weekday = forms.ChoiceField(
        label=_("On"), choices=[("", "–"), *enumerate(DAYS)], required=False, help_text=_("If it recurs each week.")
    )
    start_at = moment(_("Begins on"), _("If it holds once; in your time zone. Empty: when it is sent."))
    duration_s = forms.CharField(
        label=_("Lasts"),
        required=False,
        help_text=_("Hours and minutes, as 08:00. Empty: until something else takes over."),
    )
    valid_from = moment(_("Valid from"))
    valid_to = moment(_("Valid to"))
    min_rate = forms.FloatField(
        label=_("Least useful rate"), required=False, min_value=0, help_text=_("Advice for sharing below the limit.")
    )
    max_offline_s = forms.IntegerField(
        label=_("Holds without a link for"),
        required=False,
        min_value=0,
        help_text=_("Seconds; only 2.1. Empty: for ever."),
    )
    random_delay_s = forms.IntegerField(
        label=_("Starts at random within"), required=False, min_value=0, help_text=_("Seconds; only 2.1, for sessions.")
    )
    update_interval_s = forms.IntegerField(
        label=_("Asks for news every"), required=False, min_value=1, help_text=_("Seconds; only 2.1, for dynamic ones.")
    )
    use_local_time = forms.BooleanField(
        label=_("By the charger's local time"), required=False, help_text=_("Follows summer time; only 2.1.")
    )
    MAIN = ("name", "note", "purpose", "kind", "unit", "stack_level")
    TIMES = ("recurrency", "start_local", "weekday", "start_at", "duration_s", "valid_from", "valid_to")
    RARE = ("min_rate", "max_offline_s", "random_delay_s", "update_interval_s", "use_local_time")

    def __init__(self, posted: QueryDict | None, *, saved: SavedProfile) -> None:
        self.saved = saved
        super().__init__(posted, initial={"name": saved.name, "note": saved.note, **_shown(saved.draft or {})})
        self.told = self._rows(posted) if posted is not None else _rows_of(saved.draft or FIRST)

    def main(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MAIN]

    def times(self) -> list[forms.BoundField]:
        return [self[name] for name in self.TIMES]

    def rare(self) -> list[forms.BoundField]:
        return [self[name] for name in self.RARE]

    @property
    def rows(self) -> list[dict[str, str]]:
        return [*self.told, *({"start": "", "limit": "", "phases": "", "more": ""} for _ in range(ROWS_LEFT))]

    def _rows(self, posted: QueryDict) -> list[dict[str, str]]:
        columns = [posted.getlist(name) for name in ("start", "limit", "phases", "more")]
        rows = [
            dict(zip(("start", "limit", "phases", "more"), row, strict=True)) for row in zip(*columns, strict=False)
        ]
        # Typed in any order, as the drawing shows them.
        return sorted((row for row in rows if any(value.strip() for value in row.values())), key=_start_s)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if SavedProfile.objects.filter(name=name).exclude(pk=self.saved.pk).exists():
            raise forms.ValidationError(gettext("There is already a profile {name!r}.").format(name=name))
        return name

    def draft(self) -> dict[str, Any]:
        """As `drafts.read` wants it. Raises drafts.Unreadable for steps that cannot be read."""
        told = {name: value for name, value in self.cleaned_data.items() if name not in ("name", "note")}
        if told.get("start_local"):
            told["start_local"] = told["start_local"].strftime("%H:%M")
        return {**told, "periods": [_period(number, row) for number, row in enumerate(self.told, 1)]}


FIRST = {
    "periods": [{"start_s": 0, "limit": 16}, {"start_s": 6 * 3600, "limit": 10}, {"start_s": 22 * 3600, "limit": 16}]
}


def _shown(draft: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in draft.items() if name != "periods"}
    for name in ("start_at", "valid_from", "valid_to"):
        if name in shown:
            shown[name] = datetime.fromisoformat(shown[name])
    if "duration_s" in shown:
        shown["duration_s"] = drafts.clock(shown["duration_s"])
    return shown


def _rows_of(draft: dict[str, Any]) -> list[dict[str, str]]:
    rows = []
    for period in draft["periods"]:
        more = {name: value for name, value in period.items() if name not in ("start_s", "limit", "phases")}
        rows.append(
            {
                "start": drafts.clock(period["start_s"]),
                "limit": f"{period['limit']:g}" if "limit" in period else "",
                "phases": str(period.get("phases", "")),
                "more": json.dumps(more) if more else "",
            }
        )
    return rows


def _start_s(row: dict[str, str]) -> float:
    try:
        return drafts.seconds(row["start"])
    except ValueError:
        return math.inf


def _period(number: int, row: dict[str, str]) -> dict[str, Any]:
    try:
        more = json.loads(row["more"]) if row["more"].strip() else {}
    except ValueError:
        more = None
    if not isinstance(more, dict):
        raise drafts.Unreadable(
            [
                gettext("Step {number}: {told!r} is not JSON such as {example}.").format(
                    number=number, told=row["more"], example='{"limit_l2": 10}'
                )
            ]
        )
    return {"start_s": row["start"], "limit": row["limit"], "phases": row["phases"], **more}


class PushForm(DeskForm):
    """Where a profile goes. Chargers by name, by site, or by the filter that the URL carries."""

    site = forms.ModelChoiceField(Site.objects.all(), label=_("Site"), required=False, empty_label=_("Any site"))
    chargers = forms.CharField(label=_("Chargers"),
        required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text=_("Identities, with spaces or commas between them. Empty: all of the site, or of your filter."),
    )  # fmt: skip
    place = forms.ChoiceField(label=_("There on"), choices=list(library.PLACES.items()), initial="each")
    evse_id = forms.IntegerField(
        label="EVSE", min_value=1, initial=1, required=False, help_text=_("If it is one EVSE.")
    )

    def clean_chargers(self) -> list[str]:
        named = [name for name in self.cleaned_data["chargers"].replace(",", " ").split() if name]
        known = dict(
            Charger.objects.filter(identity_folded__in=[name.casefold() for name in named]).values_list(
                "identity_folded", "identity"
            )
        )
        missing = [name for name in named if name.casefold() not in known]
        if missing:
            raise forms.ValidationError(
                gettext("We know no charger {identities}.").format(identities=", ".join(missing[:5]))
            )
        return list(known.values())
