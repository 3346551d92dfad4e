# SPDX-License-Identifier: EUPL-1.2
"""The embedded node's settings: from `TESTIMONI_CHAIN_…`, or from the command line, which wins."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.chain.sealer import FileSealKey
from protocol.errors import ConfigurationError
from protocol.runtime.signer import read_secret_file

PREFIX = "TESTIMONI_CHAIN_"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_MAX_CHAIN_ID = 2**53 - 1


class NodeSettings(BaseSettings):
    """What one node needs to know. It listens on loopback only; that is not a setting."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    database: Path = Field(description="the chain's SQLite file; made when it is not there")
    port: int = Field(ge=0, le=65535, description="port on 127.0.0.1; 0 lets the kernel choose")
    chain_id: int = Field(default=20261121, ge=1, le=_MAX_CHAIN_ID, description="the chain's number, for good")
    seal_key_files: str = Field(
        default="",
        description="PEM files, by commas, of the keys that seal blocks, the same for good; "
        "without them one beside the database, made with it",
    )
    genesis_accounts: str = Field(
        default="", description="addresses, by commas, that own something in block 0 of a new file"
    )

    @field_validator("genesis_accounts")
    @classmethod
    def _addresses(cls, value: str) -> str:
        if not all(_ADDRESS.fullmatch(part) for part in value.split(",") if part):
            raise ValueError("expected addresses like 0x… separated by commas")
        return value

    def seal_keys(self) -> list[FileSealKey]:
        """Return the keys that seal blocks, as far as files are named. Raises `ConfigurationError`."""
        paths = [Path(part) for part in self.seal_key_files.split(",") if part]
        return [FileSealKey.from_pem(read_secret_file(path)) for path in paths]

    def accounts(self) -> list[bytes]:
        """Return the accounts of block 0."""
        return [bytes.fromhex(part[2:]) for part in self.genesis_accounts.split(",") if part]


def load_node_settings(argv: Sequence[str]) -> NodeSettings:
    """Return the settings. Raises `ConfigurationError` that names what is missing, unknown or unusable."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.chain.node", description="An Ethereum node for one set-up: JSON-RPC on loopback."
    )
    for name, field in NodeSettings.model_fields.items():
        parser.add_argument("--" + name.replace("_", "-"), help=field.description)
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
    known = {PREFIX + name.upper() for name in NodeSettings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise ConfigurationError("configuration_error", f"unknown setting {', '.join(unknown)}")
    try:
        return NodeSettings(**given)
    except ValidationError as exc:
        parts = [f"{'_'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in exc.errors()]
        raise ConfigurationError("configuration_error", "; ".join(parts)) from exc
