# SPDX-License-Identifier: EUPL-1.2
"""`testimoni up` as programs rely on it: READY, clean stop, ports that are taken, a second start on the same data."""

import json
import os
import signal
import socket
import subprocess
import sys
from time import monotonic

import pytest
import requests

from protocol import jws
from protocol.encoding import parse_object
from protocol.trust import MAX_LIST_CHARS
from testimoni.layout import SERVICES
from testimoni.running import find_free_layout

READY_SECONDS = 90
STOP_SECONDS = 5


def up(data, layout, *more):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "testimoni.cli",
            "up",
            "--data",
            str(data),
            "--port-base",
            str(layout.port_base),
            *more,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TESTIMONI_ISSUER_UNKNOWN": "a stray setting of somebody's shell"},
    )


def wait_ready(process):
    line = process.stdout.readline()
    assert line.startswith("READY "), line + process.stderr.read()
    return json.loads(line.removeprefix("READY "))


def stop(process, number=signal.SIGTERM):
    began = monotonic()
    process.send_signal(number)
    process.communicate(timeout=READY_SECONDS)
    return monotonic() - began


@pytest.fixture
def stopping():
    started = []
    yield started.append
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=READY_SECONDS)


def trust_list(ready):
    """The list that services read: derived from the registry on the chain, there as soon as READY is said."""
    answer = requests.get(ready["ledger"] + "/trust/v1/list", timeout=5)
    assert answer.status_code == 200
    return answer.text


def test_up_says_ready_answers_everywhere_stops_cleanly_and_starts_again(tmp_path, stopping):
    layout = find_free_layout()
    first = up(tmp_path / "data", layout)
    stopping(first)
    ready = wait_ready(first)
    assert set(ready) >= {*SERVICES, "credential_issuer", "trust"}
    for service in SERVICES:
        assert requests.get(ready[service] + "/healthz", timeout=5).status_code == 200
    trust = json.loads((tmp_path / "data" / "trust.json").read_text())
    listed = trust_list(ready)
    claims = parse_object(jws.parse(listed, max_chars=MAX_LIST_CHARS).payload)
    registry = json.loads((tmp_path / "data" / "keys" / "registry.json").read_text())
    assert (claims["registry"]["contract"], claims["sequence"]) == (registry["contract"], registry["sequence"])
    assert stop(first, signal.SIGINT) < STOP_SECONDS
    assert first.returncode == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(ready["tour"], timeout=2)
    second = up(tmp_path / "data", layout)
    stopping(second)
    assert wait_ready(second) == ready
    assert json.loads((tmp_path / "data" / "trust.json").read_text()) == trust
    # the registry did not change, so the list did not either
    assert trust_list(ready) == listed
    assert stop(second) < STOP_SECONDS


@pytest.mark.parametrize("service", SERVICES)
def test_up_when_a_port_is_taken_names_it_before_anything_starts(tmp_path, service):
    layout = find_free_layout()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", layout.port(service)))
        taken.listen()
        done = up(tmp_path / "data", layout)
        said = done.communicate(timeout=30)[1]
    assert done.returncode == 1
    assert f"port {layout.port(service)} (for the {service}) is taken" in said
    assert not (tmp_path / "data").exists()


def test_up_when_a_process_dies_stops_the_others_and_says_which(tmp_path, stopping):
    layout = find_free_layout()
    process = up(tmp_path / "data", layout)
    stopping(process)
    wait_ready(process)
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "sandbox.app"], capture_output=True, text=True, check=True
    )
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "the sandbox stopped" in said
