"""A gateway without a process: API Gateway holds the sockets, functions of AWS Lambda are called for what happens.

    $connect ─▶ connect      the same handshake, judgement and claim as a container's; a row in DynamoDB
    $default ─▶ message      publishes the frame to {key}/in, untouched
    $disconnect ─▶ disconnect
    queue, 5 s later ─▶ again      what is not answered is published again; if nobody is answered, chargers go offline
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
from gateway import claim_check, frames, topics, unanswered  # noqa: E402
from gateway.admission import look_up  # noqa: E402
from gateway.handshake import Caller, Refusal, judge, read, spoken, unknown_sentence  # noqa: E402
from gateway.iot import cloud  # noqa: E402
from gateway.peek import Kind, is_answer, peek  # noqa: E402
from gateway.unanswered import Question, Waiting, row, table  # noqa: E402

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
        if not unanswered.may_come_in():
            raise Refusal.later("No worker can store what chargers say; try again.")
        claim = _admit(caller)
        _remember(event, claim)
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
    """Publish what a charger says; a socket that a newer one has replaced is closed instead.

    Never raises, for API Gateway would then send the charger a sentence of its own, which is no OCPP.
    """
    asked, text = event["requestContext"], str(event.get("body") or "")
    connection = asked["connectionId"]
    try:
        found = row(f"connection#{connection}")
        if found is None or _holder(found["key"]) != connection:
            _end(_endpoint(asked), connection)
            return OK
        kind, message_id = peek(text, frames.types_of(found.get("subprotocol", "")))
        question = Question(found["key"], connection, message_id or "", _endpoint(asked), text)
        if kind in (Kind.CALL, Kind.ODD) and message_id is not None:
            unanswered.mark(question)
        if kind is Kind.CALL:
            unanswered.ask_later(question)
        _publish(question)
    except (cloud.Away, cloud.Refused, ClientError) as error:
        # The charger gets no answer, and says it again; so do we, if it got as far as the queue.
        log.warning("frame_not_passed_on", connection=connection, error=str(error))
    return OK


def again(event: Event, context: Any = None) -> Event:
    """What was asked five seconds ago: if it is answered, well; if not, it is asked again, as a container does it.

    When nobody at all is answered the charger is sent offline, where it keeps what it has to say.
    """
    failed = []
    for record in event["Records"]:
        try:
            _ask_again(Question.read(record["body"]))
        except (cloud.Away, cloud.Refused, ClientError) as error:
            log.warning("not_asked_again", message=record["messageId"], error=str(error))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _ask_again(question: Question) -> None:
    match unanswered.look_after(question, is_held=_holder(question.key) == question.connection):
        case Waiting.ASK_AGAIN:
            unanswered.ask_later(question)
            _publish(question)
        case Waiting.SEND_OFFLINE:
            log.warning("sent_offline", key=question.key, why="no worker answers anybody")
            _end(question.endpoint, question.connection)
        case Waiting.GIVE_UP:
            log.warning("no_answer", key=question.key, id=question.message_id)
        case Waiting.OVER:
            pass


def _publish(question: Question) -> None:
    cloud.call("iot-data", "Publish", topic=topics.inbound(question.key), qos=1, payload=question.text.encode())


def disconnect(event: Event, context: Any = None) -> Event:
    """A socket has ended; its charger is offline unless a newer one has it."""
    close_old_connections()
    asked = event["requestContext"]
    connection = asked["connectionId"]
    found = row(f"connection#{connection}")
    if found is None:
        return OK
    code, reason = int(asked.get("disconnectStatusCode") or 1006), str(asked.get("disconnectReason") or "")
    connections.release([Farewell(int(found["charger"]), int(found["epoch"]), code, reason[:200])], timezone.now())
    _forget(connection, found["key"])
    return OK


# -- to chargers -------------------------------------------------------------------------------------------------------


def deliver(event: Event, context: Any = None) -> None:
    """Hand a frame from ``{key}/out`` to the charger's socket, if it is one of ours."""
    frame = base64.b64decode(event["frame"])
    if claim_check.referred(frame) is not None:
        log.warning("frame_dropped", key=event["key"], why="larger than API Gateway takes; 128 KB are the most")
        return
    newest = row(f"key#{event['key']}")
    if newest is None:
        return  # on a container's gateway, or gone
    try:
        is_answering, message_id = is_answer(frame.decode())
    except ValueError:
        log.warning("no_frame_on_the_way_to_a_charger", key=event["key"], start=frame[:40])
        return
    # A second answer to what was asked twice, or an order that the rule brought twice, would do harm.
    take, give_back = (
        (unanswered.settle, unanswered.unsettle) if is_answering else (unanswered.order, unanswered.forget)
    )
    if not take(newest["connection"], message_id):
        return
    try:
        _socket(newest["endpoint"]).post_to_connection(ConnectionId=newest["connection"], Data=frame)
    except ClientError as error:
        if cloud.code_of(error) != "GoneException":
            give_back(newest["connection"], message_id)  # Lambda calls us again
            raise
        log.info("frame_dropped", key=event["key"], why="its socket is gone; $disconnect follows")


def control(event: Event, context: Any = None) -> None:
    """A charger of ours went to a container's gateway, or was retired."""
    newest = row(f"key#{event.get('key')}")
    if newest is None or event.get("verb") not in ("replaced", "retired"):
        return
    if event["verb"] == "retired" or int(newest["epoch"]) < int(event["epoch"]):
        _end(newest["endpoint"], newest["connection"])


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


def _remember(event: Event, claim: Claim) -> None:
    asked, key, epoch = event["requestContext"], topics.key(claim.identity), claim.epoch
    connection, endpoint = asked["connectionId"], _endpoint(asked)
    gone_at = int((timezone.now() + 2 * LONGEST).timestamp())
    shared = {"epoch": {"N": str(epoch)}, "charger": {"N": str(claim.charger_id)}, "goneAt": {"N": str(gone_at)}}
    version = {"subprotocol": {"S": claim.subprotocol}}
    socket = shared | version | {"pk": {"S": f"connection#{connection}"}, "key": {"S": key}}
    cloud.call("dynamodb", "PutItem", TableName=table(), Item=socket)
    newest = shared | {"pk": {"S": f"key#{key}"}, "connection": {"S": connection}, "endpoint": {"S": endpoint}}
    try:
        cloud.call(
            "dynamodb",
            "PutItem",
            TableName=table(),
            Item=newest,
            ConditionExpression="attribute_not_exists(epoch) OR epoch < :mine",
            ExpressionAttributeValues={":mine": {"N": str(epoch)}},
        )
    except ClientError as error:
        if cloud.code_of(error) != "ConditionalCheckFailedException":
            raise
        # A still newer one was faster; this socket is closed with its first message.


def _forget(connection: str, key: str) -> None:
    cloud.call("dynamodb", "DeleteItem", TableName=table(), Key={"pk": {"S": f"connection#{connection}"}})
    try:
        cloud.call(
            "dynamodb",
            "DeleteItem",
            TableName=table(),
            Key={"pk": {"S": f"key#{key}"}},
            ConditionExpression="#c = :mine",
            ExpressionAttributeNames={"#c": "connection"},
            ExpressionAttributeValues={":mine": {"S": connection}},
        )
    except ClientError as error:
        if cloud.code_of(error) != "ConditionalCheckFailedException":
            raise


def _holder(key: str) -> str:
    newest = row(f"key#{key}")
    return newest["connection"] if newest else ""


# -- sockets -----------------------------------------------------------------------------------------------------------


def _socket(endpoint: str) -> Any:
    return cloud.session().client("apigatewaymanagementapi", endpoint_url=endpoint)


def _endpoint(asked: Event) -> str:
    return f"https://{asked['domainName']}/{asked['stage']}"


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
