"""The connections' table of a gateway without a process (`gateway.serverless`), in DynamoDB.

Who keeps which rows in it, named by ``pk``: `gateway.holders`, `gateway.unanswered`, `gateway.doorman`.
"""

from __future__ import annotations

import os
import time
from typing import Any

from botocore.exceptions import ClientError

from gateway.iot import cloud

COUNTS_KEPT_S = 3600

Item = dict[str, dict[str, Any]]  # attribute → {type: value}


def row(pk: str) -> dict[str, str] | None:
    found = cloud.call("dynamodb", "GetItem", TableName=_name(), Key=_key(pk), ConsistentRead=True)
    item = found.get("Item")
    return {name: str(next(iter(value.values()))) for name, value in item.items()} if item else None


def put(pk: str, item: Item, *, only_if: str = "", **words: Any) -> bool:
    """Write a row whole, if the condition ``only_if`` holds; whether it did."""
    return _held("PutItem", only_if, Item=_key(pk) | item, **words)


def update(pk: str, expression: str, values: Item, *, only_if: str = "") -> bool:
    """Change a row, or begin it, if the condition ``only_if`` holds; whether it did."""
    words = {"UpdateExpression": expression, "ExpressionAttributeValues": values}
    return _held("UpdateItem", only_if, Key=_key(pk), **words)


def delete_if(pk: str, condition: str, **words: Any) -> bool:
    return _held("DeleteItem", condition, Key=_key(pk), **words)


def delete(pk: str) -> bool:
    """Whether it was there."""
    gone = cloud.call("dynamodb", "DeleteItem", TableName=_name(), Key=_key(pk), ReturnValues="ALL_OLD")
    return "Attributes" in gone


def count(pk: str) -> int:
    """One more; how many that are. Forgotten in an hour."""
    counted = cloud.call(
        "dynamodb",
        "UpdateItem",
        TableName=_name(),
        Key=_key(pk),
        UpdateExpression="ADD times :one SET goneAt = :gone",
        ExpressionAttributeValues={":one": {"N": "1"}, ":gone": {"N": str(int(time.time()) + COUNTS_KEPT_S)}},
        ReturnValues="UPDATED_NEW",
    )
    return int(counted["Attributes"]["times"]["N"])


def counted(pk: str) -> int:
    """How often `count` was called."""
    found = row(pk)
    return int(found["times"]) if found else 0


def _held(operation: str, condition: str, **words: Any) -> bool:
    more = {"ConditionExpression": condition} if condition else {}
    try:
        cloud.call("dynamodb", operation, TableName=_name(), **words, **more)
    except ClientError as error:
        if cloud.code_of(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _key(pk: str) -> Item:
    return {"pk": {"S": pk}}


def _name() -> str:
    return os.environ["CONNECTIONS_TABLE"]
