# SPDX-License-Identifier: EUPL-1.2
"""Typed, frozen settings read from the environment (twelve-factor), one prefix per service.

- A missing name, an unknown name with our prefix, or a bad value refuses to start.
- Secrets have no default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from protocol.errors import ConfigurationError
from protocol.runtime.signer import read_secret_file

_S = TypeVar("_S", bound="ServiceSettings")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MIN_SECRET_CHARS = 32


class ServiceSettings(BaseSettings):
    """What every service needs to know."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    environment: Literal["development", "production"] = Field(
        description="development allows http on loopback and private origins named below; production refuses both"
    )
    public_url: str = Field(description="where browsers reach this service, without a trailing slash")
    database_url: str = Field(description="sqlite:///FILE or postgresql+psycopg://…")
    secret_key: SecretStr = Field(description="at least 32 characters; signs and seals what the browser carries")
    trust_anchor_file: Path = Field(description="PEM certificate of the authority that signs the trust list")
    trust_list_file: Path | None = Field(
        default=None, description="the signed trust list, a compact JWS; this or its address"
    )
    trust_list_url: str | None = Field(
        default=None, description="where the signed trust list is fetched from, a ledger's /trust/v1/list"
    )
    trust_list_refresh_seconds: int = Field(
        default=60, ge=1, le=86_400, description="a fetched list is asked for again after this time"
    )
    allowed_private_origins: frozenset[str] = Field(
        default=frozenset(),
        description="exact origins that may be fetched although they are not public; empty in production",
    )
    private_ca_file: Path | None = Field(
        default=None, description="PEM of the local authority that certifies the origins named above"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        url = urlsplit(self.public_url)
        if self.public_url.endswith("/") or url.query or url.fragment or not url.hostname:
            raise ValueError("public_url must be an absolute URL without trailing slash, query or fragment")
        if len(self.secret_key.get_secret_value()) < MIN_SECRET_CHARS:
            raise ValueError(f"secret_key must have at least {MIN_SECRET_CHARS} characters")
        if (self.trust_list_file is None) == (self.trust_list_url is None):
            raise ValueError("exactly one of trust_list_file and trust_list_url is needed")
        if self.environment == "production" and self.allowed_private_origins:
            raise ValueError("allowed_private_origins must be empty in production")
        if url.scheme != "https" and (self.environment == "production" or url.hostname not in LOOPBACK_HOSTS):
            raise ValueError("public_url must be https, except on loopback in development")
        return self

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach this service over TLS."""
        return self.public_url.startswith("https://")


class SignInSettings(ServiceSettings):
    """What a service needs to know beside that when it signs people in through VÀLid."""

    valid_url: str = Field(description="VÀLid as this service reaches it")
    valid_browser_url: str = Field(description="VÀLid as browsers reach it")
    valid_client_id: str = Field(description="as registered at VÀLid; its return address is …/valid/callback")
    valid_client_secret: SecretStr = Field(description="as registered at VÀLid")


class RecorderSettings(SignInSettings):
    """What a service needs to know beside that when it has entries promised by a ledger."""

    recorder_token_file: Path | None = Field(
        default=None, description="the token that the ledger's operator gave; needed in production"
    )

    @model_validator(mode="after")
    def _check_recorder(self) -> Self:
        if self.environment == "production" and self.recorder_token_file is None:
            raise ValueError("recorder_token_file is needed in production")
        return self

    def recorder_token(self) -> str | None:
        """Return the token; None where the ledger takes entries from anyone.

        Raises `ConfigurationError` when the file cannot be read, or can be read by others.
        """
        if self.recorder_token_file is None:
            return None
        return read_secret_file(self.recorder_token_file).decode("ascii", "replace").strip()


def load_settings(kind: type[_S], **given: object) -> _S:
    """Return the settings from the environment; `given` values win.

    Raises `ConfigurationError` that names every setting that is missing, unknown or unusable.
    """
    prefix = str(kind.model_config.get("env_prefix", ""))
    known = {prefix + name.upper() for name in kind.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(prefix) and name not in known)
    if prefix and unknown:
        raise ConfigurationError("configuration_error", f"unknown setting {', '.join(unknown)}")
    try:
        return kind(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as exc:
        parts = [f"{prefix}{'_'.join(str(p) for p in e['loc']).upper() or '*'}: {e['msg']}" for e in exc.errors()]
        raise ConfigurationError("configuration_error", "; ".join(parts)) from exc
