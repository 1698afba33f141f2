"""Takes secrets out of a frame before it is kept. Knows the names under which OCPP and the field send secrets.

A frame without any is returned untouched, as the very same text. What is masked: the value of a configuration key that
holds a password (`AuthorizationKey`, `BasicAuthPassword`), any member whose name says password, the credentials in a
URL, and private keys.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

MASK = "***"
# What a frame with a secret must contain, escaped or not. Everything else passes after this one search.
SUSPICIOUS = re.compile(
    r"authorizationkey|password|passphrase|PRIVATE KEY|:(?:/|\\/){2}[^\s\"/\\]*@|\\u00[2-7]", re.IGNORECASE
)
SECRET_SETTINGS = frozenset({"authorizationkey", "basicauthpassword"})
SECRET_MEMBER = re.compile(r"password|passphrase|^authorizationkey$", re.IGNORECASE)
VALUES = ("value", "attributeValue")
URL_CREDENTIALS = re.compile(r"(:(?:/|\\/){2})[^\s\"/\\@]*(?:@[^\s\"/\\@]*)*@")
PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|(?=\")|$)", re.DOTALL
)
# For a frame that is no JSON: any string after a telling name.
LOOSE_VALUE = re.compile(
    r"(\"(?:value|attributeValue|[^\"]*(?:password|passphrase)[^\"]*|authorizationkey)\"\s*:\s*\")(?:[^\"\\]|\\.)*",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """The frame as it may be kept and shown."""
    if not SUSPICIOUS.search(text):
        return text
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        masked = LOOSE_VALUE.sub(rf"\1{MASK}", text)
    else:
        # Rewritten only when something was found, so that the support log shows the charger's own spacing.
        masked = orjson.dumps(frame).decode() if _mask_members(frame) else text
    masked = URL_CREDENTIALS.sub(rf"\1{MASK}:{MASK}@", masked)
    return PRIVATE_KEY.sub(rf"\1{MASK}\2", masked)


def _mask_members(node: Any) -> bool:
    """Mask secrets in place, at any depth; True if there was one."""
    if isinstance(node, list):
        # All of them, where any() over a generator would stop at the first.
        return True in [_mask_members(item) for item in node]
    if not isinstance(node, dict):
        return False
    found = _mask_setting(node)
    for name, value in node.items():
        if isinstance(value, str) and value and SECRET_MEMBER.search(name):
            node[name] = MASK
            found = True
        elif _mask_members(value):
            found = True
    return found


def _mask_setting(node: dict[str, Any]) -> bool:
    """Mask the value of one configuration entry.

    1.6 ``{key, value}``, 2.x ``{variable: {name}, attributeValue, …}``, our verb `write_settings` ``{name, value}``.
    """
    variable = node.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else node.get("key", node.get("name"))
    if not isinstance(name, str) or name.casefold() not in SECRET_SETTINGS:
        return False
    entries = [node, *(item for item in node.get("variableAttribute") or [] if isinstance(item, dict))]
    found = False
    for entry in entries:
        for member in VALUES:
            if entry.get(member):
                entry[member] = MASK
                found = True
    return found
