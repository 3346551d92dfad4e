# SPDX-License-Identifier: EUPL-1.2
"""The auditor's errands: fetch the log and its anchors, then let `ledger.audit` judge.

*Could not be fetched* and *wrong* stay apart: no answer is "could not tell", a malformed one is "violated".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.audit import LogContents, audit_log, finality, witnessed
from ledger.chain.client import open_chain
from ledger.chain.interface import AnchorEvent, Chain
from ledger.checkpoint import Checkpoint
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.evidence import Evidence
from ledger.evidence_audit import audit_evidence
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.trust import AuditedLog, TrustedChain, TrustFile
from protocol.clock import SystemClock
from protocol.encoding import JSON
from protocol.errors import Check, ConfigurationError, Error, RequestError, UnavailableError, VerificationError
from protocol.runtime.fetch import Fetcher, HTTPClient, origin_of

_NOT_FOUND = 404


@dataclass
class Report:
    """What an audit found: about the log, and about each record of the evidence."""

    title: str
    findings: list[Finding] = field(default_factory=list)
    records: tuple[tuple[Finding, ...], ...] = ()


class Auditor:
    """One audit of one log. `http` and `open_chain` are for tests."""

    def __init__(
        self,
        ledger_url: str,
        chain_url: str,
        trust: TrustFile | None,
        *,
        log: str | None,
        from_size: int,
        ca_file: Path | None = None,
        http: HTTPClient | None = None,
        open_chain: Callable[..., Chain] = open_chain,
    ) -> None:
        self._ledger_url = ledger_url
        self._chain_url = chain_url
        self._trust = trust
        self._log = log
        self._from_size = from_size
        self._ca_file = ca_file
        self._http = http
        self._open_chain = open_chain

    def run(self, evidence: Evidence | None) -> Report:
        """Return the findings; never raises an `Error` of ours."""
        report = Report(self._ledger_url)
        contents: dict[str, LogContents] = {}
        level = Level.TRUST
        try:
            client = self._client()
            known = self._find_log(client, report)
            if known is None:
                return report
            report.title = f"{known.origin}"
            # the chain first: whatever is anchored now is in the head that is read afterwards
            anchors = self._read_chain(known, report)
            level = Level.CHECKPOINT
            note = client.checkpoint()
            head = checkpoints.verify(note, known.checkpoint_key)
            report.title = f"{known.origin} at {head.size} leaves"
            report.findings.append(holds(level, f"{head.size} leaves"))
            if self._known().witnesses:
                report.findings.append(witnessed(note, self._known().witnesses, now=SystemClock().now()))
            level = Level.LEAVES
            found = contents[known.origin] = LogContents(self._read_leaves(client, head), anchors)
            judged = audit_log(head, found, from_size=self._from_size)
            # why the chain was not read is said already
            is_said = anchors is None and known.chain is not None
            report.findings.extend(each for each in judged if not (is_said and each.level is Level.ANCHORED))
            report.findings.append(finality(known.chain))
        except Error as exc:
            report.findings.append(_finding(level, exc))
        if evidence is not None:
            report.records = audit_evidence(evidence, self._known(), contents)
        return report

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
        origin = checkpoints.parse_unverified(client.checkpoint()).origin
        if self._trust is not None:
            found = self._trust.find_log(origin)
            if found is None:
                report.findings.append(could_not_tell(Level.TRUST, f"the log {origin} is not in the trust file"))
            return found
        for value in client.logs():
            if isinstance(value, dict) and value.get("origin") == origin:
                own: dict[str, JSON] = value
                log = AuditedLog.parse(own)
                detail = (
                    "keys, contract and validators come from the audited ledger itself: no trust file was given"
                )
                report.findings.append(Finding(Level.TRUST, Outcome.ASSUMED, detail, counts=False))
                self._trust = TrustFile("", (log,), ())
                return log
        report.findings.append(could_not_tell(Level.TRUST, f"the ledger does not describe its log {origin}"))
        return None

    def _read_leaves(self, client: LedgerClient, head: Checkpoint) -> tuple[Commitment, ...]:
        """Return all leaves; the tiles that others rely on must be theirs too.

        Raises `VerificationError` when a published tile does not belong to the leaves.
        """
        leaves = client.all_entries(head.size)
        tree = merkle.Tree(leaves)
        for level in range(tiles.MAX_LEVEL + 1):
            for address in tiles.addresses(tree.size, level):
                start = address.index * tiles.TILE_WIDTH
                height = tiles.TILE_HEIGHT * level
                expected = tuple(tree.read(height, start + each) for each in range(address.width))
                if client.tile(address) != expected:
                    raise RequestError("invalid_tile", f"{address.path()} does not belong to the published leaves")
        return leaves

    def _read_chain(self, known: AuditedLog, report: Report) -> tuple[AnchorEvent, ...] | None:
        """Return the anchors on the chain; None, and a finding of its own, when they cannot be read."""
        if known.chain is None:
            return None
        try:
            return self._read_anchors(known.chain)
        except Error as exc:
            report.findings.append(_finding(Level.ANCHORED, exc))
        return None

    def _read_anchors(self, trusted: TrustedChain) -> tuple[AnchorEvent, ...]:
        chain = self._open_chain(self._chain_url, contract=trusted.contract)
        if chain.chain_id() != trusted.chain_id:
            raise RequestError("wrong_chain", f"expected chain {trusted.chain_id}, the node is on another")
        head = chain.head(trusted.log_id)
        if head.sealer.lower() != trusted.sealer.lower():
            raise RequestError(
                "wrong_sealer", "the contract lets another key anchor this log than the trusted one"
            )
        events = chain.anchors(trusted.log_id, from_size=self._from_size)
        # the chain may grow while it is read
        anchors = tuple(event for event in events if event.size <= head.size)
        if anchors and (anchors[-1].size, anchors[-1].root) != (head.size, head.root):
            raise VerificationError(Check.RECEIPT, "the contract's head is not that of its newest event")
        return anchors


def _finding(level: Level, error: Error) -> Finding:
    is_missing = isinstance(error, UnavailableError | ConfigurationError) or error.status == _NOT_FOUND
    return (could_not_tell if is_missing else violated)(level, error.message)
