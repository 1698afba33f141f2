"""How each charger stands to what is wanted of it: looked at whenever it told settings or something else is wanted.

A look reads, compares and remembers; it writes nothing to any charger. Some twelve statements for fifty chargers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from chargers import behaviour, twins
from chargers.desired import due, provenance
from chargers.desired.news import announce
from chargers.desired.rule import Bars, State, Told, Wish, stand
from chargers.desired.templates import Book, dialect_of, place_at, wanted
from chargers.models import Charger, Reading, Refusal, Setting, SettingQuarantine, SettingTemplate, Standing, Twin

PORTION = 50  # chargers in one transaction
Key = tuple[int, str]  # charger, folded path


def look_due(*, limit: int = 2000, at: datetime) -> int:
    """Look at the chargers that have to be looked at; how many. Safe to repeat, and for several at once."""
    if not is_anything_wanted():
        return 0
    _enrol()
    seen = 0
    while seen < limit:
        found = _look_at_portion(at)
        seen += found
        if not found:
            break
    return seen


def is_anything_wanted() -> bool:
    return (
        SettingTemplate.objects.exists()
        or Standing.objects.exists()
        or Twin.objects.filter(desired_version__gt=0).exists()
    )


def _enrol() -> None:
    due.note(Charger.objects.filter(reading=None).values_list("pk", flat=True)[: PORTION * 20])


@transaction.atomic
def _look_at_portion(at: datetime) -> int:
    # Skipped while a frame's transaction holds them: looking never waits, so it never holds anybody up.
    rows = Reading.objects.select_for_update(skip_locked=True).filter(is_due=True).order_by("pk")[:PORTION]
    ids = [row.pk for row in rows]
    Reading.objects.filter(pk__in=ids).update(is_due=False)
    look(ids, at=at)
    return len(ids)


@transaction.atomic
def look(charger_ids: Collection[int], *, at: datetime) -> None:
    """Compare these chargers with what is wanted of them and remember how they stand. Safe to repeat."""
    chargers = list(Charger.objects.filter(pk__in=charger_ids))
    seen = Sight.of(chargers)
    fresh: list[Standing] = []
    for charger in chargers:
        fresh += seen.standings(charger, at)
    known = {(row.charger_id, row.path.casefold()): row for row in seen.before}
    unbooted = {key for key, setting in seen.settings.items() if setting.needs_reboot}
    changed = _carry_over(fresh, known, unbooted, at)
    provenance.explain([row for row in changed if row.state == State.DIFFERS])
    gone = [row.pk for key, row in known.items() if key not in {(r.charger_id, r.path.casefold()) for r in fresh}]
    Standing.objects.filter(pk__in=gone).delete()
    _store(fresh)
    touched = {row.charger_id for row in changed} | {row.charger_id for row in seen.before if row.pk in set(gone)}
    if touched := touched | _of_others(fresh, known):
        twins.touch(touched, at=timezone.now())
        announce(touched)


def _of_others(fresh: Sequence[Standing], known: dict[Key, Standing]) -> set[int]:
    """Chargers of which the same is wanted as before, by somebody else."""
    before = ((row, known.get((row.charger_id, row.path.casefold()))) for row in fresh)
    return {row.charger_id for row, old in before if old is not None and old.source != row.source}


_COLUMNS = (
    "wanted", "actual", "template", "source", "state", "reason", "why", "command", "agreed_at", "since", "read_at",
)  # fmt: skip


def _store(rows: Sequence[Standing]) -> None:
    Standing.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["charger", "path"], update_fields=list(_COLUMNS), batch_size=200
    )


def _carry_over(
    fresh: Sequence[Standing], known: dict[Key, Standing], unbooted: Collection[Key], at: datetime
) -> list[Standing]:
    """Give new rows the memory of those before them; those that stand otherwise than before."""
    changed = []
    for row in fresh:
        old = known.get((row.charger_id, row.path.casefold()))
        is_same_wish = old is not None and old.wanted == row.wanted
        if old is not None:
            row.path = old.path
        if old is not None and is_same_wish and old.state == State.REBOOT and row.state == State.DIFFERS:
            # Many tell the old value until they have booted.
            row.state = State.REBOOT if (row.charger_id, row.path.casefold()) in unbooted else row.state
        # That it once had a value which is no longer wanted does not explain why it has not the new one.
        kept = old.agreed_at if old is not None and is_same_wish else None
        row.agreed_at = (row.read_at or at) if row.state == State.SAME else kept
        if old is not None and (old.state, old.actual, old.wanted) == (row.state, row.actual, row.wanted):
            row.since, row.reason, row.why, row.command_id = old.since, old.reason, old.why, old.command_id
        else:
            changed.append(row)
    return changed


@dataclass(slots=True)
class Sight:
    """All that is needed to judge some chargers, read at once."""

    wishes: dict[int, dict[str, Wish]]
    settings: dict[Key, Setting]
    before: list[Standing]
    refused: dict[int, dict[str, str]]
    quarantined: dict[tuple[str, str, str], set[str]]

    @classmethod
    def of(cls, chargers: Sequence[Charger], book: Book | None = None) -> Sight:
        ids = [charger.pk for charger in chargers]
        wishes = wanted(chargers, book)
        of_pk = {charger.pk: charger for charger in chargers}
        names = {
            place_at(wish.path, dialect_of(of_pk[pk])).name for pk, each in wishes.items() for wish in each.values()
        }
        refused: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for row in Refusal.objects.filter(charger__in=ids):
            refused[row.charger_id][row.path.casefold()] = row.wanted
        return cls(
            wishes=wishes,
            settings=_settings(ids, names),
            before=list(Standing.objects.filter(charger__in=ids)),
            refused=refused,
            quarantined=quarantined(),
        )

    def standings(self, charger: Charger, at: datetime) -> list[Standing]:
        return [self._standing(charger, wish, at) for wish in self.wishes[charger.pk].values()]

    def _standing(self, charger: Charger, wish: Wish, at: datetime) -> Standing:
        setting = self.settings.get((charger.pk, wish.path.casefold()))
        bars = Bars(
            forbidden=behaviour.quirks_of(charger).never_write,
            quarantined=self.quarantined.get((charger.vendor, charger.model, charger.firmware_version), set()),
            refused=self.refused.get(charger.pk, {}),
        )
        name = place_at(wish.path, dialect_of(charger)).name
        return Standing(
            charger_id=charger.pk,
            path=setting.path if setting else wish.path,  # in the charger's own spelling
            wanted=wish.value,
            actual=setting.value if setting and setting.is_known else None,
            template_id=wish.layer.template,
            source=wish.layer.name,
            state=stand(wish, told(setting), bars, name=name),
            since=at,
            read_at=setting.reported_at if setting else None,
        )


def told(setting: Setting | None) -> Told | None:
    if setting is None:
        return None
    return Told(
        value=setting.value,
        is_known=setting.is_known,
        is_readonly=setting.is_readonly,
        is_writeonly=setting.is_writeonly,
        needs_reboot=setting.needs_reboot,
        is_sequence=setting.data_type == "SequenceList",
    )


def _settings(charger_ids: Sequence[int], names: set[str]) -> dict[Key, Setting]:
    if not names:
        return {}
    # A charger may spell a name otherwise than we do; some write them all small.
    spelled = {form for name in names for form in (name, name.casefold(), name.upper())}
    rows = Setting.objects.filter(charger__in=charger_ids, name__in=spelled).order_by("is_known", "reported_at")
    return {(row.charger_id, row.path.casefold()): row for row in rows}


def quarantined() -> dict[tuple[str, str, str], set[str]]:
    """What is in quarantine, folded, by vendor, model and firmware."""
    found: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    rows = SettingQuarantine.objects.filter(lifted_at=None)
    for vendor, model, firmware, path in rows.values_list("vendor", "model", "firmware", "path_folded"):
        found[vendor, model, firmware].add(path)
    return found
