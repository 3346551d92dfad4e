# SPDX-License-Identifier: EUPL-1.2
"""Makes the data folder of a development set-up: keys, certificates, databases, registry, trust file, settings.

Everything is made once and found again at the next start; the trust registry is changed when the addresses have.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from ledger.recorders import DEFAULT_QUOTA, Recorders, SqlRecorderStore, new_secret
from ledger.registry import administration_id
from ledger.trust import SCHEMA as TRUST_FILE_SCHEMA
from ledger.trust import AuditedLog
from protocol.clock import SystemClock
from protocol.encoding import JSON
from protocol.runtime.database import migrate, open_database
from protocol.runtime.signer import write_secret_file
from testimoni.development.administrations import fill_issuer, fill_verifier
from testimoni.development.auditor import make_auditor
from testimoni.development.authority import Authority
from testimoni.development.log_keys import LogFiles, anchor_log, name_log
from testimoni.development.parties import FolderKeep, Party, make_parties
from testimoni.development.registry import PracticeRegistry, RegistryFiles, list_signing, settle
from testimoni.development.registry_entries import OPERATOR_CODE, wanted_entries
from testimoni.layout import Layout

# who has entries promised by the ledger: three services, and what runs on the command line
RECORDERS = ("issuer", "wallet", "verifier", "command")
# services with a database of their own
STORED = ("issuer", "wallet", "verifier", "ledger", "sandbox")
# services that send people to VÀLid, with the path that they come back to
SIGN_IN = ("issuer", "wallet", "verifier")
_SECRET_BYTES = 48
_BLOCKING_KEY_BYTES = 32


@dataclass(frozen=True)
class Folder:
    """The data folder and the files in it."""

    path: Path

    @property
    def keep(self) -> FolderKeep:
        """Keys, certificates, statements and secrets."""
        return FolderKeep(self.path / "keys")

    @property
    def anchor_file(self) -> Path:
        """The authority's certificate."""
        return self.path / "authority" / "root.pem"

    @property
    def registrar_key_file(self) -> Path:
        """The key that signs trust lists."""
        return self.path / "authority" / "registrar.key"

    @property
    def registrar_certificate_file(self) -> Path:
        """That key's certificate."""
        return self.path / "authority" / "registrar.pem"

    @property
    def registry_files(self) -> RegistryFiles:
        """The trust registry's keys and state."""
        return RegistryFiles(self.path / "keys")

    @property
    def trust_file(self) -> Path:
        """The trust file that auditors read."""
        return self.path / "trust.json"

    @property
    def blocking_key_file(self) -> Path:
        """The key under which the verifier keeps what it has blocked."""
        return self.path / "keys" / "verifier-blocking.key"

    def recorder_token_file(self, name: str) -> Path:
        """Return the file of a recorder's token, made at first."""
        self.keep.text(f"recorder-{name}", lambda: f"{name}.{new_secret()}")
        return self.keep.text_path(f"recorder-{name}")

    @property
    def ready_file(self) -> Path:
        """What the READY line of the running set-up said."""
        return self.path / "ready.json"

    @property
    def chain_database(self) -> Path:
        """The embedded chain."""
        return self.path / "databases" / "chain.sqlite3"

    @property
    def log_files(self) -> LogFiles:
        """The log's keys."""
        return LogFiles(self.path / "keys")

    def database_url(self, service: str) -> str:
        """Return the URL of a service's database."""
        return f"sqlite:///{self.path / 'databases' / service}.sqlite3"

    def secret(self, name: str) -> str:
        """Return the secret of this name, made at first."""
        return self.keep.text(f"secret-{name}", lambda: secrets.token_urlsafe(_SECRET_BYTES))


@dataclass(frozen=True)
class SetUp:
    """A prepared set-up: where it is, who is in it, which log it keeps."""

    folder: Folder
    layout: Layout
    parties: Mapping[str, Party]
    log: AuditedLog
    registry: PracticeRegistry
    # certificate authority, certificate and key for --lan
    tls: tuple[Path, Path, Path] | None


def prepare(
    folder: Folder,
    layout: Layout,
    *,
    now: datetime,
    tls: tuple[Path, Path, Path] | None,
    wait_for_chain: Callable[[], None],
) -> SetUp:
    """Return the set-up, made where it is missing. `wait_for_chain` returns when the node answers."""
    (folder.path / "databases").mkdir(parents=True, exist_ok=True)
    if not folder.blocking_key_file.exists():
        write_secret_file(folder.blocking_key_file, secrets.token_bytes(_BLOCKING_KEY_BYTES))
    authority = Authority.open(folder.path / "authority", now)
    parties = make_parties(
        authority,
        issuer_url=layout.url("issuer"),
        verifier_url=layout.url("verifier"),
        keep=folder.keep,
        now=now,
    )
    _fill_databases(folder, layout, parties)
    origin = f"{layout.host}:{layout.port('ledger')}/{now.year}"
    named = name_log(folder.log_files, origin=origin)
    auditor = make_auditor(authority, folder.keep, now=now)
    files = folder.registry_files
    accounts = {name: files.account(name).address for name in (*parties, "auditor", "operator")}
    accounts["sealer"] = folder.log_files.sealer_address
    registry = settle(
        files,
        wanted_entries(parties, auditor, named, accounts),
        chain_url=layout.url("chain"),
        wait_for_chain=wait_for_chain,
        sign_list=list_signing(
            database_url=folder.database_url("ledger"), authority=authority, clock=SystemClock()
        ),
        now=now,
    )
    log = anchor_log(
        folder.log_files,
        named,
        registry=registry.contract,
        administration=administration_id(OPERATOR_CODE),
        chain_url=layout.url("chain"),
        wait_for_chain=wait_for_chain,
    )
    made = SetUp(folder=folder, layout=layout, parties=parties, log=log, registry=registry, tls=tls)
    _replace(folder.trust_file, json.dumps(trust_file(made, authority), ensure_ascii=False, indent=1))
    return made


def _fill_databases(folder: Folder, layout: Layout, parties: Mapping[str, Party]) -> None:
    databases = {name: open_database(folder.database_url(name)) for name in STORED}
    try:
        for name, database in databases.items():
            migrate(database, name)
        names = [f"{party.data.id}-{part}" for party in parties.values() for part in ("issuer", "access")]
        key_path = {name: folder.keep.path(name).resolve() for name in names}
        fill_issuer(databases["issuer"], parties.values(), key_path, layout.url("verifier"))
        tokens = {name: folder.secret(f"api-{name}") for name in parties}
        fill_verifier(databases["verifier"], parties.values(), key_path, tokens)
        recorders = Recorders(SqlRecorderStore(databases["ledger"]), SystemClock())
        for name in RECORDERS:
            recorders.set(folder.recorder_token_file(name).read_text("ascii"), quota=DEFAULT_QUOTA)
    finally:
        for database in databases.values():
            database.engine.dispose()


def trust_file(made: SetUp, authority: Authority) -> dict[str, JSON]:
    """Return what an auditor must know beforehand, from somebody else than the servers they audit."""
    administrations: list[JSON] = [
        {
            "code": party.data.code,
            "name": dict(party.data.name),
            "access_keys": [party.access_key.public_key.jwk()],
            "issuers": [party.issuer_identifier],
            "issuer_keys": [party.issuer_key.public_key.jwk()],
        }
        for party in made.parties.values()
    ]
    return {
        "schema": TRUST_FILE_SCHEMA,
        "authority_certificate": authority.root.public_bytes(Encoding.PEM).decode("ascii"),
        "logs": [made.log.to_json()],
        "administrations": administrations,
    }


def _replace(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old text or the new one, never half of it."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)
