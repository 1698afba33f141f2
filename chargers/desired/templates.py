"""Templates: keeping them, and which of them reach a charger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargers import twins
from chargers.behaviour import Plate
from chargers.configuration import Place, place_of
from chargers.desired import due
from chargers.desired.rule import Layer, Reach, Wish, matches, resolve
from chargers.models import Charger, SettingTemplate, Tag, TemplateValue, Twin
from chargers.models.desired import PATH_LENGTH
from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
NO_NAME = phrase("{path!r} is no name of a setting: it has 1 to 50 letters (2.x: a path).")
NO_COMPONENT = phrase("{path!r} names no component; a variable of 2.x is Component.Variable.")
IS_SECRET = phrase("{path} is a secret, and a template is read by many; set it on the charger's own page.")
VALUE_TOO_LONG = phrase("The value of {path} has {length} characters; {most} is the most.")
TWICE = phrase("{path} stands there twice.")

Dialect = TemplateValue.Dialect
SHADOW = "AWS IoT shadow"
LONGEST_VALUE = 2500


def dialect_of(charger: Charger) -> Dialect:
    return Dialect.KEY if charger.subprotocol in ("", "ocpp1.6") else Dialect.VARIABLE


def place_at(path: str, dialect: Dialect) -> Place:
    """A key of 1.6 is a name whatever stands in it; a variable of 2.x is a path. Raises ValueError."""
    return Place(path) if dialect == Dialect.KEY else place_of(path)


def checked(dialect: Dialect, path: str, value: str) -> tuple[str, str]:
    """A setting as a template may hold it. Raises ValidationError, naming it."""
    path, value = path.strip(), value.strip()
    if not path or len(path) > PATH_LENGTH or (dialect == Dialect.KEY and len(path) > 50):
        raise ValidationError(NO_NAME.format(path=path[:60]))
    try:
        place = place_at(path, dialect)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if dialect == Dialect.VARIABLE and not place.component:
        raise ValidationError(NO_COMPONENT.format(path=path))
    if place.is_secret:
        raise ValidationError(IS_SECRET.format(path=path))
    if len(value) > LONGEST_VALUE:
        raise ValidationError(VALUE_TOO_LONG.format(path=path, length=len(value), most=LONGEST_VALUE))
    return path, value


def _can_be(dialect: Dialect, path: str, value: object) -> bool:
    """Whether somebody else's wish is one that a template could hold: no secret, and a name that can be."""
    try:
        checked(dialect, path, str(value))
    except ValidationError:
        return False
    return isinstance(value, str)


@transaction.atomic
def save(
    template: SettingTemplate,
    *,
    values: Iterable[tuple[str, str, str]] | None = None,
    reach: dict[str, Collection[Any]] | None = None,
    by: AbstractBaseUser | None,
) -> SettingTemplate:
    """Keep a template with what it says and whom it reaches (``sites``, ``tags``, ``chargers``).

    Nothing is written to any charger by it. Raises ValidationError for a setting that cannot be, or stands there twice.
    """
    template.changed_at, template.changed_by = timezone.now(), by  # type: ignore[assignment]
    template.save()
    if values is not None:
        rows = [_row(template, *value) for value in values]
        keys = [(row.dialect, row.path_folded) for row in rows]
        if twice := next((row.path for row in rows if keys.count((row.dialect, row.path_folded)) > 1), None):
            raise ValidationError(TWICE.format(path=twice))
        template.values.all().delete()
        TemplateValue.objects.bulk_create(rows)
    for name, members in (reach or {}).items():
        getattr(template, name).set(members)
    due.note_all()
    return template


def _row(template: SettingTemplate, dialect: str, path: str, value: str) -> TemplateValue:
    path, value = checked(Dialect(dialect), path, value)
    return TemplateValue(template=template, dialect=dialect, path=path, path_folded=path.casefold(), value=value)


@transaction.atomic
def delete(template: SettingTemplate) -> None:
    """Want it no more. What chargers are set to stays."""
    reached = set(template.standings.values_list("charger", flat=True))
    due.note(reached)
    twins.touch(reached, at=timezone.now())  # its standings go with it, so no look will find that they have gone
    template.delete()
    due.note_all()


def tags(names: Iterable[str]) -> list[Tag]:
    """Tags by their names; those that nobody has yet are made."""
    wanted = {name.strip().casefold(): name.strip() for name in names if name.strip()}
    return [
        Tag.objects.filter(name__iexact=name).first() or Tag.objects.create(name=name)
        for name in sorted(wanted.values())
    ]


def tag(charger: Charger, names: Iterable[str]) -> None:
    """Give a charger exactly these tags."""
    charger.tags.set(tags(names))
    due.note({charger.pk})


@dataclass(slots=True)
class Book:
    """All templates, read once, asked for many chargers."""

    templates: Sequence[SettingTemplate]
    values: dict[tuple[int, str], dict[str, str]]  # of template and dialect: path → value
    sites: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    tags: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    chargers: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls) -> Book:
        values: defaultdict[tuple[int, str], dict[str, str]] = defaultdict(dict)
        for row in TemplateValue.objects.order_by("pk"):
            values[row.template_id, row.dialect][row.path] = row.value
        book = cls(list(SettingTemplate.objects.all()), values)
        for name in ("sites", "tags", "chargers"):
            through = getattr(SettingTemplate, name).through
            member = {"sites": "site_id", "tags": "tag_id", "chargers": "charger_id"}[name]
            for template, row in through.objects.values_list("settingtemplate_id", member):
                getattr(book, name)[template].add(row)
        return book

    def reach(self, template: SettingTemplate, charger: Charger, tag_ids: Collection[int]) -> Reach | None:
        """By what a template reaches a charger, None if it does not."""
        patterns = Plate(template.vendor, template.model, template.firmware)
        if not matches(patterns, Plate(charger.vendor, charger.model, charger.firmware_version)):
            return None
        if charger.pk in self.chargers[template.pk]:
            return Reach.CHARGER
        if self.tags[template.pk].intersection(tag_ids):
            return Reach.TAG
        if charger.site_id in self.sites[template.pk]:
            return Reach.SITE
        return Reach.ALL if template.is_for_all else None

    def layers(self, charger: Charger, tag_ids: Collection[int], shadow: dict[str, str]) -> list[Layer]:
        dialect = dialect_of(charger)
        found = [
            Layer(each.name, self.values[each.pk, dialect], each.priority, reach, each.pk)
            for each in self.templates
            if (reach := self.reach(each, charger, tag_ids)) is not None and (each.pk, dialect) in self.values
        ]
        if shadow:
            values = {path: value for path, value in shadow.items() if _can_be(dialect, path, value)}
            found.append(Layer(SHADOW, values, reach=Reach.SHADOW))
        return found


def wanted(chargers: Collection[Charger], book: Book | None = None) -> dict[int, dict[str, Wish]]:
    """What is wanted of each charger, by its pk and the folded path. Some five queries, however many chargers."""
    book = book or Book.read()
    ids = [charger.pk for charger in chargers]
    tags: defaultdict[int, set[int]] = defaultdict(set)
    if any(book.tags.values()):
        for charger_id, tag_id in Charger.tags.through.objects.filter(charger__in=ids).values_list("charger", "tag"):
            tags[charger_id].add(tag_id)
    shadows = dict(Twin.objects.filter(charger__in=ids).exclude(desired={}).values_list("charger", "desired"))
    return {
        charger.pk: resolve(book.layers(charger, tags[charger.pk], shadows.get(charger.pk, {}))) for charger in chargers
    }


def reached(template: SettingTemplate) -> list[int]:
    """The pks of all chargers that a template reaches, whether or not a higher one overrules it."""
    book = Book.read()
    tags: defaultdict[int, set[int]] = defaultdict(set)
    for charger_id, tag_id in Charger.tags.through.objects.filter(tag__in=book.tags[template.pk]).values_list(
        "charger", "tag"
    ):
        tags[charger_id].add(tag_id)
    columns = ("identity_folded", "vendor", "model", "firmware_version", "site")
    return [
        charger.pk
        for charger in Charger.objects.order_by("identity_folded").only(*columns)
        if book.reach(template, charger, tags[charger.pk]) is not None
    ]
