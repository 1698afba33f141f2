"""A template of settings as a form: what it says, whom it reaches. And how it is applied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.desired import rollouts, templates
from chargers.desired.templates import Dialect
from chargers.models import Charger, SettingTemplate, Site, Tag, fold
from chargers.sentences import read
from portal.forms.fields import DeskForm, dress

LINES = {"rows": 8, "class": "mono", "spellcheck": "false", "autocapitalize": "none"}
MOST_NAMED = 500


class LinesField(forms.CharField):
    """Settings as lines ``name = value``; the value may be empty. Cleaned: (path, value) pairs."""

    def __init__(self, dialect: Dialect, **kwargs: Any) -> None:
        self.dialect = dialect
        super().__init__(required=False, widget=forms.Textarea(attrs=LINES), **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        found, complaints = [], []
        for number, line in enumerate(str(value or "").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("//"):
                continue
            path, sign, text = line.partition("=")
            if not sign:
                complaints.append(
                    gettext("Line {number}: {line!r} has no “=”; write name = value.").format(
                        number=number, line=line.strip()[:60]
                    )
                )
                continue
            try:
                found.append(templates.checked(self.dialect, path, text))
            except ValidationError as error:
                complaints.append(
                    gettext("Line {number}: {why}").format(number=number, why=" ".join(map(read, error.messages)))
                )
        if complaints:
            raise ValidationError(complaints)
        return found


class IdentitiesField(forms.CharField):
    """Chargers by their identities, one a line or with commas between."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={**LINES, "rows": 3})
        super().__init__(required=False, widget=widget, **kwargs)

    def to_python(self, value: Any) -> Any:
        names = [name.strip() for name in re.split(r"[\n,;]", str(value or "")) if name.strip()]
        if len(names) > MOST_NAMED:
            raise ValidationError(
                gettext("{count} chargers are too many to name; give them a tag. {most} at most.").format(
                    count=len(names), most=MOST_NAMED
                )
            )
        known = {row.identity_folded: row for row in Charger.objects.filter(identity_folded__in=map(fold, names))}
        if missing := [name for name in names if fold(name) not in known]:
            raise ValidationError(
                gettext("There is no charger {identities}.").format(
                    identities=", ".join(repr(name) for name in missing[:5])
                )
            )
        return list(known.values())


class TemplateForm(forms.ModelForm):
    keys = LinesField(
        Dialect.KEY, label=_("Keys of OCPP 1.6"), help_text=_("One a line, e.g. MeterValueSampleInterval = 60.")
    )
    variables = LinesField(
        Dialect.VARIABLE,
        label=_("Variables of OCPP 2.x"),
        help_text=_("One a line, e.g. SampledDataCtrlr.TxUpdatedInterval = 60, EVSE:1.Name#instance (Target) = …"),
    )
    named = IdentitiesField(label=_("Single chargers"), help_text=_("Their identities, one a line."))

    class Meta:
        model = SettingTemplate
        fields = (
            "name", "priority", "vendor", "model", "firmware", "restarts", "keys", "variables", "is_for_all", "sites",
            "tags", "named", "notes",
        )  # fmt: skip
        labels = {
            "name": _("Name"), "priority": _("Priority"), "vendor": _("Vendor"), "model": _("Model"),
            "firmware": _("Firmware"), "restarts": _("Restarts"), "is_for_all": _("Every charger that matches"),
            "sites": _("Sites"), "tags": _("Tags"), "notes": _("Notes"),
        }  # fmt: skip
        help_texts = {
            "name": _("For people, e.g. “Depot: meter every minute”."),
            "priority": _("Where two templates want the same setting the larger one has its way; then the narrower."),
            "vendor": _("Empty: any. May hold * and ?."),
            "model": _("Empty: any. May hold * and ?."),
            "firmware": _("Empty: any. May hold * and ?, e.g. 1.4.*"),
            "restarts": _("For settings that are in force after the next boot."),
            "is_for_all": _("Of this vendor, model and firmware, wherever it stands."),
            "sites": "",
            "tags": "",
        }
        widgets = {
            "sites": forms.CheckboxSelectMultiple,
            "tags": forms.CheckboxSelectMultiple,
            "notes": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
        for name, model in (("sites", Site), ("tags", Tag)):
            if not model.objects.exists():
                del self.fields[name]
        if self.instance.pk:
            rows = self.instance.values.all()
            self.initial["keys"] = _lines(row for row in rows if row.dialect == Dialect.KEY)
            self.initial["variables"] = _lines(row for row in rows if row.dialect == Dialect.VARIABLE)
            self.initial["named"] = "\n".join(self.instance.chargers.values_list("identity", flat=True))

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if not self.errors and not found["keys"] and not found["variables"]:
            self.add_error("keys", gettext("A template without a setting wants nothing; write at least one line."))
        for name in ("keys", "variables"):
            folded = [path.casefold() for path, _value in found.get(name) or []]
            if twice := next((path for path in folded if folded.count(path) > 1), None):
                self.add_error(name, gettext("{twice} stands there twice.").format(twice=twice))
        return found

    def keep(self, *, by: AbstractBaseUser) -> SettingTemplate:
        data = self.cleaned_data
        values = [(Dialect.KEY, *pair) for pair in data["keys"]] + [
            (Dialect.VARIABLE, *pair) for pair in data["variables"]
        ]
        reach: dict[str, Any] = {name: data[name] for name in ("sites", "tags") if name in data}
        reach["chargers"] = data["named"]
        return templates.save(self.instance, values=values, reach=reach, by=by)


def _lines(rows: Iterable[Any]) -> str:
    return "\n".join(f"{row.path} = {row.value}" for row in rows)


class ApplyForm(DeskForm):
    parallel = forms.IntegerField(
        label=_("Chargers at once"),
        min_value=1,
        max_value=rollouts.MOST_PARALLEL,
        initial=10,
        help_text=_("Of each charger one setting at a time."),
    )
