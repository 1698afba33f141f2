"""Who may charge, and what the station remembers of it. OCPP 2.0.1 part 2, C."""

from __future__ import annotations

from datetime import datetime

from chargers.models import Charger, Command
from gateway import guessing, iso15118
from gateway.call import Aside, Call
from gateway.dialect import Answer, Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import FREE, id_token_info
from gateway.wire import dicts, said, text
from sessions import authorization

GOOD = "Accepted"
CONTRACT = ("iso15118CertificateHashData", "certificate")


@dialect.handles("Authorize")
def authorize(call: Call) -> Answer:
    """C01 ff; C07: of a contract that came along the provider is asked. Without one the token's verdict stands."""
    token = call.payload.get("idToken") or {}
    if token.get("type") == FREE:
        return {"idTokenInfo": id_token_info(authorization.FREE)}
    verdict = guessing.judged(call, authorization.authorize(text(token.get("idToken")), at=call.at))
    contract = {name: call.payload[name] for name in CONTRACT if call.payload.get(name)}
    if not (contract and iso15118.is_there()):
        return {"idTokenInfo": id_token_info(verdict)}
    refused = authorization.Authorization("invalid", verdict.token)
    infos = {"good": id_token_info(verdict), "bad": id_token_info(refused)}
    return Aside({**contract, "emaid": text(token.get("idToken")), "infos": infos})


@dialect.asks("Authorize")
def ask_for_contract(charger: Charger, asked: Payload, at: datetime) -> Payload:
    status = iso15118.contract_status(
        emaid=asked["emaid"],
        hashes=dicts(asked.get("iso15118CertificateHashData")),
        certificate=text(asked.get("certificate")),
    )
    info = asked["infos"]["good" if status in (None, GOOD) else "bad"]
    return said(idTokenInfo=info, certificateStatus=status)


@dialect.sends("clear_cache")
def clear_cache(command: Command) -> tuple[str, Payload]:
    """C11."""
    return "ClearCache", {}
