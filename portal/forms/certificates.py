"""Certificates that a charger trusts or holds."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from django import forms
from django.core.exceptions import ValidationError

from chargers.models import InstalledCertificate
from portal.forms.command import NEWER, CommandForm

Kind = InstalledCertificate.Kind
ROOTS = (Kind.CSMS_ROOT, Kind.MANUFACTURER_ROOT)
OF_15118 = (Kind.V2G_ROOT, Kind.MO_ROOT)  # which OCPP 1.6 does not know


class CertificateForm(CommandForm):
    """A form with a choice of kinds, those that the charger's version knows."""

    group = "Secure"
    kinds: tuple[Kind, ...] = (*ROOTS, *OF_15118)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_newer = self.charger.subprotocol in NEWER
        known = [kind for kind in self.kinds if is_newer or kind in ROOTS]
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        empty = [("", "All of them")] if is_newer and not field.required else []
        field.choices = [*empty, *((kind.value, kind.label.capitalize()) for kind in known)]


class InstallCertificate(CertificateForm):
    verb, title = "install_certificate", "Install a root certificate"
    lead = "The charger trusts whoever this certificate vouches for, so it should be yours or your manufacturer's."
    kind = forms.ChoiceField()
    certificate = forms.CharField(
        max_length=5500,
        help_text="PEM: from “-----BEGIN CERTIFICATE-----” to the end.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )

    def clean_certificate(self) -> str:
        pem: str = self.cleaned_data["certificate"]
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError as error:
            raise ValidationError(f"This is no certificate in PEM: {error}.") from error
        return pem

    def harm(self) -> str:
        certificate = x509.load_pem_x509_certificate(self.cleaned_data["certificate"].encode())
        return f"{self.charger.identity} will trust {certificate.subject.rfc4514_string() or 'a nameless certificate'}."


class ListCertificates(CertificateForm):
    verb, title = "list_certificates", "Ask for its certificates"
    lead = "They appear on the Security tab as the charger tells them."
    kinds = (*ROOTS, *OF_15118, Kind.V2G_CHAIN)
    kind = forms.ChoiceField(required=False)


class DeleteCertificate(CommandForm):
    verb, title, group = "delete_certificate", "Delete a certificate", "Secure"
    certificate = forms.TypedChoiceField(coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held = {row.pk: row for row in self.charger.certificates.all()}
        self.offer(
            "certificate",
            [(row.pk, f"{row.get_kind_display().capitalize()} · {row.serial_number}") for row in self.held.values()],
            none="No certificate is known; ask for its certificates first.",
        )

    def arguments(self) -> dict[str, Any]:
        row = self.held[self.cleaned_data["certificate"]]
        names = ("hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number")
        return {name: getattr(row, name) for name in names}

    def harm(self) -> str:
        row = self.held[self.cleaned_data["certificate"]]
        what = f"the certificate {row.serial_number} ({row.get_kind_display()})"
        return (
            f"Delete {what} from {self.charger.identity}. Without the root of this system it cannot come back by TLS."
        )
