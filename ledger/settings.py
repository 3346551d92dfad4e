# SPDX-License-Identifier: EUPL-1.2
"""Settings of the ledger: the web service and its worker read the same ones.

The web service opens the promise key alone; checkpoint key and sealer key are the worker's.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from ledger.cosignature import WitnessKey
from ledger.trust import url_host, validator_sets
from protocol.errors import RequestError
from protocol.runtime.fetch import origin_of
from protocol.runtime.settings import ServiceSettings

# Copies of the entries outside the chain and outside the operator: one may be lost while the other is needed.
MIN_MIRRORS = 2
# Their lines fit into a note (`ledger.note.MAX_NOTE_CHARS`) with names of any length.
MAX_WITNESSES = 16
_ORIGIN = re.compile(r"[A-Za-z0-9.\-:\[\]]+(?:/[a-z0-9-]+)*/[a-z0-9-]{1,40}")


class LogSettings(BaseModel):
    """One log that this service keeps: its name, its three keys, its end."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    origin: str = Field(pattern=f"^{_ORIGIN.pattern}$")
    promise_key_file: Path
    checkpoint_key_file: Path
    sealer_key_file: Path | None = None
    freezes_at: AwareDatetime | None = None

    @property
    def name(self) -> str:
        """The log's short name, as in paths."""
        return self.origin.rpartition("/")[2]


class WitnessSettings(BaseModel):
    """One witness that is asked to cosign every head: its key, and where it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str
    url: str

    @model_validator(mode="after")
    def _check_witness(self) -> Self:
        parts = urlsplit(self.url)
        if parts.query or parts.fragment:
            raise ValueError("a witness's url must be without query or fragment")
        if not parts.path.endswith("/add-checkpoint"):
            raise ValueError("a witness's url must end with /add-checkpoint")
        try:
            origin_of(self.url)
            WitnessKey.parse(self.key)
        except RequestError as exc:
            raise ValueError(exc.message) from exc
        return self

    @property
    def verifier(self) -> WitnessKey:
        """The key that must have made its cosignatures."""
        return WitnessKey.parse(self.key)


class LedgerSettings(ServiceSettings):
    """What the ledger needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_LEDGER_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    origin: str = Field(description="name of the current log, HOST/LOG, written into every record and checkpoint")
    promise_key_file: Path = Field(description="PEM of the ES256 key that signs promises")
    checkpoint_key_file: Path = Field(description="PEM of the Ed25519 key that signs checkpoints")
    sealer_key_file: Path | None = Field(
        default=None, description="the secp256k1 key that anchors; needed when there is a chain"
    )
    freezes_at: AwareDatetime | None = Field(
        default=None,
        description="end of the current log (ISO 8601 with zone); it stops promising one merge delay before",
    )
    other_logs: tuple[LogSettings, ...] = Field(
        default=(),
        description="JSON list of the logs kept beside the current one, the next first: origin, promise_key_file, "
        "checkpoint_key_file, sealer_key_file, freezes_at",
    )
    entries_from: Literal["recorders", "anyone"] = Field(
        default="recorders",
        description="who may have entries promised: recorders with a token, or anyone (development only)",
    )
    chain_url: str | None = Field(
        default=None, description="JSON-RPC of the chain's node; without it nothing is anchored"
    )
    chain_id: int | None = Field(default=None, description="number of the chain; needed when there is one")
    contract: str | None = Field(default=None, description="address of the ConsentLedger contract on the chain")
    registry: str | None = Field(
        default=None, description="address of the TrustRegistry contract; with it the derived trust list is served"
    )
    registrar_key_file: Path | None = Field(
        default=None, description="PEM of the key that signs the derived trust list; needed with a registry"
    )
    registrar_certificate_file: Path | None = Field(
        default=None, description="PEM of that key's certificates, its own first; needed with a registry"
    )
    trust_list_lifetime_seconds: int = Field(
        default=86_400, ge=60, description="the maximum age of a derived trust list; signed anew after half of it"
    )
    maximum_block_age_seconds: int = Field(
        default=172_800, ge=60, description="at an older block no trust list is signed: the chain's node is stale"
    )
    validators: frozenset[str] = Field(
        default=frozenset(),
        description="addresses that seal the chain's blocks, as published to auditors; "
        "BLOCK:ADDRESS for each that seals from that block on, when they changed",
    )
    anchor_mode: Literal["calldata", "root-only"] = Field(
        default="calldata",
        description="calldata: the chain carries every commitment; root-only: only roots with proofs",
    )
    mirrors: frozenset[str] = Field(
        default=frozenset(),
        description="https URLs of copies of the logs (URL/LOG/checkpoint, URL/LOG/tile/…), each on another host, "
        "with whose heads a log is compared before it opens, and from which it is rebuilt; root-only needs two",
    )
    witnesses: tuple[WitnessSettings, ...] = Field(
        default=(),
        max_length=MAX_WITNESSES,
        description="JSON list of the witnesses that are asked to cosign every head: key, url of add-checkpoint",
    )
    batch_interval_seconds: int = Field(default=10, ge=1, le=3600, description="batches close on this clock")
    maximum_merge_delay_seconds: int = Field(
        default=60, ge=2, le=86_400, description="the longest time from a promise to a signed checkpoint"
    )
    idle_interval_seconds: int = Field(
        default=86_400, ge=2, description="a log that nobody uses still grows and is anchored after this time"
    )
    lease_seconds: int = Field(
        default=30, ge=2, le=3600, description="after this time without a sign of life another worker takes over"
    )

    @field_validator("validators")
    @classmethod
    def _check_validators(cls, named: frozenset[str]) -> frozenset[str]:
        try:
            validator_sets(named)
        except RequestError as exc:
            raise ValueError(exc.message) from exc
        return named

    @model_validator(mode="after")
    def _check_ledger(self) -> Self:
        if not _ORIGIN.fullmatch(self.origin):
            raise ValueError("origin must be HOST/LOG, LOG in lower-case letters, digits and hyphens")
        if self.batch_interval_seconds > self.maximum_merge_delay_seconds:
            raise ValueError("batch_interval_seconds must not exceed maximum_merge_delay_seconds")
        if self.chain_url and None in (self.chain_id, self.contract, self.sealer_key_file):
            raise ValueError("chain_url needs chain_id, contract and sealer_key_file")
        if self.chain_url and any(log.sealer_key_file is None for log in self.other_logs):
            raise ValueError("chain_url needs a sealer_key_file for each of other_logs")
        if len({log.name for log in self.logs}) != len(self.logs):
            raise ValueError("other_logs must have names of their own")
        if self.environment == "production" and self.entries_from != "recorders":
            raise ValueError("entries_from must be recorders in production")
        hosts = {_mirror_host(each) for each in self.mirrors}
        own = {_host(self.public_url), _host(f"//{self.origin}")}
        if len(hosts) < len(self.mirrors) or hosts & own:
            raise ValueError("mirrors must be on different hosts, none of them this ledger's")
        if self.anchor_mode == "root-only" and len(hosts) < MIN_MIRRORS:
            raise ValueError(f"anchor_mode root-only needs at least {MIN_MIRRORS} mirrors")
        if self.registry and None in (self.chain_url, self.registrar_key_file, self.registrar_certificate_file):
            raise ValueError("registry needs chain_url, registrar_key_file and registrar_certificate_file")
        return self

    @model_validator(mode="after")
    def _check_witnesses(self) -> Self:
        if len({each.key for each in self.witnesses}) < len(self.witnesses):
            raise ValueError("witnesses must have keys of their own")
        for each in self.witnesses:
            if urlsplit(each.url).scheme != "https" and origin_of(each.url) not in self.allowed_private_origins:
                raise ValueError("a witness's url must be https, or at one of allowed_private_origins")
        return self

    @property
    def log(self) -> str:
        """The log's short name, as in paths."""
        return self.origin.rpartition("/")[2]

    @property
    def logs(self) -> tuple[LogSettings, ...]:
        """Every log that this service keeps, in the order in which they take over from each other."""
        current = LogSettings(
            origin=self.origin,
            promise_key_file=self.promise_key_file,
            checkpoint_key_file=self.checkpoint_key_file,
            sealer_key_file=self.sealer_key_file,
            freezes_at=self.freezes_at,
        )
        return (current, *self.other_logs)

    @property
    def maximum_merge_delay(self) -> timedelta:
        """The longest time from a promise to a signed checkpoint."""
        return timedelta(seconds=self.maximum_merge_delay_seconds)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _mirror_host(url: str) -> str:
    host = url_host(url)
    if not host:
        raise ValueError("mirrors must be https URLs without user, query or fragment")
    return host
