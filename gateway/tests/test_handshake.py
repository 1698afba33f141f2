"""PROTOCOL: who may come in, and what the others are told."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import example, given
from hypothesis import strategies as st

from chargers import client_certificates
from chargers.client_certificates import Shown
from chargers.credentials import hashed
from chargers.models import Charger, SecurityProfile
from gateway.handshake import (
    SUBPROTOCOLS,
    Caller,
    Refusal,
    basic_credentials,
    identity_in,
    judge,
    read,
    slips,
    spoken,
)
from gateway.testing import keys


def charger(profile: int = SecurityProfile.BASIC, identity: str = "CP-1") -> Charger:
    return Charger(
        identity=identity,
        identity_folded=identity.casefold(),
        security_profile=profile,
        password_hash=hashed(b"a-password-of-cp1"),
    )


def caller(
    user: str | None = "CP-1",
    password: bytes = b"a-password-of-cp1",
    *,
    is_secure: bool = False,
    certificate: Shown | None = None,
) -> Caller:
    return Caller("CP-1", "ocpp1.6", "192.0.2.7", is_secure, user, password, certificate)


AUTHORITY = keys.authority()


def shown(name: str, **more) -> Shown:
    return client_certificates.read(AUTHORITY.client(name, **more).certificate)


def scope(path: str = "/ocpp/CP-1", *headers: tuple[bytes, bytes]) -> dict:
    return {"raw_path": path.encode(), "path": path, "headers": list(headers), "client": ("192.0.2.7", 4711)}


OFFER = (b"sec-websocket-protocol", b"ocpp1.6")


# -- the identity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        (b"/ocpp/CP-1", "CP-1"),
        (b"/CP-1", "CP-1"),
        (b"/steve/websocket/CentralSystemService/CP-1", "CP-1"),
        (b"/ocpp/CP-1/", "CP-1"),
        (b"/ocpp/CP-1/CP-1", "CP-1"),
        (b"/ocpp/CP-1?token=x/y", "CP-1"),
        (b"/ocpp/RDAM%20123", "RDAM 123"),
        (b"/ocpp/DE*ABC*E1+2", "DE*ABC*E1+2"),
        (b"/ocpp/a%2Bb%23c", "a+b#c"),
        (b"/ocpp/CP-1;v=2", "CP-1;v=2"),
        ("/ocpp/Straße".encode(), "Straße"),
        (b"/ocpp/%zz", "%zz"),
    ],
)
def test_the_last_segment_of_the_path_is_the_identity(path, identity):
    assert identity_in(path) == identity


@pytest.mark.parametrize(
    "path",
    [
        b"/", b"", b"/ocpp/a%2Fb", b"/ocpp/..", b"/ocpp/%2e%2e", b"/ocpp/%00", b"/ocpp/a%0d%0ab", b"/ocpp/%ff",
        b"/ocpp/%1b[31m", b"/ocpp/" + b"x" * 300, b"/ocpp/%20CP", b"/ocpp/%e2%80%ae", b"/ocpp/" + "ß".encode() * 128,
    ],
)  # fmt: skip
def test_what_cannot_name_a_charger_is_refused(path):
    with pytest.raises(Refusal) as refused:
        identity_in(path)
    assert refused.value.status in (400, 404)


@given(st.binary(max_size=400))
@example(b"/%")
def test_no_path_breaks_anything(path):
    try:
        identity = identity_in(path)
    except Refusal:
        return
    assert 0 < len(identity) <= 128
    assert identity.isprintable() and "/" not in identity


# -- the subprotocol ---------------------------------------------------------------------------------------------------


def offering(*offers: bytes) -> Caller:
    return read(scope("/ocpp/CP-1", *((b"sec-websocket-protocol", offer) for offer in offers)))


@pytest.mark.parametrize(
    ("offers", "answered"),
    [([], None), ([b"OCPP1.6"], "OCPP1.6"), ([b"ocpp1.6j"], "ocpp1.6j"), ([b"ocpp1.2, x"], "ocpp1.2")],
)
def test_a_charger_of_which_staff_say_what_it_speaks_may_misspell_it(offers, answered):
    old = charger()
    old.assumed_subprotocol = "ocpp1.6"
    came = offering(*offers)
    assert (spoken(came, old), came.answered) == ("ocpp1.6", answered)
    old.is_strict = True
    with pytest.raises(Refusal):
        spoken(came, old)


def test_what_is_no_ocpp_at_all_is_refused_even_there_and_what_is_named_right_is_believed():
    old = charger()
    old.assumed_subprotocol = "ocpp1.6"
    with pytest.raises(Refusal):
        spoken(offering(b"mqtt"), old)
    assert spoken(offering(b"ocpp2.0.1"), old) == "ocpp2.0.1"


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([b"ocpp1.6"], "ocpp1.6"),
        ([b"ocpp2.0.1, ocpp1.6"], "ocpp2.0.1"),
        ([b"ocpp1.6,ocpp2.0.1"], "ocpp1.6"),
        ([b"ocpp2.1", b"ocpp2.0.1"], "ocpp2.1"),
        ([b"ocpp1.6, ocpp2.1"], "ocpp1.6"),
        ([b"ocpp3.0", b"ocpp2.0.1"], "ocpp2.0.1"),
    ],
)
def test_the_first_offer_that_we_speak_is_taken(offers, chosen):
    came = offering(*offers)
    assert (spoken(came, charger()), came.answered) == (chosen, chosen)


@pytest.mark.parametrize("offers", [[], [b""], [b"ocpp1.2"], [b"OCPP1.6"], [b"ocpp1.6j"], [b"ocpp1.6\xe9"]])
def test_without_a_common_subprotocol_the_answer_names_both_sides(offers):
    with pytest.raises(Refusal) as refused:
        spoken(offering(*offers), charger())
    assert refused.value.status == 400
    assert all(name in refused.value.sentence for name in SUBPROTOCOLS)
    assert "no Sec-WebSocket-Protocol" in refused.value.sentence or "offered" in refused.value.sentence


def test_we_speak_what_the_workers_understand():
    from gateway.registry import DIALECTS

    assert set(SUBPROTOCOLS) == set(DIALECTS)


# -- the proof ---------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])), st.binary())
def test_user_and_password_come_through_basic_authentication(user, password):
    header = b"Basic " + base64.b64encode(user.encode() + b":" + password)
    assert basic_credentials(header) == (user, password)


@pytest.mark.parametrize(
    "header", [None, b"", b"Basic", b"Basic ???", b"Bearer abc", b"Basic " + base64.b64encode(b"no-colon"), b"\xff"]
)
def test_what_is_no_basic_authentication_proves_nothing(header):
    assert basic_credentials(header) == (None, b"")


def test_missing_padding_and_an_odd_case_are_tolerated():
    assert basic_credentials(b"bAsIc " + base64.b64encode(b"CP-1:a").rstrip(b"=")) == ("CP-1", b"a")


@given(st.binary(max_size=200))
def test_no_authorization_header_breaks_anything(header):
    user, password = basic_credentials(header)
    assert user is None or isinstance(password, bytes)


def test_the_right_password_lets_in():
    judge(caller(), charger())


def test_the_user_name_ignores_case_as_the_identity_does():
    judge(caller(user="cp-1"), charger())


@pytest.mark.parametrize("shown", [caller(user=None), caller(user="CP-2"), caller(password=b"wrong")])
def test_no_proof_is_answered_with_a_challenge(shown):
    with pytest.raises(Refusal) as refused:
        judge(shown, charger())
    assert refused.value.status == 401
    assert dict(refused.value.headers)["WWW-Authenticate"].startswith("Basic")
    assert "a-password" not in refused.value.sentence


def test_a_charger_may_leave_its_name_away_but_not_its_password():
    proof = judge(caller(user=""), charger())
    assert slips(caller(user=""), proof) == ["Its user name is empty; the identity in the URL counts."]
    assert slips(caller(), judge(caller(), charger())) == []
    strict = charger()
    strict.is_strict = True
    for shown, of in ((caller(user="", password=b"wrong"), charger()), (caller(user=""), strict)):
        with pytest.raises(Refusal) as refused:
            judge(shown, of)
        assert refused.value.status == 401


def test_who_needs_no_password_is_asked_for_none():
    judge(caller(user=None), charger(SecurityProfile.NONE))


def test_who_needs_tls_does_not_come_in_without():
    judge(caller(is_secure=True), charger(SecurityProfile.TLS))
    with pytest.raises(Refusal, match="wss://") as refused:
        judge(caller(), charger(SecurityProfile.TLS))
    assert refused.value.status == 403


def test_who_needs_a_certificate_does_not_come_in_with_a_password():
    with pytest.raises(Refusal, match="showed none") as refused:
        judge(caller(is_secure=True), charger(SecurityProfile.CERTIFICATE))
    assert (refused.value.status, refused.value.event) == (403, "SecurityProfileMismatch")


PROOFS = {
    "nothing": caller(user=None),
    "a password": caller(),
    "a password by TLS": caller(is_secure=True),
    "a certificate": caller(user=None, is_secure=True, certificate=shown("CP-1")),
}


@pytest.mark.parametrize(
    ("profile", "proof", "outcome"),
    [
        (0, "nothing", 0), (0, "a password", 0), (0, "a password by TLS", 0), (0, "a certificate", 3),
        (1, "nothing", 401), (1, "a password", 1), (1, "a password by TLS", 2), (1, "a certificate", 3),
        (2, "nothing", 403), (2, "a password", 403), (2, "a password by TLS", 2), (2, "a certificate", 3),
        (3, "nothing", 403), (3, "a password", 403), (3, "a password by TLS", 403), (3, "a certificate", 3),
    ],
)  # fmt: skip
def test_a_charger_comes_in_by_its_profile_or_a_higher_one(profile, proof, outcome):
    if outcome > 3:
        with pytest.raises(Refusal) as refused:
            judge(PROOFS[proof], charger(profile))
        assert refused.value.status == outcome
    else:
        assert judge(PROOFS[proof], charger(profile)).profile == outcome


@pytest.mark.parametrize("name", ["CP-1", "cp-1", "SN-7", "sn-7"])
def test_a_certificate_names_the_identity_or_the_serial_number(name):
    known = charger(SecurityProfile.CERTIFICATE)
    known.serial_number = "SN-7"
    assert judge(caller(user=None, certificate=shown(name)), known).profile == SecurityProfile.CERTIFICATE


@pytest.mark.parametrize("name", ["CP-2", "CP-1 ", "SN-7"])
def test_a_certificate_of_somebody_else_is_nobodys_proof(name):
    with pytest.raises(Refusal) as refused:
        judge(caller(certificate=shown(name)), charger(SecurityProfile.CERTIFICATE))
    assert (refused.value.status, refused.value.event) == (403, "CertificateRefused")
    # Beside a password it does no harm: many show one of their maker.
    assert judge(caller(certificate=shown(name)), charger(SecurityProfile.BASIC)).profile == SecurityProfile.BASIC


def test_a_certificate_has_to_name_our_organization_where_there_is_one(settings):
    settings.CPO_NAME = "Yard & Sons"
    known = charger(SecurityProfile.CERTIFICATE)
    judge(caller(user=None, certificate=shown("CP-1", organization="yard & sons")), known)
    with pytest.raises(Refusal, match="must be 'Yard & Sons'"):
        judge(caller(user=None, certificate=shown("CP-1", organization="Another Yard")), known)


@pytest.mark.parametrize(
    ("key", "is_good"),
    [
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), False),
        (rsa.generate_private_key(public_exponent=65537, key_size=2048), True),
        (ec.generate_private_key(ec.SECP192R1()), False),
        (ec.generate_private_key(ec.SECP224R1()), True),
        (ed25519.Ed25519PrivateKey.generate(), False),
    ],
    ids=["RSA 1024", "RSA 2048", "EC 192", "EC 224", "Ed25519"],
)
def test_a_certificate_with_a_short_key_is_refused(key, is_good):
    showing = caller(user=None, certificate=shown("CP-1", key=key))
    if is_good:
        judge(showing, charger(SecurityProfile.CERTIFICATE))
    else:
        with pytest.raises(Refusal, match="too short"):
            judge(showing, charger(SecurityProfile.CERTIFICATE))


def test_a_password_that_it_was_told_lets_in_and_is_named():
    known = charger()
    known.pending_password_hash = f"{hashed(b'another')} {hashed(b'the-new-one')}"
    proof = judge(caller(password=b"the-new-one"), known)
    assert proof.password_hash == known.pending_password_hash.split()[1]


# -- behind proxies ----------------------------------------------------------------------------------------------------


FORWARDED = ((b"x-forwarded-for", b"6.6.6.6, 198.51.100.4, 10.0.0.1"), (b"x-forwarded-proto", b"https"))


def test_a_forwarded_address_counts_only_from_our_own_proxies(settings):
    assert read(scope("/CP-1", OFFER, *FORWARDED)).address == "192.0.2.7"
    settings.TRUSTED_PROXIES = 2
    assert read(scope("/CP-1", OFFER, *FORWARDED)).address == "198.51.100.4"


def test_a_proxy_that_adds_a_header_of_its_own_is_believed_and_the_caller_is_not(settings):
    settings.TRUSTED_PROXIES = 1
    forwarded = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.4")]
    assert read(scope("/CP-1", OFFER, *forwarded)).address == "198.51.100.4"


def test_tls_at_a_proxy_counts_only_where_we_have_one(settings):
    assert not read(scope("/CP-1", OFFER, *FORWARDED)).is_secure
    settings.PUBLIC_URL = "https://csms.example"
    assert read(scope("/CP-1", OFFER, *FORWARDED)).is_secure
    assert not read(scope("/CP-1", OFFER)).is_secure


def test_behind_a_balancer_that_says_nothing_of_tls_a_charger_of_profile_2_is_let_in(settings):
    scope = {"path": "/ocpp/CP-1", "headers": [(b"sec-websocket-protocol", b"ocpp1.6")], "client": ("10.0.0.9", 1)}
    assert not read(scope).is_secure
    settings.BEHIND_TLS = True
    assert read(scope).is_secure
