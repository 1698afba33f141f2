"""Uploading a table."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import DeskForm


class ImportForm(DeskForm):
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("Its first row names the columns. Commas, semicolons or tabs between them; 5 MB at most."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )
    makes_sites = forms.BooleanField(label=_("Add sites that are not there yet"), required=False)

    def __init__(self, *args: object, kind: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if kind != "chargers":
            del self.fields["makes_sites"]
        if kind == "steve":
            file = self.fields["file"]
            file.label = _("Dump of SteVe's database")
            file.help_text = _("As mysqldump or phpMyAdmin writes it; 50 MB at most. It is read, never executed.")
            file.widget.attrs["accept"] = ".sql,application/sql,text/plain"
