"""How an issue looks: severity as shape, word and colour; evidence that leads to what it names."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from portal.issues.models import Issue, Severity

LOOKS = {Severity.CRITICAL: "faulted", Severity.MAJOR: "suspended", Severity.MINOR: "unavailable"}

register = template.Library()


@register.simple_tag
def severity(issue: Issue) -> SafeString:
    """Triangle, diamond or square; the word beside it."""
    level = Severity(issue.severity)
    return format_html(
        '<span class="state is-{}"><svg aria-hidden="true"><use href="{}#s-{}"></use></svg><span>{}</span></span>',
        LOOKS[level],
        static("img/icons.svg"),
        {Severity.CRITICAL: "faulted", Severity.MAJOR: "reserved", Severity.MINOR: "unavailable"}[level],
        capfirst(str(level.label)),
    )


@register.filter
def moment(line: dict[str, Any]) -> Any:
    """When a line of evidence happened; None if it has no time."""
    return parse_datetime(line["at"]) if line.get("at") else None


@register.simple_tag
def leads_to(line: dict[str, Any], issue: Issue) -> str:
    """The address of what a line of evidence names, empty if it names nothing."""
    identity = issue.charger.identity if issue.charger else ""
    if "session" in line:
        return reverse("session", args=[line["session"]])
    if "exchange" in line and identity:
        return reverse("charger-exchange", args=[identity, line["exchange"]])
    if "command" in line and identity:
        return f"{reverse('charger-log', args=[identity])}?q={line['command']}"
    return ""
