"""What a yard needs in an AWS account besides its Things: their type, their events, and a certificate with a policy.

`bootstrap` makes what is missing and leaves the rest alone, so it may be repeated. The certificate's private key is
shown by AWS once, so it goes where it will be needed in the same step.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.conf import settings

from chargers import authority, server_certificates
from gateway import topics
from gateway.iot import cloud, things

EVENTS = ("THING",)
MOST_VERSIONS = 5  # of a policy
RENEW_BEFORE = timedelta(days=60)


def policy_name() -> str:
    return topics.of_yard("chargeyard")


def policy(region: str, account: str, partition: str = "aws") -> dict[str, Any]:
    """What gateways and workers may do on IoT Core: our topics, and nothing else of the account."""
    prefix = settings.MQTT_PREFIX
    base = f"arn:{partition}:iot:{region}:{account}"
    ours = [f"{prefix}*/in", f"{prefix}*/out", f"{prefix}chargeyard/*"]
    news = ["$aws/events/thing/*", "$aws/things/*/shadow/name/configuration/update/documents"]
    heard = [f"{base}:topic/{topic}" for topic in (*ours, *news)]
    filters = [f"{prefix}*/out", f"$share/chargeyard/{prefix}+/in", f"{prefix}+/in", f"{prefix}chargeyard/*", *news]
    return {
        "Version": "2012-10-17",
        "Statement": [
            # A client id is a Thing's name with one connection per charger, else a gateway's or worker's name.
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{base}:client/*"},
            {
                "Effect": "Allow",
                "Action": ["iot:Publish", "iot:RetainPublish"],
                "Resource": [f"{base}:topic/{topic}" for topic in ours],
            },
            {"Effect": "Allow", "Action": "iot:Receive", "Resource": heard},
            {
                "Effect": "Allow",
                "Action": "iot:Subscribe",
                "Resource": [f"{base}:topicfilter/{pattern}" for pattern in filters],
            },
        ],
    }


def identity() -> tuple[str, str, str]:
    """Region, account and partition of our credentials. Raises Refused or Away."""
    caller = cloud.call("sts", "GetCallerIdentity")
    return cloud.session().region_name, caller["Account"], caller["Arn"].split(":")[1]


def endpoint() -> str:
    return str(cloud.call("iot", "DescribeEndpoint", endpointType="iot:Data-ATS")["endpointAddress"])


def certificate_id(pem: str) -> str:
    """Under which AWS IoT knows a certificate: its SHA-256, hexadecimal. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True)
class Keep:
    """Where things are kept: in ``secret`` of Secrets Manager the certificate for IoT Core, without it in ``file``.

    For containers that keep no files: ``authority_secret`` for the authority that signs chargers' keys, and
    ``tls_secret`` for the certificates, signed by it, of a TLS door that chargers reach as ``tls_names``.
    """

    secret: str = ""
    file: Path | None = None
    authority_secret: str = ""
    tls_secret: str = ""
    tls_names: tuple[str, ...] = ()


def bootstrap(keep: Keep, *, is_dry: bool = False) -> Iterator[tuple[str, str]]:
    """Make what is missing; after each step, what it is and what was done."""
    region, account, partition = identity()
    yield "account", f"{account} in {region}"
    name = things.thing_type()
    yield "thing type", _missing(name, lambda: _make_thing_type(name), ("DescribeThingType", "thingTypeName"), is_dry)
    yield "thing events", _enable_events(is_dry)
    document = policy(region, account, partition)
    yield "policy", _keep_policy(document, is_dry)
    place = keep.secret or keep.file
    if pem := _kept(keep.secret, keep.file):
        yield "certificate", _keep_attached(certificate_id(pem), f"arn:{partition}:iot:{region}:{account}", is_dry)
    elif is_dry:
        yield "certificate", f"would be made and kept in {place}"
    else:
        yield "certificate", f"{_make_certificate(keep.secret, keep.file)[:12]}… made, kept in {place}"
    if keep.authority_secret:
        yield "authority", _keep_authority(keep.authority_secret, is_dry)
    if keep.tls_secret:
        yield "TLS door", _keep_tls(keep, is_dry)
    yield "MQTT_URL", f"mqtts://{endpoint()}:8883"


def _keep_authority(secret: str, is_dry: bool) -> str:
    if _kept(secret, None):
        return f"{secret} is there already"
    if is_dry:
        return f"would be made and kept in {secret}"
    with TemporaryDirectory() as folder:
        file = Path(folder, "charger-ca.pem")
        authority.load(file)
        cloud.call("secretsmanager", "CreateSecret", Name=secret, SecretString=file.read_text())
    return f"made, kept in {secret}"


def _keep_tls(keep: Keep, is_dry: bool) -> str:
    """Certificates of ECDSA and RSA for the pass-through listener, renewed when they have `RENEW_BEFORE` left."""
    before, now = _kept(keep.tls_secret, None), datetime.now(UTC)
    if before and (ends_at := x509.load_pem_x509_certificate(before.encode()).not_valid_after_utc) > now + RENEW_BEFORE:
        return f"{keep.tls_secret} is there already, until {ends_at:%Y-%m-%d}"
    if is_dry:
        return f"would be made and kept in {keep.tls_secret}"
    with TemporaryDirectory() as folder:
        ca_file = Path(folder, "charger-ca.pem")
        ca_file.write_text(_kept(keep.authority_secret, None))
        made = server_certificates.make(Path(folder), list(keep.tls_names), at=now, ca_file=ca_file)
        pem = "".join(path.read_text() for path in made)
    operation, name = ("PutSecretValue", "SecretId") if before else ("CreateSecret", "Name")
    cloud.call("secretsmanager", operation, **{name: keep.tls_secret}, SecretString=pem)
    return f"made for {', '.join(keep.tls_names)}, kept in {keep.tls_secret}"


def _missing(name: str, make: Callable[[], Any], look: tuple[str, str], is_dry: bool) -> str:
    operation, argument = look
    try:
        cloud.call("iot", operation, **{argument: name})
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
    else:
        return f"{name} is there already"
    if is_dry:
        return f"{name} would be made"
    make()
    return f"{name} made"


def _make_thing_type(name: str) -> None:
    properties = {
        "thingTypeDescription": "A charger of a Chargeyard",
        "searchableAttributes": ["vendor", "model", "site"],  # three are the most
    }
    cloud.call("iot", "CreateThingType", thingTypeName=name, thingTypeProperties=properties)


def policy_there() -> dict[str, Any]:
    """What our policy allows now; nothing if there is none."""
    try:
        return dict(json.loads(cloud.call("iot", "GetPolicy", policyName=policy_name())["policyDocument"]))
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        return {}


def _keep_policy(wanted: dict[str, Any], is_dry: bool) -> str:
    """It grows with what we say and hear; IoT Core refuses each topic that an older one does not name."""
    there = policy_there()
    if there == wanted:
        return f"{policy_name()} is there already"
    if is_dry:
        return f"{policy_name()} would be {'brought up to date' if there else 'made'}"
    if not there:
        cloud.call("iot", "CreatePolicy", policyName=policy_name(), policyDocument=json.dumps(wanted))
        return f"{policy_name()} made"
    versions = cloud.call("iot", "ListPolicyVersions", policyName=policy_name())["policyVersions"]
    if len(versions) >= MOST_VERSIONS:
        oldest = min((one for one in versions if not one["isDefaultVersion"]), key=lambda one: int(one["versionId"]))
        cloud.call("iot", "DeletePolicyVersion", policyName=policy_name(), policyVersionId=oldest["versionId"])
    document = json.dumps(wanted)
    cloud.call("iot", "CreatePolicyVersion", policyName=policy_name(), policyDocument=document, setAsDefault=True)
    return f"{policy_name()} brought up to date"


def _enable_events(is_dry: bool) -> str:
    now = cloud.call("iot", "DescribeEventConfigurations")["eventConfigurations"]
    if all(now.get(kind, {}).get("Enabled") for kind in EVENTS):
        return "on already"
    if is_dry:
        return "would be switched on"
    wanted = {kind: {"Enabled": True} for kind in EVENTS}
    cloud.call("iot", "UpdateEventConfigurations", eventConfigurations=wanted)
    return "switched on"


def _kept(secret: str, file: Path | None) -> str:
    """Certificate and key that are there already; empty if there are none."""
    if secret:
        try:
            return str(cloud.call("secretsmanager", "GetSecretValue", SecretId=secret)["SecretString"])
        except ClientError as error:
            if cloud.code_of(error) != "ResourceNotFoundException":
                raise
            return ""
    return file.read_text() if file is not None and file.exists() else ""


def _keep_attached(number: str, base: str, is_dry: bool) -> str:
    """A certificate that is there, with our policy: of a yard that has a name of its own now it may be another."""
    said, target = f"{number[:12]}… is there already", f"{base}:cert/{number}"
    try:
        there = cloud.call("iot", "ListAttachedPolicies", target=target)["policies"]
        if policy_name() in [policy["policyName"] for policy in there]:
            return said
        if not is_dry:
            cloud.call("iot", "AttachPolicy", policyName=policy_name(), target=target)
    except ClientError as error:
        if cloud.code_of(error) != "ResourceNotFoundException":
            raise
        return f"{said}, and is of another account or region: `aws doctor` says more"
    return f"{said}, {policy_name()} {'would be attached' if is_dry else 'attached'}"


def _make_certificate(secret: str, file: Path | None) -> str:
    made = cloud.call("iot", "CreateKeysAndCertificate", setAsActive=True)
    pem = made["certificatePem"] + made["keyPair"]["PrivateKey"]
    if secret:
        cloud.call("secretsmanager", "CreateSecret", Name=secret, SecretString=pem)
    else:
        assert file is not None
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as handle:
            handle.write(pem)
    cloud.call("iot", "AttachPolicy", policyName=policy_name(), target=made["certificateArn"])
    return str(made["certificateId"])
