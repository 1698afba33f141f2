"""News of this room, sent after commit.

- ``session_changed``: ``session_ids: set[int]``, ``charger_ids: set[int]``; started, metered, stopped, flagged
"""

from django.dispatch import Signal

session_changed = Signal()
