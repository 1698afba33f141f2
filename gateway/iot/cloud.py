"""AWS, and what its errors mean in a sentence. Knows no charger.

Whoever calls gets `Refused` (nobody but staff can help), `Away` (later), or botocore's own error for what is part of
the conversation (ResourceNotFoundException …).
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from gateway.bus.pace import Bucket

# Four fifths of what an account may call per second (AWS IoT Core endpoints and quotas; ListThings: 10).
CALLS_PER_S = {
    "CreateThing": 80.0,
    "UpdateThing": 80.0,
    "DeleteThing": 80.0,
    "DescribeThing": 80.0,
    "ListThings": 8.0,
    "UpdateThingShadow": 300.0,  # of 400 in the small regions; 4,000 in the large ones
    "GetThingShadow": 300.0,
}
# No operation: what AWS tells each worker of again by MQTT, on a connection that takes 100 messages a second in all.
ECHOED = "echoed"
CALLS_PER_S[ECHOED] = 20.0
# Calls of a process under way. With fewer connections than that each further one is made anew, TLS and all.
AT_ONCE = 16
NOT_ALLOWED = {"AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedException", "403"}
WRONG_KEYS = {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "ExpiredToken",
              "ExpiredTokenException", "SignatureDoesNotMatch"}  # fmt: skip
WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "RequestInTheFuture"}
THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "LimitExceededException", "SlowDown"}


class Refused(Exception):
    """AWS does not do it, and will not until somebody changes something; the text says what."""


class Away(Exception):
    """AWS cannot be reached, or wants to be left alone for a while."""


@cache
def session() -> Any:
    """boto3's session; only who talks to AWS pays for loading it."""
    import boto3

    # Containers are given AWS_REGION; boto3 itself looks at AWS_DEFAULT_REGION only.
    return boto3.session.Session(region_name=os.environ.get("AWS_REGION"))


@cache
def client(name: str) -> Any:
    """The boto3 client of a service; one per process. Raises Refused without a region."""
    from botocore.config import Config

    # Not "adaptive": after one throttled call it lets a client say next to nothing for minutes. We pace ourselves.
    patience = {"mode": "standard", "max_attempts": 4}
    config = Config(connect_timeout=5, read_timeout=30, max_pool_connections=AT_ONCE, retries=patience)
    try:
        return session().client(name, config=config)
    except NoRegionError as error:
        raise Refused("No AWS region is set. Set AWS_REGION, e.g. to eu-central-1.") from error


class Calls:
    """Calls AWS no faster than `CALLS_PER_S`, from any thread.

    ``made``: how often each operation was called; ``throttled``: how many attempts boto3 made once more, nearly all of
    them because AWS wanted it slower.
    """

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.throttled = 0
        self._guard = threading.Lock()
        self._buckets: defaultdict[str, Bucket] = defaultdict(lambda: Bucket(0))
        self._buckets.update({name: Bucket(per_s) for name, per_s in CALLS_PER_S.items()})

    def __call__(self, service: str, operation: str, **arguments: Any) -> Any:
        """``operation`` as AWS writes it: "CreateThing". Raises Refused, Away or ClientError."""
        self.wait_for_turn(operation)
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
        try:
            answer = getattr(client(service), method)(**arguments)
        except (BotoCoreError, ClientError) as error:
            self._count(operation, getattr(error, "response", {}))
            raise translated(error, f"{service}:{operation}") from error
        self._count(operation, answer)
        return answer

    def _count(self, operation: str, answer: dict[str, Any]) -> None:
        with self._guard:
            self.made[operation] += 1
            self.throttled += int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))

    def wait_for_turn(self, operation: str) -> None:
        """Sleeps until one more of these may be called."""
        while True:
            with self._guard:
                wait_s = self._buckets[operation].wait_s(time.monotonic())
                if not wait_s:
                    self._buckets[operation].spend(time.monotonic())
                    return
            time.sleep(wait_s)


call = Calls()


def code_of(error: BaseException) -> str:
    """AWS's own word for an error; empty if it came from elsewhere."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def translated(error: Exception, action: str) -> Exception:
    """The error as `Refused` or `Away` with a sentence; itself if it is part of the conversation."""
    region = session().region_name
    where = f"{action} in {region}" if region else f"{action} (AWS_REGION is not set)"
    code = code_of(error)
    said = str(error.response["Error"].get("Message", "")) if isinstance(error, ClientError) else str(error)
    if sentence := _refusal(error, code, said, where):
        return Refused(sentence)
    if code in THROTTLED:
        return Away(f"AWS throttles {where}; we try again later. ({said})")
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return Away(f"AWS fails at {where}: {code} {said}") if status >= 500 else error
    return Away(f"AWS cannot be reached for {action}. Is AWS_REGION ({region!r}) right, and the network up? ({said})")


def _refusal(error: Exception, code: str, said: str, action: str) -> str:
    """What somebody has to change; empty if nothing."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"{action} needs AWS credentials, and there are none: give this task a role, or set a profile. ({error})"
    if code in WRONG_CLOCK or "not yet current" in said or "Signature expired" in said:
        return f"AWS finds our clock wrong: it says {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC. Set it by NTP. ({said})"
    if code in NOT_ALLOWED:
        return f"AWS does not allow us {action}: {said} docs/aws.md lists what our role needs."
    if code in WRONG_KEYS:
        return f"AWS does not know our credentials ({code} for {action}): {said}"
    return ""
