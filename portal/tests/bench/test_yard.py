from __future__ import annotations

from portal.bench.yard import own_environment


def test_a_yard_of_its_own_takes_nothing_from_the_one_in_use(tmp_path, monkeypatch):
    """`up` leaves the addresses of its parts to other commands; a bench kills what it finds there."""
    for name in ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "MQTT_URL", "MQTT_PREFIX"):
        monkeypatch.setenv(name, "in use")
    monkeypatch.setenv("CHARGEYARD_HOME", "in use")
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    env = own_environment(tmp_path)

    assert "in use" not in env.values()
    assert (env["CHARGEYARD_HOME"], env["LOG_LEVEL"]) == (str(tmp_path), "WARNING")
