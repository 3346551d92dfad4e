# SPDX-License-Identifier: EUPL-1.2
"""Settings of the wallet (`TESTIMONI_WALLET_…`)."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import RecorderSettings


class WalletSettings(RecorderSettings):
    """What the wallet needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_WALLET_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    ledger_url: str = Field(description="the ledger that promises this wallet's records")
    log_origin: str = Field(description="name of that ledger's log, as on the trust list")
    issuers: tuple[str, ...] = Field(
        default=(),
        description="credential issuer identifiers that the catalogue lists; offers may come from others",
    )
