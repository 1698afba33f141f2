"""Looks at everything that has to fit together on AWS, and says of each part what is wrong and the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from django.conf import settings

from gateway.bus import tls
from gateway.iot import account, cloud, things

# SigV4 takes five minutes; long before, TLS and tokens begin to fail.
MOST_SKEW_S = 60


class Finding(NamedTuple):
    part: str
    is_well: bool
    sentence: str


class Ill(Exception):
    """What is wrong with a part, and the way out."""


def examine() -> Iterator[Finding]:
    """Part by part; without credentials nothing else is asked."""
    first = _ask("credentials", _credentials)
    yield first
    if not first.is_well:
        return
    yield from (_ask(part, look) for part, look in CHECKS.items())


def _ask(part: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(part, True, look())
    except (Ill, cloud.Away, cloud.Refused, ClientError) as error:
        return Finding(part, False, str(error))


def _credentials() -> str:
    region, number, _ = account.identity()
    return f"account {number}, region {region}"


def _clock() -> str:
    answer = cloud.call("sts", "GetCallerIdentity")
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    now = datetime.now(UTC)
    skew_s = (now - parsedate_to_datetime(said)).total_seconds() if said else 0.0
    if abs(skew_s) > MOST_SKEW_S:
        raise Ill(
            f"Ours says {now:%H:%M:%S}, AWS {said}: {skew_s:+.0f} s. Set it by NTP, or AWS refuses our signature."
        )
    return f"{skew_s:+.0f} s against AWS"


def _endpoint() -> str:
    ours, theirs = urlsplit(settings.MQTT_URL), account.endpoint()
    if not settings.MQTT_IS_IOT_CORE:
        return f"{ours.hostname} is a broker of your own; news of Things come through its bridge, or not at all"
    if ours.hostname != theirs:
        raise Ill(f"MQTT_URL names {ours.hostname!r}; in this account and region it is mqtts://{theirs}:8883.")
    if ours.scheme != "mqtts":
        raise Ill(f"MQTT_URL begins with {ours.scheme}://; IoT Core takes TLS only: mqtts://{theirs}:8883.")
    return settings.MQTT_URL


def _certificate() -> str:
    if not (settings.MQTT_CLIENT_PEM or settings.MQTT_IS_IOT_CORE):
        return "none (MQTT_CLIENT_PEM), and a broker of your own"
    if not settings.MQTT_CLIENT_PEM:
        raise Ill("MQTT_CLIENT_PEM is empty; `manage.py aws bootstrap` makes a certificate.")
    if wrong := tls.flaw():
        raise Ill(wrong)
    number = account.certificate_id(settings.MQTT_CLIENT_PEM)
    try:
        known = cloud.call("iot", "DescribeCertificate", certificateId=number)["certificateDescription"]
    except ClientError as error:
        raise Ill(
            f"Certificate {number[:12]}… is not of this account and region; MQTT_CLIENT_PEM is foreign."
        ) from error
    if known["status"] != "ACTIVE":
        raise Ill(f"Certificate {number[:12]}… is {known['status']}; activate it, or make another by bootstrap.")
    policies = cloud.call("iot", "ListAttachedPolicies", target=known["certificateArn"])["policies"]
    if not policies:
        raise Ill(
            f"Certificate {number[:12]}… has no policy: every CONNECT would be refused. `aws bootstrap` makes one."
        )
    names = [policy["policyName"] for policy in policies]
    if account.policy_name() in names and account.policy_there() != account.policy(*account.identity()):
        raise Ill(
            f"Policy {account.policy_name()!r} is of another version of this yard: IoT Core refuses topics that it "
            "does not name. `aws bootstrap` brings it up to date."
        )
    return f"{number[:12]}…, active, policy {', '.join(names)}"


def _things() -> str:
    if not settings.AWS_IOT_THINGS:
        return "off (AWS_IOT_THINGS)"
    try:
        cloud.call("iot", "DescribeThingType", thingTypeName=things.thing_type())
    except ClientError as error:
        raise Ill(f"There is no thing type {things.thing_type()!r}; `aws bootstrap` makes it.") from error
    events = cloud.call("iot", "DescribeEventConfigurations")["eventConfigurations"]
    if not all(events.get(kind, {}).get("Enabled") for kind in account.EVENTS):
        raise Ill(
            "Thing events are off, so Things that come and go are not heard of; `aws bootstrap` switches them on."
        )
    return f"type {things.thing_type()}, events on"


def _queue() -> str:
    if not settings.INGEST_QUEUE_URL:
        return "off (INGEST_QUEUE_URL): workers subscribe themselves"
    try:
        answer = cloud.call("sqs", "GetQueueAttributes", QueueUrl=settings.INGEST_QUEUE_URL, AttributeNames=["All"])
    except ClientError as error:
        raise Ill(f"INGEST_QUEUE_URL names {settings.INGEST_QUEUE_URL!r}: {error}") from error
    found = answer["Attributes"]
    if "RedrivePolicy" not in found:
        raise Ill(
            "The queue has no dead letters: a message that is no frame would come again for days. Give it a queue."
        )
    waiting = int(found["ApproximateNumberOfMessages"])
    return f"{waiting} messages wait, {found['ApproximateNumberOfMessagesNotVisible']} are in hand"


def _files() -> str:
    if not settings.FILES_BUCKET:
        return "in a folder (FILES_BUCKET is empty)"
    try:
        cloud.call("s3", "HeadBucket", Bucket=settings.FILES_BUCKET)
    except ClientError as error:
        raise Ill(f"There is no bucket {settings.FILES_BUCKET!r} in this account and region: {error}") from error
    return settings.FILES_BUCKET


CHECKS: dict[str, Callable[[], str]] = {
    "clock": _clock,
    "endpoint": _endpoint,
    "certificate": _certificate,
    "things": _things,
    "queue": _queue,
    "files": _files,
}
