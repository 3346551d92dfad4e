# SPDX-License-Identifier: EUPL-1.2
"""Forges a copy of an evidence file: one value changed, everything else as it was.

A forger with good tools: the record stays canonical and every signature stays where it was, so that the checks
fail for the value and not for the form.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum

from protocol.encoding import JSON, b64url_decode, b64url_encode, canonical_json, get_member, parse_object
from protocol.errors import RequestError

CODE = "invalid_evidence"
MAX_EVIDENCE_BYTES = 512 * 1024
_OTHER_PURPOSE = "Advertising"
_OTHER_TIME = "2020-01-01T00:00:00Z"


class Change(StrEnum):
    """What the forger changes."""

    PURPOSE = "purpose"
    TIME = "time"
    PLACE = "place"


@dataclass(frozen=True)
class Forged:
    """A forged evidence file and the value that differs, before and after."""

    evidence: bytes
    before: str
    after: str


def forge(evidence: bytes, change: Change) -> Forged:
    """Return a copy with one value changed. Raises `RequestError` (`invalid_evidence`) when it has none."""
    copy = deepcopy(parse_object(evidence, max_bytes=MAX_EVIDENCE_BYTES))
    match copy.get("records"):
        case [dict(share), *_]:
            pass
        case _:
            raise RequestError(CODE, "expected an evidence file with at least one record")
    if change is Change.PLACE:
        before, after = _move(share)
    else:
        member, wanted = ("purpose", _OTHER_PURPOSE) if change is Change.PURPOSE else ("time", _OTHER_TIME)
        before, after = _rewrite(share, member, wanted)
    return Forged(json.dumps(copy, indent=1).encode(), before, after)


def _rewrite(share: dict[str, JSON], member: str, wanted: str) -> tuple[str, str]:
    """Write another value into the record, canonical as before."""
    record = parse_object(b64url_decode(get_member(share, "record", str, code=CODE)))
    before = get_member(record, member, str, code=CODE)
    record[member] = wanted
    share["record"] = b64url_encode(canonical_json(record))
    return before, wanted


def _move(share: dict[str, JSON]) -> tuple[str, str]:
    """Claim another place in the record book."""
    inclusion = get_member(share, "inclusion", dict, code=CODE)
    before = get_member(inclusion, "leaf_index", int, code=CODE)
    after = before - 1 if before else 1
    inclusion["leaf_index"] = after
    return str(before), str(after)
