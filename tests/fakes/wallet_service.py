# SPDX-License-Identifier: EUPL-1.2
"""The wallet's application over a file of its own, among whatever peers the world's HTTP client reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from protocol.runtime.database import migrate, open_database
from tests.fakes.wallet_peers import LEDGER, LOG, SANDBOX, WALLET
from wallet.app import create_app
from wallet.settings import WalletSettings


def open_wallet(world: Any, database_file: Path, *, log: str = LOG) -> Flask:
    """Return the application."""
    url = f"sqlite:///{database_file}"
    migrate(open_database(url), "wallet")
    settings = WalletSettings(
        environment="development",
        public_url=WALLET,
        database_url=url,
        secret_key="x" * 40,
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        valid_url=SANDBOX,
        valid_browser_url=SANDBOX,
        valid_client_id="wallet",
        valid_client_secret="secret",
        ledger_url=LEDGER,
        log_origin=log,
        issuers=tuple(party.issuer_identifier for party in world.parties.values()),
    )
    return create_app(settings, clock=world.clock, http=world.http)
