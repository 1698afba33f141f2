"""Certificates that a charger trusts or holds."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import InstalledCertificate
from portal.forms.command import NEWER, CommandForm

Kind = InstalledCertificate.Kind
ROOTS = (Kind.CSMS_ROOT, Kind.MANUFACTURER_ROOT)
OF_15118 = (Kind.V2G_ROOT, Kind.MO_ROOT)  # which OCPP 1.6 does not know


class CertificateForm(CommandForm):
    """A form with a choice of kinds, those that the charger's version knows."""

    group = _("Secure")
    kinds: tuple[Kind, ...] = (*ROOTS, *OF_15118)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_newer = self.charger.subprotocol in NEWER
        known = [kind for kind in self.kinds if is_newer or kind in ROOTS]
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        empty = [("", gettext("All of them"))] if is_newer and not field.required else []
        field.choices = [*empty, *((kind.value, capfirst(kind.label)) for kind in known)]


class InstallCertificate(CertificateForm):
    verb, title = "install_certificate", _("Install a root certificate")
    lead = _("The charger trusts whoever this certificate vouches for, so it should be yours or your manufacturer's.")
    kind = forms.ChoiceField(label=_("Kind"))
    certificate = forms.CharField(
        label=_("Certificate"),
        max_length=5500,
        help_text=_("PEM: from “-----BEGIN CERTIFICATE-----” to the end."),
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )

    def clean_certificate(self) -> str:
        pem: str = self.cleaned_data["certificate"]
        try:
            x509.load_pem_x509_certificate(pem.encode())
        except ValueError as error:
            raise ValidationError(gettext("This is no certificate in PEM: {error}.").format(error=error)) from error
        return pem

    def harm(self) -> str:
        certificate = x509.load_pem_x509_certificate(self.cleaned_data["certificate"].encode())
        return gettext("{identity} will trust {subject}.").format(
            identity=self.charger.identity,
            subject=certificate.subject.rfc4514_string() or gettext("a nameless certificate"),
        )


class ListCertificates(CertificateForm):
    verb, title = "list_certificates", _("Ask for its certificates")
    lead = _("They appear on the Security tab as the charger tells them.")
    kinds = (*ROOTS, *OF_15118, Kind.V2G_CHAIN)
    kind = forms.ChoiceField(label=_("Kind"), required=False)


class DeleteCertificate(CommandForm):
    verb, title, group = "delete_certificate", _("Delete a certificate"), _("Secure")
    certificate = forms.TypedChoiceField(label=_("Certificate"), coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held = {row.pk: row for row in self.charger.certificates.all()}
        self.offer(
            "certificate",
            [(row.pk, f"{capfirst(row.get_kind_display())} · {row.serial_number}") for row in self.held.values()],
            none=gettext("No certificate is known; ask for its certificates first."),
        )

    def arguments(self) -> dict[str, Any]:
        row = self.held[self.cleaned_data["certificate"]]
        names = ("hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number")
        return {name: getattr(row, name) for name in names}

    def harm(self) -> str:
        row = self.held[self.cleaned_data["certificate"]]
        return gettext(
            "Delete the certificate {number} ({kind}) from {identity}. Without the root of this system it cannot come "
            "back by TLS."
        ).format(number=row.serial_number, kind=row.get_kind_display(), identity=self.charger.identity)
