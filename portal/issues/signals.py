"""News of this room, sent after commit.

- ``issue_changed``: ``issue_ids: set[int]``, ``charger_ids: set[int]``; opened, changed, closed
- ``telling_due``: there is news for a channel
"""

from django.dispatch import Signal

issue_changed = Signal()
telling_due = Signal()
