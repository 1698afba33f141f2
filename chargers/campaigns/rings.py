"""How chargers are divided into rings. Pure."""

from __future__ import annotations

import re

from chargers.sentences import phrase

DEFAULT = "1, 10 %, 30 %, rest"
MOST = 20
_RING = re.compile(r"(?P<count>\d{1,6})\s*(?P<percent>%?)$|(?P<rest>rest)$", re.IGNORECASE)

# Told to people, see chargers/sentences.py.
TOO_MANY_RINGS = phrase("{rings} rings are too many; {most} is the most.")
NO_RING = phrase("{part!r} is no ring: write a number of chargers, a share such as 10 %, or rest.")
MORE_THAN_ALL = phrase("{part!r} is more than all of them.")


def sizes(text: str, total: int) -> list[int]:
    """The sizes of the rings that ``text`` describes, for ``total`` chargers; the last takes whoever is left.

    Each ring is a number of chargers, or a share of all, of which any begun charger counts: "1, 10 %, rest". Rings
    that get nobody are left out. Raises ValueError with a sentence.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError(phrase("A campaign needs a ring at least, e.g. 'rest'."))
    if len(parts) > MOST:
        raise ValueError(TOO_MANY_RINGS.format(rings=len(parts), most=MOST))
    found: list[int] = []
    left = total
    for part in parts:
        size = min(left, _size(part, total))
        left -= size
        found.append(size)
    found.append(left)
    return [size for size in found if size]


def _size(part: str, total: int) -> int:
    match = _RING.match(part)
    if match is None:
        raise ValueError(NO_RING.format(part=part))
    if match["rest"]:
        return total
    count = int(match["count"])
    if match["percent"] and count > 100:
        raise ValueError(MORE_THAN_ALL.format(part=part))
    return -(-total * count // 100) if match["percent"] else count
