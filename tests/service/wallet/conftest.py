# SPDX-License-Identifier: EUPL-1.2
"""The wallet's application among fake peers, and a citizen at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.fakes.wallet_browser import Citizen
from tests.fakes.wallet_peers import Peers, install_peers
from tests.fakes.wallet_service import open_wallet


@pytest.fixture
def peers(world: Any) -> Peers:
    return install_peers(world)


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return tmp_path / "wallet.sqlite3"


@pytest.fixture
def wallet_app(world: Any, peers: Peers, database_file: Path) -> Flask:
    return open_wallet(world, database_file)


@pytest.fixture
def citizen(wallet_app: Flask) -> Citizen:
    made = Citizen(wallet_app)
    made.enter()
    return made


@pytest.fixture
def graduate(citizen: Citizen, peers: Peers) -> Citizen:
    assert citizen.receive(peers.issuer.link()).status_code == 201
    return citizen
