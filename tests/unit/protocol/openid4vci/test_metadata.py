# SPDX-License-Identifier: EUPL-1.2
"""Issuer metadata: every parameter, foreign formats, the signed form, and what HAIP asks beyond."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from protocol import jws
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError
from protocol.jwe import RecipientKey
from protocol.keys import PrivateKey
from protocol.members import MAX_ITEMS
from protocol.openid4vci import claims as claim_descriptions
from protocol.openid4vci import display as displays
from protocol.openid4vci import metadata, signed_metadata
from protocol.openid4vci.claims import Claim
from protocol.openid4vci.configuration import MAX_SCOPE_CHARS, CredentialConfiguration, ProofType
from protocol.openid4vci.display import Display, Image, displays_of
from protocol.openid4vci.key_attestation import Requirement
from protocol.openid4vci.metadata import IssuerMetadata, RequestEncryption, ResponseEncryption, well_known

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ISSUER = "https://issuer.example/tenant"
KEY = PrivateKey.generate()
SIGNER = PrivateKey.generate()
DEGREE = CredentialConfiguration(
    id="degree",
    vct="https://types.example/degree",
    scope="degree",
    signing_algorithms=("ES256",),
    binding_methods=("jwk",),
    proof_types={"jwt": ProofType(("ES256",), Requirement(("iso_18045_high",), ("iso_18045_high",)))},
    display=(
        Display("Degree", "en", Image("https://a.example/i.png", "a seal"), "A degree", "#12107c", None, "#FFF"),
        Display("Títol", "ca", background_image=Image("data:image/png;base64,AA")),
    ),
    claims=(
        Claim(("name",), mandatory=True, display=displays_of({"en": "Name", "ca": "Nom"})),
        Claim(("marks", None, "subject")),
        Claim(("marks", None, "mark"), display=(Display("Mark"),)),
    ),
)
PLAIN = CredentialConfiguration(id="plain", vct="urn:plain")
FULL = IssuerMetadata(
    issuer=ISSUER,
    credential_endpoint=f"{ISSUER}/credential",
    configurations={"degree": DEGREE, "plain": PLAIN},
    authorization_servers=("https://one.example", "https://two.example"),
    nonce_endpoint=f"{ISSUER}/nonce",
    deferred_credential_endpoint=f"{ISSUER}/deferred",
    notification_endpoint=f"{ISSUER}/notification",
    request_encryption=RequestEncryption((RecipientKey(KEY.public_key, "k"),), ("A256GCM",), True, ("DEF",)),
    response_encryption=ResponseEncryption(("A128GCM",), False, zips=("DEF",)),
    batch_size=2,
    display=displays_of({"ca": "Universitat"}),
    unsupported={"mdl": "mso_mdoc"},
)
SMALL = IssuerMetadata(ISSUER, f"{ISSUER}/credential", {})


def parse(document):
    return IssuerMetadata.parse(document, expected_issuer=ISSUER)


def changed(path, value):
    """FULL's document with one member set, or left out when the value is `...`."""
    document = FULL.to_json()
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


@pytest.mark.parametrize(
    "made",
    [
        FULL,
        SMALL,
        replace(FULL, request_encryption=None, response_encryption=None),
        replace(FULL, configurations={"degree": replace(DEGREE, proof_types={"jwt": ProofType(("ES256",))})}),
    ],
)
def test_metadata_round_trips(made):
    assert parse(made.to_json()) == made


def test_names_and_labels_are_read_by_language():
    found = parse(FULL.to_json())
    assert found.names == {"ca": "Universitat"}
    assert found.configurations["degree"].names == {"en": "Degree", "ca": "Títol"}
    assert found.configurations["degree"].labels == {"name": {"en": "Name", "ca": "Nom"}}
    assert replace(DEGREE, claims=(Claim(("name",)), Claim((None,)), Claim((0, "name")))).labels == {}
    assert replace(DEGREE, claims=()).labels == {}
    assert displays.names_of(
        [Display(None, "ca"), Display("a", "fr-CH"), Display("b", "fr-FR"), Display("c")]
    ) == {
        "fr": "a",
        "en": "c",
    }


@pytest.mark.case("W5")
@pytest.mark.parametrize("other", [ISSUER + "/", ISSUER.upper(), "https://issuer.example", None, 1])
def test_metadata_of_another_issuer_is_discarded(other):
    with pytest.raises(RequestError) as caught:
        parse(changed(["credential_issuer"], other))
    assert caught.value.code == "invalid_issuer_metadata"


CONFIGURATION = ["credential_configurations_supported", "degree"]
JWT = [*CONFIGURATION, "proof_types_supported", "jwt"]
SHOWN = [*CONFIGURATION, "credential_metadata"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["credential_endpoint"], ...),
        (["credential_endpoint"], "http://issuer.example/credential"),
        (["nonce_endpoint"], "nonce"),
        (["deferred_credential_endpoint"], 1),
        (["notification_endpoint"], None),
        (["authorization_servers"], []),
        (["authorization_servers"], ["https://one.example?x"]),
        (["batch_credential_issuance", "batch_size"], 1),
        (["batch_credential_issuance", "batch_size"], metadata.MAX_BATCH_SIZE + 1),
        (["batch_credential_issuance", "batch_size"], True),
        (["batch_credential_issuance"], {}),
        (["display"], []),
        (["display"], [{"name": "a", "locale": "ca"}, {"name": "b", "locale": "CA"}]),
        (["display"], [{"name": "a"}, {"name": "b"}]),
        (["display"], [{"name": "a", "locale": "not a language"}]),
        (["display"], [{"name": ""}]),
        (["display"], [{"name": "a", "logo": {}}]),
        (["display"], [{"name": "a", "logo": "https://a.example"}]),
        (["display"], [{"name": "x" * (displays.MAX_TEXT_CHARS + 1)}]),
        (["display"], [{"name": "a", "logo": {"uri": "x" * (displays.MAX_IMAGE_CHARS + 1)}}]),
        (["credential_request_encryption"], []),
        (["credential_request_encryption", "jwks"], ...),
        (["credential_request_encryption", "jwks", "keys"], []),
        (["credential_request_encryption", "jwks", "keys"], [{"kty": "EC"}]),
        (["credential_request_encryption", "jwks", "keys"], [{"kid": "a"}, {"kid": "a"}]),
        (["credential_request_encryption", "enc_values_supported"], []),
        (["credential_request_encryption", "zip_values_supported"], []),
        (["credential_request_encryption", "encryption_required"], ...),
        (["credential_response_encryption", "alg_values_supported"], ...),
        (["credential_response_encryption", "enc_values_supported"], [1]),
        (["credential_response_encryption", "encryption_required"], "yes"),
        (["credential_configurations_supported"], ...),
        (["credential_configurations_supported"], []),
        (CONFIGURATION, []),
        ([*CONFIGURATION, "format"], ...),
        ([*CONFIGURATION, "vct"], ...),
        ([*CONFIGURATION, "vct"], ""),
        ([*CONFIGURATION, "scope"], "two scopes"),
        ([*CONFIGURATION, "scope"], "x" * (MAX_SCOPE_CHARS + 1)),
        ([*CONFIGURATION, "credential_signing_alg_values_supported"], []),
        ([*CONFIGURATION, "cryptographic_binding_methods_supported"], ...),
        ([*CONFIGURATION, "proof_types_supported"], ...),
        ([*CONFIGURATION, "proof_types_supported"], {}),
        (JWT, []),
        ([*JWT, "proof_signing_alg_values_supported"], ...),
        ([*JWT, "proof_signing_alg_values_supported"], [-7]),
        ([*JWT, "key_attestations_required"], True),
        ([*JWT, "key_attestations_required", "key_storage"], []),
        ([*SHOWN, "display"], [{"locale": "en"}]),
        ([*SHOWN, "display"], [{"name": "a", "background_color": "red;position:fixed"}]),
        ([*SHOWN, "display"], [{"name": "a", "background_image": {"uri": 1}}]),
        ([*SHOWN, "claims"], []),
        ([*SHOWN, "claims"], [{"path": []}]),
        ([*SHOWN, "claims"], [{"path": ["a"], "mandatory": "yes"}]),
        ([*SHOWN, "claims"], [{"path": ["a"], "display": []}]),
        ([*SHOWN, "claims"], [{"path": ["a", -1]}]),
        ([*SHOWN, "claims"], [{"path": ["a", True]}]),
        ([*SHOWN, "claims"], [{"path": ["a", 1.5]}]),
        ([*SHOWN, "claims"], [{"path": ["a"] * (claim_descriptions.MAX_POINTER_STEPS + 1)}]),
        ([*SHOWN, "claims"], [{"path": ["a"]}, {"path": ["a"]}]),
        ([*SHOWN, "claims"], [{"path": ["a", None]}, {"path": ["a", 0]}]),
        ([*SHOWN, "claims"], [{"path": ["a", 0]}, {"path": ["a", "b"]}]),
    ],
)
def test_metadata_when_malformed_is_refused(path, value):
    with pytest.raises(RequestError) as caught:
        parse(changed(path, value))
    assert caught.value.code == "invalid_issuer_metadata"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["batch_credential_issuance", "batch_size"], metadata.MAX_BATCH_SIZE),
        (["display"], [{"name": "x" * displays.MAX_TEXT_CHARS, "logo": {"uri": "x" * displays.MAX_IMAGE_CHARS}}]),
        ([*CONFIGURATION, "scope"], "x" * MAX_SCOPE_CHARS),
        ([*SHOWN, "claims"], [{"path": ["a"] * claim_descriptions.MAX_POINTER_STEPS}]),
        ([*SHOWN, "claims"], [{"path": ["a"]}, {"path": ["a", 0, "b"]}, {"path": ["a", 1]}]),
        ([*SHOWN, "display"], [{"name": "a", "text_color": "rgba(1, 2, 3, 0.5)"}]),
        (["unknown"], {"anything": 1}),
    ],
)
def test_metadata_at_its_limits_is_read(path, value):
    parse(changed(path, value))


def test_number_of_configurations_has_a_limit():
    many = {str(n): replace(PLAIN, id=str(n)) for n in range(MAX_ITEMS)}
    assert len(parse(replace(SMALL, configurations=many).to_json()).configurations) == MAX_ITEMS
    with pytest.raises(RequestError):
        parse(replace(SMALL, configurations=many, unsupported={"more": "ldp_vc"}).to_json())


@pytest.mark.case("S22", "V23", "V30")
@pytest.mark.parametrize("form", ["mso_mdoc", "jwt_vc_json", "jwt_vc_json-ld", "ldp_vc", "vc+sd-jwt"])
def test_credential_in_a_format_out_of_scope_is_kept_out_and_named(form):
    entry = {"format": form, "credential_signing_alg_values_supported": [-7, -9], "doctype": 1}
    found = parse(changed(CONFIGURATION, entry))
    assert list(found.configurations) == ["plain"]
    assert found.unsupported["degree"] == form
    for call in (
        lambda: found.get_configuration("degree"),
        lambda: CredentialConfiguration.parse("degree", {**entry, "vct": "x"}),
    ):
        with pytest.raises(RequestError) as caught:
            call()
        assert caught.value.code == "unsupported_credential_format"


@pytest.mark.case("I14", "W3")
def test_configuration_is_found_by_its_name_or_unknown():
    assert FULL.get_configuration("degree") is DEGREE
    with pytest.raises(RequestError) as caught:
        FULL.get_configuration("nothing")
    assert caught.value.code == "unknown_credential_configuration"


@pytest.mark.case("W4")
def test_server_that_the_issuer_does_not_name_is_refused():
    assert FULL.get_server(None) == "https://one.example"
    assert FULL.get_server("https://two.example") == "https://two.example"
    assert SMALL.get_server(None) == SMALL.get_server(ISSUER) == ISSUER
    for made, hint in ((FULL, "https://three.example"), (SMALL, "https://one.example"), (FULL, ISSUER)):
        with pytest.raises(RequestError) as caught:
            made.get_server(hint)
        assert caught.value.code == "invalid_credential_offer"


def test_encryption_key_that_we_cannot_use_is_passed_over():
    ours = RecipientKey(KEY.public_key, "ours").jwk()
    others = [
        {"kty": "RSA", "kid": "rsa", "alg": "RSA-OAEP"},
        {**ours, "kid": "for signing", "use": "sig"},
        {**{name: value for name, value in ours.items() if name != "alg"}, "kid": "without alg"},
    ]
    document = changed(["credential_request_encryption", "jwks", "keys"], [*others, ours])
    found = parse(document).request_encryption
    assert found is not None
    assert found.choose() == (RecipientKey(KEY.public_key, "ours"), "A256GCM")
    for none in (replace(found, keys=()), replace(found, encryptions=("A128CBC-HS256",))):
        with pytest.raises(RequestError) as caught:
            none.choose()
        assert caught.value.code == "invalid_encryption_parameters"


@pytest.mark.case("I45")
@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("https://a.example", "https://a.example/.well-known/openid-credential-issuer"),
        ("https://a.example/", "https://a.example/.well-known/openid-credential-issuer"),
        ("https://a.example:8443/b/c", "https://a.example:8443/.well-known/openid-credential-issuer/b/c"),
        ("http://localhost:8101/u", "http://localhost:8101/.well-known/openid-credential-issuer/u"),
    ],
)
def test_well_known_goes_between_host_and_path(identifier, url):
    assert well_known(identifier, metadata.WELL_KNOWN) == url


@pytest.mark.parametrize("identifier", ["http://[::1", "http://a.example", "https://a.example?x", "a"])
def test_well_known_of_an_identifier_that_is_none_is_refused(identifier):
    with pytest.raises(RequestError):
        well_known(identifier, metadata.WELL_KNOWN)


def chain(x5c):
    if x5c != ["chain"]:
        raise VerificationError(Check.ISSUER, "the chain does not end at a trusted authority")
    return SIGNER.public_key


def signed(*, claims=None, signer=SIGNER, typ=signed_metadata.TYPE, x5c=("chain",)):
    members = {**FULL.to_json(), "sub": ISSUER, "iat": epoch_seconds(NOW)} | (claims or {})
    members = {name: value for name, value in members.items() if value is not ...}
    return jws.sign(members, signer, typ=typ, x5c=[*x5c])


def verify(token, now=NOW):
    return signed_metadata.verify(token, expected_issuer=ISSUER, verify_chain=chain, now=now)


@pytest.mark.parametrize("expires_at", [None, NOW + timedelta(days=1)])
def test_signed_metadata_verifies_and_gives_the_same(expires_at):
    token = signed_metadata.sign(FULL, SIGNER, x5c=["chain"], issued_at=NOW, expires_at=expires_at)
    assert verify(token + "\n") == FULL


def unsigned(alg):
    header = b64url_encode(compact_json({"alg": alg, "typ": signed_metadata.TYPE, "x5c": ["chain"]}))
    return ".".join([header, *signed().split(".")[1:]])


@pytest.mark.case("W6")
@pytest.mark.parametrize(
    ("token", "check"),
    [
        (signed(typ="JWT"), Check.SIGNATURE),
        (signed(signer=PrivateKey.generate()), Check.SIGNATURE),
        (unsigned("none"), Check.SIGNATURE),
        (unsigned("HS256"), Check.SIGNATURE),
        (signed(x5c=["another"]), Check.ISSUER),
        (signed(claims={"sub": ISSUER + "/"}), Check.ISSUER),
        (signed(claims={"sub": ...}), Check.ISSUER),
        (signed(claims={"exp": epoch_seconds(NOW)}), Check.VALIDITY),
        (signed(claims={"iat": epoch_seconds(NOW + timedelta(minutes=6))}), Check.VALIDITY),
        (signed(claims={"nbf": epoch_seconds(NOW + timedelta(minutes=6))}), Check.VALIDITY),
        (signed(claims={"iat": ...}), None),
        (signed(claims={"exp": "tomorrow"}), None),
        (signed(claims={"credential_issuer": "https://other.example"}), None),
        ("nonsense", None),
    ],
)
def test_signed_metadata_that_is_wrong_is_refused(token, check):
    with pytest.raises(Error) as caught:
        verify(token)
    assert caught.value.code == "invalid_issuer_metadata"
    assert getattr(caught.value, "check", None) is check


def test_signed_metadata_whose_signer_cannot_be_looked_up_is_neither_right_nor_wrong():
    def unknown(_x5c):
        raise UnavailableError("trust_list_expired", "the trust list has expired")

    with pytest.raises(UnavailableError):
        signed_metadata.verify(signed(), expected_issuer=ISSUER, verify_chain=unknown, now=NOW)
