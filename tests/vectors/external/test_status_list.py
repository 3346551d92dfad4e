# SPDX-License-Identifier: EUPL-1.2
"""The test vectors of the Token Status List draft (section 4.1 and its appendix), folder `ietf-token-status-list`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from protocol import jws, status_list
from protocol.encoding import b64url_encode, get_member
from protocol.status_entries import MutableStatusList, StatusList, decode
from tests.conftest import external_folder

FILE = external_folder() / "ietf-token-status-list" / "vectors.json"
pytestmark = pytest.mark.external


def document() -> dict[str, Any]:
    if not external_folder().is_dir():
        return {"vectors": [], "cbor_hex": {}}
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    assert found["vectors"]
    assert found["cbor_hex"]
    return found


VECTORS = document()["vectors"]
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])


def read(vector: dict[str, Any]) -> StatusList:
    return decode(vector["status_list"]["lst"], vector["status_list"]["bits"])


def expected(vector: dict[str, Any]) -> dict[int, int]:
    return {int(index): status for index, status in vector["expected_statuses"].items()}


@every_vector
def test_list_has_exactly_the_statuses_of_the_draft(vector):
    found, wanted = read(vector), expected(vector)
    assert found.size == vector.get("size_entries", len(wanted))
    assert {index: found.get(index) for index in wanted} == wanted
    if "all_other_entries" in vector:
        made = MutableStatusList.make(found.bits, found.size)
        for index, status in wanted.items():
            made.set(index, status)
        assert made.packed == found.packed
    if "uncompressed_hex" in vector:
        assert found.packed.hex() == vector["uncompressed_hex"]


@every_vector
def test_list_when_compressed_by_us_then_it_reads_the_same(vector):
    found = read(vector)
    assert decode(found.encode(), found.bits).packed == found.packed


# an entry of a whole byte has no order
PACKED = [v for v in VECTORS if v["status_list"]["bits"] < 8]


@pytest.mark.case("T14")
@pytest.mark.parametrize("vector", PACKED, ids=[v["name"] for v in PACKED])
def test_reading_from_the_highest_bit_fails(vector):
    """A reader of the other bit order would see other documents revoked: the vectors must tell it apart."""
    found, wanted = read(vector), expected(vector)
    per_byte = 8 // found.bits
    other = {index: found.get(index // per_byte * per_byte + per_byte - 1 - index % per_byte) for index in wanted}
    assert other != wanted


def test_signed_example_holds_the_list_of_section_4_1():
    unverified = jws.parse(document()["example_status_list_token_jwt_raw_sec5_1"])
    assert unverified.header["typ"] == status_list.TYPE
    body = get_member(unverified.claims(), "status_list", dict)
    assert decode(get_member(body, "lst", str), get_member(body, "bits", int)).packed.hex() == "b9a3"


@pytest.mark.parametrize("text", document()["cbor_hex"].values(), ids=document()["cbor_hex"].keys())
def test_same_list_in_cbor_reads_the_same(text):
    """We read no CBOR; but what it wraps is the same compressed list, as a byte string."""
    match = re.search(r"a26462697473(0[1248])636c7374(.*)", text.partition("encoded:")[2] or text)
    assert match
    bits, string = int(match[1], 16), bytes.fromhex(match[2])
    # the head of a CBOR byte string: its length in the head, in one byte, or in two
    head = {0x58: 2, 0x59: 3}.get(string[0], 1)
    packed = decode(b64url_encode(string[head:]), bits).packed
    assert packed in [read(v).packed for v in VECTORS if v["status_list"]["bits"] == bits]
