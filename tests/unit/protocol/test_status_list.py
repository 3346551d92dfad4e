# SPDX-License-Identifier: EUPL-1.2
"""Status lists: the packed entries, the signed token, the reference, and what each of them refuses."""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from protocol import jws, status_entries, status_list
from protocol.clock import epoch_seconds
from protocol.encoding import b64url_encode
from protocol.errors import Check, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.status_entries import MAX_LIST_BYTES, MutableStatusList, Status, StatusList, decode
from protocol.status_list import (
    MAX_AGGREGATED,
    MAX_CLOCK_SKEW,
    MAX_TOKEN_CHARS,
    MAX_TTL,
    MAX_URI_CHARS,
    MIN_TTL,
    StatusReference,
    Validity,
    VerifiedStatusList,
    verify_token,
)
from protocol.trust import SignedTrustList, TrustedIssuer
from protocol.x509 import Anchors, Purpose, encode_chain
from testimoni.development.authority import Authority
from testimoni.development.parties import MemoryKeep, Party, make_parties, sign_trust_list
from tests.conftest import NOW, VERIFIER_URL

AUTHORITY = Authority.create(NOW)
PARTIES = make_parties(
    AUTHORITY, issuer_url="https://issuer.example", verifier_url=VERIFIER_URL, keep=MemoryKeep(), now=NOW
)
TRUST = SignedTrustList.verify(
    sign_trust_list(AUTHORITY, PARTIES, [], sequence=1, now=NOW), Anchors([AUTHORITY.root]), now=NOW
)
PARTY, OTHER_PARTY = PARTIES["universitat"], PARTIES["ajuntament"]
KEY = PARTY.issuer_key
URI = f"{PARTY.issuer_identifier}/status/1"


def issuer_of(party: Party, kind: str) -> TrustedIssuer:
    return TRUST.get_issuer(
        party.issuer_chain,
        identifier=party.issuer_identifier,
        vct=f"https://testimoni.example/credentials/{kind}/1",
        now=NOW,
    )


ISSUER = issuer_of(PARTY, "university-degree")
OTHER = issuer_of(OTHER_PARTY, "census-registration")
VALIDITY = Validity(issued_at=NOW, expires_at=NOW + timedelta(days=1), ttl=timedelta(minutes=15))


def sample(bits: int = 1, size: int = 64, **statuses: int) -> MutableStatusList:
    made = MutableStatusList.make(bits, size)
    for index, status in statuses.items():
        made.set(int(index[1:]), status)
    return made


def payload(**changes: Any) -> dict[str, Any]:
    """The claims of an acceptable token; a change to None leaves a member out."""
    claims = {
        "sub": URI,
        "iat": epoch_seconds(NOW),
        "exp": epoch_seconds(NOW + timedelta(days=1)),
        "ttl": 900,
        "status_list": {"bits": 1, "lst": sample().encode()},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def token(
    *,
    signer: PrivateKey = KEY,
    chain: Sequence[str] = PARTY.issuer_chain,
    typ: str = status_list.TYPE,
    **changes: Any,
) -> str:
    return jws.sign(payload(**changes), signer, typ=typ, x5c=[*chain])


def verified(text: str, **how: Any) -> VerifiedStatusList:
    given: dict[str, Any] = {
        "expected_uri": URI,
        "issuer": ISSUER,
        "trust": TRUST,
        "now": NOW,
        "at": NOW,
        **how,
    }
    return verify_token(text, **given)


def refused(code: str, text: str, **how: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verified(text, **how)
    assert (caught.value.check, caught.value.code) == (Check.STATUS, code)
    return caught.value


# entries


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_entry_when_set_then_only_it_changes(bits):
    highest = (1 << bits) - 1
    made = MutableStatusList.make(bits, 40)
    made.set(7, highest)
    made.set(8, 1)
    assert [made.get(index) for index in range(6, 10)] == [0, highest, 1, 0]
    made.set(7, 0)
    assert [made.get(index) for index in range(6, 10)] == [0, 0, 1, 0]


@pytest.mark.case("T14")
def test_entries_are_packed_from_the_lowest_bits():
    assert StatusList(1, bytes.fromhex("b9a3")).packed == bytes.fromhex("b9a3")
    assert [StatusList(1, b"\x01").get(index) for index in range(8)] == [1, 0, 0, 0, 0, 0, 0, 0]
    assert [StatusList(2, b"\x01").get(index) for index in range(4)] == [1, 0, 0, 0]
    assert [StatusList(4, b"\x01").get(index) for index in range(2)] == [1, 0]


def test_size_when_no_whole_bytes_are_asked_then_the_last_byte_is_filled():
    assert MutableStatusList.make(1, 9).size == 16
    assert MutableStatusList.make(2, 5).size == 8
    assert MutableStatusList.make(8, 5).size == 5


@pytest.mark.case("T5")
@pytest.mark.parametrize("index", [-1, 64, 2**20, 2**70, -(2**70)])
def test_index_outside_the_list_is_refused(index):
    for act in (lambda: sample().get(index), lambda: sample().set(index, 1)):
        with pytest.raises(VerificationError) as caught:
            act()
        assert (caught.value.check, caught.value.code) == (Check.STATUS, "status_index_out_of_range")
    assert sample().get(63) == 0


@pytest.mark.parametrize(("bits", "status"), [(1, 2), (2, 4), (4, 16), (8, 256), (1, -1)])
def test_status_that_needs_more_bits_cannot_be_set(bits, status):
    with pytest.raises(ValueError, match="does not fit"):
        MutableStatusList.make(bits, 8).set(0, status)


@pytest.mark.case("T6")
@pytest.mark.parametrize("bits", [-1, 0, 3, 5, 16, 64])
def test_width_that_is_not_allowed_is_refused(bits):
    with pytest.raises(VerificationError, match=r"1, 2, 4 or 8 bits in a status$"):
        decode(sample().encode(), bits)


def test_size_is_a_whole_number():
    assert [type(sample(bits).size) for bits in (1, 2, 4, 8)] == [int] * 4


def test_length_at_and_over_the_limit():
    assert StatusList(1, bytes(MAX_LIST_BYTES)).size == MAX_LIST_BYTES * 8
    for data in (b"", bytes(MAX_LIST_BYTES + 1)):
        with pytest.raises(VerificationError, match="expected a status list of 1 to"):
            StatusList(1, data)


def test_original_bytes_do_not_change_with_a_mutable_list():
    packed = bytes(8)
    MutableStatusList(1, packed).set(0, 1)
    assert packed == bytes(8)


# compression


@pytest.mark.case("T7")
def test_list_when_inflated_reaches_the_limit_and_not_more():
    assert decode(b64url_encode(zlib.compress(bytes(MAX_LIST_BYTES))), 1).size == MAX_LIST_BYTES * 8
    with pytest.raises(VerificationError, match="longer than"):
        decode(b64url_encode(zlib.compress(bytes(MAX_LIST_BYTES + 1))), 1)


@pytest.mark.case("T7")
def test_decompression_bomb_is_refused_before_it_inflates(monkeypatch):
    bomb = zlib.compress(bytes(64 * MAX_LIST_BYTES))
    inflated = []
    real = zlib.decompressobj

    class Watched:
        def __init__(self) -> None:
            self.inner = real()

        def decompress(self, data, limit):
            out = self.inner.decompress(data, limit)
            inflated.append(len(out))
            return out

    monkeypatch.setattr(status_entries.zlib, "decompressobj", Watched)
    with pytest.raises(VerificationError, match="longer than"):
        decode(b64url_encode(bomb), 1)
    assert inflated == [MAX_LIST_BYTES + 1]


@pytest.mark.case("T7")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain",
        bytes(20),
        zlib.compress(bytes(100))[:-1],
        zlib.compress(bytes(100))[:-5],
        zlib.compress(bytes(100)) + b"x",
        zlib.compress(bytes(100)) * 2,
        zlib.compress(b""),
        zlib.compress(bytes(100))[2:-4],
        zlib.compress(bytes(100))[:-1] + b"\x00",
    ],
    ids=["empty", "text", "zeros", "cut", "cut-more", "longer", "twice", "nothing", "raw-deflate", "checksum"],
)
def test_list_that_is_not_exactly_one_zlib_stream_is_refused(data):
    with pytest.raises(VerificationError) as caught:
        decode(b64url_encode(data), 1)
    assert (caught.value.check, caught.value.code) == (Check.STATUS, "status_list_invalid")


@pytest.mark.parametrize("text", ["eNp=", "e N", "é", "eNr+"])
def test_list_that_is_not_base64url_is_refused(text):
    with pytest.raises(VerificationError):
        decode(text, 1)


def test_large_list_with_few_revocations_is_short():
    made = MutableStatusList.make(1, 2**20)
    for index in range(0, 2**20, 1000):
        made.set(index, 1)
    assert len(made.encode()) < 6000
    assert decode(made.encode(), 1).packed == made.packed


# token


def test_token_when_signed_then_it_verifies():
    made = sample(i3=1)
    text = status_list.sign_token(
        made,
        KEY,
        x5c=PARTY.issuer_chain,
        uri=URI,
        validity=VALIDITY,
        aggregation_uri="https://issuer.example/status",
    )
    claims = jws.parse(text).claims()
    assert claims["status_list"] == {
        "bits": 1,
        "lst": made.encode(),
        "aggregation_uri": "https://issuer.example/status",
    }
    assert {name: claims[name] for name in ("sub", "iat", "exp", "ttl")} == {
        "sub": URI,
        "iat": epoch_seconds(NOW),
        "exp": epoch_seconds(NOW + timedelta(days=1)),
        "ttl": 900,
    }
    assert jws.parse(text).header == {"alg": "ES256", "typ": "statuslist+jwt", "x5c": PARTY.issuer_chain}
    found = verified(text)
    assert (found.uri, found.x5c) == (URI, PARTY.issuer_chain)
    assert (found.expires_at, found.ttl) == (NOW + timedelta(days=1), timedelta(minutes=15))
    assert (found.statuses.get(3), found.statuses.get(4)) == (1, 0)


@pytest.mark.case("T1")
def test_list_of_another_address_is_refused():
    refused("status_list_invalid", token(sub=URI + "0"))
    refused("status_list_invalid", token(sub=None))
    refused("status_list_invalid", token(), expected_uri=URI + "0")


@pytest.mark.case("T2")
@pytest.mark.parametrize("typ", ["JWT", "dc+sd-jwt", "application/statuslist+jwt", "statuslist+cwt", "kb+jwt"])
def test_token_of_another_type_is_refused(typ):
    refused("status_list_invalid", token(typ=typ))


@pytest.mark.case("T3")
def test_token_by_another_key_is_refused():
    refused("status_list_invalid", token(signer=PrivateKey.generate()))


@pytest.mark.case("T3")
def test_token_with_an_untrusted_chain_is_refused():
    other, key = Authority.create(NOW), PrivateKey.generate()
    leaf = other.issue_certificate(
        key.public_key, purpose=Purpose.ISSUER, name="Somebody", uris=[PARTY.issuer_identifier], now=NOW
    )
    refused("status_list_invalid", token(signer=key, chain=encode_chain([leaf])))
    refused("status_list_invalid", jws.sign(payload(), KEY, typ=status_list.TYPE))


@pytest.mark.case("T3")
def test_token_by_the_key_of_another_issuer_is_refused():
    refused("status_list_invalid", token(), issuer=OTHER)
    refused("status_list_invalid", token(signer=OTHER_PARTY.issuer_key, chain=OTHER_PARTY.issuer_chain))


@pytest.mark.case("T3")
def test_token_by_a_certificate_for_another_purpose_is_refused():
    key = PrivateKey.generate()
    for purpose, is_accepted in ((Purpose.STATUS, True), (Purpose.ACCESS, False)):
        leaf = AUTHORITY.issue_certificate(
            key.public_key, purpose=purpose, name="Lists", uris=[PARTY.issuer_identifier], now=NOW
        )
        text = token(signer=key, chain=encode_chain([leaf]))
        if is_accepted:
            assert verified(text).x5c == encode_chain([leaf])
        else:
            refused("status_list_invalid", text)


def test_token_when_the_trust_list_cannot_be_relied_on_then_it_is_not_wrong():
    later = NOW + timedelta(days=365)
    with pytest.raises(UnavailableError, match="trust_list_expired"):
        verified(token(), now=later)


@pytest.mark.case("T4")
def test_expired_token_is_refused():
    at_the_end = epoch_seconds(NOW)
    refused("status_list_expired", token(exp=at_the_end))
    assert verified(token(exp=at_the_end + 1)).expires_at == NOW + timedelta(seconds=1)


def test_token_without_expiry_counts():
    assert verified(token(exp=None)).expires_at is None


def test_token_from_the_future_is_refused_beyond_the_difference_of_clocks():
    skew = int(MAX_CLOCK_SKEW.total_seconds())
    verified(token(iat=epoch_seconds(NOW) + skew))
    refused("status_list_invalid", token(iat=epoch_seconds(NOW) + skew + 1))


@pytest.mark.case("T13")
def test_historical_answer_that_does_not_cover_the_time_is_refused():
    """The list of today says nothing about last week, and neither does the one of last month."""
    today = token()
    refused("status_list_invalid", today, at=NOW - timedelta(days=7))
    refused("status_list_expired", today, at=NOW + timedelta(days=7))
    last_week = token(iat=epoch_seconds(NOW - timedelta(days=8)), exp=epoch_seconds(NOW - timedelta(days=6)))
    assert verified(last_week, at=NOW - timedelta(days=7)).statuses.get(0) == 0
    refused("status_list_expired", last_week)


@pytest.mark.parametrize("name", ["iat", "exp", "ttl"])
@pytest.mark.parametrize("value", ["1", True, -1, 253_402_300_800, 10**400, [], {}])
def test_number_that_is_no_time_is_refused(name, value):
    refused("status_list_invalid", token(**{name: value}))


def test_number_at_the_end_of_time_is_taken():
    assert verified(token(exp=253_402_300_799, ttl=253_402_300_799)).expires_at.year == 9999


def test_number_at_the_beginning_of_time_is_taken():
    verified(token(iat=0))


def test_token_without_issue_time_is_refused():
    refused("status_list_invalid", token(iat=None))


def test_time_to_live_of_nothing_is_refused():
    refused("status_list_invalid", token(ttl=0))
    assert verified(token(ttl=0.5)).ttl == timedelta(seconds=0.5)


@pytest.mark.case("T6", "T7")
@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {"bits": 1},
        {"lst": sample().encode()},
        {"bits": "1", "lst": sample().encode()},
        {"bits": True, "lst": sample().encode()},
        {"bits": 3, "lst": sample().encode()},
        {"bits": 1, "lst": "AAAA"},
        {"bits": 1, "lst": 7},
    ],
)
def test_token_without_a_readable_list_is_refused(entry):
    refused("status_list_invalid", token(status_list=entry))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "..", "é.é.é"])
def test_text_that_is_no_token_is_refused(text):
    refused("status_list_invalid", text)


def test_payload_that_is_no_object_is_refused():
    refused("status_list_invalid", jws.sign(b"[]", KEY, typ=status_list.TYPE, x5c=PARTY.issuer_chain))


def test_refusal_quotes_nothing_of_the_token():
    error = refused("status_list_invalid", token(sub="https://person.example/secret-subject"))
    assert "secret" not in str(error)


# how long a copy serves


@pytest.mark.case("T11")
@pytest.mark.parametrize(
    ("ttl", "kept"),
    [
        (1, MIN_TTL),
        (1e-9, MIN_TTL),
        (60, MIN_TTL),
        (900, timedelta(minutes=15)),
        (6 * 3600, MAX_TTL),
        (10 * 365 * 86400, MAX_TTL),
    ],
)
def test_absurd_time_to_live_is_clamped(ttl, kept):
    assert verified(token(ttl=ttl)).fresh_until(NOW) == NOW + kept


def test_time_to_live_that_is_not_given_is_ours():
    assert verified(token(ttl=None)).fresh_until(NOW) == NOW + status_list.DEFAULT_TTL
    assert verified(token(ttl=None, exp=None)).fresh_until(NOW) == NOW + status_list.DEFAULT_TTL


def test_copy_never_outlives_the_list():
    soon = verified(token(ttl=900, exp=epoch_seconds(NOW) + 30))
    assert soon.fresh_until(NOW) == NOW + timedelta(seconds=30)


# reference


def reference(**changes: Any) -> Any:
    return {"status_list": {"idx": 3, "uri": URI, **changes}}


def test_reference_when_written_then_it_reads_back():
    made = StatusReference(uri=URI, index=3)
    assert made.to_claim() == reference()
    assert StatusReference.parse(made.to_claim()) == made
    assert StatusReference.parse({**reference(more=1), "other_mechanism": {}}) == made


@pytest.mark.case("T5")
@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (None, "status_unsupported"),
        ("valid", "status_unsupported"),
        ({}, "status_unsupported"),
        ([], "status_unsupported"),
        ({"identifier_list": {"id": "x", "uri": URI}}, "status_unsupported"),
        ({"status_list": None}, "status_list_invalid"),
        ({"status_list": {"uri": URI}}, "status_list_invalid"),
        ({"status_list": {"idx": 3}}, "status_list_invalid"),
        (reference(idx="3"), "status_list_invalid"),
        (reference(idx=3.0), "status_list_invalid"),
        (reference(idx=True), "status_list_invalid"),
        (reference(idx=-1), "status_index_out_of_range"),
        (reference(uri=7), "status_list_invalid"),
        (reference(uri=""), "status_list_invalid"),
        (reference(uri="h" * (MAX_URI_CHARS + 1)), "status_list_invalid"),
    ],
)
def test_reference_that_is_none_is_refused(claim, code):
    with pytest.raises(VerificationError) as caught:
        StatusReference.parse(claim)
    assert (caught.value.check, caught.value.code) == (Check.STATUS, code)


def test_reference_to_the_first_entry_is_taken():
    assert StatusReference.parse(reference(idx=0)).index == 0


def test_reference_with_the_longest_address_is_taken():
    assert len(StatusReference.parse(reference(uri="h" * MAX_URI_CHARS)).uri) == MAX_URI_CHARS


# the check


@dataclass
class OneList:
    """`StatusLists` with one list, which notes for whom it was asked."""

    found: VerifiedStatusList
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def get(self, uri: str, *, issuer: TrustedIssuer, now: Any) -> VerifiedStatusList:
        self.asked.append((uri, issuer, now))
        return self.found


@pytest.fixture
def lists() -> OneList:
    made = sample(4, 16, i1=Status.INVALID, i2=Status.SUSPENDED, i3=3, i15=15)
    return OneList(verified(token(status_list={"bits": 4, "lst": made.encode()})))


def test_valid_document_passes(lists):
    status_list.check(StatusReference(URI, 0), lists=lists, issuer=ISSUER, now=NOW)
    assert lists.asked == [(URI, ISSUER, NOW)]


@pytest.mark.case("T5", "T8")
@pytest.mark.parametrize(
    ("index", "code"),
    [
        (1, "credential_revoked"),
        (2, "credential_suspended"),
        (3, "credential_status_unknown"),
        (15, "credential_status_unknown"),
        (16, "status_index_out_of_range"),
    ],
)
def test_every_status_but_valid_is_refused(lists, index, code):
    with pytest.raises(VerificationError) as caught:
        status_list.check(StatusReference(URI, index), lists=lists, issuer=ISSUER, now=NOW)
    assert (caught.value.check, caught.value.code) == (Check.STATUS, code)


# aggregation


def test_aggregation_when_written_then_it_reads_back():
    uris = (URI, URI + "2")
    assert status_list.parse_aggregation(json.dumps(status_list.make_aggregation(uris)).encode()) == uris
    assert status_list.parse_aggregation(b'{"status_lists":[],"more":1}') == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"status_lists":"https://a.example"}',
        b'{"status_lists":[1]}',
        b'{"status_lists":[""]}',
        json.dumps({"status_lists": ["h" * (MAX_URI_CHARS + 1)]}).encode(),
        json.dumps({"status_lists": ["h"] * (MAX_AGGREGATED + 1)}).encode(),
    ],
)
def test_aggregation_of_another_shape_is_refused(data):
    with pytest.raises(VerificationError) as caught:
        status_list.parse_aggregation(data)
    assert caught.value.code == "status_list_invalid"


def test_address_of_the_aggregation_is_found_in_a_token():
    def said(**entry: Any) -> str:
        return token(status_list={"bits": 1, "lst": "x", **entry})

    assert status_list.find_aggregation_uri(said(aggregation_uri=URI)) == URI
    assert status_list.find_aggregation_uri(said()) is None
    for text in ("x", token(status_list=None), said(aggregation_uri=7), said(aggregation_uri="")):
        with pytest.raises(VerificationError) as caught:
            status_list.find_aggregation_uri(text)
        assert caught.value.code == "status_list_invalid"


def test_aggregation_at_its_limit_is_taken():
    data = json.dumps({"status_lists": ["h"] * MAX_AGGREGATED}).encode()
    assert len(status_list.parse_aggregation(data)) == MAX_AGGREGATED


def test_token_of_a_list_that_hardly_compresses_is_taken_and_one_beyond_the_longest_refused():
    # half of 2^22 entries set at random: as long as such a list can be
    dense = StatusList(1, secrets.token_bytes(2**22 // 8))
    text = token(status_list={"bits": 1, "lst": dense.encode()})
    assert jws.MAX_TOKEN_CHARS < len(text) <= MAX_TOKEN_CHARS
    assert verified(text).statuses.packed == dense.packed
    longer = token(status_list={"bits": 1, "lst": sample().encode()}, padding="a" * MAX_TOKEN_CHARS)
    with pytest.raises(VerificationError) as caught:
        verified(longer)
    assert caught.value.code == "status_list_invalid"
