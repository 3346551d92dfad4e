# SPDX-License-Identifier: EUPL-1.2
"""What a trust list must look like: each shape that is not one, and each limit."""

import pytest

from protocol.encoding import b64url_encode, sha256
from protocol.errors import RequestError
from protocol.trust import SignedTrustList
from protocol.trust.entries import (
    MAX_ADMINISTRATIONS,
    MAX_ENTRIES,
    MAX_LANGUAGES,
    MAX_LOGS,
    MAX_TEXT_CHARS,
    Entries,
)
from protocol.x509 import Anchors
from tests.fakes.certificates import IDENTIFIER, NOW, leaf
from tests.fakes.trust_lists import CENSUS, DEGREE, EPOCH, ROOT, chain, claims, entry, log, party, signed, trust


def wrong(*parties, **changes):
    return claims(administrations=list(parties), **changes)


DIGEST = b64url_encode(sha256(b""))
VERIFIER = {"client_id": "c", "procedures": [DIGEST]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        *(
            {name: value for name, value in claims().items() if name != left}
            for left in ("sequence", "exp", "logs")
        ),
        claims(sequence=-1),
        claims(sequence=True),
        claims(sequence="1"),
        claims(exp=10**18),
        claims(exp=-1),
        claims(exp="tomorrow"),
        claims(administrations={}),
        claims(administrations=["A1"]),
        claims(logs=[1]),
        wrong(party(code="")),
        wrong(party(code=1)),
        wrong(party(name={})),
        wrong(party(name="Universitat")),
        wrong(party(name={"ca": 1})),
        wrong(party(name={"": "x"})),
        wrong({**party(), "auditors": {}}),
        wrong({**party(), "auditors": [DIGEST]}),
        wrong({**party(), "auditors": [{}]}),
        wrong({**party(), "auditors": [{"certificate": "AAAA"}]}),
        wrong({**party(), "auditors": [{"certificate": DIGEST}] * 2}),
        wrong({**party(), "auditors": [{"certificate": DIGEST, "valid_from": 2, "valid_until": 1}]}),
        wrong(party(issuers={})),
        wrong(party(issuers=[IDENTIFIER])),
        wrong(party(issuers=[entry("")])),
        wrong(party(issuers=[entry(types=[1])])),
        wrong(party(issuers=[entry(types=[""])])),
        wrong(party(issuers=[entry(types=[{}])])),
        wrong(party(issuers=[entry(types=[{"vct": ""}])])),
        wrong(party(issuers=[{"identifier": IDENTIFIER}])),
        wrong(party(issuers=[entry(valid_from="now")])),
        wrong(party(issuers=[entry(valid_from=True)])),
        wrong(party(issuers=[entry(valid_from=None)])),
        wrong(party(issuers=[entry(valid_from=EPOCH, valid_until=EPOCH)])),
        wrong(party(issuers=[entry(types=[{"vct": DEGREE, "valid_until": -1}])])),
        wrong(party(verifiers=[{"client_id": "c"}])),
        wrong(party(verifiers=[{"procedures": []}])),
        wrong(party(verifiers=[VERIFIER | {"procedures": [b64url_encode(b"x" * 31)]}])),
        wrong(party(verifiers=[VERIFIER | {"procedures": [f"{DIGEST}="]}])),
        wrong(party(verifiers=[VERIFIER | {"procedures": [1]}])),
        claims(logs=[log("")]),
        claims(logs=[log(promise_key=None)]),
        claims(logs=[log(promise_key={"kty": "oct", "k": "AA"})]),
        claims(logs=[log(maximum_merge_delay=-1)]),
        claims(logs=[log(maximum_merge_delay="60")]),
        claims(logs=[log(checkpoint_key=1)]),
    ],
)
def test_list_that_is_not_understood_whole_is_refused_whole(body):
    with pytest.raises(RequestError):
        SignedTrustList.verify(signed(body), Anchors([ROOT.certificate]), now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        wrong(party(), party(issuers=[])),
        wrong(party(), party("A2")),
        wrong(party(issuers=[entry(), entry(types=[CENSUS])])),
        wrong(party(issuers=[entry(types=[DEGREE, DEGREE])])),
        wrong(party(issuers=[entry(types=[DEGREE, {"vct": DEGREE, "valid_until": EPOCH}])])),
        wrong(party(verifiers=[VERIFIER]), party("A2", issuers=[], verifiers=[VERIFIER])),
        claims(logs=[log(), log()]),
    ],
)
def test_list_that_names_something_twice_is_refused(body):
    with pytest.raises(RequestError, match="twice"):
        Entries.parse(body)


def many_types(number):
    return wrong(party(issuers=[entry(types=[f"t{each}" for each in range(number)])]))


def many_procedures(number):
    digests = [b64url_encode(sha256(str(each).encode())) for each in range(number)]
    return wrong(party(verifiers=[VERIFIER | {"procedures": digests}]))


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (MAX_ADMINISTRATIONS, lambda number: wrong(*(party(str(each), issuers=[]) for each in range(number)))),
        (MAX_ENTRIES, lambda number: wrong(party(issuers=[entry(str(each)) for each in range(number)]))),
        (MAX_ENTRIES, many_types),
        (MAX_ENTRIES, many_procedures),
        (
            MAX_ENTRIES,
            lambda number: wrong(party(verifiers=[VERIFIER | {"client_id": str(each)} for each in range(number)])),
        ),
        (MAX_LOGS, lambda number: claims(logs=[log(str(each)) for each in range(number)])),
        (MAX_LANGUAGES, lambda number: wrong(party(name={str(each): "x" for each in range(number)}))),
        (MAX_TEXT_CHARS, lambda number: wrong(party(code="x" * number))),
        (MAX_TEXT_CHARS, lambda number: wrong(party(issuers=[entry(types=["x" * number])]))),
    ],
)
def test_list_at_its_limit_is_taken_and_over_it_refused(most, make):
    assert Entries.parse(make(most))
    with pytest.raises(RequestError):
        Entries.parse(make(most + 1))


def test_list_of_all_catalan_administrations_is_taken():
    everybody = [
        party(
            f"B{each}",
            issuers=[entry(f"{IDENTIFIER}/{each}", [f"{DEGREE}/{kind}" for kind in range(3)])],
            verifiers=[{"client_id": f"x509_hash:{each}", "procedures": [DIGEST] * 10}],
        )
        for each in range(2_200)
    ]
    made = trust(administrations=[*everybody, party()])
    found = made.get_issuer(chain(leaf(ROOT)), identifier=IDENTIFIER, vct=DEGREE, now=NOW)
    assert found.party_code == "A1"
