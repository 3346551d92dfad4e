# SPDX-License-Identifier: EUPL-1.2
"""Settings of the tour: where the other services are."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import ServiceSettings


class TourSettings(ServiceSettings):
    """What the tour needs to know beside what every service does. It keeps no database of its own."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_TOUR_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: str = Field(default="sqlite://", description="not used: the tour remembers nothing")
    issuer_url: str = Field(description="where browsers reach the issuer")
    wallet_url: str = Field(description="where browsers reach the wallet")
    verifier_url: str = Field(description="where browsers reach the verifier")
    ledger_url: str = Field(description="where browsers reach the ledger's site")
    sandbox_url: str = Field(description="where browsers reach the sandbox")
    chain_url: str = Field(description="the chain's JSON-RPC address, shown in the auditor's command")
    evidence_trust_file: Path = Field(description="trust file that the auditor's walk checks evidence against")
