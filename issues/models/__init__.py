"""The tables of what is wrong, who mends it, and who is told."""

from issues.models.channel import Channel, Telling
from issues.models.issue import Issue, Note, RuleSetting, Severity

__all__ = ["Channel", "Issue", "Note", "RuleSetting", "Severity", "Telling"]
