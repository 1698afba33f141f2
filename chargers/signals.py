"""News of this room, sent after commit. A lost signal loses no data: the rows are the truth.

- ``charger_changed``: ``charger_ids: set[int]``; presence, connectors, boots, configuration, transfers, log
- ``command_requested``: ``charger_ids: set[int]``; there is something in the outbox
- ``command_changed``: ``command_ids: set[UUID]``, ``charger_ids: set[int]``; sent, settled, expired or cancelled
- ``configuration_changed``: ``charger_ids: set[int]``; how they stand to what is wanted, a rollout, a quarantine
- ``files_changed``: ``charger_ids: set[int]``; logs asked for, received or deleted; firmware images (of no charger)
- ``campaign_changed``: ``campaign_ids: set[int]``
- ``replay_requested``: ``letter_id: int``; staff want a dead letter digested once more
- ``certificate_revoked``: nothing besides; see `chargers.client_certificates.opened_by_revoked`
"""

from django.dispatch import Signal

charger_changed = Signal()
command_requested = Signal()
command_changed = Signal()
configuration_changed = Signal()
files_changed = Signal()
campaign_changed = Signal()
replay_requested = Signal()
certificate_revoked = Signal()
