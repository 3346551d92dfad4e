# SPDX-License-Identifier: EUPL-1.2
"""The auditor of a practice set-up, who asks an office for its signed records with the project's command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from practice import Practice

from ledger.commitment import commit
from ledger.evidence import Evidence
from protocol.encoding import b64url_encode
from testimoni import records_command


class Auditor:
    """Somebody who supervises the offices, at a command line."""

    def __init__(self, practice: Practice, folder: Path) -> None:
        self._office = f"{practice.verifier}/ajuntament"
        self._trust = Path(practice.trust)
        self._folder = folder
        keys = self._trust.parent / "keys"
        self._identity = [
            "--key",
            str(keys / "auditor.key"),
            "--certificate",
            str(keys / "auditor-certificate.txt"),
        ]

    def ask_about(self, evidence: Path) -> None:
        """Ask for the record of the share in this file, which a citizen brought."""
        (shared, *_) = Evidence.parse(evidence.read_bytes()).records
        due = datetime.now(UTC).date() + timedelta(days=10)
        self._records(
            *("ask", "--office", self._office, "--party", "L01990015"),
            *("--reason", "Inspection 12/2026, GDPR article 58.1.e", "--due", f"{due}"),
            *("--commitment", b64url_encode(commit(shared.key, shared.record))),
            *("--output", str(self._folder / "request.json")),
        )

    def fetch(self) -> None:
        kept, output = self._folder / "request.json", self._folder / "records.json"
        self._records("fetch", str(kept), "--trust", str(self._trust), "--output", str(output))

    def _records(self, *arguments: str) -> None:
        assert records_command.run([*arguments, *self._identity]) == 0
