"""Registering a charger and changing what staff decide about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers import registration
from chargers.desired import templates
from chargers.models import Charger, SecurityProfile, Site, Tag, fold
from portal.forms.fields import DeskForm, dress


class RegisterForm(DeskForm):
    identity = forms.CharField(
        label=_("Identity"),
        max_length=128,
        strip=False,
        help_text=_("As set in the charger; the last part of its OCPP URL. Capital letters do not matter."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        help_text=_("For people, e.g. “North row, left”. May stay empty."),
    )
    site = forms.ModelChoiceField(Site.objects.all(), label=_("Site"), required=False, empty_label=_("Without a site"))
    security_profile = forms.TypedChoiceField(
        label=_("Security profile"),
        choices=SecurityProfile.choices,
        coerce=int,
        initial=SecurityProfile.BASIC,
        help_text=_("1 or 2 for nearly all: we make a password and show it once."),
    )

    def clean_identity(self) -> str:
        identity: str = self.cleaned_data["identity"]
        if Charger.objects.filter(identity_folded=fold(identity)).exists():
            raise ValidationError(
                gettext("There is already a charger {identity!r}; identities are compared ignoring case.").format(
                    identity=identity
                )
            )
        return identity

    def register(self) -> tuple[Charger, str | None] | None:
        """The new charger and its password in the clear, this once; None with errors on the form."""
        data: dict[str, Any] = self.cleaned_data
        try:
            return registration.register(**data)
        except ValidationError as error:
            self.add_error(None, error)
            return None


class TagsField(forms.CharField):
    """Words with commas between; cleaned to a list."""

    def to_python(self, value: Any) -> Any:
        names = list(dict.fromkeys(name.strip().lstrip("#") for name in str(value or "").split(",")))
        longest = Tag._meta.get_field("name").max_length or 0
        if long := next((name for name in names if len(name) > longest), None):
            raise ValidationError(
                gettext("{long!r} is too long for a tag; {longest} characters at most.").format(
                    long=long[:60], longest=longest
                )
            )
        return [name for name in names if name]


class ChargerForm(forms.ModelForm):
    tags = TagsField(
        label=_("Tags"),
        required=False,
        help_text=_("Words with commas between, e.g. depot, pilot. The list and templates find chargers by them."),
    )
    confirms_lower = forms.BooleanField(
        label=_("Yes, it may come in with less from now on"),
        required=False,
        help_text=_("The charger itself is not told; set its profile there as well."),
    )

    class Meta:
        model = Charger
        fields = (
            "name",
            "site",
            "tags",
            "registration",
            "security_profile",
            "assumed_subprotocol",
            "is_strict",
            "serial_number",
        )
        labels = {
            "name": _("Name"),
            "site": _("Site"),
            "registration": _("Registration"),
            "security_profile": _("Security profile"),
            "assumed_subprotocol": _("Without a subprotocol it speaks"),
            "is_strict": _("Strict"),
            "serial_number": _("Serial number"),
        }
        help_texts = {
            "is_strict": _("Its mistakes are refused instead of put right. For certification."),
            "assumed_subprotocol": _(
                "Only for old firmware that names none, or spells it as OCPP1.6 or ocpp1.6j. Empty: it is refused, as "
                "OCPP wants it."
            ),
            "serial_number": _("As the charger tells it. With profile 3 its certificate may go by it."),
            "name": _("For people; the identity stays as the charger sends it."),
            "registration": _("In quarantine it may talk, but not charge."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)
        self.initial["tags"] = ", ".join(tag.name for tag in self.instance.tags.all())
        self._asked_before = self.instance.security_profile
        if not self._lowers(self.data.get("security_profile")):
            del self.fields["confirms_lower"]

    def save(self, commit: bool = True) -> Any:
        names = self.cleaned_data.pop("tags")  # words, not rows yet
        charger = super().save(commit)
        templates.tag(charger, names)
        return charger

    def _lowers(self, profile: Any) -> bool:
        return str(profile).isdecimal() and int(profile) < self._asked_before

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self._lowers(data.get("security_profile")) and not data.get("confirms_lower"):
            self.add_error(
                "security_profile",
                gettext(
                    "From {before} down to {profile}: whoever could not come in before might now. Confirm it below."
                ).format(before=self._asked_before, profile=data["security_profile"]),
            )
        return data

    def clean_security_profile(self) -> int:
        profile: int = self.cleaned_data["security_profile"]
        if profile in (SecurityProfile.BASIC, SecurityProfile.TLS) and not self.instance.password_hash:
            raise ValidationError(gettext("This profile needs a password, and it has none; reset the password first."))
        return profile
