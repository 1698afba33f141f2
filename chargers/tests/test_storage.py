"""Files: kept whole or not at all, reached by links that are good for one thing and a while. In a folder and in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from moto import mock_aws

from chargers import storage
from chargers.storage import BadLink, LocalFiles, NoSuchFile, S3Files, TooLarge, new_name, opened


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "folder":
        yield LocalFiles(tmp_path / "files")
        return
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage._s3.cache_clear()
    with mock_aws():
        storage._s3().create_bucket(Bucket="yard", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield S3Files("yard")
    storage._s3.cache_clear()


def test_what_is_kept_can_be_read_and_deleted(files):
    name = new_name("firmware", "v2.bin")
    assert files.keep(name, [b"abc", b"def"]) == 6
    with files.open(name) as file:
        assert file.read() == b"abcdef"
    assert files.size(name) == 6
    files.delete(name)
    files.delete(name)
    with pytest.raises(NoSuchFile):
        files.open(name)


def test_of_a_large_file_only_the_beginning_is_fetched(files, monkeypatch):
    """A log may have UPLOAD_LIMIT_BYTES; what it is stands in its first bytes."""
    files.keep("diagnostics/log", [b"PK\x03\x04", b"x" * 100_000])
    files.keep("diagnostics/short", [b"ab"])
    files.keep("diagnostics/empty", [])
    if isinstance(files, S3Files):
        monkeypatch.delattr(S3Files, "open")
    assert files.head("diagnostics/log", 6) == b"PK\x03\x04xx"
    assert files.head("diagnostics/short", 600) == b"ab"
    assert files.head("diagnostics/empty", 600) == b""
    with pytest.raises(NoSuchFile):
        files.head("diagnostics/none", 600)


def test_too_large_a_file_leaves_nothing_behind(files, settings):
    settings.UPLOAD_LIMIT_BYTES = 5
    with pytest.raises(TooLarge, match="UPLOAD_LIMIT_BYTES"):
        files.keep("diagnostics/x", [b"abc", b"def"])
    with pytest.raises(NoSuchFile):
        files.open("diagnostics/x")


@pytest.mark.parametrize(
    ("given", "suffix"),
    [("log.zip", ".zip"), ("../../x", ""), ("a.tar.gz", ".gz"), ("x.<script>", ""), ("", "")],
)
def test_a_name_is_ours_whatever_the_charger_calls_its_file(given, suffix):
    name = new_name("diagnostics", given)
    assert name.startswith("diagnostics/") and name.endswith(suffix) and ".." not in name and len(name) < 60
    assert new_name("diagnostics", given) != name


def test_a_link_to_s3_is_regional_signed_and_over_after_a_while(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage._s3.cache_clear()
    with mock_aws():
        link = urlsplit(S3Files("yard").link("firmware/1.bin", "get", for_s=600))
    storage._s3.cache_clear()
    assert link.netloc == "yard.s3.eu-central-1.amazonaws.com" and link.path == "/firmware/1.bin"
    assert "X-Amz-Expires=600" in link.query and "X-Amz-Signature=" in link.query


class TestLinksForChargers:
    def test_they_lead_to_us_by_the_address_that_we_know(self, settings: Any) -> None:
        settings.FILES_BUCKET, settings.PUBLIC_URL = "", ""
        with pytest.raises(storage.NoAddress, match="PUBLIC_URL"):
            storage.charger_link("firmware/x.bin", "get")
        assert storage.charger_link("firmware/x.bin", "get", base_url="http://lap:8000").startswith("http://lap:8000/f")
        settings.PUBLIC_URL = "https://csms.example"
        link = storage.charger_link("firmware/x.bin", "get", base_url="http://lap:8000", called="wall box 2.0.bin")
        assert link.startswith("https://csms.example/files/") and link.endswith("/wall%20box%202.0.bin")
        assert len(link) <= storage.LONGEST_URL

    def test_one_that_a_role_signs_is_too_long_for_ocpp_and_goes_by_us(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each URL of OCPP 2.x has 512 characters at most; a session token alone has more."""
        settings.FILES_BUCKET, settings.PUBLIC_URL = "yard", "https://csms.example"
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        for token, host in (("", "yard.s3.eu-central-1.amazonaws.com"), ("t" * 900, "csms.example")):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            monkeypatch.setenv("AWS_SESSION_TOKEN", token)
            storage._s3.cache_clear()
            link = storage.charger_link("firmware/x.bin", "get")
            assert urlsplit(link).netloc == host and len(link) <= storage.LONGEST_URL
        storage._s3.cache_clear()

    def test_a_link_is_over_after_its_time(self) -> None:
        token = storage.own_link("firmware/x.bin", "get", for_s=60).split("/files/")[1].split("/")[0]
        assert opened(token, "get") == "firmware/x.bin"
        with time_machine.travel("2099-01-01"), pytest.raises(BadLink, match="over"):
            opened(token, "get")
