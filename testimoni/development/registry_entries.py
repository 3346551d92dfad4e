# SPDX-License-Identifier: EUPL-1.2
"""What the practice set-up puts into its trust registry: administrations, their rights and keys, and the log."""

from __future__ import annotations

import json
from collections.abc import Mapping

from issuer.credential_types import load_types
from ledger.registry import NOTHING, administration_id
from ledger.registry_events import WORD_BYTES, Action, Change, Kind, Role
from ledger.trust import AuditedLog
from protocol.encoding import JSON, b64url_decode, sha256
from protocol.keys import PublicKey
from protocol.registration import statement_digest
from protocol.x509 import certificate_digest
from testimoni.development.auditor import CODE as AUDITOR_CODE
from testimoni.development.auditor import NAME as AUDITOR_NAME
from testimoni.development.auditor import DevelopmentAuditor
from testimoni.development.parties import Party

# who keeps the log for all administrations
OPERATOR_CODE = "A99990098"
OPERATOR_NAME = {
    "ca": "Consorci de serveis digitals de pràctiques",
    "es": "Consorcio de servicios digitales de prácticas",
    "en": "Digital Services Consortium for practice",
}


def wanted_entries(
    parties: Mapping[str, Party], auditor: DevelopmentAuditor, log: AuditedLog, accounts: Mapping[str, str]
) -> dict[str, list[Change]]:
    """Return what is to be in the registry, by who accepts it.

    `accounts` are addresses by the same names, and the sealer's.
    """
    found = {name: _party(party, accounts[name]) for name, party in parties.items()}
    certificate = certificate_digest(auditor.certificate)
    key = _thumbprint(auditor.key.public_key)
    found["auditor"] = [
        _joins(AUDITOR_CODE, AUDITOR_NAME, accounts["auditor"]),
        _gives(Kind.RIGHT, Role.AUDITOR, AUDITOR_CODE, NOTHING),
        _gives(Kind.KEY, Role.AUDITOR, AUDITOR_CODE, key, certificate=certificate),
    ]
    entry: dict[str, JSON] = {
        "origin": log.origin,
        "promise_key": log.promise_key.jwk(),
        "checkpoint_key": log.checkpoint_key.text(),
        "maximum_merge_delay": int(log.maximum_merge_delay.total_seconds()),
    }
    found["operator"] = [
        _joins(OPERATOR_CODE, OPERATOR_NAME, accounts["operator"]),
        _gives(Kind.RIGHT, Role.SEALER, OPERATOR_CODE, sha256(log.origin.encode()), **entry),
        _gives(Kind.KEY, Role.SEALER, OPERATOR_CODE, _thumbprint(log.promise_key)),
        # the ledger's owner registers the log for this sealer (contracts/ILogOwner.sol)
        _gives(Kind.KEY, Role.SEALER, OPERATOR_CODE, _address(accounts["sealer"])),
    ]
    return found


def _party(party: Party, account: str) -> list[Change]:
    code, types = party.data.code, load_types()
    vcts = [types[name].vct for name in party.data.credential_types]
    statements = [(each.data.procedure.id, statement_digest(each.statement)) for each in party.procedures]
    return [
        _joins(code, party.data.name, account),
        *(
            _gives(
                Kind.RIGHT, Role.ISSUER, code, sha256(vct.encode()), identifier=party.issuer_identifier, vct=vct
            )
            for vct in vcts
        ),
        _gives(Kind.KEY, Role.ISSUER, code, _thumbprint(party.issuer_key.public_key)),
        *(
            _gives(Kind.RIGHT, Role.VERIFIER, code, b64url_decode(digest), procedure=name)
            for name, digest in statements
        ),
        _gives(Kind.KEY, Role.VERIFIER, code, _thumbprint(party.access_key.public_key), client_id=party.client_id),
    ]


def _joins(code: str, name: Mapping[str, str], account: str) -> Change:
    what = _address(account)
    details: dict[str, JSON] = {"code": code, "name": dict(name)}
    return Change(
        Action.ADD, Kind.ADMINISTRATION, Role.NONE, administration_id(code), what, details=_bytes(details)
    )


def _gives(kind: Kind, role: Role, code: str, what: bytes, **details: JSON) -> Change:
    said = _bytes(details) if details else b""
    return Change(Action.ADD, kind, role, administration_id(code), what, details=said)


def _address(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x")).rjust(WORD_BYTES, b"\0")


def _bytes(details: Mapping[str, JSON]) -> bytes:
    return json.dumps(details, ensure_ascii=False, separators=(",", ":")).encode()


def _thumbprint(key: PublicKey) -> bytes:
    return b64url_decode(key.thumbprint())
