"""The desk's components as template tags: one place for how a state, a number, a list's head or a live part looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

from chargers import sentences
from chargers.models import Connector, ConnectorStatus, Participant
from portal.views import formats, nouns
from portal.views.script_words import WORDS
from portal.views.states import SHAPE_OF, STATES, state_of
from sessions.models import ChargingSession

if TYPE_CHECKING:
    from portal.views.states import ChargerWithState

register = template.Library()
register.filter("read", sentences.read)


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html(
        '<svg class="ico" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


@register.simple_tag
def state(name: str, word: str = "", size: str = "") -> SafeString:
    """Shape, word and colour of one of STATES; ``word`` replaces the word, never the shape; ``size`` is "" or "lg"."""
    shown = name if name in STATES else "unknown"
    return format_html(
        '<span class="state is-{0}{1}" data-legend="{0}">'
        '<svg aria-hidden="true"><use href="{2}#s-{0}"></use></svg><span>{3}</span></span>',
        shown,
        " state-lg" if size == "lg" else "",
        static("img/icons.svg"),
        word or STATES[shown][0],
    )


@register.simple_tag
def connector_state(connector: Connector, is_online: bool, size: str = "") -> SafeString:
    """A connector's own word ("Suspended by car") with the shape of its state."""
    shown = state_of(connector, is_online=is_online)
    word = "" if shown == "offline" else capfirst(connector.get_status_display())
    return state(shown, word, size)


@register.simple_tag
def status_state(status: str, word: str = "") -> SafeString:
    """State of a stored connector status, as it was then."""
    known = dict(ConnectorStatus.choices)
    return state(SHAPE_OF.get(status, "unknown"), word or capfirst(str(known.get(status, status))))


@register.simple_tag
def charger_state(charger: ChargerWithState, size: str = "") -> SafeString:
    """Of a charger out of `with_state`. One that never came is not offline in the sense of a fault."""
    is_new = charger.connected_at is None
    return state(charger.state, gettext("Not seen yet") if is_new else "", size)


@register.simple_tag
def states() -> list[tuple[str, str, str]]:
    """(name, word, meaning) of every state, for the legend."""
    return [(name, str(word), str(meaning)) for name, (word, meaning) in STATES.items()]


@register.simple_tag
def script_words() -> SafeString:
    """What `static/js/words.js` reads."""
    return json_script({key: str(word) for key, word in WORDS.items()}, "words")


@register.filter
def amount(count: int | None) -> nouns.Amount:
    """For ``{% blocktranslate count n=rows|amount %}``: counts as the number, reads as "12,480"."""
    return nouns.Amount(count or 0)


@register.simple_tag
def counted(noun: str, count: int, is_more: bool = False) -> str:
    """ "1 charger", "12,480 chargers": of one of `nouns.NOUNS`."""
    return nouns.counted(noun, count, is_more=is_more)


@register.filter
def figure(value: float | None) -> str:
    """A number for people, with the digits that it has."""
    return "–" if value is None else formats.figure(value)


@register.filter
def power(watts: float | None) -> SafeString:
    return _with_unit(*formats.power(watts))


@register.filter
def energy(watt_hours: float | None) -> SafeString:
    return _with_unit(*formats.energy(watt_hours))


@register.filter(name="register")
def meter_register(watt_hours: float | None) -> SafeString:
    """What a meter shows: always kWh, to the Wh."""
    return _with_unit("–", "") if watt_hours is None else _with_unit(formats.number(watt_hours / 1000, 3), "kWh")


@register.filter
def milliseconds(value: float | None) -> SafeString | str:
    if value is None:
        return "–"
    return _with_unit(formats.number(value / 1000, 1), "s") if value >= 10_000 else _with_unit(f"{value:.0f}", "ms")


@register.simple_tag(takes_context=True)
def live(context: Context, *topics: str | Iterable[str], every_ms: int = 0, poll_s: int = 0) -> SafeString:
    """Attributes that keep a part true: when one of ``topics`` changes, the browser asks for this part again.

    The element needs an id, by which `pages.render_page` knows the part. ``every_ms``: at most so often;
    ``poll_s``: also without news, where the mere passing of time changes what is shown.
    """
    request: HttpRequest = context["request"]
    names = " ".join(topic if isinstance(topic, str) else " ".join(topic) for topic in topics)
    return format_html(
        'data-live="{}" hx-get="{}" hx-trigger="live{}" hx-swap="morph:outerHTML" hx-disinherit="hx-swap"{}',
        names,
        request.get_full_path(),
        f", every {poll_s}s" if poll_s else "",
        format_html(' data-live-every="{}"', every_ms) if every_ms else "",
    )


@register.simple_tag
def topics(kind: str, rows: Iterable[Any]) -> str:
    """The live topics of rows: "charger-4 charger-9"."""
    return " ".join(f"{kind}-{row.pk}" for row in rows)


@register.inclusion_tag("parts/copy.html")
def copy(text: str, label: str = "") -> dict[str, str]:
    return {"text": text, "label": label or gettext("Copy")}


@register.inclusion_tag("parts/sort.html", takes_context=True)
def sort(context: Context, key: str, label: str, wide: bool = False) -> dict[str, Any]:
    """A column's head: a link that sorts by it, twice for the other way round. The order is kept in ``?sort=``."""
    request: HttpRequest = context["request"]
    now = str(request.GET.get("sort", context.get("default_sort", "")))
    query = request.GET.copy()
    query.pop("page", None)
    query["sort"] = f"-{key}" if now == key else key
    direction = {key: "ascending", f"-{key}": "descending"}.get(now, "")
    return {"label": label, "wide": wide, "href": f"?{query.urlencode()}", "direction": direction}


@register.simple_tag
def live_topic(kind: str, row: Any) -> str:
    return f"{kind}-{row.pk}"


def _with_unit(figure: str, unit: str) -> SafeString:
    if not unit:
        return format_html('<span class="muted">{}</span>', figure)
    return format_html('{}{}<span class="unit">{}</span>', figure, formats.FIRM, unit)


@register.simple_tag
def session_state(session: ChargingSession) -> SafeString:
    """The state of a running session as its connector would show it; an ended one is a plain word."""
    if session.is_open:
        # OCPP 1.6 tells no state with a session: what the meter says decides the word.
        is_told = session.charging_state or session.power_w
        return status_state(session.charging_state or "charging", "" if is_told else gettext("Running"))
    word = gettext("Ended") if session.stopped_at else gettext("End unknown")
    return format_html('<span class="state is-unavailable">{}<span>{}</span></span>', icon("check"), word)


@register.simple_tag
def shape(name: str) -> SafeString:
    """The shape of one of STATES alone, where the word stands beside it or is read aloud."""
    return format_html('<svg aria-hidden="true"><use href="{}#s-{}"></use></svg>', static("img/icons.svg"), name)


# How a charger's part in a firmware campaign looks, by the shapes of STATES.
PART_LOOKS = {
    "waiting": "offline", "updating": "charging", "soaking": "preparing", "done": "available", "failed": "faulted",
    "skipped": "unavailable", "cancelled": "unavailable",
}  # fmt: skip


@register.simple_tag
def part_state(part: Participant) -> SafeString:
    return format_html(
        '<span class="state is-{}">{}<span>{}</span></span>',
        PART_LOOKS[part.state],
        shape(PART_LOOKS[part.state]),
        capfirst(part.get_state_display()),
    )
