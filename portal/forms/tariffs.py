"""Setting what drivers pay."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import DeskForm
from sessions import tariffs


def amount(label: Any, **more: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_value=tariffs.MOST, max_digits=10, decimal_places=5,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), localize=False, **more,
    )  # fmt: skip


class TariffForm(DeskForm):
    currency = forms.RegexField(
        r"^[A-Z]{3}$", label=_("Currency"), help_text=_("Three letters, e.g. EUR, as set in the chargers."),
        error_messages={"invalid": _("A currency is three capital letters, e.g. EUR.")},
        widget=forms.TextInput(attrs={"maxlength": 3, "autocomplete": "off"}),
    )  # fmt: skip
    per_kwh = amount(_("Per kWh"), help_text=_("Taxes included, as the driver pays it."))
    per_minute = amount(_("Per minute"), required=False, help_text=_("From start to stop; empty for none."))
    start_fee = amount(
        _("To start"), required=False, help_text=_("Once per session that draws something; empty for none.")
    )
