"""Logs that chargers leave with us: asked for, followed, received once, forgotten.

A row is made as the order goes out, so that its link's hour begins when the charger has it. The name of the file is
ours; what the charger calls it is kept for people. Knows no HTTP: `portal.hatch` takes what is written by a link.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from chargers.models import Charger, Command, CommandStatus, Transfer, Upload
from chargers.sentences import phrase
from chargers.signals import files_changed
from chargers.storage import HOUR_S, BadLink, NoSuchFile, S3Files, new_name, storage

LINK_S = HOUR_S
OPEN = (Upload.State.WAITING, Upload.State.UPLOADING)
STALLED = timedelta(minutes=10)  # whoever began to write and never came to an end
SLACK = timedelta(minutes=5)  # for what was begun in the link's last minute
LOOKED_AT_ONCE = 200
HEAD_BYTES = 600  # by which `content_of` knows a file
# What chargers of all versions tell: 1.6 UploadFailed, 2.x UploadFailure and its reasons.
FAILED = {
    "UploadFailed": phrase("The charger could not upload it."),
    "UploadFailure": phrase("The charger could not upload it."),
    "BadMessage": phrase("The charger did not understand the request."),
    "NotSupportedOperation": phrase("The charger has no such log."),
    "PermissionDenied": phrase("The charger was refused where it should write."),
    "AcceptedCanceled": phrase("A newer request took its place."),
}

# Told to people, see chargers/sentences.py.
NOTHING_CAME = phrase("Nothing arrived within {minutes} minutes.")
CLAIMED = phrase("Nothing arrived within {minutes} minutes though the charger says that it was uploaded.")
LOG_TOO_LARGE = phrase("It has {size} bytes; UPLOAD_LIMIT_BYTES allows {most}.")


@transaction.atomic
def expect(command: Command, *, kind: str, at: datetime) -> Upload:
    """The file that this order will bring; the same for the same order."""
    upload, is_new = Upload.objects.get_or_create(
        command=command,
        defaults={
            "charger_id": command.charger_id,
            "kind": kind,
            "name": new_name("diagnostics", ""),
            "asked_at": at,
            "expires_at": at + timedelta(seconds=LINK_S),
        },
    )
    if is_new:
        _announce(upload.charger_id)
    return upload


def call_it(command: Command, file_name: str) -> None:
    """How the charger names what it will leave."""
    Upload.objects.filter(command=command).update(told_name=file_name[:255])


def give_up(command: Command, problem: str) -> None:
    """The charger said that nothing will come."""
    for upload in Upload.objects.filter(command=command, state__in=OPEN):
        _fail(upload, problem)


def follow(charger: Charger, status: str) -> None:
    """A step that the charger tells; it works at one log at a time, the one it was asked for last."""
    upload = Upload.objects.filter(charger=charger, state__in=OPEN).first()
    if upload is None:
        return
    if status in FAILED:
        _fail(upload, f"{FAILED[status]} ({status})")
    elif status == "Uploading":
        Upload.objects.filter(pk=upload.pk, state=Upload.State.WAITING).update(state=Upload.State.UPLOADING)
        _announce(charger.pk)


def begin(name: str, *, announced_bytes: int | None = None, at: datetime) -> None:
    """Somebody writes this file by its link. Raises BadLink if it has been used, or is in use."""
    free = Q(begun_at=None) | Q(begun_at__lt=at - STALLED)
    changed = Upload.objects.filter(free, name=name, received_at=None).update(
        begun_at=at, state=Upload.State.UPLOADING, done_bytes=0, announced_bytes=announced_bytes
    )
    upload = Upload.objects.filter(name=name).first()
    if not changed or upload is None:
        raise BadLink(
            phrase("This link has been used; ask for a new one.")
            if upload
            else phrase("Nothing is expected by this link.")
        )
    _announce(upload.charger_id)


def progress(name: str, *, done_bytes: int) -> None:
    """So much of it has come. What passes by us, into a bucket, tells no progress."""
    if Upload.objects.filter(name=name, received_at=None).update(done_bytes=done_bytes):
        _announce(Upload.objects.values_list("charger", flat=True).get(name=name))


@transaction.atomic
def receive(name: str, *, size_bytes: int, head: bytes, told_name: str = "", at: datetime) -> None:
    """The file is here, whole; its link is used up."""
    upload = Upload.objects.filter(name=name, received_at=None).first()
    if upload is None:
        return
    upload.state, upload.received_at, upload.problem = Upload.State.RECEIVED, at, ""
    upload.size_bytes, upload.content = size_bytes, content_of(head)
    upload.told_name = upload.told_name or told_name[:255]
    upload.save(update_fields=["state", "received_at", "problem", "size_bytes", "content", "told_name"])
    _announce(upload.charger_id)


def break_off(name: str, problem: str) -> None:
    """What was begun did not come to an end: the charger may try again."""
    for upload in Upload.objects.filter(name=name, received_at=None):
        Upload.objects.filter(pk=upload.pk).update(
            begun_at=None, state=Upload.State.WAITING, problem=problem[:300], done_bytes=None, announced_bytes=None
        )
        _announce(upload.charger_id)


def content_of(head: bytes) -> Upload.Content:
    """What a file is by its first ``HEAD_BYTES``; its name says nothing."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Upload.Content.ZIP
    if head.startswith(b"\x1f\x8b"):
        return Upload.Content.GZIP
    if head[257:262] == b"ustar":
        return Upload.Content.TAR
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    return Upload.Content.OTHER if controls else Upload.Content.TEXT


def look(*, at: datetime) -> None:
    """Find what came into the bucket without us, and what will not come any more. Safe to repeat."""
    files = storage()
    for upload in Upload.objects.filter(state__in=OPEN).select_related("command").order_by("asked_at")[:LOOKED_AT_ONCE]:
        if isinstance(files, S3Files) and _is_in(files, upload, at):
            continue
        command = upload.command
        if command and command.status in (CommandStatus.REJECTED, CommandStatus.FAILED):
            _fail(upload, command.explanation or phrase("The charger refused."))
        elif at > upload.expires_at + SLACK:
            has_told = upload.charger.transfers.filter(
                kind__in=(Transfer.Kind.LOG, Transfer.Kind.DIAGNOSTICS),
                status="Uploaded",
                received_at__gte=upload.asked_at,
            ).exists()
            _fail(upload, (CLAIMED if has_told else NOTHING_CAME).format(minutes=LINK_S // 60))


def _is_in(files: S3Files, upload: Upload, at: datetime) -> bool:
    """What is written by a presigned link does not pass by us: its size is looked at afterwards."""
    try:
        size = files.size(upload.name)
    except NoSuchFile:
        return False
    if size > settings.UPLOAD_LIMIT_BYTES:
        files.delete(upload.name)
        _fail(upload, LOG_TOO_LARGE.format(size=size, most=settings.UPLOAD_LIMIT_BYTES))
        return True
    receive(upload.name, size_bytes=size, head=files.head(upload.name, HEAD_BYTES), at=at)
    return True


def delete(upload: Upload) -> None:
    """File and row. The file first: a row without one can be deleted again."""
    storage().delete(upload.name)
    upload.delete()
    _announce(upload.charger_id)


def forget(*, before: datetime) -> int:
    """Delete a portion of the oldest; how many."""
    old = list(Upload.objects.filter(asked_at__lt=before).order_by("asked_at")[:LOOKED_AT_ONCE])
    for upload in old:
        delete(upload)
    return len(old)


def _fail(upload: Upload, problem: str) -> None:
    Upload.objects.filter(pk=upload.pk, received_at=None).update(state=Upload.State.FAILED, problem=problem[:300])
    _announce(upload.charger_id)


def _announce(charger_id: int) -> None:
    transaction.on_commit(lambda: files_changed.send_robust(sender=Upload, charger_ids={charger_id}))
