# SPDX-License-Identifier: EUPL-1.2
"""Transaction data: what the holder authorises by presenting (OpenID4VP 1.0, sections 5.1, 8.4 and B.3.3).

- Each element is base64url of one JSON object. What is hashed is that text, exactly as it came.
- A type is known when the caller says so, with the members that it has. One unknown type, one unknown member, one
  credential that is not asked or not bound to a holder, and the whole request is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from protocol.encoding import JSON, b64url_decode, find_member, get_member, parse_object
from protocol.errors import RequestError
from protocol.members import find_texts, get_texts
from protocol.sd_jwt import DEFAULT_HASH

# one signature for more than this is not something that a person reads
MAX_TRANSACTION_DATA = 8
# a page of text
MAX_TRANSACTION_DATA_CHARS = 16 * 1024
_COMMON = frozenset({"type", "credential_ids", "transaction_data_hashes_alg"})

# credential query identifier → whether its presentation is bound to the holder
AskedCredentials = Mapping[str, bool]


@dataclass(frozen=True)
class TransactionType:
    """One type of transaction data: its members besides the common ones, each with its JSON type."""

    required: Mapping[str, type]
    optional: Mapping[str, type] = field(default_factory=dict)

    def check(self, members: dict[str, JSON]) -> None:
        """Raise `RequestError` (`invalid_transaction_data`) unless the members are exactly those of the type."""
        if members.keys() - _COMMON - self.required.keys() - self.optional.keys():
            raise RequestError("invalid_transaction_data", "a member that this type of transaction data has not")
        for name, kind in self.required.items():
            get_member(members, name, kind, code="invalid_transaction_data")
        for name, kind in self.optional.items():
            find_member(members, name, kind, code="invalid_transaction_data")


# type → its members; a wallet that supports no transaction data passes an empty one
TransactionTypes = Mapping[str, TransactionType]


@dataclass(frozen=True)
class TransactionData:
    """One transaction to authorise. Equality is equality of the text that was sent."""

    encoded: str
    type: str = field(compare=False)
    credential_ids: tuple[str, ...] = field(compare=False)
    # empty: the request does not say, and SHA-256 is meant
    hash_algorithms: tuple[str, ...] = field(compare=False)
    members: Mapping[str, JSON] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, encoded: JSON, *, types: TransactionTypes, asked: AskedCredentials) -> TransactionData:
        """Return the transaction. Raises `RequestError` (`invalid_transaction_data`)."""
        members = _decode(encoded)
        name = get_member(members, "type", str, code="invalid_transaction_data")
        if name not in types:
            raise RequestError("invalid_transaction_data", "unknown type of transaction data")
        types[name].check(members)
        credential_ids = get_texts(members, "credential_ids", code="invalid_transaction_data")
        if not all(asked.get(each) for each in credential_ids):
            raise RequestError(
                "invalid_transaction_data",
                "credential_ids must name credentials asked with holder binding",
            )
        return cls(
            encoded=str(encoded),
            type=name,
            credential_ids=credential_ids,
            hash_algorithms=find_texts(members, "transaction_data_hashes_alg", code="invalid_transaction_data"),
            members=members,
        )

    def to_json(self) -> str:
        """Return the wire form."""
        return self.encoded


def parse_transaction_data(
    items: Sequence[JSON], *, types: TransactionTypes, asked: AskedCredentials
) -> tuple[TransactionData, ...]:
    """Return every transaction of a request. Raises `RequestError` (`invalid_transaction_data`)."""
    if not 1 <= len(items) <= MAX_TRANSACTION_DATA:
        raise RequestError("invalid_transaction_data", f"expected 1 to {MAX_TRANSACTION_DATA} transactions")
    return tuple(TransactionData.parse(item, types=types, asked=asked) for item in items)


def choose_hash(items: Sequence[TransactionData], supported: Sequence[str]) -> str:
    """Return the first hash of ours that every transaction allows: a key binding names one for all (B.3.3).

    Raises `RequestError` (`invalid_transaction_data`) when there is none.
    """
    for name in supported:
        if all(name in (item.hash_algorithms or (DEFAULT_HASH,)) for item in items):
            return name
    raise RequestError("invalid_transaction_data", "no common hash algorithm for the transaction data")


def _decode(encoded: JSON) -> dict[str, JSON]:
    if not isinstance(encoded, str) or len(encoded) > MAX_TRANSACTION_DATA_CHARS:
        raise RequestError(
            "invalid_transaction_data", f"expected text of at most {MAX_TRANSACTION_DATA_CHARS} characters"
        )
    try:
        return parse_object(b64url_decode(encoded))
    except RequestError as exc:
        raise RequestError("invalid_transaction_data", exc.message) from exc
