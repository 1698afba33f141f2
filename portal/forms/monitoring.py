"""What a charger watches for us, shows to people, and holds about customers (OCPP 2.x)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Monitor
from portal.forms.command import NEWER, CommandForm

SEVERITIES = (
    _("0 · danger"), _("1 · hardware failure"), _("2 · system failure"), _("3 · critical"), _("4 · error"),
    _("5 · alert"), _("6 · warning"), _("7 · notice"), _("8 · informational"), _("9 · debug"),
)  # fmt: skip
ONLY_21 = {Monitor.Kind.TARGET, Monitor.Kind.SHARE}
OF_ALL_VERSIONS = [(kind.value, kind.label) for kind in Monitor.Kind if kind not in ONLY_21]


class SetMonitor(CommandForm):
    verb, title, group, versions = "set_monitors", _("Watch a variable"), _("Watch"), NEWER
    lead = _("The charger tells us of its own accord; what it raises appears on the Security tab.")
    name = forms.CharField(
        max_length=255, label=_("Variable"), help_text=_("As Component.Variable, like EVSE:1.Power.")
    )
    kind = forms.ChoiceField(choices=OF_ALL_VERSIONS, label=_("Tell when it is"))
    value = forms.FloatField(
        label=_("Value"), help_text=_("In the variable's own unit; seconds if it is to tell periodically.")
    )
    severity = forms.TypedChoiceField(label=_("Severity"), choices=list(enumerate(SEVERITIES)), coerce=int, initial=5)

    def arguments(self) -> dict[str, Any]:
        return {"monitors": [super().arguments()]}


class ClearMonitor(CommandForm):
    verb, title, group, versions = "clear_monitors", _("Stop watching"), _("Watch"), NEWER
    monitor = forms.TypedChoiceField(label=_("Monitor"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(
            "monitor",
            [
                (row.monitor_id, f"{row.monitor_id} · {row.path} · {row.get_kind_display()} {row.value:g}")
                for row in self.charger.monitors.all()
            ],
            none=gettext("No monitor is known; ask for its monitors first."),
        )

    def arguments(self) -> dict[str, Any]:
        return {"ids": [self.cleaned_data["monitor"]]}


class MonitoringReport(CommandForm):
    verb, title, group, versions = "monitoring_report", _("Ask for its monitors"), _("Watch"), NEWER
    lead = _("They appear on the Configuration tab as the charger tells them.")


class MonitoringBase(CommandForm):
    verb, title, group, versions = "set_monitoring_base", _("Reset its monitors"), _("Watch"), NEWER
    base = forms.ChoiceField(
        label=_("Base"),
        choices=[
            ("all", _("Keep ours, add the factory's")),
            ("factory", _("The factory's only")),
            ("hardwired", _("None")),
        ],
    )


class MonitoringLevel(CommandForm):
    verb, title, group, versions = "set_monitoring_level", _("Choose how severe an event must be"), _("Watch"), NEWER
    severity = forms.TypedChoiceField(
        label=_("Severity"),
        choices=list(enumerate(SEVERITIES)),
        coerce=int,
        initial=9,
        help_text=_("This and worse is told."),
    )


class ShowMessage(CommandForm):
    verb, title, group, versions = "show_message", _("Show a message"), _("Display"), NEWER
    message_id = forms.IntegerField(
        label=_("Number"), min_value=1, initial=1, help_text=_("Replaces the one that has it.")
    )
    content = forms.CharField(label=_("Text"), max_length=512)
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=[
            ("cycle", _("In turn with others")),
            ("in_front", _("Before others")),
            ("front", _("Always, and alone")),
        ],
    )
    state = forms.ChoiceField(
        required=False,
        label=_("While the charger is"),
        choices=[
            ("", _("In any state")),
            ("idle", _("Idle")),
            ("charging", _("Charging")),
            ("faulted", _("Faulted")),
            ("unavailable", _("Out of service")),
        ],
    )


class ListMessages(CommandForm):
    verb, title, group, versions = "list_messages", _("Ask what it shows"), _("Display"), NEWER


class ClearMessage(CommandForm):
    verb, title, group, versions = "clear_message", _("Take a message off"), _("Display"), NEWER
    message_id = forms.IntegerField(label=_("Number"), min_value=0)


class CustomerInformation(CommandForm):
    verb, title, group, versions = (
        "customer_information",
        _("Ask for, or erase, a customer's data"),
        _("Anything else"),
        NEWER,
    )
    token = forms.CharField(label=_("Token"), max_length=36, required=False)
    customer = forms.CharField(
        label=_("Customer"), max_length=64, required=False, help_text=_("A name or number that the charger knows.")
    )
    report = forms.BooleanField(required=False, initial=True, label=_("Tell us what it holds"))
    clear = forms.BooleanField(required=False, label=_("Erase it"))

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("token")) == bool(data.get("customer")):
            raise ValidationError(gettext("Name the customer by a token or by a name, one of them."))
        if not (data.get("report") or data.get("clear")):
            raise ValidationError(gettext("Choose whether it is to tell, to erase, or both."))
        return data

    def harm(self) -> str:
        who = self.cleaned_data["token"] or self.cleaned_data["customer"]
        if not self.cleaned_data["clear"]:
            return ""
        return gettext("Erase what {identity} holds about {who!r}.").format(identity=self.charger.identity, who=who)


class ListProfiles(CommandForm):
    verb, title, group, versions = "list_profiles", _("Ask for its charging profiles"), _("Charge less or later"), NEWER
    lead = _("They appear on the Profiles tab as the charger tells them.")
