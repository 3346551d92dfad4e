# SPDX-License-Identifier: EUPL-1.2
"""What the citizen's keys are asked to sign, and what comes back: the seam between the two phases.

`prepare` functions return steps, `complete` functions take one signature per step, in order. Who signs (browser,
key file, token) sees the whole signing input and decides by the step's purpose; each purpose has one `typ`, fixed
here, and a completed token is verified against the key that had to sign before anything is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ledger import signatures as consent_signatures
from protocol import jws, key_binding
from protocol.encoding import JSON, b64url_decode, find_member, get_member
from protocol.errors import RequestError
from protocol.keys import PublicKey
from protocol.openid4vci import proof


class Purpose(StrEnum):
    """Why a key is asked to sign."""

    PROOF = "proof"
    RECORD = "record"
    BINDING = "binding"
    KEY_BINDING = "key-binding"
    WITHDRAWAL = "withdrawal"


TYPES: Mapping[Purpose, str] = {
    Purpose.PROOF: proof.TYPE,
    Purpose.RECORD: consent_signatures.RECORD_TYP,
    Purpose.BINDING: consent_signatures.BINDING_TYP,
    Purpose.KEY_BINDING: key_binding.TYPE,
    Purpose.WITHDRAWAL: consent_signatures.WITHDRAWAL_TYP,
}

# what each kind of key may ever be asked for; `static/sign.js` has the same lists
HOLDER_PURPOSES = frozenset({Purpose.PROOF, Purpose.BINDING, Purpose.KEY_BINDING})
CONSENT_PURPOSES = frozenset({Purpose.RECORD, Purpose.WITHDRAWAL})


@dataclass(frozen=True)
class Step:
    """One thing to sign, with one key. `presentation` is what `sd_hash` covers, for key bindings."""

    key: PublicKey
    purpose: Purpose
    input: jws.SigningInput
    presentation: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the JSON form for the page that signs."""
        members: dict[str, JSON] = {
            "key": self.key.thumbprint(),
            "jwk": self.key.jwk(),
            "purpose": self.purpose.value,
            "input": self.input.text,
        }
        return members if self.presentation is None else {**members, "presentation": self.presentation}

    @classmethod
    def parse(cls, value: JSON) -> Step:
        """Return the step that `to_json` wrote."""
        if not isinstance(value, dict):
            raise RequestError("invalid_request", "expected a step")
        return cls(
            key=PublicKey.parse_jwk(value.get("jwk")),
            purpose=Purpose(get_member(value, "purpose", str)),
            input=jws.SigningInput(get_member(value, "input", str)),
            presentation=find_member(value, "presentation", str),
        )


class StepSigner(Protocol):
    """Holds the citizen's private keys."""

    def sign(self, step: Step) -> bytes:
        """Return the 64-byte signature over the step's input. Raises `Error` when it should not be signed."""


def sign_all(signer: StepSigner, steps: Sequence[Step]) -> list[bytes]:
    """Return one signature per step, in order."""
    return [signer.sign(step) for step in steps]


def complete(steps: Sequence[Step], signatures: Sequence[bytes]) -> tuple[str, ...]:
    """Return the signed tokens, in order.

    Raises `RequestError` when there is not one signature per step, `VerificationError` (`signature`) when one is
    not by the key that had to sign.
    """
    if len(steps) != len(signatures):
        raise RequestError("invalid_request", f"expected {len(steps)} signatures, got {len(signatures)}")
    tokens = []
    for step, signature in zip(steps, signatures, strict=True):
        token = step.input.complete(signature)
        jws.verify(token, step.key, typ=TYPES[step.purpose])
        tokens.append(token)
    return tuple(tokens)


def parse_signatures(value: JSON) -> list[bytes]:
    """Return the signatures of a JSON array of base64url texts."""
    if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
        raise RequestError("invalid_request", "expected signatures as an array of strings")
    return [b64url_decode(str(each)) for each in value]
