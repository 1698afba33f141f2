"""Creating and changing a site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from chargers.models import Site
from portal.forms.fields import TimezoneField, dress


class SiteForm(forms.ModelForm):
    timezone = TimezoneField(
        label=_("Time zone"),
        max_length=64,
        initial="UTC",
        help_text=_("Its name, e.g. Europe/Berlin. Times at this site are shown in it."),
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )

    class Meta:
        model = Site
        fields = ("name", "address", "timezone", "latitude", "longitude")
        labels = {
            "name": _("Name"), "address": _("Address"), "latitude": _("Latitude"), "longitude": _("Longitude"),
        }  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
