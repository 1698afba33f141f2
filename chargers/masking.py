"""Takes secrets out of a frame before it is kept. Knows the names under which OCPP and the field send secrets.

A frame without any is returned untouched, as the very same text. What is masked: the value of a configuration key that
holds a password (`AuthorizationKey`, `WiFiPassword`, …), any member whose name says password, the PIN of a SIM, the key
of a VPN, the credentials in a URL, and private keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

MASK = "***"
# What a frame with a secret must contain, escaped or not. Everything else passes after this one search.
SUSPICIOUS = re.compile(
    r"authorizationkey|password|passphrase|sharedkey|secret|vpn|simpin|PRIVATE KEY"
    r"|:(?:/|\\/){2}[^\s\"/\\]*@|\\u00[2-7]",
    re.IGNORECASE,
)
# Some of which every such frame contains; looking for plain words is a tenth of the work.
TELLTALES = (
    "authorizationkey", "password", "passphrase", "sharedkey", "secret", "vpn", "simpin", "private key", "@", "\\u00",
)  # fmt: skip
DOOR_KEYS = frozenset({"authorizationkey", "basicauthpassword"})  # what a charger logs in with here
SECRET_SETTING = re.compile(r"^authorizationkey$|password|passphrase|sharedkey|secret|vpnkey|simpin", re.IGNORECASE)
SECRET_MEMBER = re.compile(r"password|passphrase|^authorizationkey$|^simpin$", re.IGNORECASE)
VPN = "vpn"  # SetNetworkProfile (2.x): its "key" is the secret that both ends share
VALUES = ("value", "attributeValue")
URL_CREDENTIALS = re.compile(r"(:(?:/|\\/){2})[^\s\"/\\@]*(?:@[^\s\"/\\@]*)*@")
PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|(?=\")|$)", re.DOTALL
)
# For a frame that is no JSON: any string after a telling name. Possessive: nothing is ever read a second time, or such
# a frame, chosen with care, would keep a worker for half an hour.
LOOSE_VALUE = re.compile(r"(\"([^\"]*+)\"\s*+:\s*+\")(?:[^\"\\]++|\\.)*+", re.DOTALL)
LOOSE_NAME = re.compile(r"^(?:value|attributevalue|authorizationkey)\Z|password|passphrase", re.IGNORECASE)


def mask(text: str) -> str:
    """The frame as it may be kept and shown."""
    folded = text.casefold()
    if not any(telltale in folded for telltale in TELLTALES) or not SUSPICIOUS.search(text):
        return text
    try:
        frame = orjson.loads(text)
        # Rewritten only when something was found, so that the support log shows the charger's own spacing.
        masked = orjson.dumps(frame).decode() if _mask_members(frame) else text
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested too deep to be written
        masked = LOOSE_VALUE.sub(_loosely, text)
    masked = URL_CREDENTIALS.sub(rf"\1{MASK}:{MASK}@", masked)
    return PRIVATE_KEY.sub(rf"\1{MASK}\2", masked)


def _loosely(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}" if LOOSE_NAME.search(found[2]) else found[0]


def password_in(text: str) -> str:
    """The password that a frame of ours gives a charger, "" if none; ``***`` where it is masked already."""
    if not SUSPICIOUS.search(text):
        return ""
    settings = (node for node in _objects(orjson.loads(text)) if _setting_name(node).casefold() in DOOR_KEYS)
    entries = (entry for node in settings for entry in _secret_entries(node))
    return next((str(entry[member]) for entry, member in entries), "")


def _mask_members(frame: Any) -> bool:
    """Mask secrets in place, at any depth; True if there was one."""
    found = False
    for node in _objects(frame):
        secrets = [(node, name) for name, value in node.items() if value and _is_secret(name, value)]
        if isinstance(vpn := node.get(VPN), dict) and vpn.get("key"):
            secrets.append((vpn, "key"))
        for entry, member in [*secrets, *_secret_entries(node)]:
            entry[member] = MASK
            found = True
    return found


def _objects(frame: Any) -> Iterator[dict[str, Any]]:
    """All objects in a frame, at any depth. No recursion: a charger decides how deep it goes."""
    nodes = [frame]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            yield node
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def _is_secret(name: str, value: object) -> bool:
    # A PIN is a number on the wire.
    return isinstance(value, str | int) and not isinstance(value, bool) and SECRET_MEMBER.search(name) is not None


def _secret_entries(node: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Where one configuration entry holds the value of a password: (object, member)."""
    if not SECRET_SETTING.search(_setting_name(node)):
        return []
    attributes = node.get("variableAttribute")
    entries = [node, *(attributes if isinstance(attributes, list) else [])]
    return [(entry, member) for entry in entries if isinstance(entry, dict) for member in VALUES if entry.get(member)]


def _setting_name(node: dict[str, Any]) -> str:
    """The name in a configuration entry, "" if it is none.

    1.6 ``{key, value}``, 2.x ``{variable: {name}, attributeValue, …}``, our verb `write_settings` ``{name, value}``.
    """
    variable = node.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else node.get("key", node.get("name"))
    return name if isinstance(name, str) else ""
