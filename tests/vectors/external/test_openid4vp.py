# SPDX-License-Identifier: EUPL-1.2
"""The messages in the examples of OpenID4VP 1.0, folder `openid4vp/1.0-examples`.

What is in scope is read; what is not is refused with its code. The queries are in test_dcql.py, the SD-JWTs in
test_sd_jwt.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocol import jws, key_binding, sd_jwt_vc
from protocol.clock import from_epoch
from protocol.encoding import b64url_encode, parse_object
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PrivateKey
from protocol.openid4vp import (
    ClientIdentifier,
    ClientMetadata,
    ErrorCode,
    ErrorResponse,
    PresentationRequest,
    PresentationResponse,
)
from tests.conftest import external_folder
from tests.fakes.request_claims import claims

pytestmark = pytest.mark.external

EXAMPLES = external_folder() / "openid4vp" / "1.0-examples"


def files(folder: str) -> list[Any]:
    if not external_folder().is_dir():
        return []
    found = sorted((EXAMPLES / folder).glob("*.json"))
    assert found, f"no examples in {folder}"
    return [pytest.param(file, id=file.stem) for file in found]


def read(file: Path) -> dict[str, Any]:
    """Return the members; what the specification leaves out by an ellipsis is a query of ours."""
    query = json.dumps(claims()["dcql_query"])
    text = file.read_text("utf-8").replace("{ ... }", query).replace("{...}", query)
    return parse_object(text)


@pytest.mark.parametrize("file", files("client_metadata"))
def test_client_metadata_is_read_for_our_format_and_refused_by_code_for_the_others(file):
    value = read(file)
    if "dc+sd-jwt" in value["vp_formats_supported"]:
        assert file.stem == "sd_jwt_vc_verifier_metadata"
        found = ClientMetadata.parse(value)
        assert found.algorithms.issuer == found.algorithms.key_binding == ("ES256", "ES384")
        assert found.to_json() == value
        return
    with pytest.raises(RequestError) as caught:
        ClientMetadata.parse(value)
    assert caught.value.code == "vp_formats_not_supported"


@pytest.mark.case("S23")
@pytest.mark.parametrize("file", files("request"))
def test_request_of_a_prefix_or_format_out_of_scope_is_refused_by_its_code(file):
    value = read(file)
    if "typ" in value:
        # a header: its algorithm is none of ours
        token = ".".join(b64url_encode(json.dumps(part).encode()) for part in (value, {})) + ".AA"
        with pytest.raises(VerificationError) as refused:
            jws.verify(token, PrivateKey.generate().public_key, typ=value["typ"])
        assert refused.value.check is Check.SIGNATURE
        return
    if "credentials" in value:
        value = claims(dcql_query=value)
        code = "vp_formats_not_supported"
    else:
        value = claims() | value
        code = "invalid_request"
    with pytest.raises(RequestError) as caught:
        PresentationRequest.parse(value, transaction_types={})
    assert caught.value.code == code


@pytest.mark.case("V29", "W24")
@pytest.mark.parametrize("file", files("digital_credentials_api"))
def test_message_of_the_digital_credentials_api_is_refused_and_its_error_is_read(file):
    value = read(file)
    if "error" in value:
        assert ErrorResponse.parse(value).code is ErrorCode.INVALID_REQUEST
        return
    # good in everything else
    good = claims(client_id="x509_san_dns:rp.example.com", response_uri="https://rp.example.com/1")
    with pytest.raises(RequestError, match="Digital Credentials API") as caught:
        PresentationRequest.parse(good | {"response_mode": value["response_mode"]}, transaction_types={})
    assert caught.value.code == "invalid_request"
    with pytest.raises(RequestError) as caught:
        PresentationRequest.parse(value, transaction_types={})
    assert caught.value.code == "invalid_request"


@pytest.mark.case("V30")
@pytest.mark.parametrize("file", files("response"))
def test_response_in_a_format_out_of_scope_is_refused_and_the_key_binding_is_ours(file):
    value = read(file)
    if file.stem == "kb_jwt_unsecured":
        # signed by a holder of ours it is a key binding; what it says it binds is not what is shown
        holder = PrivateKey.generate()
        assert ClientIdentifier.parse(value["aud"]).value == "client.example.org"
        assert len(value["transaction_data_hashes"]) == 1
        token = jws.sign(value, holder, typ=key_binding.TYPE)
        with pytest.raises(VerificationError) as caught:
            key_binding.verify(
                token,
                holder.public_key,
                signed_part="x~",
                hash_name="sha-256",
                expected_nonce=value["nonce"],
                expected_audience=value["aud"],
                expected_transaction_data=[],
                now=from_epoch(value["iat"]),
            )
        assert caught.value.check is Check.KEY_BINDING
        return
    # a W3C presentation is an object, or a JWT that is no SD-JWT
    with pytest.raises(VerificationError) as caught:
        PresentationResponse.parse(json.dumps({"vp_token": {"degree": [value]}}).encode())
    assert caught.value.check is Check.FORMAT


def accept(text, world):
    return sd_jwt_vc.verify(sd_jwt_vc.FORMAT.parse(text), trust=world.trust, now=from_epoch(1_683_000_000))


@pytest.mark.case("S22")
@pytest.mark.parametrize("file", files("credentials"))
def test_credential_that_is_no_sd_jwt_vc_is_refused_and_the_example_of_one_is_read(file, world):
    value = read(file)
    token = jws.sign(value, PrivateKey.generate(), typ=sd_jwt_vc.TYPE)
    if file.stem == "sd_jwt_vc":
        found = sd_jwt_vc.FORMAT.parse(token + "~")
        assert found is not None
        return
    with pytest.raises(VerificationError):
        accept(token + "~", world)
