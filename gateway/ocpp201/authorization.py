"""Who may charge, and what the station remembers of it. OCPP 2.0.1 part 2, C."""

from __future__ import annotations

from chargers.models import Command
from gateway import guessing, iso15118
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import FREE, id_token_info
from gateway.wire import dicts, said, text
from sessions import authorization

GOOD = "Accepted"


@dialect.handles("Authorize")
def authorize(call: Call) -> Payload:
    """C01 ff."""
    told = call.payload.get("idToken") or {}
    if told.get("type") == FREE:
        return {"idTokenInfo": id_token_info(authorization.FREE)}
    verdict = guessing.judged(call, authorization.authorize(text(told.get("idToken")), at=call.at))
    contract = _contract_status(call, text(told.get("idToken")))
    if contract not in (None, GOOD):
        verdict = authorization.Authorization("invalid", verdict.token)
    return said(idTokenInfo=id_token_info(verdict), certificateStatus=contract)


def _contract_status(call: Call, emaid: str) -> str | None:
    """C07: what the provider says of the contract that came along; without a provider the token's verdict stands."""
    hashes, certificate = dicts(call.payload.get("iso15118CertificateHashData")), text(call.payload.get("certificate"))
    if not (hashes or certificate):
        return None
    return iso15118.contract_status(emaid=emaid, hashes=hashes, certificate=certificate)


@dialect.sends("clear_cache")
def clear_cache(command: Command) -> tuple[str, Payload]:
    """C11."""
    return "ClearCache", {}
