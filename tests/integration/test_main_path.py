# SPDX-License-Identifier: EUPL-1.2
"""The main path over real processes: several workers per service, and everything stopped and started half-way."""

import json
import subprocess
import sys

import pytest

from testimoni import cli
from testimoni.running import find_free_layout, own
from testimoni.walk import STEPS, Walk


def test_main_path_with_two_workers_per_service_and_a_restart_in_mid_flow_holds(tmp_path):
    layout, data = find_free_layout(), tmp_path / "data"
    names = [name for name, _ in STEPS]
    middle = names.index("record, promise, send")
    with own(data, workers=2, layout=layout) as running:
        walk = Walk(running, tmp_path / "wallet")
        for _, step in STEPS[:middle]:
            step(walk)
    try:
        # the same cookies, offers, requests and keys go on: nothing was in a process
        with own(data, workers=2, layout=layout):
            said = {name: step(walk) for name, step in STEPS[middle:]}
    finally:
        walk.close()
    assert list(said) == names[middle:]
    # made before everything was stopped, and promised by then or afterwards
    assert said["verify the recorded query"].startswith("exit status 0")
    assert said["record, promise, send"].startswith("promised by the ledger, then sent; accepted")
    # one identifier through all the services that the walk touched, also where one service asked another
    for service in ("issuer", "sandbox", "verifier", "ledger"):
        assert walk.correlation in (data / "logs" / f"{service}.log").read_text()


def test_demo_starts_its_own_set_up_and_reports_each_step(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "testimoni.cli", "demo", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["holds"] is True
    assert [step["step"] for step in report["steps"]] == [name for name, _ in STEPS]


def test_demo_when_the_named_set_up_does_not_run_says_so_and_fails(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["testimoni", "demo", "--data", str(tmp_path)])
    assert cli.main() == 1
    assert "no set-up runs" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["demo", "--help"], ["wallet", "--help"]])
def test_help_is_there_without_loading_the_services(arguments):
    script = (
        "import sys; sys.argv = ['testimoni', *sys.argv[1:]]\n"
        "from testimoni.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'flask', 'sqlmodel', 'web3'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
