"""What a charger watches for us, shows to people, and holds about customers (OCPP 2.x)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from chargers.models import Monitor
from portal.forms.command import NEWER, CommandForm

SEVERITIES = (
    "0 · danger", "1 · hardware failure", "2 · system failure", "3 · critical", "4 · error",
    "5 · alert", "6 · warning", "7 · notice", "8 · informational", "9 · debug",
)  # fmt: skip
ONLY_21 = {Monitor.Kind.TARGET, Monitor.Kind.SHARE}
OF_ALL_VERSIONS = [(kind.value, kind.label) for kind in Monitor.Kind if kind not in ONLY_21]


class SetMonitor(CommandForm):
    verb, title, group, versions = "set_monitors", "Watch a variable", "Watch", NEWER
    lead = "The charger tells us of its own accord; what it raises appears on the Security tab."
    name = forms.CharField(max_length=255, label="Variable", help_text="As Component.Variable, like EVSE:1.Power.")
    kind = forms.ChoiceField(choices=OF_ALL_VERSIONS, label="Tell when it is")
    value = forms.FloatField(help_text="In the variable's own unit; seconds if it is to tell periodically.")
    severity = forms.TypedChoiceField(choices=list(enumerate(SEVERITIES)), coerce=int, initial=5)

    def arguments(self) -> dict[str, Any]:
        return {"monitors": [super().arguments()]}


class ClearMonitor(CommandForm):
    verb, title, group, versions = "clear_monitors", "Stop watching", "Watch", NEWER
    monitor = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(
            "monitor",
            [
                (row.monitor_id, f"{row.monitor_id} · {row.path} · {row.get_kind_display()} {row.value:g}")
                for row in self.charger.monitors.all()
            ],
            none="No monitor is known; ask for its monitors first.",
        )

    def arguments(self) -> dict[str, Any]:
        return {"ids": [self.cleaned_data["monitor"]]}


class MonitoringReport(CommandForm):
    verb, title, group, versions = "monitoring_report", "Ask for its monitors", "Watch", NEWER
    lead = "They appear on the Configuration tab as the charger tells them."


class MonitoringBase(CommandForm):
    verb, title, group, versions = "set_monitoring_base", "Reset its monitors", "Watch", NEWER
    base = forms.ChoiceField(
        choices=[("all", "Keep ours, add the factory's"), ("factory", "The factory's only"), ("hardwired", "None")]
    )


class MonitoringLevel(CommandForm):
    verb, title, group, versions = "set_monitoring_level", "Choose how severe an event must be", "Watch", NEWER
    severity = forms.TypedChoiceField(
        choices=list(enumerate(SEVERITIES)), coerce=int, initial=9, help_text="This and worse is told."
    )


class ShowMessage(CommandForm):
    verb, title, group, versions = "show_message", "Show a message", "Display", NEWER
    message_id = forms.IntegerField(label="Number", min_value=1, initial=1, help_text="Replaces the one that has it.")
    content = forms.CharField(label="Text", max_length=512)
    priority = forms.ChoiceField(
        choices=[("cycle", "In turn with others"), ("in_front", "Before others"), ("front", "Always, and alone")]
    )
    state = forms.ChoiceField(
        required=False,
        label="While the charger is",
        choices=[
            ("", "In any state"),
            ("idle", "Idle"),
            ("charging", "Charging"),
            ("faulted", "Faulted"),
            ("unavailable", "Out of service"),
        ],
    )


class ListMessages(CommandForm):
    verb, title, group, versions = "list_messages", "Ask what it shows", "Display", NEWER


class ClearMessage(CommandForm):
    verb, title, group, versions = "clear_message", "Take a message off", "Display", NEWER
    message_id = forms.IntegerField(label="Number", min_value=0)


class CustomerInformation(CommandForm):
    verb, title, group, versions = (
        "customer_information",
        "Ask for, or erase, a customer's data",
        "Anything else",
        NEWER,
    )
    token = forms.CharField(max_length=36, required=False)
    customer = forms.CharField(max_length=64, required=False, help_text="A name or number that the charger knows.")
    report = forms.BooleanField(required=False, initial=True, label="Tell us what it holds")
    clear = forms.BooleanField(required=False, label="Erase it")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("token")) == bool(data.get("customer")):
            raise ValidationError("Name the customer by a token or by a name, one of them.")
        if not (data.get("report") or data.get("clear")):
            raise ValidationError("Choose whether it is to tell, to erase, or both.")
        return data

    def harm(self) -> str:
        who = self.cleaned_data["token"] or self.cleaned_data["customer"]
        return f"Erase what {self.charger.identity} holds about {who!r}." if self.cleaned_data["clear"] else ""


class ListProfiles(CommandForm):
    verb, title, group, versions = "list_profiles", "Ask for its charging profiles", "Charge less or later", NEWER
    lead = "They appear on the Profiles tab as the charger tells them."
