"""`manage.py aws`: what it makes, what it finds, and that it may be repeated."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import ssl
import stat
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from botocore.awsrequest import AWSResponse
from botocore.exceptions import NoCredentialsError
from cryptography import x509
from django.core.management import CommandError, call_command
from moto.core.botocore_stubber import MockRawResponse

from chargers.models import Charger, Twin
from gateway.iot import account, cloud, doctor, teller
from gateway.testing.authority import Authority
from gateway.tests.iot.test_teller import error, names
from gateway.tls import Certificates, Files

pytestmark = pytest.mark.django_db


def test_a_certificate_is_known_by_its_sha_256():
    pem = Authority().issue("gateway")
    der = ssl.PEM_cert_to_DER_cert(pem.partition("-----BEGIN PRIVATE")[0])
    assert account.certificate_id(pem) == hashlib.sha256(der).hexdigest()


def run(capsys: Any, *words: str) -> Any:
    call_command("aws", *words, "--json")
    return json.loads(capsys.readouterr().out)


def test_bootstrap_makes_a_certificate_that_may_use_our_topics_and_keeps_its_key(aws, capsys, tmp_path, settings):
    file = tmp_path / "aws.pem"
    done = run(capsys, "bootstrap", "--out", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (made,) = aws("iot", "ListCertificates")["certificates"]
    arn = made["certificateArn"]
    assert "BEGIN CERTIFICATE" in file.read_text() and "PRIVATE KEY" in file.read_text()
    assert aws("iot", "ListAttachedPolicies", target=arn)["policies"][0]["policyName"] == "chargeyard"
    assert done["MQTT_URL"].startswith("mqtts://") and done["MQTT_URL"].endswith(".iot.eu-central-1.amazonaws.com:8883")
    again = run(capsys, "bootstrap", "--out", str(file))
    assert "already" in again["certificate"] and "already" in again["policy"] and "already" in again["thing events"]
    assert len(aws("iot", "ListCertificates")["certificates"]) == 1


def test_bootstrap_brings_a_policy_of_an_older_version_up_to_date_however_often(
    well, aws, capsys, monkeypatch, tmp_path
):
    topic, policy = "", account.policy
    monkeypatch.setattr(account, "policy", lambda *where: json.loads(json.dumps(policy(*where)).replace("*/in", topic)))
    for number in range(7):
        topic = f"{number}/in"  # each version of the yard has other topics
        assert "another version of this yard" in ill(capsys)["certificate"]
        assert "would be brought" in run(capsys, "bootstrap", "--dry-run", "--out", str(tmp_path / "aws.pem"))["policy"]
        assert "brought up to date" in run(capsys, "bootstrap", "--out", str(tmp_path / "aws.pem"))["policy"]
    assert "topic/6/in" in aws("iot", "GetPolicy", policyName="chargeyard")["policyDocument"]
    assert ill(capsys) == {}


def test_two_yards_in_one_account_each_keep_their_own(aws, capsys, settings, tmp_path, make_charger, monkeypatch):
    make_charger("CP-1")
    policies: dict[str, str] = {}
    ids: dict[str, str] = {}
    for prefix, policy in (("", "chargeyard"), ("north/", "chargeyard-north"), ("south/", "chargeyard-south")):
        settings.MQTT_PREFIX, settings.AWS_IOT_THING_TYPE = prefix, ""
        done = run(capsys, "bootstrap", "--out", str(tmp_path / f"{policy}.pem"))
        assert done["policy"] == f"{policy} made" and policy.replace("chargeyard", "Charger") in done["thing type"]
        policies[policy] = aws("iot", "GetPolicy", policyName=policy)["policyDocument"]
        Twin.objects.all().delete()  # each yard has a database of its own
        run(capsys, "sync-things")
        ids |= {name: aws("iot", "DescribeThing", thingName=name)["thingId"] for name in names()}
    assert ids.keys() == {"CP-1", "north:2FCP-1", "south:2FCP-1"}
    Twin.objects.all().delete()
    settings.MQTT_PREFIX = "north/"
    plan = run(capsys, "sync-things", "--dry-run")
    assert [plan[name] for name in ("to_create", "to_adopt", "to_remove", "nameless")] == [0, 0, 0, 0]
    # Nobody has touched what is another's, policies, Things and certificates.
    assert policies == {name: aws("iot", "GetPolicy", policyName=name)["policyDocument"] for name in policies}
    assert "topic/north/*/in" in policies["chargeyard-north"] and "topic/*/in" in policies["chargeyard"]
    attached = [
        aws("iot", "ListAttachedPolicies", target=one["certificateArn"])["policies"][0]["policyName"]
        for one in aws("iot", "ListCertificates")["certificates"]
    ]
    assert sorted(attached) == sorted(policies)


def test_a_certificate_that_was_there_before_its_yard_had_a_name_gets_its_policy(aws, capsys, settings, tmp_path, well):
    settings.MQTT_PREFIX = "north/"
    words = ("bootstrap", "--out", str(tmp_path / "aws.pem"))
    assert "chargeyard-north would be attached" in run(capsys, *words, "--dry-run")["certificate"]
    assert "chargeyard-north attached" in run(capsys, *words)["certificate"]
    assert run(capsys, *words)["certificate"].endswith("is there already")
    (one,) = aws("iot", "ListCertificates")["certificates"]
    policies = aws("iot", "ListAttachedPolicies", target=one["certificateArn"])["policies"]
    assert {policy["policyName"] for policy in policies} == {"chargeyard", "chargeyard-north"}


def test_bootstrap_can_keep_the_key_in_secrets_manager(aws, capsys):
    run(capsys, "bootstrap", "--secret", "chargeyard/mqtt")
    kept = aws("secretsmanager", "GetSecretValue", SecretId="chargeyard/mqtt")["SecretString"]
    assert "PRIVATE KEY" in kept
    assert "already" in run(capsys, "bootstrap", "--secret", "chargeyard/mqtt")["certificate"]


def test_bootstrap_keeps_the_authority_of_chargers_where_every_container_finds_it(aws, capsys):
    words = ("bootstrap", "--secret", "yard/mqtt", "--authority-secret", "yard/ca")
    run(capsys, *words)
    kept = aws("secretsmanager", "GetSecretValue", SecretId="yard/ca")["SecretString"]
    assert "PRIVATE KEY" in kept and "BEGIN CERTIFICATE" in kept
    assert "already" in run(capsys, *words)["authority"]


def test_bootstrap_keeps_what_our_tls_door_shows_and_renews_it_in_time(aws, capsys, tmp_path):
    words: tuple[str, ...] = ("bootstrap", "--secret", "yard/mqtt", "--authority-secret", "yard/ca")
    words = (*words, "--tls-secret", "yard/tls")
    with pytest.raises(CommandError, match="--tls-name"):
        call_command("aws", *words)
    words = (*words, "--tls-name", "csms.example")
    run(capsys, *words)
    kept = aws("secretsmanager", "GetSecretValue", SecretId="yard/tls")["SecretString"]
    authority = aws("secretsmanager", "GetSecretValue", SecretId="yard/ca")["SecretString"]
    files = (tmp_path / "ecdsa.pem", tmp_path / "rsa.pem")
    for file, pair in zip(files, re.findall(r".+?END PRIVATE KEY-----\n", kept, re.DOTALL), strict=True):
        file.write_text(pair)
    (tmp_path / "ca.pem").write_text(authority)
    Certificates(Files(files, (), authorities=(tmp_path / "ca.pem",)))  # else it would raise
    signer = x509.load_pem_x509_certificate(authority.encode())
    for file in files:
        shown = x509.load_pem_x509_certificate(file.read_bytes())
        shown.verify_directly_issued_by(signer)
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["csms.example"]
    assert "already" in run(capsys, *words)["TLS door"]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=340)):
        assert "made for csms.example" in run(capsys, *words)["TLS door"]
    assert aws("secretsmanager", "GetSecretValue", SecretId="yard/tls")["SecretString"] != kept


def test_a_dry_run_makes_nothing(aws, capsys, tmp_path):
    done = run(capsys, "bootstrap", "--dry-run", "--out", str(tmp_path / "aws.pem"))
    assert "would be made" in done["policy"] and "would be made" in done["certificate"]
    assert not aws("iot", "ListPolicies")["policies"] and not list(tmp_path.iterdir())


def test_the_policy_allows_what_we_say_and_hear_and_nothing_else():
    text = json.dumps(account.policy("eu-central-1", "123456789012"))
    for resource in ("topic/*/in", "topicfilter/$share/chargeyard/+/in", "topic/chargeyard/*", "client/*"):
        assert f"arn:aws:iot:eu-central-1:123456789012:{resource}" in text
    assert '"iot:*"' not in text and '"Resource": "*"' not in text


@pytest.fixture
def well(capsys: Any, tmp_path: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A yard whose settings fit its account."""
    done = run(capsys, "bootstrap", "--out", str(tmp_path / "aws.pem"))
    settings.MQTT_CLIENT_PEM = Authority().issue("gateway")  # moto's own has expired
    settings.MQTT_URL, settings.MQTT_IS_IOT_CORE = done["MQTT_URL"], True
    host = str(urlsplit(done["MQTT_URL"]).hostname)  # moto's is another each time
    monkeypatch.setattr(account, "endpoint", lambda: host)
    made = cloud.call("iot", "ListCertificates")["certificates"]
    monkeypatch.setattr(account, "certificate_id", lambda pem: made[0]["certificateId"])


def ill(capsys: Any) -> dict[str, str]:
    """What the doctor finds wrong, by part."""
    with contextlib.suppress(CommandError):
        call_command("aws", "doctor", "--json")
    return {one["part"]: one["sentence"] for one in json.loads(capsys.readouterr().out) if not one["is_well"]}


def test_a_healthy_yard_is_healthy(well, capsys):
    assert ill(capsys) == {}


def test_the_doctor_names_an_endpoint_of_another_region(well, capsys, settings):
    settings.MQTT_URL = "mqtts://x-ats.iot.us-east-1.amazonaws.com:8883"
    assert "us-east-1" in ill(capsys)["endpoint"] and "eu-central-1" in ill(capsys)["endpoint"]


def test_a_broker_of_one_s_own_is_no_illness(well, capsys, settings):
    settings.MQTT_URL, settings.MQTT_IS_IOT_CORE = "mqtt://broker.chargeyard.internal:1883", False
    assert ill(capsys) == {}
    settings.MQTT_CLIENT_PEM = ""
    assert ill(capsys) == {}


def test_the_doctor_names_a_clock_that_is_off(monkeypatch):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=7)):
        ahead = datetime.now(UTC) - timedelta(minutes=7)
        headers = {"date": format_datetime(ahead, usegmt=True)}
        monkeypatch.setattr(cloud, "call", lambda *words: {"ResponseMetadata": {"HTTPHeaders": headers}})
        with pytest.raises(doctor.Ill, match=r"\+42[01] s. Set it by NTP"):
            doctor._clock()


def test_the_doctor_names_a_foreign_certificate(well, capsys, settings, aws, monkeypatch):
    monkeypatch.setattr(account, "certificate_id", lambda pem: "f" * 64)
    assert "not of this account and region" in ill(capsys)["certificate"]
    made = aws("iot", "CreateKeysAndCertificate", setAsActive=False)
    monkeypatch.setattr(account, "certificate_id", lambda pem: made["certificateId"])
    assert "INACTIVE" in ill(capsys)["certificate"]
    settings.MQTT_CLIENT_PEM = ""
    assert "MQTT_CLIENT_PEM is empty" in ill(capsys)["certificate"]


def test_the_doctor_names_a_queue_without_dead_letters_and_a_bucket_that_is_not_there(well, capsys, settings, aws):
    settings.INGEST_QUEUE_URL = aws("sqs", "CreateQueue", QueueName="frames")["QueueUrl"]
    settings.FILES_BUCKET = "gone"
    found = ill(capsys)
    assert "no dead letters" in found["queue"] and "'gone'" in found["files"]
    settings.INGEST_QUEUE_URL += "-elsewhere"
    assert "-elsewhere" in ill(capsys)["queue"]


def test_a_stranger_without_credentials_hears_one_sentence_with_the_way_out(aws, capsys, failing, monkeypatch):
    failing("GetCallerIdentity", NoCredentialsError())
    assert ill(capsys).keys() == {"credentials"}
    said = ill(capsys)["credentials"]
    assert "needs AWS credentials, and there are none: give this task a role, or set a profile" in said
    monkeypatch.setattr(cloud, "session", lambda: SimpleNamespace(region_name=None))
    assert "AWS_REGION is not set" in ill(capsys)["credentials"]


def test_without_permission_the_doctor_says_which(well, capsys, failing):
    failing("DescribeThingType", error("AccessDeniedException"))
    assert "does not allow us iot:DescribeThingType" in ill(capsys)["things"]


def test_sync_brings_both_sides_together(aws, capsys, cp1, make_charger):
    make_charger("CP-4")
    aws(
        "iot",
        "CreateThing",
        thingName="CP-4",
        thingTypeName="Charger",
        attributePayload={"attributes": {"vendor": "Old"}},
    )
    aws("iot", "CreateThing", thingName="CP-5", thingTypeName="Charger")
    aws("iot", "CreateThing", thingName="SITE:x", thingTypeName="Charger")
    aws("iot", "CreateThing", thingName="lamp")
    plan = run(capsys, "sync-things", "--dry-run")
    assert plan.pop("calls") == {"ListThings": 1} and plan.pop("throttled") == 0 and plan.pop("seconds") >= 0
    assert plan == {
        "to_create": 1, "to_update": 1, "to_adopt": 1, "to_remove": 0, "nameless": 1, "told": 0, "dry_run": True,
    }  # fmt: skip
    assert Charger.objects.count() == 2
    run(capsys, "sync-things")
    assert names() == {"CP-1", "CP-4", "CP-5", "SITE:x"}
    assert Charger.objects.filter(identity="CP-5").exists()
    after = run(capsys, "sync-things")
    assert (after["to_create"], after["to_update"], after["to_adopt"], after["told"]) == (0, 0, 0, 0)


def test_what_aws_throttles_is_called_again_after_a_pause_and_counted(aws, capsys, cp1):
    calls = []

    def busy(request: Any, **more: Any) -> Any:
        """The first call is one too many."""
        calls.append(request.url)
        if len(calls) > 1:
            return None
        body = MockRawResponse(b'{"message": "Rate exceeded"}')
        return AWSResponse(request.url, 429, {"x-amzn-errortype": "ThrottlingException"}, body)

    cloud.client("iot").meta.events.register_first("before-send.*", busy)
    try:
        done = run(capsys, "sync-things")
    finally:
        cloud.client("iot").meta.events.unregister("before-send.*", busy)
    assert (done["told"], done["throttled"], names()) == (1, 1, {"CP-1"})
    assert done["calls"]["CreateThing"] == 1


def test_sync_makes_missing_things_again_and_retires_nobody(aws, capsys, cp1):
    teller.tell()
    aws("iot", "DeleteThing", thingName="CP-1")
    run(capsys, "sync-things")
    assert names() == {"CP-1"}
    assert Charger.objects.get().registration == "accepted"


def test_a_throttled_account_ends_the_sync_with_a_sentence(cp1, failing):
    failing("ListThings", error("ThrottlingException"))
    with pytest.raises(CommandError, match="throttles iot:ListThings"):
        call_command("aws", "sync-things")


def test_calls_stay_under_the_rates_of_aws(aws, monkeypatch):
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
    monkeypatch.setattr(cloud, "time", clock)
    calls = cloud.Calls()
    for _ in range(32):
        calls("iot", "ListThings")
    assert now[0] == pytest.approx(3.0, abs=0.2)  # eight at once, then eight a second
