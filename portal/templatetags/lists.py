"""The local list of a charger, in a word."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.views.local_lists import STATES

register = template.Library()


@register.simple_tag
def list_state(name: str) -> SafeString:
    word, chip, meaning = STATES[name]
    return format_html('<span class="chip{}" title="{}">{}</span>', f" chip-{chip}" if chip else "", meaning, word)
