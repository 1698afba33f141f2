"""What lists share: the choice of a site, the local list of a charger in a word."""

from __future__ import annotations

from django import template
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from chargers.models import Site
from portal.views.local_lists import STATES

register = template.Library()


@register.simple_tag
def list_state(name: str) -> SafeString:
    word, chip, meaning = STATES[name]
    return format_html('<span class="chip{}" title="{}">{}</span>', f" chip-{chip}" if chip else "", meaning, word)


@register.simple_tag
def site_options(sites: QuerySet[Site], chosen: str | None) -> SafeString:
    """An option for each site. Large yards have thousands, for which a loop of the template takes half a second."""
    rows = sites.values_list("pk", "name")
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((pk, _SELECTED if str(pk) == chosen else "", name) for pk, name in rows),
    )


_SELECTED = mark_safe(" selected")
