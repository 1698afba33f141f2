"""The words that the browser's scripts say (`static/js/`), told by each page in the reader's language.

`{name}` is filled in by `deskSay(key, {name: …})` of `static/js/words.js`; of a pair `key.one`, `key.other` it takes
the one that the number calls for in the language of the page.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS: dict[str, str | Promise] = {
    "just-now": _("just now"),
    "ago": _("{time} ago"),
    "in": _("in {time}"),
    "day-unit": pgettext_lazy("unit of time", "d"),
    "feed.live": _("live"),
    "feed.wait": _("connecting"),
    "feed.lost": _("reconnecting"),
    "feed.as-of": _("What you see is as of {time}."),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "copied": _("Copied"),
    "filters": _("Filters"),
    "filters.drop": _("Remove the filter {name}"),
    "refused": _("The server answered {status}. Nothing was changed; try again."),
    "unreachable": _("The server cannot be reached. Nothing was changed; try again."),
    "curve.power": _("Power"),
    "curve.energy": _("Energy"),
    "curve.battery": _("Battery"),
    "curve.time": _("Time"),
    "curve.none": _("No measured curve yet."),
    "map.sites": _("{count} sites"),
    "map.label.one": _("{name}, {count} charger"),
    "map.label.other": _("{name}, {count} chargers"),
    "map.none": _("no chargers"),
    "map.east": pgettext_lazy("point of the compass", "E"),
    "map.west": pgettext_lazy("point of the compass", "W"),
    "map.north": pgettext_lazy("point of the compass", "N"),
    "map.south": pgettext_lazy("point of the compass", "S"),
    "steps.day": _("day {number}"),
    "steps.step": _("Step from {time}"),
    "steps.value": _("{value} from {time}"),
}
