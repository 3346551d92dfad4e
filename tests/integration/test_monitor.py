# SPDX-License-Identifier: EUPL-1.2
"""`testimoni monitor` as a process: exit statuses, metrics, cosigning over HTTP, and a state that survives SIGKILL."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from ledger.checkpoint import new_key_pem
from ledger.cosignature import WitnessKey, verify
from ledger.monitor_state import MonitorState
from ledger.settings import WitnessSettings
from ledger.trust import AuditedLog, TrustFile, log_id
from ledger.witness_protocol import MAX_BODY_BYTES
from ledger.worker import Worker
from protocol.clock import SystemClock
from protocol.runtime.signer import write_secret_file
from tests.fakes.memory_chain import MemoryChain
from tests.fakes.watched_logs import Log

ROOT = Path(__file__).parents[2]


class Served:
    """A real log behind a real port, and the monitor's command beside it."""

    def __init__(self, world, settings) -> None:
        self.folder = world.folder
        self.log = Log(settings, world.clock, "honest", MemoryChain(log_id(settings.origin)))
        self.log.grow(2, anchor=False)
        self.liar = Log(settings, world.clock, "liar", MemoryChain(log_id(settings.origin)))
        self.liar.grow(2, anchor=False)
        self.app = self.log.app
        self.server = make_server("127.0.0.1", 0, lambda *call: self.app(*call), threaded=True)  # noqa: PLW0108 - `app` changes
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.port}"
        state = self.log.app.extensions["ledger.services"].publication.get_log(None)
        self.described: AuditedLog = state.audited(frozenset())
        self.write_trust()

    def write_trust(self, *witnesses: WitnessKey) -> None:
        text = json.dumps(TrustFile("", (self.described,), (), witnesses).to_json())
        (self.folder / "trust.json").write_text(text)

    def command(self, *arguments: str, name: str = "monitor") -> list[str]:
        start = [
            sys.executable,
            "-m",
            "testimoni.cli",
            name,
            *arguments,
            "--trust",
            str(self.folder / "trust.json"),
        ]
        if name == "monitor":
            start += ["--ledger", self.url, "--state", str(self.folder / "state")]
        return start

    def run(self, *arguments: str, name: str = "monitor") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments, name=name), capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
        )


@pytest.fixture
def served(world, ledger_settings):
    made = Served(world, ledger_settings)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_monitor_when_run_once_then_its_status_says_what_it_found(served):
    held = served.run("--once", "--json")
    assert held.returncode == 0, held.stderr
    (report,) = map(json.loads, held.stdout.splitlines())
    assert (report["result"], report["size"]) == ("holds", 16)
    served.app = served.liar.app
    found_out = served.run("--once")
    assert found_out.returncode == 1
    assert "VIOLATED localhost:8104/2026: log append-only" in found_out.stderr
    (proof,) = (served.folder / "state" / "violations").iterdir()
    assert served.run(str(proof), name="verify-violation").returncode == 1
    served.server.shutdown()
    served.server.server_close()
    assert served.run(str(proof), "--json", name="verify-violation").returncode == 1
    (served.folder / "state" / "violations" / proof.name).unlink()
    assert served.run("--once").returncode == 2


def test_monitor_when_it_may_go_on_then_it_alerts_and_ends_with_one(served):
    served.run("--once")
    served.app = served.liar.app
    process = subprocess.Popen(
        served.command("--interval", "0.05", "--on-violation", "alert"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        for _ in range(3):
            assert process.stderr.readline().startswith("VIOLATED")
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(30) == 1


def test_monitor_without_a_chain_never_loads_web3(served):
    code = (
        "import sys; from ledger.monitor_command import monitor_command as run;"
        f"status = run({served.command('--once')[4:]!r});"
        "sys.exit(status or 'web3' in sys.modules or 'eth' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_monitor_that_is_set_up_wrongly_does_not_start(served):
    write_secret_file(served.folder / "witness.pem", new_key_pem())
    assert served.run("--once", "--cosign-key", str(served.folder / "witness.pem")).returncode == 2
    assert served.run("--once", "--ca", str(served.folder / "none.pem"), "--metrics-port", "65536").returncode == 2
    (served.folder / "trust.json").write_text("{}")
    assert served.run("--once").returncode == 2


def _ask(url: str, path: str, body: bytes | None = None, *, length: str | None = None) -> tuple[int, str, str]:
    """Return status, content type and body; with `length` only the header of a body is sent."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    try:
        if length is None:
            connection.request("GET" if body is None else "POST", path, body)
        else:
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", length)
            connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_witness_when_asked_over_http_then_it_cosigns_and_counts(served):
    write_secret_file(served.folder / "witness.pem", new_key_pem())
    process = subprocess.Popen(
        served.command(
            "--cosign-key",
            str(served.folder / "witness.pem"),
            "--witness-name",
            "witness.example/w1",
            "--metrics-port",
            "0",
            "--interval",
            "600",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            key = WitnessKey.parse(process.stderr.readline().split()[1])
            url = process.stderr.readline().split()[1]
            for _ in range(3):
                assert "holds" in process.stdout.readline()
            served.log.grow(1, anchor=False)
            publication = served.log.app.extensions["ledger.services"].publication
            proof = publication.prove_consistency(16, 24, log=None)
            note = publication.get_checkpoint(log=None).note
            lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
            status, _, line = _ask(url, "/add-checkpoint", f"old 16\n{lines}\n{note}".encode())
            assert status == 200
            assert verify(note + line, key, now=SystemClock().now()).witness == key
            again = _ask(url, "/add-checkpoint", f"old 0\n\n{note}".encode())
            assert again == (409, "text/x.tlog.size", "24\n")
            assert _ask(url, "/elsewhere", b"")[0] == 404
            for length in (str(MAX_BODY_BYTES + 1), f"{0:020}{MAX_BODY_BYTES + 1}", f"{0:021}", "-1", ""):
                assert _ask(url, "/add-checkpoint", length=length)[0] == 413
            assert _ask(url, "/add-checkpoint", length=f"{0:020}")[0] == 400
            metrics = _ask(url, "/metrics")[2]
            assert 'testimoni_monitor_log_size{log="localhost:8104/2026"' in metrics
            assert 'testimoni_monitor_violated{log="localhost:8104/2026"} 0.0' in metrics
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0


def test_ledger_when_it_asks_a_running_witness_then_a_monitor_counts_its_signature(served):
    write_secret_file(served.folder / "witness.pem", new_key_pem())
    witness = ["--cosign-key", str(served.folder / "witness.pem"), "--witness-name", "witness.example/w1"]
    process = subprocess.Popen(
        served.command(*witness, "--metrics-port", "0", "--interval", "600"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            key = WitnessKey.parse(process.stderr.readline().split()[1])
            url = process.stderr.readline().split()[1]
            for _ in range(3):
                assert "holds" in process.stdout.readline()
            served.log.grow(1, anchor=False)
            update = {
                "witnesses": (WitnessSettings(key=key.text(), url=f"{url}/add-checkpoint"),),
                "allowed_private_origins": frozenset({url}),
                "chain_url": None,
            }
            # the witness saw 16 leaves already, and says so
            clock = SystemClock()
            worker = Worker(served.log.settings.model_copy(update=update), clock=clock)
            assert worker.gather() == 1
            assert worker.gather() == 0
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    served.write_trust(key)
    looked = served.run("--once", "--json")
    (report,) = map(json.loads, looked.stdout.splitlines())
    details = [each["detail"] for each in report["findings"] if each["level"] == "head seen by witnesses"]
    assert (report["size"], details[0][:22]) == (24, "1 of 1 known witnesses")


def test_state_when_the_monitor_is_killed_at_any_moment_then_nothing_acknowledged_is_forgotten(tmp_path):
    last = 0
    for kill in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.killed_monitor", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        with process:
            for _ in range(3 + 7 * kill):
                last = int(process.stdout.readline())
            process.kill()
            # what it said before it died; the last line may be cut off
            said = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
            last = int(said[-1]) if said else last
        state = MonitorState(tmp_path)
        found = state.find("log.example/2026")
        state.close()
        assert found.checkpoint.size in {last, last + 1}
