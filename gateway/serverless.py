"""A gateway without a process: API Gateway holds the sockets, functions of AWS Lambda are called for what happens.

    $connect ─▶ connect      the same handshake, judgement and claim as a container's; a row in DynamoDB
    $default ─▶ message      publishes the frame to {key}/in, untouched
    $disconnect ─▶ disconnect
    queue, 5 s later ─▶ again      what is not answered is published again; if nobody is answered, chargers go offline
    {key}/out ─▶ rule ─▶ deliver ─▶ socket
    …/gateways/serverless/control ─▶ rule ─▶ control      who lost its charger to a newer connection, or was retired

`connect` and `disconnect` speak to the database and need of AWS nothing but the table; the others need no database.
`gateway.doorman` is who admits. What it lacks against `gateway.relay`, and what that means: docs/aws-serverless.md.
"""

from __future__ import annotations

import base64
import hmac
import os
from functools import cache
from http import HTTPStatus
from typing import Any

import django
import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

# After Django is set up: these have models.
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from django.db import Error as DatabaseError  # noqa: E402
from django.db import close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from chargers import connections  # noqa: E402
from chargers.connections import Claim, Farewell  # noqa: E402
from gateway import claim_check, doorman, frames, holders, topics, unanswered  # noqa: E402
from gateway.handshake import Caller, Refusal, read  # noqa: E402
from gateway.iot import cloud, table  # noqa: E402
from gateway.peek import Kind, is_answer, peek  # noqa: E402
from gateway.unanswered import Question, Waiting  # noqa: E402

log = structlog.get_logger(__name__)

NAME = "serverless"
Event = dict[str, Any]
OK: Event = {"statusCode": 200}


# -- from chargers -----------------------------------------------------------------------------------------------------


def connect(event: Event, context: Any = None) -> Event:
    """Let a charger in, or refuse it with the status that a container's gateway would give."""
    close_old_connections()  # of a function that slept for hours
    scope, caller = scope_of(event), None
    try:
        _check_way(scope)
        caller = read(scope)
        claim = doorman.admit(caller, gateway=NAME)
        _remember_or_give_back(event, claim)
    except Refusal as refusal:
        return _refused(scope, caller, refusal)
    except (DatabaseError, cloud.Away, cloud.Refused, ClientError) as error:
        log.warning("handshake_failed", error=str(error))
        return _refused(scope, caller, Refusal.later("Nothing can be stored; try again."))
    log.info("connected", charger=claim.identity, subprotocol=claim.subprotocol, epoch=claim.epoch)
    return OK | ({"headers": {"Sec-WebSocket-Protocol": caller.answered}} if caller.answered else {})


def message(event: Event, context: Any = None) -> Event:
    """Publish what a charger says; a socket that a newer one has replaced is closed instead.

    Never raises, for API Gateway would then send the charger a sentence of its own, which is no OCPP.
    """
    asked, text = event["requestContext"], str(event.get("body") or "")
    connection = asked["connectionId"]
    try:
        found = table.row(f"connection#{connection}")
        if found is None or holders.holder(found["key"]) != connection:
            _end(_endpoint(asked), connection)
            return OK
        kind, message_id = peek(text, frames.types_of(found.get("subprotocol", "")))
        question = Question(found["key"], connection, message_id or "", _endpoint(asked), text)
        is_odd = kind is Kind.ODD or (kind is Kind.ANSWER and not unanswered.answers(connection, message_id or ""))
        if is_odd and unanswered.is_too_odd(connection):
            log.warning("hung_up", key=found["key"], why="too many unreadable or unasked-for frames in a minute")
            _end(_endpoint(asked), connection)
            return OK
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
    match unanswered.look_after(question, is_held=holders.holder(question.key) == question.connection):
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
    found = table.row(f"connection#{connection}")
    if found is None:
        return OK
    code, reason = int(asked.get("disconnectStatusCode") or 1006), str(asked.get("disconnectReason") or "")
    connections.release([Farewell(int(found["charger"]), int(found["epoch"]), code, reason[:200])], timezone.now())
    holders.forget(connection, found["key"])
    return OK


# -- to chargers -------------------------------------------------------------------------------------------------------


def deliver(event: Event, context: Any = None) -> None:
    """Hand a frame from ``{key}/out`` to the charger's socket, if it is one of ours."""
    frame = base64.b64decode(event["frame"])
    if claim_check.referred(frame) is not None:
        log.warning("frame_dropped", key=event["key"], why="larger than API Gateway takes; 128 KB are the most")
        return
    newest = table.row(f"key#{event['key']}")
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
    except (BotoCoreError, ClientError) as error:
        if cloud.code_of(error) != "GoneException":
            give_back(newest["connection"], message_id)  # Lambda calls us again
            raise
        log.info("frame_dropped", key=event["key"], why="its socket is gone; $disconnect follows")


def control(event: Event, context: Any = None) -> None:
    """A charger of ours went to a container's gateway, or was retired."""
    newest = table.row(f"key#{event.get('key')}")
    if newest is None:
        return
    mine = int(newest["epoch"])
    match event:
        case {"verb": "replaced", "epoch": int(epoch)}:
            is_over = mine < epoch
        case {"verb": "retired" | "hang_up", "epoch": int(epoch)}:
            is_over = mine == epoch
        case _:  # "probe": a socket that nobody can ping
            is_over = False
    if is_over:
        log.info("hung_up", key=event["key"], why=event.get("reason") or event["verb"])
        _end(newest["endpoint"], newest["connection"])


def scope_of(event: Event) -> dict[str, Any]:
    """The ASGI scope of a $connect event.

    API Gateway has no path, so CloudFront has put its end into a header; and the address of who called CloudFront.
    """
    told = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    headers = [
        (name.lower().encode(), str(value).encode("latin-1", "replace"))
        for name, values in told.items()
        for value in values
    ]
    by_name = dict(headers)
    identity = by_name.get(b"x-charger-identity", b"")
    address = event["requestContext"].get("identity", {}).get("sourceIp", "")
    if os.environ.get("DOOR_KEY"):
        address = by_name.get(b"x-charger-address", b"").decode("latin-1") or address
    return {
        "type": "websocket",
        "scheme": "wss",
        "path": "",
        "raw_path": b"/ocpp/" + identity,
        "headers": headers,
        "client": (address, 0),
    }


def _check_way(scope: dict[str, Any]) -> None:
    """Whoever comes past CloudFront could call itself any address. Raises Refusal."""
    key = os.environ.get("DOOR_KEY", "").encode()
    shown = dict(scope["headers"]).get(b"x-door-key", b"")
    if key and not hmac.compare_digest(shown, key):
        raise Refusal(HTTPStatus.FORBIDDEN, "Chargers come in by CloudFront; its address is the output ChargersUrl.")


def _remember_or_give_back(event: Event, claim: Claim) -> None:
    asked = event["requestContext"]
    try:
        holders.remember(asked["connectionId"], _endpoint(asked), claim)
    except (cloud.Away, cloud.Refused, ClientError):
        farewell = Farewell(claim.charger_id, claim.epoch, 1006, "gone before it was let in")
        connections.release([farewell], timezone.now())
        raise


# -- sockets -----------------------------------------------------------------------------------------------------------


@cache
def _socket(endpoint: str) -> Any:
    return cloud.session().client("apigatewaymanagementapi", endpoint_url=endpoint)


def _endpoint(asked: Event) -> str:
    return f"https://{asked['domainName']}/{asked['stage']}"


def _end(endpoint: str, connection: str) -> None:
    """End a connection, if there is one. Raises Away or Refused."""
    try:
        _socket(endpoint).delete_connection(ConnectionId=connection)
    except (BotoCoreError, ClientError) as error:
        if cloud.code_of(error) != "GoneException":
            raise cloud.translated(error, "execute-api:ManageConnections") from error


def _refused(scope: dict[str, Any], caller: Caller | None, refusal: Refusal) -> Event:
    log.info(
        "refused",
        charger=caller.identity if caller else scope["raw_path"].decode("latin-1")[-128:],
        status=int(refusal.status),
        address=scope["client"][0],
        why=refusal.sentence,
    )
    return {"statusCode": int(refusal.status), "headers": dict(refusal.headers), "body": refusal.sentence}
