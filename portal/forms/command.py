"""What the forms of all commands share. A form speaks our words; the charger's dialect is found at delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger
from portal.forms.fields import DeskForm
from portal.views import formats
from sessions.models import ChargingSession

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

    Words = str | StrPromise

NEWER = ("ocpp2.0.1", "ocpp2.1")
VERSIONS = ("ocpp1.6", *NEWER)


class CommandForm(DeskForm):
    """The form of one command. Its cleaned data are the arguments; ``verb`` is the domain's, a raw message has none."""

    verb: ClassVar[str]
    title: ClassVar[Words]
    whole: ClassVar[Words] = _("The whole charger")  # what a place without a connector means
    group: ClassVar[Words]
    lead: ClassVar[Words] = ""  # a sentence above the form
    versions: ClassVar[tuple[str, ...]] = VERSIONS  # who has words for it

    def __init__(self, charger: Charger, *args: Any, **kwargs: Any) -> None:
        self.charger = charger
        super().__init__(*args, **kwargs)
        if "evse_id" in self.fields:
            self.fields["evse_id"] = self._place(self.fields["evse_id"])

    def _place(self, field: forms.Field) -> forms.Field:
        """A choice of this charger's connectors, or a number while it has told none."""
        connectors = self.charger.connectors.filter(evse_id__gt=0)
        evses = sorted({connector.evse_id for connector in connectors})
        choices = [(evse_id, gettext("Connector {number}").format(number=evse_id)) for evse_id in evses]
        if not field.required:
            choices.insert(0, (0, str(self.whole)))
        if not evses:
            return field
        choice = forms.TypedChoiceField(
            label=field.label, choices=choices, coerce=int, required=field.required, help_text=field.help_text
        )
        choice.widget.attrs["class"] = "form-select"
        return choice

    def clean_evse_id(self) -> int:
        """0 stands for the whole charger."""
        return int(self.cleaned_data.get("evse_id") or 0)

    def offer(self, name: str, choices: list[tuple[int, str]], *, none: str) -> None:
        """Fill a choice; ``none`` says why it is empty."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if not choices:
            field.help_text = none

    def arguments(self) -> dict[str, Any]:
        """What the command carries; only what was filled in."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}

    def harm(self) -> str:
        """What it will hit, as a sentence, if it should be asked for twice; else empty. Called on a valid form."""
        return ""

    def open_sessions(self, evse_id: int = 0) -> list[ChargingSession]:
        found = ChargingSession.objects.filter(charger=self.charger, stopped_at=None, is_superseded=False)
        return list(found.filter(evse_id=evse_id) if evse_id else found)

    def cars(self, evse_id: int = 0) -> str:
        """Who would notice: "2 sessions are running here (12.40 kWh so far)."."""
        running = self.open_sessions(evse_id)
        if not running:
            return gettext("No session is running there.") if evse_id else gettext("No session is running.")
        energy = sum(session.energy_wh or 0 for session in running) / 1000
        said = ngettext(
            "{count} session is running ({energy} so far).",
            "{count} sessions are running ({energy} so far).",
            len(running),
        )
        return said.format(count=len(running), energy=f"{formats.number(energy, 2)} kWh")


def evse(*, required: bool = True, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Connector"), min_value=0 if not required else 1, required=required, help_text=help_text
    )
