# SPDX-License-Identifier: EUPL-1.2
"""Settings of the wallet (`TESTIMONI_WALLET_…`)."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import ServiceSettings


class WalletSettings(ServiceSettings):
    """What the wallet needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_WALLET_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    valid_url: str = Field(description="VÀLid as this service reaches it")
    valid_browser_url: str = Field(description="VÀLid as browsers reach it")
    valid_client_id: str = Field(description="as registered at VÀLid; its return address is …/valid/callback")
    valid_client_secret: SecretStr = Field(description="as registered at VÀLid")
    ledger_url: str = Field(description="the ledger that promises this wallet's records")
    log_origin: str = Field(description="name of that ledger's log, as on the trust list")
    issuers: tuple[str, ...] = Field(
        default=(),
        description="credential issuer identifiers that the catalogue lists; offers may come from others",
    )
