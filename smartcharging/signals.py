"""News of this room, sent after commit. A lost signal costs at most the time to the next sweep.

- ``plan_due``: ``site_ids: set[int]``; something changed there that calls for a new plan
"""

from django.dispatch import Signal

plan_due = Signal()
