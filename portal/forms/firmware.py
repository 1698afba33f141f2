"""Adding a firmware image, and starting a campaign."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers import images
from chargers.campaigns import rings
from chargers.models import FirmwareImage
from portal.forms.fields import DeskForm

MONO = {"class": "mono", "spellcheck": "false"}


class ImageForm(DeskForm):
    file = forms.FileField(label=_("File"), help_text=_("As the manufacturer gave it to you."), max_length=200)
    vendor = forms.CharField(
        label=_("Vendor"),
        max_length=64,
        help_text=_("As the charger tells it."),
        widget=forms.TextInput(attrs={"list": "vendors"}),
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=64,
        help_text=_("As the charger tells it; * stands for anything, e.g. Wallbox*."),
        widget=forms.TextInput(attrs={"list": "models"}),
    )
    version = forms.CharField(
        label=_("Version"),
        max_length=64,
        help_text=_("Exactly as the charger tells it when it boots with it; success is known by it."),
    )
    sha256 = forms.CharField(
        label="SHA-256",
        max_length=95,
        required=False,
        help_text=_("If the manufacturer tells it: a file with another one is refused."),
        widget=forms.TextInput(attrs=MONO),
    )
    signature = forms.CharField(
        label=_("Signature"),
        max_length=800,
        required=False,
        help_text=_("Base64, of the file. Then the update is ordered as a signed one."),
    )
    certificate = forms.CharField(
        label=_("Signing certificate"),
        max_length=5500,
        required=False,
        help_text=_("PEM, from the manufacturer."),
        widget=forms.Textarea(attrs={"rows": 3, **MONO}),
    )
    notes = forms.CharField(label=_("Notes"), max_length=5000, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def label(self) -> images.Label:
        told = {name: value for name, value in self.cleaned_data.items() if name != "file"}
        return images.Label(**told)

    def upload(self) -> UploadedFile:
        found: UploadedFile = self.cleaned_data["file"]
        return found


class CampaignForm(DeskForm):
    """What of a campaign people decide; the chargers are chosen by the URL's filters."""

    title = forms.CharField(
        label=_("Title"), max_length=120, required=False, help_text=_("For people; empty: the image's name.")
    )
    ring_sizes = forms.CharField(
        label=_("Rings"),
        max_length=200,
        initial=rings.DEFAULT,
        help_text=_("One after the other: numbers of chargers, or shares of all. The first is the canary."),
    )
    halt_percent = forms.IntegerField(
        label=_("Halt when more than … % of a ring failed"), initial=10, min_value=0, max_value=100
    )
    most_at_once = forms.IntegerField(
        label=_("At once, at most"), initial=10, min_value=0, max_value=10_000, help_text=_("0: no limit.")
    )
    most_per_site = forms.IntegerField(
        label=_("At once at one site, at most"), initial=2, min_value=0, max_value=10_000, help_text=_("0: no limit.")
    )
    mbit_per_s = forms.FloatField(
        label=_("Bandwidth, Mbit/s"),
        required=False,
        min_value=0.01,
        max_value=100_000,
        help_text=_("So many go at once that each can have its file within 10 minutes."),
    )
    window_from = forms.TimeField(
        label=_("Not before"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Every day, in the time zone of the site."),
    )  # fmt: skip
    window_until = forms.TimeField(
        label=_("Not after"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Orders end then; a charger that has begun goes on."),
    )  # fmt: skip
    only_idle = forms.BooleanField(label=_("Only chargers at which no session runs"), initial=True, required=False)
    soak_minutes = forms.IntegerField(
        label=_("Soak, minutes"), initial=30, min_value=0, max_value=10_080,
        help_text=_("So long it must run the new version without a fault or more boots. 0: not asked for."),
    )  # fmt: skip
    needs_session = forms.BooleanField(
        label=_("Success needs one good session afterwards"), initial=True, required=False
    )
    session_patience_hours = forms.IntegerField(
        label=_("Wait for that session, hours"), initial=48, min_value=1, max_value=720,
        help_text=_("If no car came until then it counts as done, and says so."),
    )  # fmt: skip
    deadline_minutes = forms.IntegerField(
        label=_("Has failed after, minutes"), initial=120, min_value=5, max_value=10_080,
        help_text=_("From the order to the boot with the new version."),
    )  # fmt: skip

    def __init__(self, image: FirmwareImage, count: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.image, self.count = image, count

    def clean_ring_sizes(self) -> str:
        text: str = self.cleaned_data["ring_sizes"]
        try:
            rings.sizes(text, max(1, self.count))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if (data.get("window_from") is None) != (data.get("window_until") is None):
            self.add_error("window_until", gettext("A window has a beginning and an end; give both or neither."))
        return data

    def rules(self) -> dict[str, Any]:
        """As `chargers.campaigns.care.start` takes them."""
        data = dict(self.cleaned_data)
        data["bytes_per_s"] = int((data.pop("mbit_per_s") or 0) * 125_000)
        data["title"] = data["title"] or str(self.image)
        return data
