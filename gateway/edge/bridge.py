"""The bridge from the broker at a site to the yard's, as Mosquitto reads it, and what it may do there. Pure.

Each charger of the site is named: on the yard's broker are those of other sites as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def bridge(site: int, keys: Iterable[str], *, address: str, prefix: str = "") -> str:
    """A configuration file for the site's Mosquitto. ``keys``: of chargers; ``address``: host:port of the yard's."""
    return "\n".join([
        f"# The bridge of site {site}, made by `manage.py edge bridge`; again after a charger came or went.",
        f"connection chargeyard-site-{site}",
        f"address {address}",
        f"remote_clientid chargeyard-site-{site}",
        f"local_clientid chargeyard-bridge-{site}",
        "bridge_protocol_version mqttv311",
        "# What chargers say waits here while the link is cut, and goes on in its order.",
        "cleansession false",
        "notifications false",
        "keepalive_interval 5",
        "restart_timeout 1 10",
        "# What comes down has QoS 0: an order that could not be delivered must not come late.",
        *(f"topic {pattern} {way} {qos}" for pattern, way, qos in topics(site, keys, prefix)),
        "",
    ])  # fmt: skip


def topics(site: int, keys: Iterable[str], prefix: str) -> Iterator[tuple[str, str, int]]:
    """Pattern, way as seen from the site, QoS."""
    for key in sorted(keys):
        yield f"{prefix}{key}/in", "out", 1
        yield f"{prefix}{key}/out", "in", 0
    house = f"{prefix}chargeyard"
    yield f"{house}/workers/+/status", "in", 0
    yield f"{house}/gateways/+/status", "out", 1
    yield f"{house}/gateways/+/control", "both", 0
    yield f"{house}/sites/{site}/brief", "in", 0
    yield f"{house}/sites/{site}/report", "out", 0
    yield f"{house}/sites/{site}/meter", "out", 0


def rights(site: int, keys: Iterable[str], *, user: str, prefix: str = "") -> str:
    """Lines of an acl_file of the yard's Mosquitto for ``user``, as whom the bridge logs in."""
    words = {"out": "write", "in": "read", "both": "readwrite"}
    lines = [f"topic {words[way]} {pattern}" for pattern, way, _ in topics(site, keys, prefix)]
    return "\n".join([f"user {user}", *lines, ""])
