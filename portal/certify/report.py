"""How a certification went, for people and for programs; and which cases there are, for the documentation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from portal.certify import missing, tls
from portal.certify.catalogue import Case, cases
from portal.certify.registry import SCENARIOS
from portal.certify.run import FAILED, MISSING, PASSED, Outcome

HEAD = """\
# Certification

Each public test case of the Open Charge Alliance for a CSMS (OCPP 1.6J: 77, 2.0.1: 252), and how it is proven here.

```sh
python3 manage.py certify                                      # all of them, a minute or two
python3 manage.py certify --ocpp 2.0.1 --block B               # a block by its letter or name
python3 manage.py certify --case TC_B_30 --json outcomes.json
```

`certify` starts a yard of its own in a temporary folder and plays each case with a station on a real WebSocket and an
operator at REST. Whatever the yard says is checked to the letter of the published schemas, its orders and answers must
hold the fields and values of the case, the operator must see what the case leads to, and nothing may be said unasked.
It prints passed/total per block and a line with the reason for each case that failed or is missing; its exit code is 1
if one failed. The test suite plays the same cases (`portal/tests/certification/`).

- *played*: the whole sequence of the case. Where it wants the CSMS to act, the operator orders it by REST, as a person
  at the test tool would: the new profile after a car told its needs, too, and the list without a forgotten customer.
- *needs TLS*: written, and played as soon as the yard serves TLS by itself.
- Our scenarios follow the ids and names of the cases, not their text. They are no certificate; only the Alliance's test
  laboratories give one.

To point another test tool at your yard: `POST /api/v1/chargers/` registers its stations; `is_strict` has their mistakes
refused and leaves them alone after a boot, `registration` `quarantined` makes a boot Pending, and any OCPP message is
sent with `POST /api/v1/chargers/{identity}/commands/`. What they told is read below `/api/v1/chargers/{identity}/`
([rest.md](rest.md)).

Beside the cases, frames are drawn from the schemas and lives of chargers told at random
([how](extending.md#before-a-release)). 100,000 frames each in 1.6 and in 2.0.1 (a quarter each valid, wrong somewhere,
no frame at all, and answers to our orders) ran without a finding, and of 2.1 25,000 valid ones, 25,000 that are no
frame, 32,500 that are wrong somewhere and 32,500 answers (`FUZZ_FRAMES=26000` five times). What they found is mended:
two sessions of 2.x that began in one batch on SQLite shared a key, an answer of 2.1 held fields that a charger had
invented, and a profile with a negative time without a link broke its batch. The valid ones of 2.1 were run before that.

Of the lives, most were empty until 2026-11-26: Hypothesis leaves rules out of a life, and without a start nothing
happens. Since they are full (three sessions and twenty frames in each, a contradiction in every third), 800 of 1.6,
800 of 2.0.1 and 400 of 2.1 ran without a finding (`LIVES=400`). Before, they had found that the cost which a station of
2.1 tells was kept twice if its message came twice in one batch; mended. **10,000 of each version have not been told**;
a life costs 0.1 s of CPU.

This page is generated (`python3 manage.py certify --write-docs`); a test holds it true.
"""


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Passed/total of each block, then a line with the reason for each case that did not pass."""
    blocks: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        blocks[outcome.case.ocpp, outcome.case.block].append(outcome)
    said = [_score(f"{ocpp} {block}", members) for (ocpp, block), members in blocks.items()]
    for ocpp in sorted({outcome.case.ocpp for outcome in outcomes}):
        members = [outcome for outcome in outcomes if outcome.case.ocpp == ocpp]
        said.append(_score(f"OCPP {ocpp}", members))
    others = [outcome for outcome in outcomes if outcome.result != PASSED]
    return said + [f"{one.result:8} {one.case.ocpp:6}{one.case.id:10} {one.case.name}: {one.reason}" for one in others]


def _score(name: str, outcomes: Sequence[Outcome]) -> str:
    counts = {result: sum(one.result == result for one in outcomes) for result in (PASSED, FAILED, MISSING)}
    rest = ", ".join(f"{counts[result]} {result}" for result in (FAILED, MISSING) if counts[result])
    return f"{name:30} {counts[PASSED]:3}/{len(outcomes)}{'  ' + rest if rest else ''}"


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [
        {
            "ocpp": one.case.ocpp,
            "block": one.case.block,
            "case": one.case.id,
            "profile": one.case.profile,
            "name": one.case.name,
            "result": one.result,
            "reason": one.reason,
            "seconds": one.seconds,
        }
        for one in outcomes
    ]


def document() -> str:
    """`docs/certification.md`."""
    parts = [HEAD]
    for ocpp in dict.fromkeys(case.ocpp for case in cases()):
        members = [case for case in cases() if case.ocpp == ocpp]
        parts.append(f"\n## OCPP {ocpp}\n\n{_count(members)}\n")
        for block in dict.fromkeys(case.block for case in members):
            rows = [case for case in members if case.block == block]
            parts.append(f"\n### {block}: {_count(rows)}\n\n| case | name | profile | here |\n|---|---|---|---|\n")
            parts += [f"| {case.id} | {case.name} | {case.profile} | {_standing(case)} |\n" for case in rows]
    return "".join(parts)


def _count(members: Sequence[Case]) -> str:
    standings = [_standing(case) for case in members]
    played, by_tls = standings.count("played"), standings.count("needs TLS")
    said = [f"{played} of {len(members)} played"]
    said += [f"{by_tls} need TLS"] if by_tls else []
    others = len(members) - played - by_tls
    said += [f"{others} missing"] if others else []
    return ", ".join(said)


def _standing(case: Case) -> str:
    scenario = SCENARIOS.get(case.id)
    if scenario is None:
        return f"missing: {missing.REASONS[case.id]}"
    return "needs TLS" if scenario.needs_tls and not tls.is_served() else "played"
