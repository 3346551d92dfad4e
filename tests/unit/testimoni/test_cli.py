# SPDX-License-Identifier: EUPL-1.2
"""Exit status 1 of a command that judges is its verdict and nothing else."""

from __future__ import annotations

import os
import sys

import pytest

from ledger import auditor
from ledger.audit_state import AuditState
from ledger.findings import Level, holds
from protocol.errors import RequestError
from testimoni import cli

JUDGING = sorted(cli._JUDGING)


def run(monkeypatch, name, error) -> int:
    def fail(_arguments) -> int:
        raise error

    monkeypatch.setitem(cli._COMMANDS, name, ("", fail))
    monkeypatch.setattr(sys, "argv", ["testimoni", name])
    return cli.main()


@pytest.mark.parametrize("name", JUDGING)
@pytest.mark.parametrize("error", [RequestError("invalid_file", "x"), MemoryError(), KeyError("x"), OSError()])
def test_command_that_judges_never_ends_with_its_verdict_for_another_reason(monkeypatch, capsys, name, error):
    assert run(monkeypatch, name, error) == 2
    assert capsys.readouterr().err


def test_other_commands_end_with_one_for_our_errors_and_show_a_defect(monkeypatch):
    assert run(monkeypatch, "recorder", RequestError("invalid_file", "x")) == 1
    with pytest.raises(KeyError):
        run(monkeypatch, "recorder", KeyError("x"))


def test_commands_that_judge_are_commands():
    assert set(JUDGING) < set(cli._COMMANDS)


def test_audit_that_holds_and_cannot_keep_its_state_says_so_and_is_not_violated(monkeypatch, tmp_path, capsys):
    class Holds:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, _evidence: object) -> auditor.Report:
            return auditor.Report("x", [holds(Level.LEAVES, "8 leaves")], state=AuditState("", 0, (), None))

    monkeypatch.setattr("ledger.auditor.Auditor", Holds)
    command = ["testimoni", "audit", "--ledger", "https://x.example", "--chain", "https://y.example", "--state"]
    monkeypatch.setattr(sys, "argv", [*command, str(tmp_path / "missing" / "state.json")])
    assert cli.main() == 0
    assert "cannot be written" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*command, str(tmp_path / "state.json")])
    assert cli.main() == 0
    assert (tmp_path / "state.json").exists()


@pytest.mark.parametrize("service", ["ledger", "issuer"])
def test_worker_of_a_service_without_its_settings_says_which_and_fails(monkeypatch, capsys, service):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for name in [name for name in os.environ if name.startswith("TESTIMONI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["testimoni", "worker", "--service", service])
    assert cli.main() == 1
    assert f"{service} worker: TESTIMONI_{service.upper()}_" in capsys.readouterr().err
