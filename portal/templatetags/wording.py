"""Rows in words: what a command, a frame or a schedule says in a line."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import formats as localized
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Command, Exchange, Upload
from portal.forms.commands import FORMS
from portal.views import formats
from sessions import effects
from sessions.models import Tariff
from smartcharging.models import InstalledProfile, SavedProfile

GIST_LENGTH = 160
PURPOSES = {
    "tx_default": _("Every session"),
    "tx": _("One session"),
    "charger_max": _("The charger as a whole"),
    "priority": _("Sessions with priority"),
    "local_generation": _("Generated on the spot"),
}
WHEN = {
    "absolute": _("once"),
    "relative": _("from the start of a session"),
    "recurring": _("again and again"),
    "dynamic": _("changed while it runs"),
}
RECURRENCIES = {"daily": _("daily"), "weekly": _("weekly")}
FROM = {"daily": _("daily from {time}"), "weekly": _("weekly from {time}")}
# What chargers tell that has no table of its own (`chargers.models.Notice`). A test holds it to what the gateway keeps.
NOTICES = {
    "battery_swap": _("Battery swap"),
    "der_alarm": _("Grid alarm"),
    "der_control": _("Grid control"),
    "der_start_stop": _("Grid control begun or ended"),
    "priority_charging": _("Priority"),
    "session_cost": _("Cost of a session"),
    "settlement": _("Settlement"),
    "stream_closed": _("Stream closed"),
    "stream_opened": _("Stream opened"),
    "stream_values": _("Values of a stream"),
    "tariff": _("Tariff"),
    "vat_number": _("VAT number"),
}
# Of a token when a session began, and of a reservation that is over.
STORED = {
    "blocked": _("blocked"),
    "expired": _("expired"),
    "invalid": _("unknown to us"),
    "concurrent": _("charges elsewhere"),
    "cancelled": _("cancelled"),
    "used": _("used"),
}
LOGS = {"diagnostics": _("Diagnostics log"), "security": _("Security log")}

register = template.Library()


@register.filter
def pretty(value: Any) -> str:
    """JSON for reading; text that is not JSON stays as it came."""
    if isinstance(value, str):
        text = value
        try:
            value = json.loads(text)
        except ValueError:
            return text
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def notice(kind: str) -> str:
    """A kind of `Notice` in words."""
    return str(NOTICES.get(kind, kind.replace("_", " ").capitalize()))


@register.filter
def stored(word: str) -> str:
    """A word that a table keeps of a token or a reservation, for its chip."""
    return str(STORED.get(word, word))


@register.simple_tag
def command_title(command: Command) -> str:
    form = FORMS.get(command.verb) if command.verb else None
    return str(form.title) if form else command.action or command.verb.replace("_", " ").capitalize()


@register.filter
def answer_ms(command: Command) -> float | None:
    if command.sent_at is None or command.settled_at is None:
        return None
    return (command.settled_at - command.sent_at).total_seconds() * 1000


@register.filter
def expected(command: Command) -> effects.Effect | None:
    """The effect that is still waited for, or was; None for orders whose effect does not show, and for old ones."""
    if not command.effect and command.settled_at and timezone.now() - command.settled_at > effects.OLDEST:
        return None
    return effects.EFFECTS.get(command.verb)


@register.filter
def tariff_words(tariff: Tariff) -> str:
    """Its parts in a line: "0.45 EUR per kWh, 0.02 per minute, 0.50 to start"."""
    parts = [gettext("{price} per kWh").format(price=f"{_amount(tariff.per_kwh)} {tariff.currency}")]
    if tariff.per_minute:
        parts.append(gettext("{price} per minute").format(price=_amount(tariff.per_minute)))
    if tariff.start_fee:
        parts.append(gettext("{price} to start").format(price=_amount(tariff.start_fee)))
    return ", ".join(parts)


@register.filter(name="price")
def _amount(value: Decimal) -> str:
    """At least two places, and those that say something."""
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return localized.number_format(value, places)


@register.filter
def gist(exchange: Exchange) -> str:
    """The payload in a line: what a request says, or an orphan's answer."""
    return _payload(exchange.request or exchange.response)[:GIST_LENGTH] or "–"


@register.filter
def purpose(profile: InstalledProfile | SavedProfile) -> str:
    said = profile.draft["purpose"] if isinstance(profile, SavedProfile) else profile.purpose
    return str(PURPOSES.get(said, said))


@register.filter
def when(saved: SavedProfile) -> str:
    """ "daily from 22:00", "once", "from the start of a session"."""
    draft = saved.draft
    if draft["kind"] != "recurring":
        return str(WHEN[draft["kind"]])
    return FROM[draft["recurrency"]].format(time=draft["start_local"])


@register.filter
def kind_words(profile: InstalledProfile) -> str:
    """ "once", "again and again · daily"."""
    words = [WHEN.get(profile.kind, profile.kind)]
    if profile.recurrency:
        words.append(RECURRENCIES.get(profile.recurrency, profile.recurrency))
    return " · ".join(map(str, words))


@register.filter
def log_title(upload: Upload) -> str:
    return str(LOGS.get(upload.kind, upload.kind.capitalize()))


@register.filter
def limits(schedule: dict[str, Any]) -> str:
    """A schedule in words: "16 A, after 1 h 00 min 32 A"."""
    unit = schedule.get("unit", "A")
    return ", ".join(_limit(period, unit) for period in schedule.get("periods", []))


def _limit(period: dict[str, Any], unit: str) -> str:
    limit = f"{period.get('limit', 0):g} {unit}"
    if not period.get("start_s"):
        return limit
    return gettext("after {span} {limit}").format(
        span=formats.duration(timedelta(seconds=period["start_s"])), limit=limit
    )


@register.filter
def last_line(text: str) -> str:
    """Of a traceback: what went wrong."""
    return text.strip().rpartition("\n")[2]


@register.filter
def verdict(exchange: Exchange) -> str:
    """The status word of an answer, at its top or one level below, or that there was one."""
    try:
        answer = json.loads(exchange.response)[2]
        found = [answer, *answer.values()]
    except (ValueError, IndexError, TypeError, KeyError, AttributeError):
        return gettext("answered")
    return next(
        (str(part["status"]) for part in found if isinstance(part, dict) and "status" in part), gettext("answered")
    )


def _payload(frame: str) -> str:
    try:
        message = json.loads(frame)
        return json.dumps(message[3] if message[0] == 2 else message[-1], ensure_ascii=False, separators=(", ", ": "))
    except (ValueError, IndexError, TypeError, KeyError):
        return frame
