# SPDX-License-Identifier: EUPL-1.2
"""Settings of the verifier (`TESTIMONI_VERIFIER_…`)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import RecorderSettings


class VerifierSettings(RecorderSettings):
    """What the verifier needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_VERIFIER_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    wallet_url: str = Field(description="the wallet whose links the QR codes carry, without a trailing slash")
    ledger_url: str = Field(description="the ledger that records the office's answers, without a trailing slash")
    log_origin: str = Field(description="origin of that ledger's current log, such as ledger.example/2026")
    blocking_key_file: Path = Field(
        description="32 random bytes that seal blocked cases; kept apart from the database and from secret_key"
    )
    request_lifetime_seconds: int = Field(
        default=900,
        ge=60,
        le=900,
        description="how long a request can be answered; wallets repeat an unknown delivery until then",
    )
    blocked_days: int = Field(
        default=1095,
        ge=1,
        description="how long blocked cases are kept before they are destroyed (LOPDGDD, article 32)",
    )
