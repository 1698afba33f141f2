"""Secrets from where they are kept: files, and AWS Secrets Manager."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chargers import server_certificates
from portal.environment import announce_missing_file, is_iot_core, keep_certificates, keep_secret, with_secret_files


def test_a_secret_comes_from_secrets_manager_by_its_arn() -> None:
    with mock_aws():
        made = boto3.client("secretsmanager", region_name="eu-central-1").create_secret(Name="k", SecretString="s3cret")
        environ = {"SECRET_KEY_ARN": made["ARN"]}
        with_secret_files(environ, "SECRET_KEY", "MQTT_URL")
    assert environ["SECRET_KEY"] == "s3cret" and "MQTT_URL" not in environ


def test_a_secret_that_is_not_there_stops_the_start_with_its_arn() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone"
    with (
        mock_aws(),
        pytest.raises(SystemExit, match=r"SECRET_KEY_ARN names .*gone.*needs secretsmanager:GetSecretValue"),
    ):
        with_secret_files({"SECRET_KEY_ARN": arn}, "SECRET_KEY")


def test_what_is_set_itself_wins() -> None:
    environ = {"SECRET_KEY": "mine", "SECRET_KEY_ARN": "arn:x"}
    with_secret_files(environ, "SECRET_KEY")
    assert environ["SECRET_KEY"] == "mine"


def test_a_kept_secret_is_its_owner_s_and_follows_a_change(tmp_path: Path) -> None:
    path = tmp_path / "home" / "ca.pem"
    for text in ("one", "one", "two"):
        keep_secret(path, text)
        assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(path.parent.iterdir()) == [path]


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    announce_missing_file("OCSP_ISSUERS", "")
    announce_missing_file("OCSP_ISSUERS", __file__)
    with pytest.raises(SystemExit, match=r"OCSP_ISSUERS names '.*/gone.pem', which is no file"):
        announce_missing_file("OCSP_ISSUERS", str(tmp_path / "gone.pem"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtts://a1b2-ats.iot.eu-central-1.amazonaws.com:8883", True),
        ("mqtts://a1b2.ats.iot.cn-north-1.amazonaws.com.cn", True),
        ("mqtts://broker.amazonaws.com", False),
        ("mqtt://127.0.0.1:1883", False),
    ],
)
def test_iot_core_is_known_by_its_name(url: str, expected: bool) -> None:
    assert is_iot_core(url) is expected


def test_certificates_given_as_text_are_files_of_their_owner_one_for_each_key(tmp_path: Path) -> None:
    made = server_certificates.make(tmp_path, ["csms.example"], at=datetime.now(UTC), ca_file=tmp_path / "ca.pem")
    files = [Path(name) for name in keep_certificates(tmp_path / "tls-given", "".join(p.read_text() for p in made))]
    assert [file.read_text() for file in files] == [path.read_text() for path in made]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert keep_certificates(tmp_path / "tls-given", "no certificate") == []
