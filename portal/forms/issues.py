"""Setting a rule, and naming who is told."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers import outward
from chargers.sentences import read
from portal.forms.fields import DeskForm, dress
from portal.issues import first_steps, telling, watch
from portal.issues.models import Channel, RuleSetting
from portal.issues.rule import Rule
from portal.views import formats

LONGEST_DAYS = 365


class RuleForm(DeskForm):
    is_on = forms.BooleanField(label=_("It looks"), required=False)
    patience_min = forms.FloatField(
        label=_("Patience in minutes"), min_value=0, max_value=LONGEST_DAYS * 1440, required=False
    )

    step = forms.ChoiceField(
        label=_("First step by itself"),
        required=False,
        help_text=_(
            "Done once for each issue that nobody looks after yet, at one charger at most every six hours and twenty "
            "times an hour in all; never where somebody could come to harm (ground failure, over-temperature, RCD …). "
            "A restart waits until no car is plugged in, and is not done where the charger says what we cannot read."
        ),
    )

    def __init__(self, rule: Rule, setting: RuleSetting, *args: Any, **kwargs: Any) -> None:
        minutes = watch.patience(rule, setting).total_seconds() / 60
        started = {"is_on": setting.is_on, "patience_min": f"{minutes:g}", "step": setting.step}
        super().__init__(*args, initial=started, **kwargs)
        if rule.steps:
            choices = [("", _("Nothing")), *((name, first_steps.STEPS[name].title) for name in rule.steps)]
            self.fields["step"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["step"]
        own = rule.patience.total_seconds() / 60
        self.fields["patience_min"].help_text = gettext("When {what}. Empty: {minutes}.").format(
            what=read(rule.patience_means), minutes=formats.figure(own)
        )

    def decision(self) -> dict[str, Any]:
        minutes = self.cleaned_data["patience_min"]
        return {
            "is_on": self.cleaned_data["is_on"],
            "patience_s": None if minutes is None else round(minutes * 60),
            "step": self.cleaned_data.get("step", ""),
        }


class ChannelForm(forms.ModelForm):
    class Meta:
        model = Channel
        fields = ("name", "kind", "address", "worst_only", "language", "is_on")
        labels = {"worst_only": _("Tell of"), "language": _("Language"), "is_on": _("On")}
        help_texts = {
            "name": _("For people, e.g. “Night shift”."),
            "address": _("A mailbox, or a URL such as https://hooks.example.com/chargeyard."),
            "worst_only": _("Issues of this severity and worse."),
            "language": _("Of mails. Webhooks speak English."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        address = found.get("address", "").strip()
        if address and found.get("kind") == Channel.Kind.MAIL:
            try:
                validate_email(address)
            except ValidationError:
                self.add_error(
                    "address",
                    gettext("{address!r} is no mailbox; it looks like desk@example.com.").format(address=address),
                )
        elif address:
            try:
                outward.check(address, telling.webhook_hosts())
            except outward.Forbidden as error:
                self.add_error("address", str(error))
        found["address"] = address
        return found
