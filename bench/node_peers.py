# SPDX-License-Identifier: EUPL-1.2
"""The peers from npm: one Node.js process, asked line by line so that its batches interleave with ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.measure import Batch
from bench.ours import Presentation
from bench.world import STATUS_LIST_SIZE, STATUS_LIST_URI, World, claims
from protocol.clock import epoch_seconds
from protocol.encoding import JSON, b64url_encode
from protocol.keys import PrivateKey

_FOLDER = Path(__file__).parent
# what the packages themselves ask for
_OLDEST_NODE = 20
WIRINGS = {"default": "@sd-jwt, default wiring", "best": "@sd-jwt, best wiring"}


def absence() -> str | None:
    """Return why the peers from npm cannot run, or None when they can."""
    node = shutil.which("node")
    if node is None:
        return "Node.js is not installed"
    major = subprocess.run([node, "--print", "parseInt(process.versions.node)"], capture_output=True, check=True)
    if int(major.stdout) < _OLDEST_NODE:
        return f"Node.js is older than {_OLDEST_NODE}"
    # npm writes this file last
    if not (_FOLDER / "node_modules" / ".package-lock.json").is_file():
        return "their packages are not installed (npm ci --prefix bench)"
    return None


def installed_version(package: str) -> str:
    """Return the version of an installed package."""
    text = (_FOLDER / "node_modules" / package / "package.json").read_text("utf-8")
    return str(json.loads(text)["version"])


class NodePeers:
    """The process. Leaving the block ends it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [shutil.which("node") or "node", "peers.mjs"],
            cwd=_FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def set_up(
        self, world: World, plain: Sequence[Presentation], with_status: Sequence[Presentation], token: str
    ) -> str:
        """Give the material; return what runs there."""
        key = world.issuer.issuer_key
        answer = self._ask(
            {
                "do": "set-up",
                "issuer_key": _private_jwk(key),
                "issuer_public_key": key.public_key.jwk(),
                "issuance": {
                    "payload": {**world.payload(), "cnf": {"jwk": world.holders[0].public_key.jwk()}},
                    "disclosable": claims(12),
                    "x5c": [*world.issuer.issuer_chain],
                },
                "presentations": [_presentation(each) for each in plain],
                "presentations_with_status": [_presentation(each) for each in with_status],
                "status_list_token": token,
                "status_list_size": STATUS_LIST_SIZE,
                "status_list_claims": {
                    "iss": world.issuer.issuer_identifier,
                    "sub": STATUS_LIST_URI,
                    "iat": epoch_seconds(world.now),
                },
                "revoked": [*world.revoked],
                "flipped": world.flipped,
            }
        )
        return f"node {str(answer['node']).removeprefix('v')} (OpenSSL {answer['openssl']})"

    def accepts(self, wiring: str, presentation: Presentation) -> bool:
        """Whether the peer accepts this presentation."""
        return self._ask({"do": "verify", "wiring": wiring, **_presentation(presentation)})["accepted"] is True

    def work(self, what: str) -> NodeWork:
        """Return a piece of the process's work."""
        return NodeWork(self, what)

    def time(self, what: str, repeat: int) -> Batch:
        """Have the process time a batch."""
        answer = self._ask({"do": "time", "what": what, "repeat": repeat})
        return Batch(wall=_seconds(answer, "wall"), cpu=_seconds(answer, "cpu"))

    def _ask(self, request: dict[str, JSON]) -> dict[str, JSON]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())  # type: ignore[no-any-return]  # our own script


@dataclass(frozen=True)
class NodeWork:
    """Work in the process, by its name there."""

    peers: NodePeers
    what: str

    def run(self, repeat: int) -> Batch:
        """Do it so many times."""
        return self.peers.time(self.what, repeat)


def _seconds(answer: dict[str, JSON], name: str) -> float:
    value = answer[name]
    if not isinstance(value, int | float):
        raise TypeError("expected a number of seconds")
    return value


def _presentation(presentation: Presentation) -> dict[str, JSON]:
    return {"text": presentation.text, "nonce": presentation.nonce}


def _private_jwk(key: PrivateKey) -> dict[str, JSON]:
    secret = key.secret.private_numbers().private_value  # type: ignore[union-attr]  # it is a P-256 key
    return {**key.public_key.jwk(), "d": b64url_encode(secret.to_bytes(32))}
