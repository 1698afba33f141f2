"""Where chargers fetch and leave files that are ours: links made as the order goes out, when their time begins."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from chargers import images, uploads
from chargers.models import Command, FirmwareImage
from chargers.storage import NoAddress, charger_link
from gateway.dialect import Unspeakable
from gateway.wire import address


def to_leave(command: Command, kind: Any) -> str:
    """Where a log goes: the ``url`` of the order, or without one to us. Raises Unspeakable."""
    if command.arguments.get("url"):
        return address(command, "url")
    upload = uploads.expect(command, kind=str(kind), at=timezone.now())
    try:
        return charger_link(upload.name, "put", for_s=uploads.LINK_S, base_url=_base_url(command))
    except NoAddress as error:
        uploads.give_up(command, str(error))
        raise Unspeakable(str(error)) from error


def to_fetch(command: Command) -> str:
    """Where a firmware lies: the ``url`` of the order, or an ``image`` of ours. Raises Unspeakable."""
    number = command.arguments.get("image")
    if number is None:
        return address(command, "url")
    image = FirmwareImage.objects.filter(pk=number).first() if isinstance(number, int) else None
    if image is None:
        raise Unspeakable(f"There is no firmware image {number!r} any more.")
    try:
        return images.link(image, base_url=_base_url(command))
    except NoAddress as error:
        raise Unspeakable(str(error)) from error


def _base_url(command: Command) -> str:
    """Where whoever ordered it reached us; counts where ``PUBLIC_URL`` does not say."""
    return str(command.arguments.get("base_url") or "")
