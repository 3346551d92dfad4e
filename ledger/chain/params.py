# SPDX-License-Identifier: EUPL-1.2
"""Reading the parameters of Ethereum JSON-RPC, and its errors.

- quantities are minimal hexadecimal (`0x0`, `0x41`), data has two digits a byte (execution-apis, base types);
- what does not parse raises `RPCError` with code -32602 and never reaches the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from protocol.encoding import JSON

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
SERVER_ERROR: Final = -32000
LIMIT_EXCEEDED: Final = -32005
EXECUTION_REVERTED: Final = 3

WORD_BYTES = 32
ADDRESS_BYTES = 20
NEWEST_TAGS = frozenset({"latest", "pending", "safe", "finalized"})
_WORD_DIGITS = 2 + 2 * WORD_BYTES
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")


class RPCError(Exception):
    """An error of JSON-RPC 2.0, section 5.1."""

    def __init__(self, code: int, message: str, *, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def body(self) -> dict[str, JSON]:
        """Return the error object."""
        body: dict[str, JSON] = {"code": self.code, "message": self.message}
        return body if self.data is None else {**body, "data": self.data}


def invalid(message: str) -> RPCError:
    """Return the error for a parameter that does not parse."""
    return RPCError(INVALID_PARAMS, f"invalid params: {message}")


def quantity(value: JSON) -> int:
    """Return the number of a quantity."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid("expected a quantity like 0x41")
    return int(value, 16)


def data(value: JSON) -> bytes:
    """Return the bytes of unformatted data."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise invalid("expected data like 0x00ff")
    return bytes.fromhex(value[2:])


def word(value: JSON) -> bytes:
    """Return a 32-byte hash."""
    found = data(value)
    if len(found) != WORD_BYTES:
        raise invalid(f"expected 32 bytes, got {len(found)}")
    return found


def address(value: JSON) -> bytes:
    """Return a 20-byte address; the case of its letters is not checked."""
    found = data(value)
    if len(found) != ADDRESS_BYTES:
        raise invalid(f"expected 20 bytes, got {len(found)}")
    return found


def boolean(value: JSON) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise invalid("expected true or false")
    return value


def storage_slot(value: JSON) -> int:
    """Return a slot's number, given as a quantity or as data of at most 32 bytes."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    found = data(value)
    if len(found) > WORD_BYTES:
        raise invalid(f"expected at most 32 bytes, got {len(found)}")
    return int.from_bytes(found)


def block_place(value: JSON, newest: int) -> int | bytes:
    """Return the number or hash of a block parameter (EIP-1898); every tag but `earliest` is the newest."""
    place: int | bytes
    match value:
        case None:
            place = newest
        case "earliest":
            place = 0
        case str(tag) if tag in NEWEST_TAGS:
            place = newest
        case {"blockHash": digest}:
            place = word(digest)
        case {"blockNumber": number}:
            place = quantity(number)
        case str(digest) if len(digest) == _WORD_DIGITS:
            place = word(digest)
        case _:
            place = quantity(value)
    return place


def one_or_many(value: JSON, parse: Callable[[JSON], bytes]) -> tuple[bytes, ...]:
    """Return the values of null (none), one value, or a list of them."""
    if value is None:
        return ()
    return tuple(parse(item) for item in value) if isinstance(value, list) else (parse(value),)
