# SPDX-License-Identifier: EUPL-1.2
"""The audit that the ledger makes of itself, for a report to download: a service to people, and no proof.

Whoever runs the ledger chooses its keys, its database, its node and this program: so the first line of every
report is that it is *assumed*. `testimoni audit` on another machine is what proves.

It reads what the site publishes (signed head and entry bundles) and the chain through the service's own node. It
works while somebody waits, so a log of more than `MAX_AUDITED_LEAVES` is left to the command: could not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger import checkpoint as checkpoints
from ledger import tiles
from ledger.audit import LogContents, audit_log, witnessed
from ledger.chain.interface import AnchorEvent, Chain
from ledger.commitment import Commitment
from ledger.cosignature import WitnessKey
from ledger.finality import blocks_of, check_finality
from ledger.findings import ExitStatus, Finding, Level, Outcome, complete, could_not_tell, failed, holds, overall
from ledger.publication import Publication
from ledger.values import LogState
from protocol.encoding import JSON
from protocol.errors import Error, RequestError

SCHEMA = "testimoni/audit/1"
# about three seconds of one core, and 256 full bundles
MAX_AUDITED_LEAVES = 65_536
SELF = "the ledger audits itself: keys, leaves and the chain's node are its own word"
_RESULTS = {
    ExitStatus.HOLDS: "holds",
    ExitStatus.VIOLATED: "violated",
    ExitStatus.COULD_NOT_TELL: "could not tell",
}
OpenChain = Callable[..., Chain]


@dataclass(frozen=True)
class OwnReport:
    """What the ledger says about one of its logs."""

    origin: str
    size: int
    made_at: datetime
    findings: tuple[Finding, ...]

    @property
    def status(self) -> ExitStatus:
        """What all findings together come to."""
        return overall(self.findings)

    def to_json(self) -> dict[str, JSON]:
        """Return the report in the form of `testimoni audit --json`, and when it was made."""
        return {
            "schema": SCHEMA,
            "title": f"{self.origin} at {self.size} leaves",
            "result": _RESULTS[self.status],
            "findings": [each.to_json() for each in self.findings],
            "records": [],
            "made_at": self.made_at.isoformat(),
        }


def audit_own(
    publication: Publication,
    log: LogState,
    *,
    chain_url: str | None,
    open_chain: OpenChain,
    validators: frozenset[str],
    witnesses: Sequence[WitnessKey],
    now: datetime,
) -> OwnReport:
    """Return the report on a log; `witnesses` are those that it asks. Never raises an `Error` of ours."""
    findings = [Finding(Level.TRUST, Outcome.ASSUMED, SELF, counts=False)]
    level = Level.ANCHORED
    size = log.size
    try:
        # the chain first: whatever is anchored now is in the head that is read afterwards; of a log that is too
        # large anyway nothing is read, however often somebody asks
        is_read = size <= MAX_AUDITED_LEAVES
        anchors = _read_chain(log, chain_url, open_chain, findings) if is_read else None
        level = Level.CHECKPOINT
        note = publication.get_checkpoint(log=log.name).note
        head = checkpoints.verify(note, log.checkpoint_key)
        size = head.size
        findings.append(holds(level, f"{size} leaves"))
        findings.append(witnessed(note, witnesses, now=now))
        level = Level.LEAVES
        if size > MAX_AUDITED_LEAVES:
            detail = f"{size} leaves, more than the {MAX_AUDITED_LEAVES} that this page reads"
            findings.append(could_not_tell(level, detail))
        else:
            contents = LogContents(_read_leaves(publication, log, size), anchors)
            judged = audit_log(head, contents)
            if anchors is None:
                # why the chain was not read is said already
                findings.extend(each for each in judged if each.level is Level.LEAVES)
            else:
                findings.extend(judged)
                findings.append(check_finality(log.audited(validators).chain, blocks_of(anchors)))
    except Error as exc:
        findings.append(failed(level, exc))
    return OwnReport(log.origin, size, now, complete(findings))


def _read_leaves(publication: Publication, log: LogState, size: int) -> tuple[Commitment, ...]:
    bundles = tiles.addresses(size, None)
    return tuple(
        commitment
        for address in bundles
        for commitment in tiles.parse_entries(
            publication.get_tile(address, log=log.name), expected_width=address.width
        )
    )


def _read_chain(
    log: LogState, chain_url: str | None, open_chain: OpenChain, findings: list[Finding]
) -> tuple[AnchorEvent, ...] | None:
    """Return the anchors on the chain; None, and a finding, when they cannot be read."""
    trusted = log.audited(frozenset()).chain
    if trusted is None or chain_url is None:
        findings.append(could_not_tell(Level.ANCHORED, "not looked at, because this site asks no chain about it"))
        return None
    try:
        chain = open_chain(chain_url, contract=trusted.contract)
        if chain.chain_id() != trusted.chain_id:
            raise RequestError("wrong_chain", f"expected chain {trusted.chain_id}, the node is on another")
        head = chain.head(trusted.log_id)
        events = chain.anchors(trusted.log_id, from_size=0)
        # the chain may grow while it is read
        return tuple(event for event in events if event.size <= head.size)
    except Error as exc:
        findings.append(failed(Level.ANCHORED, exc))
    return None
