"""Two chargers that were given one identity: each newcomer takes the other's place, for ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chargers.models import REPLACED, Boot, Charger, Connection
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule

FEWEST = 4  # evictions: a charger whose network moves from one address to another is evicted once or twice
QUIET = timedelta(minutes=15)


@dataclass(slots=True)
class _Rivals:
    """What was seen of one identity."""

    evicted: list[tuple[datetime, str]] = field(default_factory=list)  # when, and the address that lost its place
    serials: set[str] = field(default_factory=set)  # of its boots

    @property
    def addresses(self) -> list[str]:
        """Those that came back after they had lost their place: no charger is in two places by turns."""
        counts: defaultdict[str, int] = defaultdict(int)
        for _, address in self.evicted:
            counts[address] += 1
        return sorted(address for address, count in counts.items() if count > 1)

    @property
    def are_two(self) -> bool:
        # Behind one address of a mobile network only their serial numbers tell them apart.
        return len(self.evicted) >= FEWEST and (len(self.addresses) > 1 or len(self.serials) > 1)


def find_evictions(look: Look) -> Iterator[Finding]:
    rivals: defaultdict[int, _Rivals] = defaultdict(_Rivals)
    ended = Connection.objects.filter(close_reason=REPLACED, disconnected_at__gte=look.since).order_by(
        "disconnected_at"
    )
    names: dict[int, str] = {}
    for charger_id, identity, at, address in ended.values_list(
        "charger", "charger__identity", "disconnected_at", "remote_address"
    ):
        if at is not None:
            rivals[charger_id].evicted.append((at, address))
            names[charger_id] = identity
    many = [charger_id for charger_id, seen in rivals.items() if len(seen.evicted) >= FEWEST]
    boots = Boot.objects.filter(charger__in=many, received_at__gte=look.since).exclude(serial_number="").order_by()
    for charger_id, serial in boots.values_list("charger", "serial_number").distinct():
        rivals[charger_id].serials.add(serial)
    for charger_id in many:
        if rivals[charger_id].are_two:
            yield _finding(charger_id, names[charger_id], rivals[charger_id])


def _finding(charger_id: int, identity: str, seen: _Rivals) -> Finding:
    where = seen.addresses or sorted({address for _, address in seen.evicted})
    who = f", serial numbers {' and '.join(sorted(seen.serials)[:4])}" if len(seen.serials) > 1 else ""
    return Finding(
        key=f"evictions:{charger_id}",
        title=f"Two chargers call themselves {identity} and evict each other: {' and '.join(where[:4])}{who}.",
        charger_id=charger_id,
        facts={"addresses": where[:10], "serial_numbers": sorted(seen.serials)[:10], "evictions": len(seen.evicted)},
    )


def prove_evictions(issues: Sequence[Issue], look: Look) -> Gone:
    """Proven by a connection that has held: while nobody is connected, both may be about to come."""
    pks = [issue.charger_id for issue in issues if issue.charger_id]
    held = Charger.objects.filter(pk__in=pks, is_online=True, connected_at__lte=look.at - QUIET).order_by()
    since = dict(held.values_list("pk", "connected_at"))
    return {
        issue.pk: f"Its connection has held since {since[issue.charger_id]:%d %b %H:%M} UTC."
        for issue in issues
        if issue.charger_id in since
    }


EVICTIONS = Rule(
    name="evictions",
    title=phrase("Two chargers with one identity"),
    severity=Severity.MAJOR,
    find=find_evictions,
    prove=prove_evictions,
    patience=timedelta(minutes=15),
    patience_means=phrase(
        "connections that a newer one replaced are counted; four, by turns from two addresses or with "
        "two serial numbers, within"
    ),
    first_step=phrase(
        "Find out by address and serial number which of them is the right one; give the other its own "
        "identity and password. What both told is in one log until then."
    ),
    who=phrase("whoever installed the second one"),
)
