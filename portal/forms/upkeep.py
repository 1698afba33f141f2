"""Orders that configure and maintain a charger, and anything else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from portal.forms.command import CommandForm
from portal.forms.fields import JsonField
from sessions.models import IdToken


class GetConfiguration(CommandForm):
    verb, title, group = "read_settings", "Fetch the configuration", "Configure"
    lead = "The values appear on the Configuration tab as the charger reports them."
    names = forms.CharField(
        label="Names",
        required=False,
        help_text="One per line, in OCPP 2.x as Component.Variable; empty: all of them.",
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )

    def clean_names(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["names"].splitlines() if line.strip()]

    def arguments(self) -> dict[str, Any]:
        return {"names": self.cleaned_data["names"]} if self.cleaned_data["names"] else {}


class SendLocalList(CommandForm):
    verb, title, group = "send_local_list", "Send the local list", "Configure"
    lead = "Replaces the charger's own list of tokens by all of ours, so that it can decide without a connection."

    def arguments(self) -> dict[str, Any]:
        return local_list((self.charger.local_list_version or 0) + 1)


def local_list(version: int) -> dict[str, Any]:
    """All our tokens as a charger keeps them."""
    tokens = [
        {
            "value": token.value,
            "kind": token.kind,
            "status": "expired" if token.is_expired else token.status,
            "group": token.group,
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        }
        for token in IdToken.objects.all()
    ]
    return {"version": version, "mode": "full", "tokens": tokens}


class LocalListVersion(CommandForm):
    verb, title, group = "local_list_version", "Ask for its local list's version", "Configure"


class ClearCache(CommandForm):
    verb, title, group = "clear_cache", "Forget cached tokens", "Configure"
    lead = "The charger asks us about each token again. Its local list stays."


class UpdateFirmware(CommandForm):
    verb, title, group = "update_firmware", "Update the firmware", "Maintain"
    lead = "The charger fetches the file by itself and restarts; follow it on the Firmware tab."
    url = forms.CharField(
        label="File",
        max_length=512,
        help_text="URL the charger can reach: https://, http:// or ftp://.",
        widget=forms.URLInput(),
    )
    retrieve_at = forms.DateTimeField(
        label="Not before",
        required=False,
        help_text="In your own time zone; empty: at once.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    retries = forms.IntegerField(min_value=0, max_value=20, required=False)
    certificate = forms.CharField(
        label="Signing certificate",
        max_length=5500,
        required=False,
        help_text="PEM, from the manufacturer. With a signature the charger checks the file before it installs it.",
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )
    signature = forms.CharField(max_length=800, required=False, help_text="Base64, of the file.")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("certificate")) != bool(data.get("signature")):
            self.add_error("signature", "Signing certificate and signature go together.")
        return data

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "retrieve_at": (self.cleaned_data["retrieve_at"] or timezone.now()).isoformat()}

    def harm(self) -> str:
        version = self.charger.firmware_version or "of unknown version"
        return f"Update {self.charger.identity} (now {version}) from {self.cleaned_data['url']}. {self.cars()}"


class GetLog(CommandForm):
    verb, title, group = "fetch_logs", "Request a log", "Maintain"
    lead = "The charger uploads the file to us; see it arrive on the Firmware tab."
    kind = forms.ChoiceField(choices=[("diagnostics", "Diagnostics"), ("security", "Security")])
    url = forms.CharField(
        label="Upload to",
        max_length=512,
        required=False,
        help_text="Empty: to us. Or the URL of a server of yours that the charger can write to, e.g. ftp://….",
        widget=forms.URLInput(),
    )
    since = forms.DateTimeField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    until = forms.DateTimeField(required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        return {**found, **{name: found[name].isoformat() for name in ("since", "until") if name in found}}


class DataTransfer(CommandForm):
    verb, title, group = "data_transfer", "Send a vendor message", "Anything else"
    vendor_id = forms.CharField(label="Vendor", max_length=255)
    message_id = forms.CharField(label="Message", max_length=50, required=False)
    text = forms.CharField(
        label="Data",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        return {"data" if name == "text" else name: value for name, value in found.items()}


class Raw(CommandForm):
    verb, title, group = "", "Any OCPP message", "Anything else"
    lead = "Sent as it stands, checked against the specification of the charger's version."
    action = forms.RegexField(
        r"^[A-Za-z][A-Za-z0-9]*$", max_length=64, help_text="As in the specification, e.g. GetLocalListVersion."
    )
    payload = JsonField(required=False)

    def harm(self) -> str:
        return f"Send {self.cleaned_data['action']} to {self.charger.identity} as it stands. {self.cars()}"
