"""How many of what: the nouns of our lists with their plurals, as `parts/pager.html` needs them."""

from __future__ import annotations

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import ngettext_lazy

NOUNS = {
    "campaign": ngettext_lazy("{count} campaign", "{count} campaigns"),
    "charger": ngettext_lazy("{count} charger", "{count} chargers"),
    "command": ngettext_lazy("{count} command", "{count} commands"),
    "exchange": ngettext_lazy("{count} exchange", "{count} exchanges"),
    "image": ngettext_lazy("{count} image", "{count} images"),
    "issue": ngettext_lazy("{count} issue", "{count} issues"),
    "job": ngettext_lazy("{count} job", "{count} jobs"),
    "log": ngettext_lazy("{count} log", "{count} logs"),
    "place": ngettext_lazy("{count} place", "{count} places"),
    "profile": ngettext_lazy("{count} profile", "{count} profiles"),
    "reservation": ngettext_lazy("{count} reservation", "{count} reservations"),
    "rollout": ngettext_lazy("{count} rollout", "{count} rollouts"),
    "row": ngettext_lazy("{count} row", "{count} rows"),
    "session": ngettext_lazy("{count} session", "{count} sessions"),
    "setting": ngettext_lazy("{count} setting", "{count} settings"),
    "site": ngettext_lazy("{count} site", "{count} sites"),
    "template": ngettext_lazy("{count} template", "{count} templates"),
    "token": ngettext_lazy("{count} token", "{count} tokens"),
}


def counted(noun: str, count: int, *, is_more: bool = False) -> str:
    """ "1 charger", "12,480 chargers", "500+ sessions" where it was not counted on."""
    return str(NOUNS[noun] % count).format(count=f"{intcomma(count)}{'+' if is_more else ''}")


class Amount(int):
    """A number that chooses the plural of its sentence and is written for people: 12,480, in German 12.480."""

    def __str__(self) -> str:
        return str(intcomma(int(self)))
