# SPDX-License-Identifier: EUPL-1.2
"""The trust list that follows from a registry: equal to today's signed list, and robust against one party's mistakes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from issuer.credential_types import load_types
from ledger.registry import NOTHING, administration_id
from ledger.registry_events import Action, Kind, Role
from ledger.registry_list import derive_list
from protocol import jws
from protocol.encoding import b64url_encode, parse_object, sha256
from protocol.errors import VerificationError
from protocol.keys import PrivateKey
from protocol.trust import TYPE, SignedTrustList
from protocol.trust.entries import Entries
from protocol.x509 import Anchors
from tests.fakes.registry_events import CHAIN_ID, CONTRACT
from tests.fakes.registry_world import dumps, thumbprint, write_world

HOUR = timedelta(hours=1)


@pytest.fixture
def scribe(world):
    """The world's administrations and its log in a registry."""
    return write_world(world)


def derive(scribe, world):
    return derive_list(scribe.history, at=world.clock.now(), lifetime=HOUR)


def signed(scribe, world):
    claims = derive(scribe, world).claims
    authority = world.authority
    token = jws.sign(claims, authority.registrar_key, typ=TYPE, x5c=authority._chain)
    return SignedTrustList.verify(token, Anchors([authority.root]), now=world.clock.now())


def test_derived_list_says_what_the_authoritys_list_says(scribe, world):
    made = derive(scribe, world)
    assert made.left_out == ()
    derived = Entries.parse(made.claims)
    ours = Entries.parse(parse_object(jws.parse(world.trust_list_file.read_text("ascii")).payload))
    assert derived.logs == ours.logs
    assert {name: entry.party for name, entry in derived.issuers.items()} == {
        name: entry.party for name, entry in ours.issuers.items()
    }
    for name, entry in ours.issuers.items():
        assert derived.issuers[name].find_types(world.clock.now()) == entry.find_types(world.clock.now())
    assert {name: entry.procedures for name, entry in derived.verifiers.items()} == {
        name: entry.procedures for name, entry in ours.verifiers.items()
    }


def test_derived_list_names_its_block_and_the_running_hash_there(scribe, world):
    claims, place = derive(scribe, world).claims, scribe.place
    assert (claims["sequence"], claims["exp"] - claims["iat"]) == (place.sequence, 3600)
    assert claims["registry"] == {
        "chain_id": CHAIN_ID,
        "contract": CONTRACT,
        "block": place.block_number,
        "block_hash": "0x" + place.block_hash.hex(),
        "running_hash": "0x" + place.running_hash.hex(),
    }


def ask(made, party, world):
    vct = load_types()[party.data.credential_types[0]].vct
    return made.get_issuer(party.issuer_chain, identifier=party.issuer_identifier, vct=vct, now=world.clock.now())


def test_compromised_key_issues_no_more(scribe, world):
    party = world.parties["universitat"]
    assert ask(signed(scribe, world), party, world).party_code == party.data.code
    scribe.compromise(Role.ISSUER, party.data.code, thumbprint(party.issuer_key), start=scribe.now)
    with pytest.raises(VerificationError, match="does not name this key"):
        ask(signed(scribe, world), party, world)
    other = world.parties["ajuntament"]
    assert ask(signed(scribe, world), other, world).party_code == other.data.code


def test_administration_that_left_is_not_on_the_list(scribe, world):
    scribe.leave(world.parties["universitat"].data.code)
    codes = [each["code"] for each in derive(scribe, world).claims["administrations"]]
    assert codes == [world.parties["ajuntament"].data.code]
    # its log went with it
    assert derive(scribe, world).claims["logs"] == []


def test_right_that_is_to_begin_or_end_says_when(scribe, world):
    code, vct = world.parties["universitat"].data.code, "https://types.example/new/1"
    begin, end = scribe.now + 600, scribe.now + 900
    details = dumps(identifier=world.parties["universitat"].issuer_identifier, vct=vct)
    scribe.give(Kind.RIGHT, Role.ISSUER, code, sha256(vct.encode()), start=begin, end=end, details=details)
    scribe.give(Kind.RIGHT, Role.VERIFIER, code, sha256(b"later"), start=begin)
    party = derive(scribe, world).claims["administrations"][0]
    assert party["issuers"][0]["credential_types"][-1] == {"vct": vct, "valid_from": begin, "valid_until": end}
    assert len(party["verifiers"][0]["procedures"]) == len(world.parties["universitat"].procedures)


def test_rights_end_with_their_administration(scribe, world):
    code, end = world.parties["universitat"].data.code, scribe.now + 900
    scribe.end(Kind.ADMINISTRATION, Role.NONE, code, bytes(32), end=end)
    party = derive(scribe, world).claims["administrations"][0]
    assert {each["valid_until"] for each in party["issuers"][0]["credential_types"]} == {end}
    assert party["issuers"][0]["keys"][0]["valid_until"] == end


def test_ends_beyond_what_a_date_can_say_are_no_ends(scribe, world):
    code, far = world.parties["universitat"].data.code, 2**63
    scribe.give(Kind.KEY, Role.ISSUER, code, sha256(b"far"), end=far)
    scribe.give(Kind.KEY, Role.ISSUER, code, sha256(b"never"), start=far)
    keys = derive(scribe, world).claims["administrations"][0]["issuers"][0]["keys"]
    assert [list(each) for each in keys] == [["thumbprint"], ["thumbprint"]]
    Entries.parse(derive(scribe, world).claims)


AUDITOR = "A99990099"
CERTIFICATE = b64url_encode(sha256(b"certificate"))


@pytest.fixture
def audited(scribe):
    scribe.join(AUDITOR, details=dumps(code=AUDITOR, name={"ca": "Autoritat"}))
    scribe.give(Kind.KEY, Role.AUDITOR, AUDITOR, sha256(b"key"), details=dumps(certificate=CERTIFICATE))
    return scribe


def auditors(scribe, world):
    made = derive(scribe, world)
    assert set(Entries.parse(made.claims).auditors) == {
        each["certificate"] for each in made.claims["administrations"][-1]["auditors"]
    }
    return made.claims["administrations"][-1]["auditors"], made.left_out


def test_auditor_is_on_the_list_by_certificate_and_key_once_it_has_the_right(audited, world):
    assert auditors(audited, world) == ([], ())
    audited.give(Kind.RIGHT, Role.AUDITOR, AUDITOR, NOTHING, start=audited.now + 600)
    assert auditors(audited, world) == ([], ())
    world.clock.advance(timedelta(seconds=600))
    key = {"thumbprint": b64url_encode(sha256(b"key"))}
    assert auditors(audited, world) == ([{"certificate": CERTIFICATE, "keys": [key]}], ())
    audited.end(Kind.RIGHT, Role.AUDITOR, AUDITOR, NOTHING, end=audited.now + 601)
    world.clock.advance(timedelta(seconds=1))
    assert auditors(audited, world) == ([], ())


def test_auditors_key_that_is_compromised_audits_no_more(audited, world):
    audited.give(Kind.RIGHT, Role.AUDITOR, AUDITOR, NOTHING)
    audited.compromise(Role.AUDITOR, AUDITOR, sha256(b"key"), start=audited.now)
    assert auditors(audited, world) == ([], ())


@pytest.mark.parametrize("details", [b"", dumps(certificate="AAAA"), dumps(certificate=CERTIFICATE)])
def test_auditors_key_that_is_not_understood_or_names_a_certificate_again_is_left_out(audited, world, details):
    audited.give(Kind.RIGHT, Role.AUDITOR, AUDITOR, NOTHING)
    before, _ = auditors(audited, world)
    audited.give(Kind.KEY, Role.AUDITOR, AUDITOR, sha256(b"second"), details=details)
    found, left_out = auditors(audited, world)
    assert (found, len(left_out)) == (before, 1)


def test_auditors_certificate_is_the_first_administrations_that_names_it(audited, world):
    audited.give(Kind.RIGHT, Role.AUDITOR, AUDITOR, NOTHING)
    thief = world.parties["universitat"].data.code
    audited.give(Kind.RIGHT, Role.AUDITOR, thief, NOTHING)
    audited.give(Kind.KEY, Role.AUDITOR, AUDITOR, sha256(b"own"), details=dumps(certificate="A" * 43))
    audited.give(Kind.KEY, Role.AUDITOR, thief, sha256(b"stolen"), details=dumps(certificate=CERTIFICATE))
    made = derive(audited, world)
    Entries.parse(made.claims)
    assert len(made.left_out) == 1


def test_block_ahead_of_the_clock_is_now(scribe, world):
    """A burst of blocks runs ahead of the clock; what the chain says has begun is on the list, without a beginning."""
    code, vct = world.parties["universitat"].data.code, "https://types.example/new/1"
    scribe.now += 30
    details = dumps(identifier=world.parties["universitat"].issuer_identifier, vct=vct)
    scribe.give(Kind.RIGHT, Role.ISSUER, code, sha256(vct.encode()), details=details)
    scribe.leave(world.parties["ajuntament"].data.code)
    party, *others = derive(scribe, world).claims["administrations"]
    assert others == []
    assert party["issuers"][0]["credential_types"][-1] == {"vct": vct}


VCT = "https://types.example/odd/1"


@pytest.mark.parametrize(
    ("kind", "role", "what", "details"),
    [
        (Kind.RIGHT, Role.ISSUER, sha256(VCT.encode()), b""),
        (Kind.RIGHT, Role.ISSUER, sha256(VCT.encode()), b"no JSON"),
        (Kind.RIGHT, Role.ISSUER, sha256(VCT.encode()), dumps(vct=VCT)),
        (Kind.RIGHT, Role.ISSUER, sha256(VCT.encode()), dumps(identifier="", vct=VCT)),
        (Kind.RIGHT, Role.ISSUER, sha256(VCT.encode()), dumps(identifier="x" * 1001, vct=VCT)),
        (Kind.RIGHT, Role.ISSUER, sha256(b"another"), dumps(identifier="i", vct=VCT)),
        (Kind.KEY, Role.VERIFIER, sha256(b"key"), b""),
        (Kind.KEY, Role.VERIFIER, sha256(b"key"), dumps(client_id=1)),
        (Kind.RIGHT, Role.SEALER, sha256(b"log"), dumps(origin="log")),
        (Kind.ADMINISTRATION, Role.NONE, bytes(12) + b"x" * 20, dumps(code="L01990015")),
        (Kind.ADMINISTRATION, Role.NONE, bytes(12) + b"x" * 20, dumps(code="U00000001", name={"ca": "Altra"})),
    ],
)
def test_entry_that_is_not_understood_is_left_out_and_named_and_takes_nothing_from_others(
    scribe, world, kind, role, what, details
):
    other = world.parties["ajuntament"].data.code
    before = derive(scribe, world)
    scribe.record(Action.ADD, kind, role, other, what, details=details)
    made = derive(scribe, world)
    assert len(made.left_out) == 1
    assert made.left_out[0].startswith(kind.name.lower())
    assert made.claims["administrations"][0] == before.claims["administrations"][0]
    assert made.claims["logs"] == before.claims["logs"]
    Entries.parse(made.claims)


def test_names_of_another_administration_are_not_taken_over(scribe, world):
    """An approved slip must neither steal an identifier nor make the whole list unreadable."""
    victim, other = world.parties["universitat"], world.parties["ajuntament"].data.code
    before = derive(scribe, world).claims
    details = dumps(identifier=victim.issuer_identifier, vct=VCT)
    scribe.give(Kind.RIGHT, Role.ISSUER, other, sha256(VCT.encode()), details=details)
    scribe.give(Kind.KEY, Role.VERIFIER, other, sha256(b"key"), details=dumps(client_id=victim.client_id))
    own = dumps(client_id=world.parties["ajuntament"].client_id)
    scribe.give(Kind.KEY, Role.VERIFIER, other, sha256(b"second"), details=own)
    origin = sha256(world.log["origin"].encode())
    scribe.give(Kind.RIGHT, Role.SEALER, other, origin, details=json.dumps(world.log).encode())
    made = derive(scribe, world)
    assert len(made.left_out) == 4
    assert made.claims["administrations"] == before["administrations"]
    assert made.claims["logs"] == before["logs"]


def test_log_whose_promise_key_is_no_key_of_its_keeper_is_left_out(scribe, world):
    keeper = next(iter(world.parties.values())).data.code
    scribe.compromise(Role.SEALER, keeper, thumbprint(world.promise_key), start=scribe.now)
    made = derive(scribe, world)
    assert made.claims["logs"] == []
    assert "promise key" in made.left_out[0]
    scribe.give(Kind.KEY, Role.SEALER, keeper, thumbprint(PrivateKey.generate()))
    assert derive(scribe, world).claims["logs"] == []


def test_administration_with_other_names_is_shown_under_the_newest(scribe, world):
    code = world.parties["universitat"].data.code
    scribe.now += 1
    scribe.join(code, details=dumps(code=code, name={"ca": "Nom nou"}))
    world.clock.advance(timedelta(seconds=2))
    names = {each["code"]: each["name"] for each in derive(scribe, world).claims["administrations"]}
    assert names[code] == {"ca": "Nom nou"}
    assert administration_id(code) in {event.administration for event in scribe.events[1:]}
