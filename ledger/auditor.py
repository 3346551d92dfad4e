# SPDX-License-Identifier: EUPL-1.2
"""The auditor's errands: fetch the log and its anchors, then let `ledger.audit` judge.

*Could not be fetched* and *wrong* stay apart: no answer is "could not tell", a malformed one is "violated".
Each level of a log has a line in every report; that of a level that was not looked at says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger.audit import LogContents, audit_tree, witnessed
from ledger.audit_state import AuditState
from ledger.chain.client import open_chain
from ledger.chain.interface import AnchorEvent, Chain
from ledger.chain_reader import ChainReader, ReorganisedError
from ledger.checkpoint import Checkpoint
from ledger.client import LedgerClient
from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.finality import blocks_of, check_finality
from ledger.findings import (
    ExitStatus,
    Finding,
    Level,
    Outcome,
    complete,
    could_not_tell,
    failed,
    holds,
    overall,
    violated,
)
from ledger.log_reader import LogReader, Progress
from ledger.trust import AuditedLog, TrustFile
from protocol.clock import Clock, SystemClock
from protocol.encoding import JSON
from protocol.errors import Error, UnavailableError
from protocol.runtime.fetch import Fetcher, HTTPClient, origin_of

FROM_THE_FILE = "keys, contract and validators are those of the trust file"


@dataclass
class Report:
    """What an audit found: about the log, and about each record of the evidence."""

    title: str
    findings: list[Finding] = field(default_factory=list)
    records: tuple[tuple[Finding, ...], ...] = ()
    state: AuditState | None = None
    """Where the next audit can continue; None unless this one holds."""


class Auditor:
    """One audit of one log. `http`, `open_chain` and `clock` are for tests.

    With `state` it continues where an earlier audit ended; `report.state` is where this one did.
    """

    def __init__(
        self,
        ledger_url: str,
        chain_url: str,
        trust: TrustFile | None,
        *,
        log: str | None,
        from_size: int,
        state: AuditState | None = None,
        progress: Progress = lambda _done, _total: None,
        ca_file: Path | None = None,
        http: HTTPClient | None = None,
        open_chain: Callable[..., Chain] = open_chain,
        clock: Clock | None = None,
    ) -> None:
        self._ledger_url = ledger_url
        self._chain_url = chain_url
        self._trust = trust
        self._log = log
        self._from_size = from_size if state is None else state.size
        self._state = state
        self._progress = progress
        self._ca_file = ca_file
        self._http = http
        self._open_chain = open_chain
        self._clock = clock or SystemClock()

    def run(self, evidence: Evidence | None) -> Report:
        """Return the findings, in the order of their levels; never raises an `Error` of ours."""
        report = Report(self._ledger_url)
        contents: dict[str, LogContents] = {}
        self._level = Level.TRUST
        try:
            self._audit(report, contents)
        except Error as exc:
            report.findings.append(failed(self._level, exc))
        report.findings = [*complete(report.findings)]
        if evidence is not None:
            report.records = audit_evidence(evidence, self._known(), contents, now=self._clock.now())
        return report

    def _audit(self, report: Report, contents: dict[str, LogContents]) -> None:
        client = self._client()
        known = self._find_log(client, report)
        if known is None:
            return
        report.title = f"{known.origin}"
        before = self._continue(known, report)
        # the chain first: whatever is anchored now is in the head that is read afterwards
        reader = ChainReader(self._open_chain, self._chain_url, self._from_size, self._state)
        anchors = self._read_chain(reader, known, report)
        self._level = Level.CHECKPOINT
        note = client.checkpoint()
        head = checkpoints.verify(note, known.checkpoint_key)
        report.title = f"{known.origin} at {head.size} leaves"
        report.findings.append(holds(self._level, f"{head.size} leaves"))
        report.findings.append(witnessed(note, self._known().witnesses, now=self._clock.now()))
        if before is not None:
            _check_newer(before, head)
        self._level = Level.LEAVES
        start, peaks = (0, ()) if self._state is None else self._state.start()
        leaves, tree = LogReader(client, head, start, peaks, self._progress).read()
        found = contents[known.origin] = LogContents(
            leaves, anchors, start, known.mirrors, self._anchored_before()
        )
        report.findings.extend(self._judge(head, tree, found, before))
        self._level = Level.ANCHORED
        if anchors is not None:
            report.findings.extend(reader.check_fresh(self._clock.now()))
            report.findings.extend(reader.compare_with_claims(client, anchors))
            report.findings.append(check_finality(known.chain, blocks_of(anchors)))
        # other logs that were not read are no reason for what is missing about this one
        report.findings = [*complete(report.findings), *self._unread(known)]
        if overall(report.findings) is ExitStatus.HOLDS:
            report.state = reader.end(note, tree, anchors)

    def _judge(
        self, head: Checkpoint, tree: merkle.Tree, found: LogContents, before: Checkpoint | None
    ) -> Iterable[Finding]:
        """Yield what the leaves come to, under the anchors, and under what an earlier audit saw."""
        rewritten = self._find_rewritten(tree, before)
        for finding in audit_tree(head, tree, found, from_size=self._from_size):
            if finding.level is Level.APPEND_ONLY and rewritten is not None:
                yield rewritten
            # why the chain was not read is said already
            elif finding.level is Level.LEAVES or found.anchors is not None:
                yield finding

    def _find_rewritten(self, tree: merkle.Tree, before: Checkpoint | None) -> Finding | None:
        """Return a finding when the log is no longer what the earlier audit checked."""
        if before is None or self._state is None:
            return None
        for size, root in ((self._state.size, self._state.root), (before.size, before.root)):
            if tree.root(size) != root:
                return violated(
                    Level.APPEND_ONLY,
                    f"at {size} leaves the log has another root than at the last audit: it was rewritten",
                )
        return None

    def _continue(self, known: AuditedLog, report: Report) -> Checkpoint | None:
        """Return the head at which the earlier audit ended, when this one continues it, and say so."""
        if self._state is None:
            return None
        try:
            before = self._state.check(known)
        except Error as exc:
            # the file that was brought along does not fit, which says nothing about the log
            raise UnavailableError("invalid_audit_state", exc.message) from exc
        detail = f"continues an earlier audit: the first {self._state.start()[0]} leaves are not read again"
        report.findings.append(Finding(Level.TRUST, Outcome.ASSUMED, detail, counts=False))
        return before

    def _anchored_before(self) -> int:
        """Return how many leaves the earlier audit found anchored."""
        return 0 if self._state is None or self._state.anchor is None else self._state.size

    def _client(self) -> LedgerClient:
        # the person who runs this named the address, so it may be fetched wherever it is
        allowed = frozenset({origin_of(self._ledger_url)})
        http = self._http or Fetcher(
            allowed_private_origins=allowed, ca_file=str(self._ca_file) if self._ca_file else None
        )
        return LedgerClient(http, self._ledger_url, log=self._log)

    def _known(self) -> TrustFile:
        return self._trust or TrustFile("", (), ())

    def _find_log(self, client: LedgerClient, report: Report) -> AuditedLog | None:
        """Return what is trusted about the log; from its own word when there is no trust file, and say so."""
        self._level = Level.CHECKPOINT
        origin = checkpoints.parse_unverified(client.checkpoint()).origin
        self._level = Level.TRUST
        if self._trust is not None:
            found = self._trust.find_log(origin)
            if found is None:
                report.findings.append(could_not_tell(Level.TRUST, f"the log {origin} is not in the trust file"))
            else:
                report.findings.append(Finding(Level.TRUST, Outcome.ASSUMED, FROM_THE_FILE, counts=False))
            return found
        for value in client.logs():
            if isinstance(value, dict) and value.get("origin") == origin:
                own: dict[str, JSON] = value
                # copies that the audited ledger names vouch for nothing
                log = replace(AuditedLog.parse(own), mirrors=())
                detail = (
                    "keys, contract and validators come from the audited ledger itself: no trust file was given"
                )
                report.findings.append(Finding(Level.TRUST, Outcome.ASSUMED, detail, counts=False))
                self._trust = TrustFile("", (log,), ())
                return log
        report.findings.append(could_not_tell(Level.TRUST, f"the ledger does not describe its log {origin}"))
        return None

    def _unread(self, known: AuditedLog) -> Iterable[Finding]:
        """Yield the other trusted logs of this ledger: which of them it serves first is its own choice."""
        if self._log is not None or self._trust is None:
            return
        host = known.origin.partition("/")[0]
        for log in self._trust.logs:
            if log is not known and log.origin.partition("/")[0] == host:
                name = log.origin.rpartition("/")[2]
                yield could_not_tell(Level.TRUST, f"{log.origin} was not read; audit it too, with --log {name}")

    def _read_chain(
        self, reader: ChainReader, known: AuditedLog, report: Report
    ) -> tuple[AnchorEvent, ...] | None:
        """Return the anchors on the chain; None, and a finding of its own, when they cannot be read."""
        if known.chain is None:
            unnamed = "not looked at, because no chain is named for this log"
            report.findings.append(could_not_tell(Level.ANCHORED, unnamed))
            return None
        try:
            return reader.read(known.chain)
        except ReorganisedError as exc:
            report.findings.append(failed(Level.FINAL, exc))
        except Error as exc:
            report.findings.append(failed(Level.ANCHORED, exc))
        return None


def _check_newer(before: Checkpoint, head: Checkpoint) -> None:
    """Raise `UnavailableError` when the ledger shows an older head than the earlier audit saw."""
    if head.size < before.size:
        raise UnavailableError(
            "ledger_behind", f"the ledger shows {head.size} leaves, the last audit saw {before.size} signed"
        )
