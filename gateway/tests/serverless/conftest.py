"""API Gateway, its table and its queue for each test (moto), and what the functions say to charger and broker."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chargers import registration
from gateway import serverless, unanswered
from gateway.iot import cloud


class FakeSockets:
    """API Gateway's side: what was posted to which connection, and which were ended."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []
        self.ended: list[str] = []
        self.gone: set[str] = set()
        self.calls: list[str] = []  # as a role has to allow them

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - AWS names them
        if ConnectionId in self.gone:
            raise ClientError({"Error": {"Code": "GoneException"}}, "PostToConnection")
        self.calls.append("POST")
        self.posted.append((ConnectionId, Data))

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803
        self.ended.append(ConnectionId)
        self.calls.append("DELETE")


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSockets]:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("CONNECTIONS_TABLE", "connections")
    monkeypatch.setattr(serverless, "close_old_connections", lambda: None)  # the test's own
    fake = FakeSockets()
    monkeypatch.setattr(serverless, "_socket", lambda endpoint: fake)
    cloud.session.cache_clear()
    cloud.client.cache_clear()
    with mock_aws():
        cloud.call(
            "dynamodb",
            "CreateTable",
            TableName="connections",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        queue = cloud.call("sqs", "CreateQueue", QueueName="unanswered")["QueueUrl"]
        monkeypatch.setenv("UNANSWERED_QUEUE_URL", queue)
        monkeypatch.setattr(unanswered, "NOTE_EVERY_S", 0.0)
        yield fake
    cloud.session.cache_clear()
    cloud.client.cache_clear()


@pytest.fixture
def published(sockets: FakeSockets, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    heard: list[tuple[str, bytes]] = []
    real = cloud.call

    def call(service: str, operation: str, **arguments: Any) -> Any:
        if operation == "Publish":
            heard.append((arguments["topic"], arguments["payload"]))
            return {}
        return real(service, operation, **arguments)

    monkeypatch.setattr(cloud, "call", call)
    return heard


@pytest.fixture
def register(db: None) -> Callable[..., str]:
    """A registered charger; its password."""

    def made(identity: str, **more: Any) -> str:
        return registration.register(identity, **more)[1] or ""

    return made


def event(connection: str, identity: str = "", password: str | None = None, **more: Any) -> dict[str, Any]:
    asked = {
        "connectionId": connection,
        "domainName": "api.example",
        "stage": "ocpp",
        "identity": {"sourceIp": "9.9.9.9"},
    }
    headers = {"X-Charger-Identity": identity, "Sec-WebSocket-Protocol": "ocpp2.0.1, ocpp1.6"}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()
    return {"requestContext": asked | more.pop("context", {}), "headers": headers, **more}


def dial(connection: str, identity: str, password: str | None) -> dict[str, Any]:
    return serverless.connect(event(connection, identity, password))


ORDER = b'[2,"o1","Reset",{"type":"Soft"}]'


def deliver(key: str, frame: bytes) -> None:
    serverless.deliver({"key": key, "frame": base64.b64encode(frame).decode()})
