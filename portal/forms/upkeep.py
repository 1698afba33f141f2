"""Orders that configure and maintain a charger, and anything else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.forms.command import CommandForm
from portal.forms.fields import JsonField
from sessions.models import IdToken


class GetConfiguration(CommandForm):
    verb, title, group = "read_settings", _("Fetch the configuration"), _("Configure")
    lead = _("The values appear on the Configuration tab as the charger reports them.")
    names = forms.CharField(
        label=_("Names"),
        required=False,
        help_text=_("One per line, in OCPP 2.x as Component.Variable; empty: all of them."),
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )

    def clean_names(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["names"].splitlines() if line.strip()]

    def arguments(self) -> dict[str, Any]:
        return {"names": self.cleaned_data["names"]} if self.cleaned_data["names"] else {}


class SendLocalList(CommandForm):
    verb, title, group = "send_local_list", _("Send the local list"), _("Configure")
    lead = _("Replaces the charger's own list of tokens by all of ours, so that it can decide without a connection.")

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
    verb, title, group = "local_list_version", _("Ask for its local list's version"), _("Configure")


class ClearCache(CommandForm):
    verb, title, group = "clear_cache", _("Forget cached tokens"), _("Configure")
    lead = _("The charger asks us about each token again. Its local list stays.")


class UpdateFirmware(CommandForm):
    verb, title, group = "update_firmware", _("Update the firmware"), _("Maintain")
    lead = _("The charger fetches the file by itself and restarts; follow it on the Firmware tab.")
    url = forms.CharField(
        label=_("File"),
        max_length=512,
        help_text=_("URL the charger can reach: https://, http:// or ftp://."),
        widget=forms.URLInput(),
    )
    retrieve_at = forms.DateTimeField(
        label=_("Not before"),
        required=False,
        help_text=_("In your own time zone; empty: at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    retries = forms.IntegerField(label=_("Retries"), min_value=0, max_value=20, required=False)
    certificate = forms.CharField(
        label=_("Signing certificate"),
        max_length=5500,
        required=False,
        help_text=_("PEM, from the manufacturer. With a signature the charger checks the file before it installs it."),
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )
    signature = forms.CharField(
        label=_("Signature"), max_length=800, required=False, help_text=_("Base64, of the file.")
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(data.get("certificate")) != bool(data.get("signature")):
            self.add_error("signature", gettext("Signing certificate and signature go together."))
        return data

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "retrieve_at": (self.cleaned_data["retrieve_at"] or timezone.now()).isoformat()}

    def harm(self) -> str:
        version = self.charger.firmware_version or gettext("of unknown version")
        return gettext("Update {identity} (now {version}) from {url}. {cars}").format(
            identity=self.charger.identity, version=version, url=self.cleaned_data["url"], cars=self.cars()
        )


class GetLog(CommandForm):
    verb, title, group = "fetch_logs", _("Request a log"), _("Maintain")
    lead = _("The charger uploads the file to us; see it arrive on the Firmware tab.")
    kind = forms.ChoiceField(label=_("Kind"), choices=[("diagnostics", _("Diagnostics")), ("security", _("Security"))])
    url = forms.CharField(
        label=_("Upload to"),
        max_length=512,
        required=False,
        help_text=_("Empty: to us. Or the URL of a server of yours that the charger can write to, e.g. ftp://…."),
        widget=forms.URLInput(),
    )
    since = forms.DateTimeField(
        label=_("Since"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        label=_("Until"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        return {**found, **{name: found[name].isoformat() for name in ("since", "until") if name in found}}


class DataTransfer(CommandForm):
    verb, title, group = "data_transfer", _("Send a vendor message"), _("Anything else")
    vendor_id = forms.CharField(label=_("Vendor"), max_length=255)
    message_id = forms.CharField(label=_("Message"), max_length=50, required=False)
    text = forms.CharField(
        label=_("Data"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        return {"data" if name == "text" else name: value for name, value in found.items()}


class Raw(CommandForm):
    verb, title, group = "", _("Any OCPP message"), _("Anything else")
    lead = _("Sent as it stands, checked against the specification of the charger's version.")
    action = forms.RegexField(
        r"^[A-Za-z][A-Za-z0-9]*$",
        label=_("Action"),
        max_length=64,
        help_text=_("As in the specification, e.g. GetLocalListVersion."),
    )
    payload = JsonField(label=_("Payload"), required=False)

    def harm(self) -> str:
        return gettext("Send {action} to {identity} as it stands. {cars}").format(
            action=self.cleaned_data["action"], identity=self.charger.identity, cars=self.cars()
        )
