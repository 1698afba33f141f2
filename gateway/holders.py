"""Which socket of API Gateway holds which charger, in DynamoDB (`gateway.serverless`): a row for each socket, one for
each charger's newest.

    connection#CONNECTION   key, charger, epoch, subprotocol
    key#KEY                 connection, endpoint, charger, epoch
"""

from __future__ import annotations

from botocore.exceptions import ClientError
from django.utils import timezone

from chargers.connections import Claim
from gateway import topics
from gateway.doorman import LONGEST
from gateway.iot import cloud
from gateway.unanswered import row, table


def remember(connection: str, endpoint: str, claim: Claim) -> None:
    key, epoch = topics.key(claim.identity), claim.epoch
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


def forget(connection: str, key: str) -> None:
    """The socket is gone; its charger's row goes with it, unless a newer one has that."""
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


def holder(key: str) -> str:
    """The connection that has a charger now; "" if none has."""
    newest = row(f"key#{key}")
    return newest["connection"] if newest else ""
