# SPDX-License-Identifier: EUPL-1.2
"""The credential format: what it refuses of a payload, of disclosures and of times; one case each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol import jws, key_binding, sd_jwt, sd_jwt_vc
from protocol.credential import BindingExpectation, CredentialFormat
from protocol.encoding import b64url_encode, compact_json
from protocol.errors import Check, RequestError, VerificationError
from protocol.formats import FORMATS, get_format
from protocol.keys import Algorithm, PrivateKey
from protocol.sd_jwt_vc import FORMAT, HAIP_1_0, HAIP_1_0_LEGACY_TYP, SDJWTVC
from protocol.status_list import StatusReference
from tests.fakes.holder import VCT

VCT_DEGREE = VCT.format("university-degree")
HOLDER = PrivateKey.generate()
CLAIMS = {"given_name": "Mariona", "degree_title": "Grau en Biologia"}


def payload(world: Any, **changes: Any) -> dict[str, Any]:
    now = int(world.clock.now().timestamp())
    made = {
        "iss": world.parties["universitat"].issuer_identifier,
        "iat": now,
        "exp": now + 3600,
        "vct": VCT_DEGREE,
        "cnf": {"jwk": HOLDER.public_key.jwk()},
        **CLAIMS,
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def signed(world: Any, *, typ: str = "dc+sd-jwt", selective: Any = (), **changes: Any) -> str:
    party = world.parties["universitat"]
    return sd_jwt.issue(payload(world, **changes), selective, party.issuer_key, typ=typ, x5c=party.issuer_chain)


def refused(world: Any, check: Check, **how: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        sd_jwt_vc.verify(FORMAT.parse(signed(world, **how)), trust=world.trust, now=world.clock.now())
    assert caught.value.check is check
    return caught.value


def test_issued_credential_verifies_and_says_what_was_issued(world: Any) -> None:
    party, now = world.parties["universitat"], world.clock.now()
    text = sd_jwt_vc.issue(
        CLAIMS,
        party.issuer_key,
        selective=[("given_name",)],
        x5c=party.issuer_chain,
        issuer=party.issuer_identifier,
        vct=VCT_DEGREE,
        holder_key=HOLDER.public_key,
        status=StatusReference("https://issuer.example/status/1", 7),
        issued_at=now,
        expires_at=now + timedelta(days=1),
    )
    unverified = FORMAT.parse(text)
    found = sd_jwt_vc.verify(unverified, trust=world.trust, now=now)
    assert {name: found.claims[name] for name in CLAIMS} == CLAIMS
    assert (found.vct, found.holder_key, found.expires_at) == (
        VCT_DEGREE,
        HOLDER.public_key,
        now + timedelta(days=1),
    )
    assert unverified.find_status() == {"status_list": {"idx": 7, "uri": "https://issuer.example/status/1"}}
    assert list(unverified.rebuild_claims().disclosed) == [("given_name",)]
    assert unverified.chain == party.issuer_chain


def test_issued_without_status_carries_none(world: Any) -> None:
    party, now = world.parties["universitat"], world.clock.now()
    text = sd_jwt_vc.issue(
        CLAIMS,
        party.issuer_key,
        selective=[],
        x5c=party.issuer_chain,
        issuer=party.issuer_identifier,
        vct=VCT_DEGREE,
        holder_key=HOLDER.public_key,
        status=None,
        issued_at=now,
        expires_at=now + timedelta(days=1),
    )
    assert FORMAT.parse(text).find_status() is None


def test_issue_when_a_claim_of_the_format_is_given_is_a_mistake(world: Any) -> None:
    with pytest.raises(ValueError, match="format itself"):
        sd_jwt_vc.issue(
            {"status": {}},
            HOLDER,
            selective=(),
            x5c=[],
            issuer="i",
            vct="t",
            holder_key=HOLDER.public_key,
            status=None,
            issued_at=world.clock.now(),
            expires_at=world.clock.now(),
        )


def test_the_subject_is_a_claim_about_the_person_and_no_other_of_the_format_is() -> None:
    about_format = HAIP_1_0.never_disclosable | {"iat"}
    assert about_format == sd_jwt_vc.REGISTERED


@pytest.mark.case("V12")
@pytest.mark.parametrize("typ", ["JWT", "kb+jwt", "statuslist+jwt", "vc+sd-jwt", "DC+SD-JWT"])
def test_credential_of_another_typ_is_refused(world: Any, typ: str) -> None:
    refused(world, Check.FORMAT, typ=typ)


@pytest.mark.parametrize("typ", [[], {}, ["dc+sd-jwt"], None, 1])
def test_credential_whose_typ_is_no_text_is_refused(typ: Any) -> None:
    header = b64url_encode(compact_json({"alg": "ES256", "typ": typ}))
    with pytest.raises(VerificationError) as caught:
        FORMAT.parse(f"{header}.e30.e30~")
    assert caught.value.check is Check.FORMAT


def test_legacy_typ_is_read_only_under_its_own_profile(world: Any) -> None:
    text = signed(world, typ="vc+sd-jwt")
    found = SDJWTVC(HAIP_1_0_LEGACY_TYP).parse(text)
    assert sd_jwt_vc.verify(found, trust=world.trust, now=world.clock.now()).vct == VCT_DEGREE
    with pytest.raises(VerificationError, match=r"expected a credential of type dc\+sd-jwt"):
        SDJWTVC(HAIP_1_0).parse(text)


@pytest.mark.parametrize("name", ["iss", "vct", "cnf"])
@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_credential_without_issuer_type_or_key_is_refused(world: Any, name: str, value: Any) -> None:
    refused(world, Check.FORMAT, **{name: value})


@pytest.mark.case("S14")
def test_credential_bound_to_a_private_key_is_refused(world: Any) -> None:
    refused(world, Check.FORMAT, cnf={"jwk": {**HOLDER.public_key.jwk(), "d": "AA"}})


@pytest.mark.case("V25")
def test_credential_bound_to_a_key_with_or_without_kid_alg_and_use_is_accepted(world: Any) -> None:
    for extra in ({}, {"kid": "1", "alg": "ES256", "use": "sig"}):
        text = signed(world, cnf={"jwk": {**HOLDER.public_key.jwk(), **extra}})
        assert FORMAT.parse(text).holder_key == HOLDER.public_key


def test_credential_bound_to_a_key_of_another_algorithm_is_refused(world: Any) -> None:
    refused(world, Check.FORMAT, cnf={"jwk": PrivateKey.generate(Algorithm.ES384).public_key.jwk()})


@pytest.mark.case("S16")
@pytest.mark.parametrize("name", sorted(HAIP_1_0.never_disclosable))
def test_claim_of_the_format_inside_a_disclosure_is_refused(world: Any, name: str) -> None:
    # beside what the format needs in the clear, one more of its claims is put into a disclosure
    concealed, disclosures = sd_jwt.conceal({name: 1}, [(name,)])
    party = world.parties["universitat"]
    token = jws.sign({**payload(world), **concealed}, party.issuer_key, typ="dc+sd-jwt", x5c=party.issuer_chain)
    with pytest.raises(VerificationError) as caught:
        FORMAT.parse("~".join([token, *disclosures, ""])).rebuild_claims()
    assert caught.value.check is Check.DISCLOSURES


@pytest.mark.case("S16")
@pytest.mark.parametrize("path", [("status", "status_list"), ("status", "status_list", "idx"), ("cnf", "x", 0)])
def test_something_inside_a_claim_of_the_format_cannot_be_withheld(world: Any, path: tuple[Any, ...]) -> None:
    status = {"status_list": {"idx": 1, "uri": "https://issuer.example/1"}}
    cnf = {"jwk": HOLDER.public_key.jwk(), "x": [1]}
    error = refused(world, Check.DISCLOSURES, status=status, cnf=cnf, selective=[path])
    assert "selectively disclosable" in error.message


@pytest.mark.case("V14")
def test_expiry_hidden_in_a_disclosure_is_refused(world: Any) -> None:
    refused(world, Check.DISCLOSURES, selective=[("exp",)])


@pytest.mark.case("S17")
@pytest.mark.parametrize("value", [[], "x", [VCT_DEGREE], ["https://x.example", VCT_DEGREE]])
def test_other_names_of_the_type_that_are_malformed_are_refused(world: Any, value: Any) -> None:
    refused(world, Check.FORMAT, aka_vcts=value)


@pytest.mark.case("V11")
def test_other_names_of_the_type_prove_nothing(world: Any) -> None:
    # the university may issue degrees, not tax statements: another name for its type changes nothing
    other = VCT.format("tax-compliance")
    assert FORMAT.parse(signed(world, aka_vcts=[other])).credential_type == VCT_DEGREE
    refused(world, Check.ISSUER, vct=other, aka_vcts=[VCT_DEGREE])


@pytest.mark.case("V14")
@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({"exp": 1}, True),
        ({"exp": 0}, False),
        ({"exp": -1}, False),
        ({"nbf": 0}, True),
        ({"nbf": 1}, False),
        ({"iat": 300}, True),
        ({"iat": 301}, False),
    ],
)
def test_times_hold_to_the_second(world: Any, changes: dict[str, int], holds: bool) -> None:
    now = int(world.clock.now().timestamp())
    moved = {name: now + by for name, by in changes.items()}
    if holds:
        FORMAT.parse(signed(world, **moved)).check_times(now=world.clock.now())
    else:
        refused(world, Check.VALIDITY, **moved)


@pytest.mark.parametrize(
    ("name", "value"),
    [*((name, value) for name in ("exp", "nbf", "iat") for value in ("1", True, 1.5)), ("exp", 10**20)],
)
def test_times_of_another_kind_are_refused(world: Any, name: str, value: Any) -> None:
    refused(world, Check.VALIDITY, **{name: value})


def test_parse_when_it_is_no_sd_jwt_is_a_failed_format() -> None:
    for text in ("", "a.b.c", "~", "a.b~", '{"payload": ""}'):
        with pytest.raises(VerificationError) as caught:
            FORMAT.parse(text)
        assert caught.value.check is Check.FORMAT


def test_key_binding_is_checked_with_the_hash_of_the_credential(world: Any) -> None:
    party, now = world.parties["universitat"], world.clock.now()
    text = sd_jwt.issue(
        payload(world),
        [("given_name",)],
        party.issuer_key,
        typ="dc+sd-jwt",
        hash_name="sha-384",
        x5c=party.issuer_chain,
    )
    expected = BindingExpectation(audience="x509_hash:a", nonce="n" * 22)
    assert not FORMAT.parse(text).has_key_binding
    with pytest.raises(VerificationError) as caught:
        FORMAT.parse(text).check_key_binding(expected, now=now)
    assert caught.value.check is Check.KEY_BINDING
    for hash_name, holds in (("sha-384", True), ("sha-256", False)):
        asked = key_binding.prepare(
            text, nonce=expected.nonce, audience=expected.audience, hash_name=hash_name, now=now
        )
        bound = FORMAT.parse(text + asked.complete(HOLDER.sign(asked.text.encode())))
        assert bound.has_key_binding
        if holds:
            bound.check_key_binding(expected, now=now)
        else:
            with pytest.raises(VerificationError, match="another presentation"):
                bound.check_key_binding(expected, now=now)


@pytest.mark.case("V23", "V30", "S22", "S23")
@pytest.mark.parametrize(
    "identifier", ["mso_mdoc", "jwt_vc_json", "jwt_vc_json-ld", "ldp_vc", "vc+jwt", "vc+sd-jwt", "", "DC+SD-JWT"]
)
@pytest.mark.parametrize("code", ["unsupported_credential_format", "vp_formats_not_supported"])
def test_every_other_format_is_refused_with_the_code_of_its_protocol(identifier: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        get_format(identifier, code=code)
    assert caught.value.code == code


def test_the_one_format_is_found_by_its_identifier() -> None:
    found: CredentialFormat = get_format("dc+sd-jwt", code="vp_formats_not_supported")
    assert found is FORMAT
    assert list(FORMATS) == ["dc+sd-jwt"]
