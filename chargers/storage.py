"""Files that chargers fetch and leave: firmware, diagnostics, exports. In a folder of ours, or in an S3 bucket.

A charger gets a URL that is good for one file, one direction and a while: it has no password for us, and FTP accounts
leak. Names are ours, never the charger's (`new_name`). Knows no charger and no page; the folder's URLs are answered by
`portal.hatch`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.core import signing

from chargers.sentences import phrase

# Told to people, see chargers/sentences.py.
WRONG_WAY = phrase("This link is to {said} a file, not to {verb} one.")
TOO_LARGE = phrase("A file may have {most} bytes (UPLOAD_LIMIT_BYTES); this one has more.")

Kind = Literal["firmware", "diagnostics", "exports"]
Verb = Literal["get", "put"]
HOUR_S = 3600
LONGEST_URL = 512  # of OCPP 1.6 (security whitepaper) and 2.x
_SALT = "chargers.storage"


class NoSuchFile(LookupError):
    """There is no file of that name (any more)."""


class TooLarge(ValueError):
    """A file that nobody may leave here."""


class BadLink(ValueError):
    """A URL that we did not make, for another direction, or over."""


class NoAddress(ValueError):
    """We do not know how a charger would reach us."""


class Storage(Protocol):
    def keep(self, name: str, chunks: Iterable[bytes]) -> int:
        """Store a file whole or not at all; its size in bytes. Raises TooLarge."""

    def open(self, name: str) -> BinaryIO:
        """Raises NoSuchFile."""

    def head(self, name: str, size: int) -> bytes:
        """Its first bytes, at most ``size``, without fetching the rest. Raises NoSuchFile."""

    def delete(self, name: str) -> None:
        """Safe to repeat."""

    def size(self, name: str) -> int:
        """In bytes. Raises NoSuchFile."""

    def link(self, name: str, verb: Verb, *, for_s: int = HOUR_S, base_url: str = "", called: str = "") -> str:
        """By which whoever has it may get, or put, this file for ``for_s`` seconds; who gets it sees ``called``."""


def new_name(kind: Kind, file_name: str) -> str:
    """A name that nobody can guess, ending as ``file_name`` does where that is harmless."""
    suffix = Path(file_name).suffix
    return f"{kind}/{uuid4().hex}{suffix if re.fullmatch(r'[.][A-Za-z0-9]{1,8}', suffix) else ''}"


def storage() -> Storage:
    """The one of the settings: `FILES_BUCKET`, or the folder."""
    return S3Files(settings.FILES_BUCKET) if settings.FILES_BUCKET else LocalFiles(Path(settings.MEDIA_ROOT))


class LocalFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, chunks: Iterable[bytes]) -> int:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{uuid4().hex}")
        size = 0
        try:
            with open(draft, "xb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
                for chunk in bounded(chunks):
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return size

    def open(self, name: str) -> BinaryIO:
        try:
            return self._path(name).open("rb")
        except FileNotFoundError as error:
            raise NoSuchFile(name) from error

    def head(self, name: str, size: int) -> bytes:
        with self.open(name) as file:
            return file.read(size)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError as error:
            raise NoSuchFile(name) from error

    def link(self, name: str, verb: Verb, *, for_s: int = HOUR_S, base_url: str = "", called: str = "") -> str:
        return own_link(name, verb, for_s=for_s, base_url=base_url, called=called)

    def _path(self, name: str) -> Path:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise NoSuchFile(name)
        return path


def own_link(name: str, verb: Verb, *, for_s: int = HOUR_S, base_url: str = "", called: str = "") -> str:
    """A URL of ours, under `PUBLIC_URL`, or ``base_url`` where that is not set, wherever the file lies."""
    token = signing.dumps([verb, name, for_s], salt=_SALT, compress=True)
    return f"{settings.PUBLIC_URL or base_url}/files/{token}/{quote(called or Path(name).name, safe='')}"


def charger_link(name: str, verb: Verb, *, for_s: int = HOUR_S, base_url: str = "", called: str = "") -> str:
    """A URL for a charger: the storage's own, or by us where that is too long for OCPP.

    One that a role in AWS signs carries its session token, a thousand characters. Raises NoAddress.
    """
    if settings.FILES_BUCKET:
        link = storage().link(name, verb, for_s=for_s, called=called)
        if len(link) <= LONGEST_URL:
            return link
    if not (settings.PUBLIC_URL or base_url):
        raise NoAddress(
            phrase("PUBLIC_URL is not set, so no charger can be told where our files are; set it, or give a URL.")
        )
    return own_link(name, verb, for_s=for_s, base_url=base_url, called=called)


def opened(token: str, verb: Verb) -> str:
    """The name of the file in a link of `LocalFiles`. Raises BadLink."""
    try:
        # Until when it holds stands in it; nothing is older than a week.
        said, name, for_s = signing.loads(token, salt=_SALT, max_age=7 * 24 * HOUR_S)
        signing.loads(token, salt=_SALT, max_age=for_s)
    except signing.SignatureExpired as error:
        raise BadLink(phrase("This link is over; ask for a new one.")) from error
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadLink(phrase("This is no link of ours.")) from error
    if said != verb:
        raise BadLink(WRONG_WAY.format(said=said, verb=verb))
    return str(name)


class S3Files:
    """The role needs s3:GetObject, s3:PutObject and s3:DeleteObject on the bucket's objects."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def keep(self, name: str, chunks: Iterable[bytes]) -> int:
        import tempfile

        with tempfile.TemporaryFile() as file:  # S3 wants to read it twice
            for chunk in bounded(chunks):
                file.write(chunk)
            size = file.tell()
            file.seek(0)
            _s3().upload_fileobj(file, self._bucket, name)
        return size

    def open(self, name: str) -> BinaryIO:
        import tempfile

        from botocore.exceptions import ClientError

        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's from now on
        try:
            shutil.copyfileobj(_s3().get_object(Bucket=self._bucket, Key=name)["Body"], file)
        except ClientError as error:
            file.close()
            raise NoSuchFile(f"{name}: {error}") from error
        file.seek(0)
        return file

    def head(self, name: str, size: int) -> bytes:
        from botocore.exceptions import ClientError

        try:
            answer = _s3().get_object(Bucket=self._bucket, Key=name, Range=f"bytes=0-{size - 1}")
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":  # of an empty file
                return b""
            raise NoSuchFile(f"{name}: {error}") from error
        return bytes(answer["Body"].read())

    def delete(self, name: str) -> None:
        _s3().delete_object(Bucket=self._bucket, Key=name)

    def size(self, name: str) -> int:
        from botocore.exceptions import ClientError

        try:
            return int(_s3().head_object(Bucket=self._bucket, Key=name)["ContentLength"])
        except ClientError as error:
            raise NoSuchFile(f"{name}: {error}") from error

    def link(self, name: str, verb: Verb, *, for_s: int = HOUR_S, base_url: str = "", called: str = "") -> str:
        params = {"Bucket": self._bucket, "Key": name}
        if called and verb == "get":
            params["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(called, safe='')}"
        return str(_s3().generate_presigned_url(f"{verb}_object", Params=params, ExpiresIn=for_s))


@cache
def _s3() -> Any:
    import boto3  # only who uses it pays for loading it
    from botocore.config import Config

    # The regional address: the global one redirects a PUT, and chargers do not follow.
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"}, connect_timeout=5, read_timeout=30)
    # Containers are given AWS_REGION; boto3 itself looks at AWS_DEFAULT_REGION only.
    session = boto3.session.Session(region_name=os.environ.get("AWS_REGION"))
    return session.client("s3", config=config, endpoint_url=f"https://s3.{session.region_name}.amazonaws.com")


def bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks. Raises TooLarge."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > settings.UPLOAD_LIMIT_BYTES:
            raise TooLarge(TOO_LARGE.format(most=settings.UPLOAD_LIMIT_BYTES))
        yield chunk
