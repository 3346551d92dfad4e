# SPDX-License-Identifier: EUPL-1.2
"""Witnesses of the world's log, each behind an address of its own: honest ones, until told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response, request

from ledger.cosignature import Cosigner
from ledger.monitor_state import MonitorState
from ledger.settings import WitnessSettings
from ledger.trust import TrustFile
from ledger.witness import Answer, Witness
from protocol.clock import Clock


class FakeWitness:
    """The real witness behind a web server; `instead` answers in its place, `asked` has the requests so far."""

    def __init__(self, number: int, folder: Path, clock: Clock) -> None:
        self.origin = f"http://w{number}.localhost:9100"
        self.cosigner = Cosigner(f"witness.example/w{number}", Ed25519PrivateKey.generate())
        self.instead: Callable[[bytes], Answer] | None = None
        self.asked: list[bytes] = []
        self.state = MonitorState(folder / f"w{number}")
        self._clock = clock
        self._witness: Witness | None = None
        self.app = Flask(f"witness{number}")
        self.app.post("/add-checkpoint")(self._add_checkpoint)

    @property
    def settings(self) -> WitnessSettings:
        return WitnessSettings(key=self.cosigner.key.text(), url=f"{self.origin}/add-checkpoint")

    def trusts(self, trust: TrustFile) -> None:
        self._witness = Witness(self.state, self._clock, trust=trust, cosigner=self.cosigner)

    def honest(self, body: bytes) -> Answer:
        assert self._witness is not None
        return self._witness.add_checkpoint(body)

    def olds(self) -> list[bytes]:
        """Return the first line of each request."""
        return [each.split(b"\n")[0] for each in self.asked]

    def _add_checkpoint(self) -> Response:
        body = request.get_data()
        self.asked.append(body)
        answer = (self.instead or self.honest)(body)
        return Response(answer.body, answer.status, content_type=answer.content_type)
