"""Which chargers have to be looked at again: noted with the row that changed, in its transaction."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import OperationalError, transaction

from chargers.models import Charger, Reading

PORTION = 500


def note(charger_ids: Iterable[int]) -> None:
    """These told settings, have other plates or places, or something else is wanted of them. Safe to repeat."""
    rows = [Reading(charger_id=pk, is_due=True) for pk in sorted(set(charger_ids))]
    if rows:
        Reading.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["charger"], update_fields=["is_due"], batch_size=PORTION
        )


def note_all() -> None:
    """Something may be wanted of any charger. After the commit: what is looked at then sees what was changed."""
    transaction.on_commit(_note_all)


def _note_all() -> None:
    # By portions in the order of the key: a frame's transaction that holds a few of these rows is not held up long.
    ids = list(Charger.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), PORTION):
        _note_portion(ids[start : start + PORTION])


def _note_portion(charger_ids: list[int]) -> None:
    try:
        note(charger_ids)
    except OperationalError:  # a deadlock with a frame's transaction, which has some of them in another order
        note(charger_ids)
