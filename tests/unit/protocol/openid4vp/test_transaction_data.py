# SPDX-License-Identifier: EUPL-1.2
"""Transaction data (OpenID4VP 1.0, sections 5.1, 8.4, 8.5 and B.3.3)."""

from __future__ import annotations

import json

import pytest

from protocol.encoding import b64url_encode
from protocol.errors import RequestError
from protocol.openid4vp import TransactionData, TransactionType, choose_hash
from protocol.openid4vp.transaction_data import (
    MAX_TRANSACTION_DATA,
    MAX_TRANSACTION_DATA_CHARS,
    parse_transaction_data,
)
from protocol.sd_jwt import HASHES

TYPES = {"payment": TransactionType(required={"payee": str, "cents": int}, optional={"note": str})}
ASKED = {"degree": True, "ticket": False}
GOOD = {"type": "payment", "credential_ids": ["degree"], "payee": "library", "cents": 150}


def encode(members):
    return b64url_encode(json.dumps(members).encode())


def parse(encoded):
    return TransactionData.parse(encoded, types=TYPES, asked=ASKED)


@pytest.mark.parametrize("more", [{}, {"note": "late"}, {"transaction_data_hashes_alg": ["sha-256", "sha-512"]}])
def test_transaction_of_a_known_type_round_trips_to_the_same_text(more):
    encoded = encode(GOOD | more)
    found = parse(encoded)
    assert (found.to_json(), found.type, found.credential_ids) == (encoded, "payment", ("degree",))
    assert found.members["cents"] == 150
    assert found.hash_algorithms == tuple(more.get("transaction_data_hashes_alg", ()))


@pytest.mark.case("W21")
@pytest.mark.parametrize(
    "encoded",
    [
        encode(GOOD | {"type": "transfer"}),
        encode(GOOD | {"type": 7}),
        encode({name: value for name, value in GOOD.items() if name != "type"}),
        encode(GOOD | {"extra": 1}),
        encode({name: value for name, value in GOOD.items() if name != "payee"}),
        encode(GOOD | {"cents": "150"}),
        encode(GOOD | {"cents": True}),
        encode(GOOD | {"note": 1}),
        encode(GOOD | {"credential_ids": ["tax"]}),
        encode(GOOD | {"credential_ids": ["degree", "tax"]}),
        # asked without holder binding: nobody would sign the transaction
        encode(GOOD | {"credential_ids": ["ticket"]}),
        encode(GOOD | {"credential_ids": []}),
        encode(GOOD | {"credential_ids": "degree"}),
        encode(GOOD | {"credential_ids": ["degree", "degree"]}),
        encode({name: value for name, value in GOOD.items() if name != "credential_ids"}),
        encode(GOOD | {"transaction_data_hashes_alg": []}),
        encode(GOOD | {"transaction_data_hashes_alg": "sha-256"}),
        encode([GOOD]),
        encode(GOOD) + "=",
        b64url_encode(b"{"),
        "",
        None,
        GOOD,
    ],
)
def test_transaction_with_one_thing_wrong_is_refused_by_its_code(encoded):
    with pytest.raises(RequestError) as caught:
        parse(encoded)
    assert caught.value.code == "invalid_transaction_data"


@pytest.mark.case("W21")
def test_transaction_where_no_type_is_known_is_refused():
    with pytest.raises(RequestError, match="unknown type") as caught:
        TransactionData.parse(encode(GOOD), types={}, asked=ASKED)
    assert caught.value.code == "invalid_transaction_data"


def test_transactions_at_their_limits_are_read_and_beyond_them_refused():
    encoded = encode(GOOD)
    assert len(parse_transaction_data([encoded] * MAX_TRANSACTION_DATA, types=TYPES, asked=ASKED)) == 8
    for items in ([], [encoded] * (MAX_TRANSACTION_DATA + 1)):
        with pytest.raises(RequestError, match="1 to 8") as caught:
            parse_transaction_data(items, types=TYPES, asked=ASKED)
        assert caught.value.code == "invalid_transaction_data"
    empty = len(encode(GOOD | {"payee": ""}))
    fits = (MAX_TRANSACTION_DATA_CHARS - empty) // 4 * 3
    assert parse(encode(GOOD | {"payee": "x" * fits}))
    with pytest.raises(RequestError, match=str(MAX_TRANSACTION_DATA_CHARS)):
        parse(encode(GOOD | {"payee": "x" * (fits + 3)}))


def test_hash_is_one_that_every_transaction_allows():
    silent = parse(encode(GOOD))
    either = parse(encode(GOOD | {"transaction_data_hashes_alg": ["sha-512", "sha-256"]}))
    long = parse(encode(GOOD | {"transaction_data_hashes_alg": ["sha-512"]}))
    assert choose_hash([silent, either], ["sha-512", "sha-256"]) == "sha-256"
    assert choose_hash([either, long], [*HASHES]) == "sha-512"
    with pytest.raises(RequestError, match="no common hash") as caught:
        choose_hash([silent, long], [*HASHES])
    assert caught.value.code == "invalid_transaction_data"
