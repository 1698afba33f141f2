"""Creating, changing and blocking an id token."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import dress
from sessions.models import IdToken


class TokenForm(forms.ModelForm):
    class Meta:
        model = IdToken
        fields = ("value", "holder", "status", "expires_at", "group", "kind", "session_limit")
        labels = {
            "value": _("Token"), "holder": _("Holder"), "status": _("Status"), "expires_at": _("Expires at"),
            "group": _("Group"), "kind": _("Kind"), "session_limit": _("Cars at once"),
        }  # fmt: skip
        help_texts = {
            "value": _("As the reader sends it, e.g. 04A2B3C4D5E6F7. Capital letters do not matter."),
            "holder": _("Whose it is, for people."),
            "group": _("Tokens of one group may stop each other's sessions."),
            "kind": _("Only OCPP 2.x tells kinds; empty fits all."),
            "session_limit": _("How many it may charge at the same time. Empty: what the yard says for all."),
            "expires_at": _("In your own time zone. Empty: never."),
        }
        widgets = {"expires_at": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def clean_session_limit(self) -> int | None:
        limit: int | None = self.cleaned_data["session_limit"]
        if limit == 0:
            raise forms.ValidationError(gettext("0 would never charge; block the token instead, or leave this empty."))
        return limit

    def clean_value(self) -> str:
        value: str = self.cleaned_data["value"].strip()
        taken = IdToken.objects.filter(value_folded=value.casefold()).exclude(pk=self.instance.pk)
        if taken.exists():
            raise forms.ValidationError(
                gettext("There is already a token {value!r}; tokens are compared ignoring case.").format(value=value)
            )
        return value
