# SPDX-License-Identifier: EUPL-1.2
"""One look at one log at one address: fetch, have it judged, remember what held, keep what convicts.

- The chain is read before the head: whatever is anchored then is in the head that is read afterwards.
- The largest verified head stays remembered until a larger one was shown to extend it; one that contradicts it
  never takes its place.
- A witness signs a head only after that head is durable here, and none while anything looks wrong.
- Only the log's own address convicts it by what is missing; only a block that was final, a chain by what is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ledger import checkpoint as checkpoints
from ledger import merkle, tiles
from ledger.audit import witnessed
from ledger.chain.interface import AnchorEvent, Chain
from ledger.client import LedgerClient
from ledger.cosignature import Cosigner, WitnessKey, without_others
from ledger.findings import Finding, Level, Outcome, could_not_tell, holds, violated
from ledger.merkle import ReadNode
from ledger.monitor import (
    Head,
    broken,
    check_anchors,
    check_tiles,
    contradiction,
    find_fork,
    finding_of,
    is_overdue,
    is_own_address,
    less_shown,
    may_cosign,
    missing_from_copy,
    not_due,
)
from ledger.monitor_state import MonitorState, Watched
from ledger.promise import Promise
from ledger.promise_files import HandedPromise
from ledger.trust import AuditedLog, TrustedChain, TrustFile
from ledger.violation import MAX_LEAVES, BrokenPromise, verify_promise
from ledger.watched_chain import Anchors, read_anchors
from protocol.clock import Clock
from protocol.errors import Error, RequestError, UnavailableError


@dataclass(frozen=True)
class Means:
    """What looking needs. `open_chain` is None when the chain is left out, `cosigner` when this is no witness."""

    state: MonitorState
    clock: Clock
    open_client: Callable[[str, str | None], LedgerClient]
    open_chain: Callable[[TrustedChain], Chain] | None
    cosigner: Cosigner | None


@dataclass
class LogReport:
    """What one look found; without an origin, what is about an address or the files handed in."""

    url: str
    origin: str = ""
    size: int | None = None
    anchored_size: int | None = None
    findings: list[Finding] = field(default_factory=list)


class Look:
    """One look. Each step adds its findings to the report; none hides another's."""

    def __init__(
        self,
        means: Means,
        url: str,
        log: AuditedLog,
        report: LogReport,
        *,
        witnesses: Sequence[WitnessKey],
        followed: Sequence[str],
    ) -> None:
        self._means = means
        self._state = means.state
        self._url = url
        self._is_own = is_own_address(log.origin, url)
        self._is_own_followed = any(is_own_address(log.origin, each) for each in followed)
        self._log = log
        self._report = report
        self._witnesses = witnesses
        self._seen = means.state.find(log.origin)
        self._client = self._open(url)
        self._asked_at = means.clock.now()
        self._level = Level.CHECKPOINT

    def run(self, promises: Sequence[HandedPromise]) -> None:
        """Look at chain, head, tiles, growth, anchors and promises."""
        anchors = self._read_chain()
        try:
            head = self._read_head()
            self._level = Level.LEAVES
            read = tiles.node_reader(head.size, self._client.tile)
            check_tiles(head.checkpoint, read)
            self._add(holds(Level.LEAVES, "the tiles give the signed root"))
            self._level = Level.APPEND_ONLY
            if not self._check_growth(head, read):
                return
            # an address that lags behind another one says nothing new about anchors and promises
            is_newest = self._seen is None or head.size >= self._seen.checkpoint.size
            self._level = Level.ANCHORED
            newest = self._check_anchors(head, read, anchors) if is_newest else None
            self._remember(head, newest)
            if is_newest:
                self._level = Level.PROMISED
                self._check_promises(head, read, promises)
                self._cosign(head)
        except Error as exc:
            self._add(finding_of(self._level, exc))

    # the chain

    def _read_chain(self) -> Anchors | None:
        if self._means.open_chain is None:
            return None
        if self._log.chain is None:
            self._add(could_not_tell(Level.ANCHORED, "no chain is known for this log"))
            return None
        try:
            return read_anchors(self._means.open_chain(self._log.chain), self._log.chain, self._seen)
        except Error as exc:
            self._add(finding_of(Level.ANCHORED, exc))
        return None

    def _check_anchors(self, head: Head, read: ReadNode, anchors: Anchors | None) -> AnchorEvent | None:
        """Compare the anchors with the tree and return the newest that fits and is final, if any is new."""
        if anchors is None:
            return None
        after = self._seen.anchored_size if self._seen else 0
        checked = check_anchors(head, anchors.events, read, after=after, is_own=self._is_own)
        if checked.contradicted is None:
            self._add(checked.finding)
        else:
            self._convict(anchors, head, checked.contradicted, read)
        self._report.anchored_size = checked.reached
        return anchors.newest_final(up_to=checked.reached)

    def _convict(self, anchors: Anchors, head: Head, anchor: AnchorEvent, read: ReadNode) -> None:
        from ledger.anchor_evidence import evidence_text  # noqa: PLC0415 - only with a chain

        receipt = anchors.chain.receipt(anchor.transaction_hash)
        if receipt is None:
            raise UnavailableError("chain_inconsistent", "the anchor's transaction is in no block any more")
        proof = evidence_text(anchors.chain, anchor.transaction_hash, receipt)
        now = self._means.clock.now()
        found = contradiction(head, anchor, proof, read, observed_at=now)
        # as whoever gets the proof will: a node's word alone convicts nobody
        finding = found.judge(self._log, TrustFile("", (self._log,), ()), now=now, shown=None)
        self._add(finding)
        if finding.outcome is Outcome.VIOLATED:
            self._state.keep(found)

    # the head

    def _read_head(self) -> Head:
        # before the head is asked for: an entry that came in between is not missed
        self._asked_at = self._means.clock.now()
        served, key = self._client.checkpoint(), self._log.checkpoint_key
        checkpoint, now = checkpoints.verify(served, key), self._means.clock.now()
        own = self._means.cosigner and self._means.cosigner.key
        others = [each for each in self._witnesses if each != own]
        head = Head(checkpoint, without_others(served, key, others, now=now))
        self._report.size = head.size
        self._add(holds(Level.CHECKPOINT, f"{head.size} leaves"))
        if self._witnesses:
            self._add(witnessed(served, self._witnesses, now=now))
        return head

    def _check_growth(self, head: Head, read: ReadNode) -> bool:
        """Whether the head fits the largest that was verified, and this address never showed a larger one."""
        if self._seen is None:
            self._add(holds(Level.APPEND_ONLY, "first look"))
            return True
        seen = self._seen.head
        if head.size < seen.size:
            # the tiles of the larger tree are where it was read
            larger = self._open(self._seen.url or self._url)
            read = tiles.node_reader(seen.size, larger.tile)
            check_tiles(seen.checkpoint, read)
        fork = find_fork(seen, head, read, observed_at=self._means.clock.now())
        if fork is not None:
            self._state.keep(fork)
            detail = f"{head.size} leaves do not fit the {seen.size} leaves signed before"
            self._add(violated(Level.APPEND_ONLY, detail))
            return False
        shown = self._seen.shown.get(self._url, 0)
        if head.size < shown:
            detail = f"{head.size} leaves are shown where {shown} were shown before"
            self._add(less_shown(Level.APPEND_ONLY, detail, is_own=self._is_own))
            return False
        self._add(holds(Level.APPEND_ONLY, f"fits the {seen.size} leaves seen before"))
        return True

    # promises

    def _check_promises(self, head: Head, read: ReadNode, handed: Sequence[HandedPromise]) -> None:
        """Look for the entries of promises that are not known to be kept, and remember the leaves found."""
        watched = self._seen
        assert watched is not None  # noqa: S101 - it was just remembered
        waiting: list[tuple[HandedPromise, Promise]] = []
        for each in handed:
            if each.digest in watched.kept:
                self._add(holds(Level.PROMISED, f"{each.path.name}: leaf {watched.kept[each.digest] + 1}"))
                continue
            try:
                waiting.append((each, verify_promise(each.token, self._log)))
            except Error as exc:
                # whoever handed it in may have made it up
                self._add(could_not_tell(Level.PROMISED, f"{each.path.name}: {exc.message}"))
        wanted = {merkle.leaf_hash(promise.commitment) for _, promise in waiting}
        places = self._find_leaves(head, read, wanted)
        # what is no longer handed in is forgotten
        kept = {each.digest: watched.kept[each.digest] for each in handed if each.digest in watched.kept}
        for each, promise in waiting:
            place = places.get(merkle.leaf_hash(promise.commitment))
            if place is None:
                self._add(self._judge_missing(promise, head))
            else:
                kept[each.digest] = place
                self._add(holds(Level.PROMISED, f"{each.path.name}: leaf {place + 1}"))
        if kept != watched.kept:
            self._replace(replace(watched, kept=kept))

    def _judge_missing(self, promise: Promise, head: Head) -> Finding:
        if not is_overdue(promise, now=self._asked_at):
            return not_due(promise)
        if not self._is_own:
            # what its own address says decides, where that is followed too
            return missing_from_copy(promise, head.checkpoint, counts=not self._is_own_followed)
        now = self._means.clock.now()
        proof = BrokenPromise(self._log.origin, now, promise.token, head.note, ())
        if self._state.is_kept(proof):
            return broken(promise, head.checkpoint)
        leaves = self._client.all_entries(head.size)
        if merkle.Tree(leaves).root() != head.checkpoint.root or promise.commitment in leaves:
            raise RequestError("invalid_tile", "the entries are not those of the tiles")
        if len(leaves) <= MAX_LEAVES:
            cosigner = self._means.cosigner
            note = head.note if cosigner is None else head.note + cosigner.cosign(head.note, now=now)
            self._state.keep(replace(proof, note=note, leaves=leaves))
        return broken(promise, head.checkpoint)

    def _find_leaves(self, head: Head, read: ReadNode, wanted: set[bytes]) -> dict[bytes, int]:
        """Return where these leaf hashes are, proved to the head's root; whole tiles are read, newest first."""
        found: dict[bytes, int] = {}
        for address in reversed(tiles.addresses(head.size, 0)):
            if len(found) == len(wanted):
                break
            for at, leaf in enumerate(self._client.tile(address)):
                if leaf in wanted:
                    index = address.index * tiles.TILE_WIDTH + at
                    proof = merkle.inclusion_proof(read, index, head.size)
                    merkle.verify_inclusion(
                        leaf, index=index, size=head.size, proof=proof, expected_root=head.checkpoint.root
                    )
                    found[leaf] = index
        return found

    # what stays

    def _remember(self, head: Head, newest: AnchorEvent | None) -> None:
        now = self._means.clock.now()
        old = self._seen or Watched(self._log, head.note, now, self._url)
        is_newest = head.size >= old.checkpoint.size
        self._replace(
            replace(
                old,
                log=self._log,
                note=head.note if is_newest else old.note,
                url=self._url if is_newest else old.url,
                verified_at=now,
                shown={**old.shown, self._url: head.size},
                anchored_size=newest.size if newest else old.anchored_size,
                anchored_block=newest.block_number if newest else old.anchored_block,
                anchored_hash=newest.block_hash if newest else old.anchored_hash,
            )
        )

    def _replace(self, new: Watched) -> None:
        self._state.replace(self._seen, new)
        self._seen = new

    def _cosign(self, head: Head) -> None:
        cosigner = self._means.cosigner
        if cosigner is not None and may_cosign(self._report.findings):
            line = cosigner.cosign(head.note, now=self._means.clock.now())
            self._state.publish(head.checkpoint.origin, head.note + line)

    def _add(self, finding: Finding) -> None:
        self._report.findings.append(finding)

    def _open(self, url: str) -> LedgerClient:
        name = self._log.origin.rpartition("/")[2]
        # an address that ends with the log's name is the log's own prefix, as at a plain mirror of its files
        return self._means.open_client(url, None if url.rstrip("/").endswith(f"/{name}") else name)
