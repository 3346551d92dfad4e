# SPDX-License-Identifier: EUPL-1.2
"""Every example of OpenID4VCI 1.0: what is in scope is read, what is not is refused with its protocol code.

Line breaks that were made for the printed page stand inside some texts; they are taken out before anything is read.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from protocol import jws, x509
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.oauth.client_attestation import TYPE as ATTESTATION_TYPE
from protocol.oauth.client_attestation import ClientAttestation
from protocol.openid4vci import signed_metadata
from protocol.openid4vci.authorization import AuthorizationDetail, parse_details
from protocol.openid4vci.configuration import CredentialConfiguration, parse_configurations
from protocol.openid4vci.credential_request import CredentialRequest
from protocol.openid4vci.credential_response import CredentialResponse, parse_response
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import AuthorizationCodeGrant, CredentialOffer, TxCode
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.x509.certificate import load
from tests.conftest import external_folder
from tests.fakes import certificates

pytestmark = pytest.mark.external
ISSUER = "https://credential-issuer.example.com"
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
FOLDER = external_folder() / "openid4vci" / "1.0-examples"
FILES = sorted(path.name for path in FOLDER.glob("*")) if FOLDER.is_dir() else []
DETAILS = [name for name in FILES if name.startswith("authorization_details")]
OFFERS = [name for name in FILES if name.startswith("credential_offer")]
OTHERS = {
    "credential_issuer_metadata_sd_jwt_jwt.txt",
    "credential_issuer_metadata_sd_jwt_long.json",
    "credential_metadata_jwt_vc_json.json",
    "credential_metadata_ldp_vc.json",
    "credential_metadata_mso_mdoc.json",
    "credential_metadata_sd_jwt_vc.json",
    "credential_request_iso_mdl.json",
    "credential_response_jwt_vc_json.txt",
    "credential_response_ldp_vc.txt",
    "credential_response_mso_mdoc.txt",
    "credential_response_sd_jwt_vc.txt",
    "issuer_jwks.json",
    "wallet_attestation.jwt.txt",
}


def read(external, name):
    """Return the JSON of an example, or of the body of one that is a whole HTTP response."""
    text = (external("openid4vci") / "1.0-examples" / name).read_text("utf-8").strip()
    if text.startswith("HTTP/"):
        text = re.split(r"\n\s*\n", text, maxsplit=1)[1]
    return json.loads(re.sub(r"\n\s+(?=[^\s\"{}\[\]])", "", text) if name.endswith(".txt") else text)


def token(external, name):
    return "".join((external("openid4vci") / "1.0-examples" / name).read_text("ascii").split())


def leaf_key(x5c):
    """The examples' certificates are self-signed: no chain of ours, but their key can be read."""
    return PublicKey.wrap(load(x5c[0]).public_key())


def test_every_example_is_here():
    assert len(FILES) == 24
    assert {*DETAILS, *OFFERS, *OTHERS} == set(FILES)


@pytest.mark.parametrize("name", DETAILS)
def test_authorization_details_are_read(external, name):
    value = read(external, name)
    details = parse_details(value)
    assert [detail.to_json() for detail in details] == value
    assert all(isinstance(detail, AuthorizationDetail) for detail in details)


@pytest.mark.parametrize("name", OFFERS)
def test_offers_are_read(external, name):
    value = read(external, name)
    offer = CredentialOffer.parse(value)
    assert (offer.issuer, list(offer.configuration_ids)) == (ISSUER, value["credential_configuration_ids"])
    assert CredentialOffer.parse(offer.to_json()) == offer


def test_grants_of_the_offers_are_the_ones_printed(external):
    authorization = CredentialOffer.parse(read(external, "credential_offer_authz_code.txt"))
    assert authorization.authorization_code == AuthorizationCodeGrant("eyJhbGciOiJSU0Et...FYUaBy")
    empty = CredentialOffer.parse(read(external, "credential_offer_by_reference.json"))
    assert empty.pre_authorized is not None
    assert empty.pre_authorized.tx_code == TxCode()
    several = CredentialOffer.parse(read(external, "credential_offer_multiple_credentials.json"))
    assert several.pre_authorized is not None
    assert several.pre_authorized.tx_code is not None
    assert several.pre_authorized.tx_code.length == 4


def test_issuer_metadata_is_read_whole(external):
    value = read(external, "credential_issuer_metadata_sd_jwt_long.json")
    found = IssuerMetadata.parse(value, expected_issuer=ISSUER)
    assert found.to_json() == value
    assert found.batch_size == 10
    assert found.request_encryption is not None
    assert found.request_encryption.choose()[1] == "A128GCM"
    (configuration,) = found.configurations.values()
    assert list(configuration.labels) == ["given_name", "family_name", "address"]


def test_configuration_in_our_format_is_read_whole(external):
    value = read(external, "credential_metadata_sd_jwt_vc.json")
    ((name, entry),) = value["credential_configurations_supported"].items()
    assert CredentialConfiguration.parse(name, entry).to_json() == entry


@pytest.mark.case("S22", "V23")
@pytest.mark.parametrize("form", ["jwt_vc_json", "ldp_vc", "mso_mdoc"])
def test_configuration_in_another_format_is_refused_and_kept_out(external, form):
    value = read(external, f"credential_metadata_{form}.json")
    ((name, entry),) = value["credential_configurations_supported"].items()
    assert parse_configurations(value) == ({}, {name: form})
    with pytest.raises(RequestError) as caught:
        CredentialConfiguration.parse(name, entry)
    assert caught.value.code == "unsupported_credential_format"


def test_signed_issuer_metadata_verifies(external):
    found = signed_metadata.verify(
        token(external, "credential_issuer_metadata_sd_jwt_jwt.txt"),
        expected_issuer=ISSUER,
        verify_chain=leaf_key,
        now=NOW,
    )
    assert found.names == {"en": "Example University", "fr": "Example Université"}


@pytest.mark.case("W6")
def test_signed_issuer_metadata_by_a_self_signed_certificate_is_refused(external):
    given = token(external, "credential_issuer_metadata_sd_jwt_jwt.txt")
    anchors = x509.Anchors([certificates.authority().certificate])
    with pytest.raises(VerificationError) as caught:
        signed_metadata.verify(
            given,
            expected_issuer=ISSUER,
            verify_chain=lambda x5c: anchors.verify(x5c, purposes=set(x509.Purpose), now=NOW).key,
            now=NOW,
        )
    assert (caught.value.check, caught.value.code) == (Check.ISSUER, "invalid_issuer_metadata")


@pytest.mark.case("V23")
def test_credential_request_of_an_older_draft_is_refused(external):
    with pytest.raises(RequestError) as caught:
        CredentialRequest.parse(read(external, "credential_request_iso_mdl.json"), is_encrypted=False)
    assert caught.value.code == "invalid_credential_request"


def test_credential_response_in_our_format_is_read(external):
    found = parse_response(200, read(external, "credential_response_sd_jwt_vc.txt"))
    assert isinstance(found, CredentialResponse)
    assert len(UnverifiedSDJWT.parse(found.credentials[0]).disclosures) == 9


@pytest.mark.case("S22", "V23", "V30")
@pytest.mark.parametrize("form", ["jwt_vc_json", "ldp_vc", "mso_mdoc"])
def test_credential_response_in_another_format_is_refused(external, form):
    with pytest.raises(RequestError) as caught:
        parse_response(200, read(external, f"credential_response_{form}.txt"))
    assert caught.value.code == "unsupported_credential_format"


def test_key_of_the_issuer_signed_the_credential_of_the_other_format(external):
    text = (external("openid4vci") / "1.0-examples" / "issuer_jwks.json").read_text("utf-8")
    (jwk,) = json.loads(text, strict=False)["jwks"]["keys"]
    credential = read(external, "credential_response_jwt_vc_json.txt")["credentials"][0]["credential"]
    assert jws.verify_claims(credential, PublicKey.parse_jwk(jwk), typ="JWT")["iss"] == ISSUER


def test_wallet_attestation_verifies(external):
    given = jws.parse(token(external, "wallet_attestation.jwt.txt"))
    claims = jws.verify_claims(given, leaf_key(given.header["x5c"]), typ=ATTESTATION_TYPE)
    found = ClientAttestation.parse(claims)
    assert (found.client_id, found.issuer) == ("https://wallet.example.com", "https://wallet-provider.example.com")
    assert found.wallet_name == "Wallet Solution X by Wonderland State Department"
