"""A version on top of an older one."""

from __future__ import annotations

from typing import Any

from gateway.dialect import Dialect


def answer(_: Any) -> dict[str, Any]:
    return {}


def other(_: Any) -> dict[str, Any]:
    return {"status": "Accepted"}


def test_what_the_older_version_learns_later_the_newer_one_knows_too() -> None:
    older = Dialect("ocpp2.0.1", schemas="v201")
    newer = Dialect("ocpp2.1", schemas="v21", based_on=older)
    older.handles("Heartbeat", if_all_fails={})(answer)
    older.misspelt["GetLocalListVersion"] = {"listVersion": "versionNumber"}
    assert newer.handlers == {"Heartbeat": answer}
    assert newer.money == {"Heartbeat": {}}
    assert newer.answer_as_meant("GetLocalListVersion", {"listVersion": 1}) == {"versionNumber": 1}


def test_what_the_newer_version_does_otherwise_the_older_one_never_sees() -> None:
    older = Dialect("ocpp2.0.1", schemas="v201")
    newer = Dialect("ocpp2.1", schemas="v21", based_on=older)
    newer.handles("Heartbeat")(other)
    older.handles("Heartbeat")(answer)
    assert (older.handlers["Heartbeat"], newer.handlers["Heartbeat"]) == (answer, other)
    newer.hears("NotifyPeriodicEventStream")(answer)
    assert not older.listeners
