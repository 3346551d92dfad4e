# SPDX-License-Identifier: EUPL-1.2
"""Settings of the issuer (`TESTIMONI_ISSUER_…`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import RecorderSettings


class IssuerSettings(RecorderSettings):
    """What the issuer needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_ISSUER_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    wallet_url: str = Field(description="where browsers reach our wallet, without a trailing slash")
    ledger_url: str = Field(description="the ledger that records queries at sources, without a trailing slash")
    log_origin: str = Field(description="origin of that ledger's current log, such as ledger.example/2026")
    via_oberta_endpoint: str = Field(description="address of the platform's synchronous service (Sincron)")
    source_timeout_seconds: float = Field(default=10.0, gt=0, le=20, description="how long to wait for a source")
    batch_size: int = Field(default=5, ge=2, le=20, description="copies of a document that a wallet may have")
    offer_seconds: int = Field(default=900, ge=60, le=3600, description="how long an offer can be collected")
    access_token_seconds: int = Field(
        default=300, ge=30, le=300, description="longer tokens would have to be bound to a key"
    )
    status_ttl_seconds: int = Field(
        default=900, ge=60, le=21600, description="how long others may keep a status list before asking again"
    )
    nonce_seconds: int = Field(default=300, ge=30, le=600, description="how long a nonce can be used")
