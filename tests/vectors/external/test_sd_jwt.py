# SPDX-License-Identifier: EUPL-1.2
"""Every case of the SD-JWT vectors: RFC 9901, its reference generator, SD-JWT VC, OpenID4VP."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from protocol import jws, key_binding, sd_jwt
from protocol.clock import from_epoch
from protocol.errors import Error, VerificationError
from protocol.keys import PrivateKey
from protocol.sd_jwt import SelectionIndex, UnverifiedSDJWT, rebuild, rebuild_with_paths, select
from tests.fakes.sd_jwt_cases import EXPANDED, SPECIFIED, cases, public_key

pytestmark = pytest.mark.external
# what the generator adds to the claims of a case
ADDED = {"iss", "iat", "exp", "cnf"}
each_expanded = pytest.mark.parametrize("case", **cases(EXPANDED))
each_specified = pytest.mark.parametrize("case", **cases(SPECIFIED))


def verify(case, parsed):
    typ = case.specification.get("extra_header_parameters", {}).get("typ", "example+sd-jwt")
    return jws.verify_claims(parsed.issuer_jwt, public_key(case.issuer_jwks[0]), typ=typ)


@each_expanded
def test_issued_vector_verifies_and_holds_the_claims_of_its_case(case):
    parsed = case.parse("sd_jwt_issuance")
    payload = verify(case, parsed)
    assert payload == case.json("sd_jwt_payload.json")
    claims = rebuild(payload, parsed.disclosures)
    wanted = case.json("user_claims.json")
    assert {name: claims[name] for name in wanted if name != "cnf"} == {
        name: value for name, value in wanted.items() if name != "cnf"
    }
    assert claims.keys() - wanted.keys() <= ADDED
    assert parsed.key_binding is None


@each_expanded
def test_presented_vector_verifies_to_its_verified_contents(case):
    parsed = case.parse("sd_jwt_presentation")
    payload = verify(case, parsed)
    rebuilt = rebuild_with_paths(payload, parsed.disclosures)
    assert rebuilt.claims == case.json("verified_contents.json")
    assert len(rebuilt.disclosed) == len(parsed.disclosures)


@each_expanded
def test_presented_vector_has_the_key_binding_of_its_case(case):
    parsed = case.parse("sd_jwt_presentation")
    if not case.specification.get("key_binding"):
        assert parsed.key_binding_jwt is None
        return
    assert parsed.key_binding_jwt == case.text("kb_jwt_serialized")
    claims, settings = case.json("kb_jwt_payload.json"), case.settings
    expected = {
        "signed_part": parsed.signed_part,
        "hash_name": sd_jwt.read_hash_name(verify(case, parsed)),
        "expected_nonce": settings["key_binding_nonce"],
        "expected_audience": settings["identifiers"]["verifier"],
        "expected_transaction_data": (),
        "now": from_epoch(claims["iat"]) + timedelta(minutes=1),
    }
    key_binding.verify(parsed.key_binding, public_key(case.holder_jwk), **expected)
    assert dict(parsed.key_binding.header) == case.json("kb_jwt_header.json")
    with pytest.raises(VerificationError, match="another presentation"):
        key_binding.verify(
            parsed.key_binding,
            public_key(case.holder_jwk),
            **expected | {"signed_part": parsed.signed_part.rsplit("~", 2)[0] + "~"},
        )


@each_expanded
def test_our_selection_by_path_gives_the_disclosures_of_the_presented_vector(case):
    issued, presented = case.parse("sd_jwt_issuance"), case.parse("sd_jwt_presentation")
    rebuilt = rebuild_with_paths(issued.issuer_jwt.claims(), issued.disclosures)
    shown = {each.encoded for each in presented.disclosures}
    wanted = [path for path, each in rebuilt.disclosed.items() if each.encoded in shown]
    paths = []
    for path in wanted:
        inside = [other for other in rebuilt.disclosed if other[: len(path)] == path]
        if set(inside) <= set(wanted):
            paths.append(path)
        elif not any(other in wanted for other in inside if other != path):
            # shown without what it hides: by a member that is in it in the clear
            paths.append(clear_leaf(rebuilt.disclosed[path].value, path))
    text = issued.signed_part
    selected = UnverifiedSDJWT.parse(select(text, SelectionIndex.make(text), paths))
    assert {each.encoded for each in selected.disclosures} == shown
    assert rebuild(selected.issuer_jwt.claims(), selected.disclosures) == case.json("verified_contents.json")


def clear_leaf(value, path):
    if isinstance(value, dict):
        name = next(name for name in value if name != "_sd")
        return clear_leaf(value[name], (*path, name))
    return clear_leaf(value[0], (*path, 0)) if isinstance(value, list) else path


@each_specified
def test_what_we_issue_from_the_specification_of_a_case_verifies_to_the_same_claims(case):
    claims, paths = case.claims()
    key = PrivateKey.generate()
    assert paths or case.folder.name == "no_sd"
    payload, disclosures = sd_jwt.conceal(claims, paths)
    token = jws.sign(payload, key, typ="dc+sd-jwt")
    parsed = UnverifiedSDJWT.parse("~".join([token, *disclosures, ""]))
    rebuilt = rebuild_with_paths(
        jws.verify_claims(parsed.issuer_jwt, key.public_key, typ="dc+sd-jwt"), parsed.disclosures
    )
    assert rebuilt.claims == claims
    assert set(rebuilt.disclosed) == set(paths)


@each_expanded
def test_what_we_issue_from_the_specification_has_the_shape_of_the_vector(case):
    """Digests differ with the salts and the white space; where they are and how many there are does not."""
    claims, paths = case.claims()
    ours, _ = sd_jwt.conceal(claims, paths)
    theirs = {name: value for name, value in case.json("sd_jwt_payload.json").items() if name in ours}
    if not case.specification.get("add_decoy_claims"):
        assert shape({**ours, "_sd_alg": None, "cnf": None}) == shape({**theirs, "_sd_alg": None, "cnf": None})


def shape(value):
    if isinstance(value, dict):
        return {
            name: len(inner) if name == "_sd" else "" if name == "..." else shape(inner)
            for name, inner in value.items()
        }
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


@each_expanded
def test_vector_in_json_form_is_refused_as_compact_text_and_the_other_way_round(case):
    if case.is_json:
        with pytest.raises(Error, match="compact form"):
            UnverifiedSDJWT.parse(json.dumps(case.document("sd_jwt_issuance")))
    else:
        with pytest.raises(Error):
            sd_jwt.parse_json_serialization({"payload": case.text("sd_jwt_issuance")})


def test_every_further_signature_of_the_general_form_verifies(external):
    seen = 0
    for case in cases(EXPANDED)["argvalues"]:
        if case.is_json and len(case.issuer_jwks) > 1:
            parsed = sd_jwt.parse_json_serialization(case.document("sd_jwt_presentation"))
            for jwk, other in zip(case.issuer_jwks[1:], parsed.other_signatures, strict=True):
                payload = jws.verify(other, public_key(jwk), typ="example+sd-jwt")
                assert payload == parsed.sd_jwt.issuer_jwt.payload
                seen += 1
    assert seen == 2
