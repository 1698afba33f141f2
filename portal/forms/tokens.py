"""Creating, changing and blocking an id token."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.forms.fields import dress
from sessions.models import IdToken


class TokenForm(forms.ModelForm):
    class Meta:
        model = IdToken
        fields = ("value", "holder", "status", "expires_at", "group", "kind", "session_limit")
        labels = {"value": "Token", "expires_at": "Expires at", "session_limit": "Cars at once"}
        help_texts = {
            "value": "As the reader sends it, e.g. 04A2B3C4D5E6F7. Capital letters do not matter.",
            "holder": "Whose it is, for people.",
            "group": "Tokens of one group may stop each other's sessions.",
            "kind": "Only OCPP 2.x tells kinds; empty fits all.",
            "session_limit": "How many it may charge at the same time. Empty: what the yard says for all.",
            "expires_at": "In your own time zone. Empty: never.",
        }
        widgets = {"expires_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean_session_limit(self) -> int | None:
        limit: int | None = self.cleaned_data["session_limit"]
        if limit == 0:
            raise forms.ValidationError("0 would never charge; block the token instead, or leave this empty.")
        return limit

    def clean_value(self) -> str:
        value: str = self.cleaned_data["value"].strip()
        taken = IdToken.objects.filter(value_folded=value.casefold()).exclude(pk=self.instance.pk)
        if taken.exists():
            raise forms.ValidationError(f"There is already a token {value!r}; tokens are compared ignoring case.")
        return value
