"""What the forms share: our look, and fields with a parser of their own."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext


class DeskForm(forms.Form):
    """A form in our look; errors are tied to their fields for screen readers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


def dress(form: forms.BaseForm) -> None:
    """Give the widgets of a form our classes."""
    for field in form.fields.values():
        widget = field.widget
        if isinstance(widget, forms.CheckboxInput | forms.RadioSelect):
            continue
        look = "form-select" if isinstance(widget, forms.Select) else "form-control"
        widget.attrs["class"] = f"{look} {widget.attrs.get('class', '')}".strip()


class JsonField(forms.CharField):
    """A JSON object typed by a person; the error says where it breaks."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"})
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or "{}"
        try:
            found = json.loads(text)
        except ValueError as error:
            raise ValidationError(gettext("This is not JSON: {error}.").format(error=error)) from error
        if not isinstance(found, dict):
            raise ValidationError(gettext("The payload must be a JSON object, in braces."))
        return found


class TimezoneField(forms.CharField):
    """An IANA zone name, as "Europe/Berlin"."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value)
        if name not in available_timezones():
            raise ValidationError(
                gettext("{name!r} is no time zone name; it looks like Europe/Berlin.").format(name=name)
            )
        return name
