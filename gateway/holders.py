"""Which socket of API Gateway holds which charger, in DynamoDB (`gateway.serverless`): a row for each socket, one for
each charger's newest.

    connection#CONNECTION   key, charger, epoch, subprotocol
    key#KEY                 connection, endpoint, charger, epoch
"""

from __future__ import annotations

from django.utils import timezone

from chargers.connections import Claim
from gateway import topics
from gateway.doorman import LONGEST
from gateway.iot import table


def remember(connection: str, endpoint: str, claim: Claim) -> None:
    key, epoch = topics.key(claim.identity), claim.epoch
    gone_at = int((timezone.now() + 2 * LONGEST).timestamp())
    shared = {"epoch": {"N": str(epoch)}, "charger": {"N": str(claim.charger_id)}, "goneAt": {"N": str(gone_at)}}
    table.put(f"connection#{connection}", shared | {"subprotocol": {"S": claim.subprotocol}, "key": {"S": key}})
    # If a still newer one was faster, this socket is closed with its first message.
    table.put(
        f"key#{key}",
        shared | {"connection": {"S": connection}, "endpoint": {"S": endpoint}},
        only_if="attribute_not_exists(epoch) OR epoch < :mine",
        ExpressionAttributeValues={":mine": {"N": str(epoch)}},
    )


def forget(connection: str, key: str) -> None:
    """The socket is gone; its charger's row goes with it, unless a newer one has that."""
    table.delete(f"connection#{connection}")
    table.delete_if(
        f"key#{key}",
        "#c = :mine",
        ExpressionAttributeNames={"#c": "connection"},
        ExpressionAttributeValues={":mine": {"S": connection}},
    )


def holder(key: str) -> str:
    """The connection that has a charger now; "" if none has."""
    newest = table.row(f"key#{key}")
    return newest["connection"] if newest else ""
