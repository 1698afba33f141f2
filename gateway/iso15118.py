"""Who answers for plug and charge: certificates of cars and their revocation, asked of a provider outside.

``ISO15118_PROVIDER`` names a class by dotted path, with these methods; without one chargers get the refusal that the
specification has for it. A provider is asked aside (`gateway.asides`), where only the charger waits that wants to know.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)

PATIENCE_S = 12.0


class Provider(Protocol):
    def ev_certificate(self, *, schema_version: str, action: str, exi_request: str) -> str | None:
        """The EXI response (base64) to a car that asks for a contract certificate; None: refused."""

    def certificate_status(self, *, ocsp_request: dict[str, Any]) -> str | None:
        """The OCSP response (DER, base64) for OCSPRequestDataType; None: not known."""

    def contract_status(self, *, emaid: str, hashes: list[dict[str, Any]], certificate: str) -> str | None:
        """AuthorizeCertificateStatus of a contract: by OCSPRequestDataType of its chain, or by the chain (PEM)."""

    def station_certificate(self, csr: str) -> str | None:
        """The chain (PEM) for a station's V2G signing request (PEM); None: refused."""


@cache
def provider(path: str) -> Provider:
    made: Provider = import_string(path)()
    return made


def is_there() -> bool:
    return bool(settings.ISO15118_PROVIDER)


def ev_certificate(*, schema_version: str, action: str, exi_request: str) -> str | None:
    return _asked(
        lambda asked: asked.ev_certificate(schema_version=schema_version, action=action, exi_request=exi_request)
    )


def certificate_status(*, ocsp_request: dict[str, Any]) -> str | None:
    return _asked(lambda asked: asked.certificate_status(ocsp_request=ocsp_request))


def contract_status(*, emaid: str, hashes: list[dict[str, Any]], certificate: str) -> str | None:
    return _asked(lambda asked: asked.contract_status(emaid=emaid, hashes=hashes, certificate=certificate))


def station_certificate(csr: str) -> str | None:
    return _asked(lambda asked: asked.station_certificate(csr))


def _asked(question: Callable[[Provider], str | None]) -> str | None:
    """The provider's answer; None if there is no provider, or it fails, or takes too long."""
    if not is_there():
        return None
    answer: Future[str | None] = Future()

    def ask() -> None:
        try:
            answer.set_result(question(provider(settings.ISO15118_PROVIDER)))
        except Exception as error:
            answer.set_exception(error)

    # A thread of its own, that nobody waits for at the end: a hanging provider must not hold up the worker.
    Thread(target=ask, name="iso15118", daemon=True).start()
    try:
        return answer.result(PATIENCE_S)
    except Exception:
        log.exception("iso15118_provider_failed", provider=settings.ISO15118_PROVIDER)
        return None
