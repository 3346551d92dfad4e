# SPDX-License-Identifier: EUPL-1.2
"""Settings of the sandbox (`TESTIMONI_SANDBOX_…`)."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from protocol.runtime.settings import ServiceSettings

# gunicorn ends a request after 30 seconds; a held one must end well before
MAX_SILENCE_SECONDS = 20.0


class ClientApplication(BaseModel):
    """A service that may send people here to sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    client_id: str
    client_secret: SecretStr
    redirect_uris: frozenset[str]
    # shown on the sign-in page: who is asking
    name: str


class SandboxSettings(ServiceSettings):
    """What the sandbox needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="TESTIMONI_SANDBOX_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    clients: tuple[ClientApplication, ...] = Field(
        description="JSON list of the registered applications: client_id, client_secret, redirect_uris, name"
    )
    silence_seconds: float = Field(
        default=12.0,
        ge=0,
        le=MAX_SILENCE_SECONDS,
        description="how long a question that is never answered is held; longer than the asker waits",
    )

    @model_validator(mode="after")
    def _check_sandbox(self) -> Self:
        if self.environment == "production":
            raise ValueError("the sandbox never runs in production")
        if len({client.client_id for client in self.clients}) != len(self.clients):
            raise ValueError("clients must differ in client_id")
        return self
