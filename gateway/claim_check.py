"""What travels in the place of a frame that is too large for the broker: ``["chargeyard:frame","<id>"]``.

AWS IoT Core takes 128 KB per message, a log or a certificate chain may be more. The frame itself waits in the database
(`chargers.large_frames`). Pure string work.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

START = '["chargeyard:frame","'


def is_too_large(text: str) -> bool:
    """Whether a frame has to go by reference."""
    limit = settings.MQTT_PAYLOAD_LIMIT_BYTES
    # Counting the bytes of each frame would cost more than it is worth: a character has four at most.
    return len(text) > limit // 4 and len(text.encode()) > limit


def reference(frame_id: UUID) -> str:
    return f'{START}{frame_id}"]'


def referred(payload: bytes) -> UUID | None:
    """The id in a reference; None for anything else, that is for a frame."""
    if not payload.startswith(START.encode()):
        return None
    try:
        return UUID(payload[len(START) :].removesuffix(b'"]').decode())
    except ValueError:
        return None
