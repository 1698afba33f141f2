"""The tables of what is wrong, who mends it, and who is told."""

from portal.issues.models.channel import Channel, Telling
from portal.issues.models.issue import Issue, Note, RuleSetting, Severity

__all__ = ["Channel", "Issue", "Note", "RuleSetting", "Severity", "Telling"]
