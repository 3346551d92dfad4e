# SPDX-License-Identifier: EUPL-1.2
"""The embedded node inside this process: web3 talks to its WSGI application without a socket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from werkzeug.test import Client

from ledger import merkle
from ledger.chain.engine import Engine
from ledger.chain.kill_points import NodeKillPoints
from ledger.chain.node import NodeApplication
from ledger.chain.provider import connect
from ledger.chain.sealer import FileSealerKey
from ledger.chain.web3_chain import Web3Chain
from protocol.clock import FixedClock

CHAIN_ID = 20261121
URL = "http://localhost:8106"


class WSGIAdapter(BaseAdapter):
    """Carries a request to the node; `is_down`, or a prepared `answer`, comes instead of the node's."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    def send(self, request, **_):  # type: ignore[no-untyped-def]  # the signature of requests
        if self.node.is_down:
            raise requests.ConnectionError("no answer")
        response = requests.Response()
        response.request, response.url = request, request.url
        if self.node.answer is not None:
            response.status_code, response._content = self.node.answer
            return response
        found = self.node.client.post("/", data=request.body, headers=dict(request.headers), base_url=URL)
        response.status_code, response._content = found.status_code, found.get_data()
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Node:
    """One node: its engine, its HTTP face, and a chain client on it."""

    path: Path
    engine: Engine
    clock: FixedClock
    is_down: bool = False
    answer: tuple[int, bytes] | None = None

    @property
    def client(self) -> Client:
        return Client(NodeApplication(self.engine))

    def chain(self, contract: str | None = None) -> Web3Chain:
        session = requests.Session()
        session.mount("http://", WSGIAdapter(self))
        return Web3Chain(connect(URL, session), contract=contract)

    def post(self, body: object) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post("/", data=data, content_type="application/json", base_url=URL)

    def rpc(self, method: str, *params: object) -> Any:
        """Return the whole JSON-RPC answer."""
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).get_json()

    def result(self, method: str, *params: object) -> Any:
        found = self.rpc(method, *params)
        assert "error" not in found, found
        return found["result"]

    def error(self, method: str, *params: object) -> tuple[int, str]:
        found = self.rpc(method, *params)["error"]
        return found["code"], found["message"]

    def reopen(self, kill_points: NodeKillPoints | None = None) -> None:
        self.engine.close()
        self.engine = open_engine(self.path, self.clock, kill_points)


def open_engine(path: Path, clock: FixedClock, kill_points: NodeKillPoints | None = None) -> Engine:
    return Engine(path, chain_id=CHAIN_ID, clock=clock, kill_points=kill_points)


@dataclass
class Ledger:
    """A deployed contract with one log, and a history of its commitments."""

    chain: Web3Chain
    owner: FileSealerKey
    sealer: FileSealerKey
    log_id: bytes
    commitments: list[bytes]

    def build(self, *more: bytes, nonce: int | None = None) -> Any:
        before, after = self.commitments, [*self.commitments, *more]
        return self.chain.build_anchor(
            self.sealer,
            self.log_id,
            prev_size=len(before),
            size=len(after),
            root=mth(after),
            frontier=peaks(before),
            commitments=more,
            nonce=self.chain.nonce(self.sealer.address) if nonce is None else nonce,
        )

    def build_root(self, *more: bytes) -> Any:
        before, after = merkle.Tree(self.commitments), merkle.Tree([*self.commitments, *more])
        return self.chain.build_root_anchor(
            self.sealer,
            self.log_id,
            prev_size=before.size,
            size=after.size,
            root=mth([*self.commitments, *more]),
            proof=merkle.consistency_proof(after.read, before.size, after.size),
            nonce=self.chain.nonce(self.sealer.address),
        )

    def grow_root_only(self, *more: bytes) -> Any:
        signed = self.build_root(*more)
        self.chain.send(signed.raw)
        self.commitments += more
        return signed

    def grow(self, *more: bytes) -> Any:
        signed = self.build(*more)
        self.chain.send(signed.raw)
        self.commitments += more
        return signed


def mth(entries: list[bytes]) -> bytes:
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1 << ((len(entries) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def peaks(entries: list[bytes]) -> list[bytes]:
    found, start = [], 0
    for bit in reversed(range(len(entries).bit_length())):
        if len(entries) >> bit & 1:
            found.append(mth(entries[start : start + (1 << bit)]))
            start += 1 << bit
    return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    path, clock = tmp_path / "chain.db", FixedClock(datetime(2026, 11, 21, 10, tzinfo=UTC))
    made = Node(path, open_engine(path, clock), clock)
    yield made
    made.engine.close()


@pytest.fixture(scope="session")
def keys() -> list[FileSealerKey]:
    return [FileSealerKey.generate() for _ in range(4)]


@pytest.fixture
def ledger(node: Node, keys: list[FileSealerKey]) -> Ledger:
    chain, (owner, sealer, *_) = node.chain(), keys
    log_id = hashlib.sha256(b"localhost:8104/2026\n").digest()
    chain.deploy_consent_ledger(owner, owner=owner.address)
    chain.register_log(owner, log_id, sealer.address)
    return Ledger(chain, owner, sealer, log_id, [])
