"""A gateway without a process: API Gateway holds the sockets, functions of AWS Lambda are called for what happens.

    $connect ─▶ connect      the same handshake, judgement and claim as a container's; a row in DynamoDB
    $default ─▶ message      publishes the frame to {key}/in, untouched
    $disconnect ─▶ disconnect
    {key}/out ─▶ rule ─▶ deliver ─▶ socket
    …/gateways/serverless/control ─▶ rule ─▶ control      who lost its charger to a newer connection, or was retired

`connect` and `disconnect` speak to the database and need of AWS nothing but the table; the others need no database.
What it lacks against `gateway.relay`, and what that means for chargers: docs/aws-serverless.md.
"""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import django
import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

# After Django is set up: these have models.
from botocore.exceptions import ClientError  # noqa: E402
from django.db import Error as DatabaseError  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from chargers import connections, credentials  # noqa: E402
from chargers.connections import Claim, Dial, Farewell  # noqa: E402
from chargers.models import Charger, SecurityProfile, fold  # noqa: E402
from gateway import claim_check, topics  # noqa: E402
from gateway.admission import look_up  # noqa: E402
from gateway.handshake import Caller, Refusal, judge, read, spoken, unknown_sentence  # noqa: E402
from gateway.iot import cloud  # noqa: E402

log = structlog.get_logger(__name__)

NAME = "serverless"
# API Gateway ends each connection after two hours, so a gateway without a handshake for so long has none.
LONGEST = timedelta(hours=2)
Event = dict[str, Any]
OK: Event = {"statusCode": 200}


# -- from chargers -----------------------------------------------------------------------------------------------------


def connect(event: Event, context: Any = None) -> Event:
    """Let a charger in, or refuse it with the status that a container's gateway would give."""
    close_old_connections()  # of a function that slept for hours
    try:
        caller = read(scope_of(event))
        claim = _admit(caller)
        _remember(event, topics.key(claim.identity), claim.charger_id, claim.epoch)
    except Refusal as refusal:
        return _refused(event, refusal)
    except (DatabaseError, cloud.Away, cloud.Refused) as error:
        log.warning("handshake_failed", error=str(error))
        return _refused(event, Refusal.later("Nothing can be stored; try again."))
    log.info("connected", charger=claim.identity, subprotocol=claim.subprotocol, epoch=claim.epoch)
    return OK | ({"headers": {"Sec-WebSocket-Protocol": caller.answered}} if caller.answered else {})


def _admit(caller: Caller) -> Claim:
    """As `gateway.admission` does it, for one caller. Raises Refusal."""
    charger = look_up([caller.identity])[0] if caller.subprotocol else _known(caller.identity)
    subprotocol = spoken(caller, charger)
    if charger is None:
        raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
    proof = judge(caller, charger)
    now = timezone.now()
    if charger.security_profile == SecurityProfile.NONE and connections.is_held(charger, now):
        sentence = f"Charger {charger.identity!r} is connected, and without a password nobody can take its place."
        raise Refusal(HTTPStatus.FORBIDDEN, sentence)
    if proof.password_hash in credentials.pending(charger):
        credentials.adopt(charger, proof.password_hash)
    connections.touch_gateway(NAME, now + LONGEST)
    (claim,) = connections.claim([Dial(charger.pk, subprotocol, caller.address)], gateway=NAME, at=now)
    if claim is None:  # deleted while it stood at the door
        raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
    return claim


def _known(identity: str) -> Charger | None:
    return connections.look_up([identity]).get(fold(identity))


def message(event: Event, context: Any = None) -> Event:
    """Publish what a charger says; a socket that a newer one has replaced is closed instead."""
    connection = event["requestContext"]["connectionId"]
    row = _row(f"connection#{connection}")
    if row is None or _holder(row["key"]) != connection:
        _hang_up(event["requestContext"], connection)
        return OK
    # Raises if IoT Core does not take it: the charger gets no answer, and says it again.
    cloud.call(
        "iot-data", "Publish", topic=topics.inbound(row["key"]), qos=1, payload=(event.get("body") or "").encode()
    )
    return OK


def disconnect(event: Event, context: Any = None) -> Event:
    """A socket has ended; its charger is offline unless a newer one has it."""
    close_old_connections()
    asked = event["requestContext"]
    connection = asked["connectionId"]
    row = _row(f"connection#{connection}")
    if row is None:
        return OK
    code, reason = int(asked.get("disconnectStatusCode") or 1006), str(asked.get("disconnectReason") or "")
    connections.release([Farewell(int(row["charger"]), int(row["epoch"]), code, reason[:200])], timezone.now())
    _forget(connection, row["key"])
    return OK


# -- to chargers -------------------------------------------------------------------------------------------------------


def deliver(event: Event, context: Any = None) -> None:
    """Hand a frame from ``{key}/out`` to the charger's socket, if it is one of ours."""
    frame = base64.b64decode(event["frame"])
    if claim_check.referred(frame) is not None:
        log.warning("frame_dropped", key=event["key"], why="larger than API Gateway takes; 128 KB are the most")
        return
    row = _row(f"key#{event['key']}")
    if row is None:
        return  # on a container's gateway, or gone
    try:
        _socket(row["endpoint"]).post_to_connection(ConnectionId=row["connection"], Data=frame)
    except ClientError as error:
        if cloud.code_of(error) != "GoneException":
            raise
        log.info("frame_dropped", key=event["key"], why="its socket is gone; $disconnect follows")


def control(event: Event, context: Any = None) -> None:
    """A charger of ours went to a container's gateway, or was retired."""
    row = _row(f"key#{event.get('key')}")
    if row is None or event.get("verb") not in ("replaced", "retired"):
        return
    if event["verb"] == "retired" or int(row["epoch"]) < int(event["epoch"]):
        _end(row["endpoint"], row["connection"])


def scope_of(event: Event) -> dict[str, Any]:
    """The ASGI scope of a $connect event. API Gateway has no path, so CloudFront has put its end into a header."""
    told = (event.get("headers") or {}).items()
    headers = [(name.lower().encode(), str(value).encode("latin-1", "replace")) for name, value in told]
    identity = dict(headers).get(b"x-charger-identity", b"")
    address = event["requestContext"].get("identity", {}).get("sourceIp", "")
    return {
        "type": "websocket",
        "scheme": "wss",
        "path": "",
        "raw_path": b"/ocpp/" + identity,
        "headers": headers,
        "client": (address, 0),
    }


# -- the table: a row for each socket, a row for each charger's newest -----------------------------------------------


def _remember(event: Event, key: str, charger_id: int, epoch: int) -> None:
    asked = event["requestContext"]
    connection, endpoint = asked["connectionId"], f"https://{asked['domainName']}/{asked['stage']}"
    gone_at = int((timezone.now() + 2 * LONGEST).timestamp())
    shared = {"epoch": {"N": str(epoch)}, "charger": {"N": str(charger_id)}, "goneAt": {"N": str(gone_at)}}
    socket = shared | {"pk": {"S": f"connection#{connection}"}, "key": {"S": key}}
    cloud.call("dynamodb", "PutItem", TableName=_table(), Item=socket)
    newest = shared | {"pk": {"S": f"key#{key}"}, "connection": {"S": connection}, "endpoint": {"S": endpoint}}
    try:
        cloud.call(
            "dynamodb",
            "PutItem",
            TableName=_table(),
            Item=newest,
            ConditionExpression="attribute_not_exists(epoch) OR epoch < :mine",
            ExpressionAttributeValues={":mine": {"N": str(epoch)}},
        )
    except ClientError as error:
        if cloud.code_of(error) != "ConditionalCheckFailedException":
            raise
        # A still newer one was faster; this socket is closed with its first message.


def _forget(connection: str, key: str) -> None:
    cloud.call("dynamodb", "DeleteItem", TableName=_table(), Key={"pk": {"S": f"connection#{connection}"}})
    try:
        cloud.call(
            "dynamodb",
            "DeleteItem",
            TableName=_table(),
            Key={"pk": {"S": f"key#{key}"}},
            ConditionExpression="#c = :mine",
            ExpressionAttributeNames={"#c": "connection"},
            ExpressionAttributeValues={":mine": {"S": connection}},
        )
    except ClientError as error:
        if cloud.code_of(error) != "ConditionalCheckFailedException":
            raise


def _row(pk: str) -> dict[str, str] | None:
    found = cloud.call("dynamodb", "GetItem", TableName=_table(), Key={"pk": {"S": pk}}, ConsistentRead=True)
    item = found.get("Item")
    return {name: str(next(iter(value.values()))) for name, value in item.items()} if item else None


def _holder(key: str) -> str:
    row = _row(f"key#{key}")
    return row["connection"] if row else ""


def _table() -> str:
    return os.environ["CONNECTIONS_TABLE"]


# -- sockets -----------------------------------------------------------------------------------------------------------


def _socket(endpoint: str) -> Any:
    return cloud.session().client("apigatewaymanagementapi", endpoint_url=endpoint)


def _hang_up(asked: Event, connection: str) -> None:
    _end(f"https://{asked['domainName']}/{asked['stage']}", connection)


def _end(endpoint: str, connection: str) -> None:
    try:
        _socket(endpoint).delete_connection(ConnectionId=connection)
    except ClientError as error:
        if cloud.code_of(error) != "GoneException":
            raise


def _refused(event: Event, refusal: Refusal) -> Event:
    address = event["requestContext"].get("identity", {}).get("sourceIp", "")
    log.info("refused", status=int(refusal.status), address=address, why=refusal.sentence)
    return {"statusCode": int(refusal.status), "headers": dict(refusal.headers), "body": refusal.sentence}
