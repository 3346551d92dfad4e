# SPDX-License-Identifier: EUPL-1.2
"""Sequencer, anchorer, web workers and chain node are killed at random moments, while entries are recorded.

Between the worker and its node stands a relay that loses answers and empties pools: it passes a transaction on and
keeps the answer, or says that it was taken and passes nothing on. The same on anvil, which makes a block a second:
there the chain is not killed but reorganised, and its pool emptied. What was promised is in the log at the end, once;
nothing is anchored twice; the root is right; the audit command agrees.

`TESTIMONI_KILL_ROUNDS` says how many kills (a few in every run, 200 at night), `TESTIMONI_KILL_SEED` repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from eth_utils.crypto import keccak

from ledger.commitment import Commitment
from protocol.encoding import b64url_encode, parse_object
from tests.integration.foundry import Anvil
from tests.integration.ledger_stack import Stack, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.slow
ROUNDS = int(os.environ.get("TESTIMONI_KILL_ROUNDS", "8"))
# one of so many transactions is lost on the way, or its answer is
LOSSES = 4
# anvil calls a block final when two follow
NOT_FINAL = 2
TARGETS = ("worker", "chain", "web", "web worker")
# long enough for a batch and an anchor, short enough to hit both
LONGEST_WAIT_SECONDS = 2.0


class Relay:
    """JSON-RPC between the worker and its node, as an unreliable network and a forgetful node have it."""

    def __init__(self, chance: random.Random, target: str) -> None:
        self.port = free_port()
        self.lost: Counter[str] = Counter()
        self.is_honest = False
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fate = "passed"
                members = json.loads(body)
                is_sent = isinstance(members, dict) and members.get("method") == "eth_sendRawTransaction"
                if is_sent and not relay.is_honest:
                    fate = chance.choice(["answer lost", "pool emptied", *["passed"] * LOSSES])
                    relay.lost[fate] += 1
                if fate == "pool emptied":
                    raw = bytes.fromhex(members["params"][0].removeprefix("0x"))
                    taken = {"jsonrpc": "2.0", "id": members["id"], "result": "0x" + keccak(raw).hex()}
                    self._answer(200, json.dumps(taken).encode())
                    return
                try:
                    found = requests.post(
                        target, data=body, headers={"Content-Type": "application/json"}, timeout=30
                    )
                except requests.RequestException:
                    self.close_connection = True
                    return
                if fate == "answer lost":
                    self.close_connection = True
                    return
                self._answer(found.status_code, found.content)

            def _answer(self, status: int, body: bytes) -> None:
                # whoever asked may be dead by now
                with suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Recorder:
    """Has entries promised all the time; remembers those whose promise arrived."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.promises: dict[Commitment, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            commitment = Commitment(secrets.token_bytes(32))
            body = {"commitment": b64url_encode(commitment)}
            try:
                answer = requests.post(f"{self._stack.url}/log/v1/entries", json=body, timeout=10)
            except requests.RequestException:
                self._stop.wait(0.05)
                continue
            if answer.status_code == 201:
                self.promises[commitment] = answer.json()["promise"]
            self._stop.wait(0.02)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("TESTIMONI_KILL_SEED") or secrets.randbits(32))
    sys.stdout.write(f"TESTIMONI_KILL_SEED={seed}\n")  # shown when the test fails
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


@pytest.fixture
def anvil(tmp_path) -> Iterator[Anvil]:
    made = Anvil(tmp_path, "--block-time", "1")
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stack(request, tmp_path) -> Iterator[Stack]:
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.create("ledger")
    made = Stack(tmp_path, database_url=url, web_workers=2)
    try:
        yield made
    finally:
        made.stop_all()
        if url is not None:
            server.drop(url)


@pytest.fixture
def stack_on_anvil(tmp_path, anvil) -> Iterator[Stack]:
    made = Stack(tmp_path, web_workers=2, anvil_url=anvil.url)
    try:
        yield made
    finally:
        made.stop_all()


def reorganise(anvil: Anvil, chance: random.Random) -> None:
    """Take off the newest blocks, none of them final, and forget what waited."""
    anvil.result("anvil_dropAllTransactions")
    anvil.result("anvil_reorg", chance.randint(1, NOT_FINAL), [])


def kill(stack: Stack, target: str) -> None:
    """Kill a process and start it again."""
    if target == "web worker":
        # its master starts another one
        for number in stack.children("web")[:1]:
            os.kill(number, signal.SIGKILL)
        return
    if target == "web":
        children = stack.children("web")
        stack.stop("web")
        for number in children:
            os.kill(number, signal.SIGKILL)
        wait_for("the port of the web service", lambda: not stack.answers(f"{stack.url}/healthz"))
        stack.start_web()
        return
    stack.stop(target)
    if target == "chain":
        stack.start_chain()
    else:
        stack.start_worker()


def test_nothing_is_lost_when_anything_is_killed_at_any_moment(stack, chance):
    run(stack, chance, kill)


def test_nothing_is_lost_when_the_chain_is_reorganised_meanwhile(stack_on_anvil, anvil, chance):
    def strike(stack: Stack, target: str) -> None:
        if target == "chain":
            reorganise(anvil, chance)
        else:
            kill(stack, target)

    run(stack_on_anvil, chance, strike)


def run(stack: Stack, chance: random.Random, strike: Callable[[Stack, str], None]) -> None:
    """Strike at random moments, let everything settle, and look at what came of it."""
    relay = Relay(chance, stack.chain_url)
    stack.environment["CHAIN_URL"] = f"http://127.0.0.1:{relay.port}"
    stack.start_web()
    stack.start_worker()
    wait_for("the log", lambda: stack.answers(f"{stack.url}/readyz"))
    recorder = Recorder(stack)
    killed: Counter[str] = Counter()
    try:
        for number in range(ROUNDS):
            before = len(recorder.promises)
            wait_for("a promise", lambda before=before: len(recorder.promises) > before)
            time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))  # the kill comes when it comes
            target = TARGETS[number % len(TARGETS)]
            strike(stack, target)
            killed[target] += 1
    finally:
        recorder.stop()
        relay.is_honest = True
    stack.added = list(recorder.promises)
    wait_for("everything anchored", _settled(stack))
    stack.stop("worker")
    sys.stdout.write(
        f"{dict(killed)} killed, {dict(relay.lost)}, {len(stack.added)} promises, {stack.size()} leaves\n"
    )
    _check_promises(stack, recorder)
    stack.check_whole()
    relay.stop()


def _settled(stack: Stack) -> Callable[[], bool]:
    def ready() -> bool:
        return stack.answers(f"{stack.url}/readyz") and stack.is_settled()

    return ready


def _check_promises(stack: Stack, recorder: Recorder) -> None:
    """Assert that each promise that was answered was durable: it is the one that is given again."""
    for commitment, promise in list(recorder.promises.items())[:: max(1, len(recorder.promises) // 50)]:
        body = {"commitment": b64url_encode(commitment)}
        answer = requests.post(f"{stack.url}/log/v1/entries", json=body, timeout=10)
        assert parse_object(answer.content)["promise"] == promise
