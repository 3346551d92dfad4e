# SPDX-License-Identifier: EUPL-1.2
"""Keys, certificates and registered procedures of the development administrations, and their trust list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from issuer.credential_types import load_types
from protocol.encoding import JSON, b64url_encode, canonical_json, sha256
from protocol.keys import PrivateKey
from protocol.registration import statement_digest
from protocol.runtime.signer import read_secret_file, write_secret_file
from protocol.x509 import Purpose, certificate_digest, encode_chain, parse_chain
from testimoni.development.authority import Authority
from testimoni.development.catalogue import (
    AdministrationData,
    ProcedureData,
    load_administrations,
    load_procedures,
)


@dataclass(frozen=True)
class RegisteredProcedure:
    """A procedure with the statement that registers it."""

    data: ProcedureData
    statement: str


@dataclass(frozen=True)
class Party:
    """One administration as issuer and verifier."""

    data: AdministrationData
    issuer_identifier: str
    issuer_key: PrivateKey
    issuer_chain: list[str]
    access_key: PrivateKey
    access_chain: list[str]
    client_id: str
    procedures: tuple[RegisteredProcedure, ...]

    def trust_entry(self) -> dict[str, JSON]:
        """Return this administration's entry of the trust list."""
        types = load_types()
        return {
            "id": self.data.id,
            "code": self.data.code,
            "name": dict(self.data.name),
            "issuers": [
                {
                    "identifier": self.issuer_identifier,
                    "credential_types": [types[name].vct for name in self.data.credential_types],
                }
            ],
            "verifiers": [
                {
                    "client_id": self.client_id,
                    "procedures": [statement_digest(p.statement) for p in self.procedures],
                }
            ],
        }


class Keep(Protocol):
    """Where keys and signed texts of the set-up are kept, so that a restart changes none of them."""

    def key(self, name: str) -> PrivateKey:
        """Return the key of this name, made at first."""

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the text of this name, made at first."""


class MemoryKeep:
    """Keeps them for one process: for tests."""

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}
        self._texts: dict[str, str] = {}

    def key(self, name: str) -> PrivateKey:
        """Return the key of this name, made at first."""
        return self._keys.setdefault(name, PrivateKey.generate())

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the text of this name, made at first."""
        if name not in self._texts:
            self._texts[name] = make()
        return self._texts[name]


class FolderKeep:
    """Keeps them in a folder that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Return the file of a key."""
        return self._folder / f"{name}.key"

    def key(self, name: str) -> PrivateKey:
        """Return the key of this name, made at first."""
        if not self.path(name).exists():
            write_secret_file(self.path(name), PrivateKey.generate().pem())
        return PrivateKey.from_pem(read_secret_file(self.path(name)))

    def text_path(self, name: str) -> Path:
        """Return the file of a text."""
        return self._folder / f"{name}.txt"

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the text of this name, made at first."""
        path = self.text_path(name)
        if not path.exists():
            write_secret_file(path, make().encode())
        return path.read_text("utf-8")


def make_parties(
    authority: Authority, *, issuer_url: str, verifier_url: str, keep: Keep, now: datetime
) -> Mapping[str, Party]:
    """Return the administrations; what is signed for them is kept by name and address."""
    return {
        name: _make_party(authority, data, f"{issuer_url}/{data.id}", verifier_url, keep, now)
        for name, data in load_administrations().items()
    }


def _make_party(
    authority: Authority, data: AdministrationData, identifier: str, verifier_url: str, keep: Keep, now: datetime
) -> Party:
    place = b64url_encode(sha256(f"{identifier} {verifier_url}".encode()))[:8]
    issuer_key, access_key = keep.key(f"{data.id}-issuer"), keep.key(f"{data.id}-access")
    issuer_leaf = keep.text(
        f"{data.id}-issuer-{place}",
        lambda: _certify(authority, issuer_key, Purpose.ISSUER, data, [identifier], now),
    )
    access_leaf = keep.text(
        f"{data.id}-access-{place}", lambda: _certify(authority, access_key, Purpose.ACCESS, data, [], now)
    )
    procedures = tuple(
        RegisteredProcedure(p, keep.text(f"{_kept_name(p)}-{place}", partial(_register, authority, p, now)))
        for p in load_procedures(data, verifier_url=verifier_url, now=now)
    )
    return Party(
        data=data,
        issuer_identifier=identifier,
        issuer_key=issuer_key,
        issuer_chain=[issuer_leaf],
        access_key=access_key,
        access_chain=[access_leaf],
        client_id=f"x509_hash:{certificate_digest(parse_chain([access_leaf])[0])}",
        procedures=procedures,
    )


def _certify(
    authority: Authority,
    key: PrivateKey,
    purpose: Purpose,
    data: AdministrationData,
    uris: Sequence[str],
    now: datetime,
) -> str:
    leaf = authority.issue_certificate(key.public_key, purpose=purpose, name=data.name["ca"], uris=uris, now=now)
    return encode_chain([leaf])[0]


def _register(authority: Authority, data: ProcedureData, now: datetime) -> str:
    return authority.sign_statement(data.procedure, now=now)


def _kept_name(data: ProcedureData) -> str:
    """Return a name that changes with the procedure's content, so that an edited file is registered anew."""
    content = canonical_json(
        {**data.procedure.to_claims(issued_at=data.procedure.valid_until), "exp": 0, "iat": 0}
    )
    return f"procedure-{data.procedure.id}-{b64url_encode(sha256(content))[:8]}"


def sign_trust_list(
    authority: Authority,
    parties: Mapping[str, Party],
    logs: Sequence[Mapping[str, JSON]],
    *,
    sequence: int,
    now: datetime,
    others: Sequence[Mapping[str, JSON]] = (),
) -> str:
    """Return the signed trust list over these administrations and logs; `others` are more entries."""
    entries = [*(each.trust_entry() for each in parties.values()), *others]
    return authority.sign_trust_list(sequence=sequence, administrations=entries, logs=logs, now=now)
