"""Leading a charger to a higher security profile."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, SecurityProfile, Setting
from chargers.upgrades import PRIORITY
from portal.forms.fields import DeskForm


class UpgradeForm(DeskForm):
    """``url`` and ``root`` are proposals: how we are reached by TLS, and the authority that signed our certificate."""

    to_profile = forms.TypedChoiceField(label=_("Security profile"), coerce=int)
    url = forms.CharField(
        label=_("OCPP address"), max_length=512, help_text=_("By TLS and without the identity, which the charger adds.")
    )
    slot = forms.IntegerField(
        label=_("Network profile slot"),
        min_value=0,
        max_value=99,
        help_text=_("Where it keeps the new one. Not the slot that it uses now: that one is its way back."),
    )
    root = forms.CharField(
        label=_("Root certificate"),
        required=False,
        strip=False,
        max_length=5500,
        help_text=_("PEM of the authority behind our TLS certificate; ours is filled in. Empty: it trusts it already."),
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
    )

    def __init__(self, charger: Charger, *args: Any, url: str, root: str, **kwargs: Any) -> None:
        used = Setting.objects.filter(charger=charger, name=PRIORITY).values_list("value", flat=True).first() or ""
        free = next(str(slot) for slot in range(1, 100) if str(slot) not in used.replace(" ", "").split(","))
        kwargs["initial"] = {"url": url, "slot": free, "root": root, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        field = self.fields["to_profile"]
        assert isinstance(field, forms.ChoiceField)
        higher = [SecurityProfile.TLS, SecurityProfile.CERTIFICATE]
        field.choices = [(each.value, each.label) for each in higher if each > charger.security_profile]
        if charger.subprotocol == "ocpp1.6":  # which has no slots, and no address in its configuration
            del self.fields["slot"], self.fields["url"]
