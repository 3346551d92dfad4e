# SPDX-License-Identifier: EUPL-1.2
"""The audit of a whole ledger, over HTTP and a chain in memory: honest, tampered, and out of reach."""

from __future__ import annotations

import secrets
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlmodel import select

from ledger import merkle
from ledger import promise as promises
from ledger import record as records
from ledger.app import create_app
from ledger.audit import witnessed
from ledger.audit_state import AuditState
from ledger.auditor import FROM_THE_FILE, Auditor
from ledger.chain.interface import AnchorEvent, Mode
from ledger.chain.sealer import FileSealKey
from ledger.chain_reader import STALE_AFTER
from ledger.checkpoint import Checkpoint, CheckpointSigner
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.cosignature import Cosigner
from ledger.evidence import Evidence, EvidenceRecord
from ledger.finality import ONE_OPERATOR
from ledger.findings import LOG_LEVELS, ExitStatus, Level, Outcome, overall
from ledger.promise import CLOCK_SKEW
from ledger.tables import CheckpointRow, EntryRow, NodeRow
from ledger.trust import AuditedLog, TrustFile, log_id, since_the_start
from ledger.worker import Worker
from protocol.clock import FixedClock, from_epoch
from protocol.errors import RequestError, UnavailableError
from protocol.keys import PrivateKey
from protocol.runtime.database import open_database
from tests.fakes.memory_chain import FIRST_SECOND, SEALER, MemoryChain, MemorySealer, seal_header

URL = "http://localhost:8104"
CHAIN_URL = "http://127.0.0.1:8106"
# after every block of the chain in memory
LATER = FixedClock(from_epoch(FIRST_SECOND) + timedelta(hours=1))


class Audited:
    """An anchored log of 24 leaves and the means to audit it."""

    def __init__(self, world, settings) -> None:
        self.world = world
        self.settings = settings.model_copy(
            update={
                "chain_url": CHAIN_URL,
                "chain_id": 1337,
                "contract": MemoryChain.contract,
                "sealer_key_file": "unused.key",
                "validators": frozenset({SEALER}),
            }
        )
        self.chain = MemoryChain(log_id(settings.origin))
        self.worker = Worker(
            self.settings, clock=world.clock, chain=self.chain, sealer=MemorySealer(), http=world.http
        )
        self.worker.sequence()
        world.http.apps[URL] = create_app(self.settings, clock=world.clock)
        self.client = LedgerClient(world.http, URL)
        self.database = open_database(self.settings.database_url)
        for _ in range(3):
            self.grow()

    def grow(self) -> None:
        self.client.add_entry(Commitment(secrets.token_bytes(32)))
        self.worker.sequence()
        self.worker.anchor()

    def trust(self) -> TrustFile:
        (own,) = self.client.logs()
        return TrustFile("", (AuditedLog.parse(own),), ())

    def run(self, trust=None, *, is_own_word=False, evidence=None, **changes: object):
        def open_chain(url, *, contract):
            assert (url, contract) == (CHAIN_URL, MemoryChain.contract)
            return self.chain

        auditor = Auditor(
            URL,
            CHAIN_URL,
            None if is_own_word else self.trust() if trust is None else trust,
            **{
                "log": None,
                "from_size": 0,
                "http": self.world.http,
                "open_chain": open_chain,
                "clock": LATER,
                **changes,
            },
        )
        report = auditor.run(evidence)
        # whatever came out, nothing is left out, and each line is in its place
        levels = [each.level for each in report.findings]
        assert levels == sorted(levels, key=[*Level].index)
        assert set(levels) == set(LOG_LEVELS)
        return report

    def violated(self, **changes: object) -> set[Level]:
        report = self.run(**changes)
        assert overall(report.findings) is ExitStatus.VIOLATED
        return {each.level for each in report.findings if each.outcome is Outcome.VIOLATED}


def untold(report):
    """Return what could not be told and counts."""
    return [each for each in report.findings if each.outcome is Outcome.COULD_NOT_TELL and each.counts]


@pytest.fixture
def audited(world, ledger_settings):
    return Audited(world, ledger_settings)


def test_honest_ledger_holds_at_every_level(audited):
    report = audited.run()
    assert overall(report.findings) is ExitStatus.HOLDS
    assert [each.level for each in report.findings] == [
        Level.TRUST,
        Level.CHECKPOINT,
        Level.WITNESSED,
        Level.LEAVES,
        Level.APPEND_ONLY,
        Level.ANCHORED,
        Level.ANCHORED,
        Level.CALLDATA,
        Level.FINAL,
    ]
    fresh = report.findings[-3]
    assert fresh.detail == "the newest anchor is in a block of 2027-01-15 08:00:02 UTC"
    assert report.title == "localhost:8104/2026 at 24 leaves"


def test_root_only_ledger_holds_and_the_report_names_its_mirrors(world, ledger_settings):
    mirrors = frozenset({"https://tiles.example.cat/2026", "https://copy.example.es"})
    update = {"anchor_mode": "root-only", "mirrors": mirrors}
    for mirror in mirrors:
        world.http.apps[mirror.removesuffix("/2026")] = Flask("an empty mirror")
    audited = Audited(world, ledger_settings.model_copy(update=update))
    report = audited.run()
    assert overall(report.findings) is ExitStatus.HOLDS
    (calldata,) = (each for each in report.findings if each.level is Level.CALLDATA)
    assert calldata.outcome is Outcome.COULD_NOT_TELL
    assert calldata.detail == (
        "the chain carries 0 commitments and only the roots over 24 more; "
        "mirrors: https://copy.example.es, https://tiles.example.cat/2026"
    )
    # what the audited ledger says of copies decides nothing
    alone = replace(audited.trust().logs[0], mirrors=())
    assert overall(audited.run(TrustFile("", (alone,), ())).findings) is ExitStatus.COULD_NOT_TELL


def test_another_trusted_log_of_the_host_that_was_not_read_could_not_tell_until_it_is_named(audited):
    ours = audited.trust().logs[0]
    host = ours.origin.partition("/")[0]
    others = (replace(ours, origin=f"{host}/2025"), replace(ours, origin="elsewhere.example/2025"))
    trust = TrustFile("", (ours, *others), ())
    (found,) = untold(audited.run(trust))
    assert found.level is Level.TRUST
    assert found.detail == f"{host}/2025 was not read; audit it too, with --log 2025"
    assert overall(audited.run(trust, log="2026").findings) is ExitStatus.HOLDS


@pytest.mark.parametrize("is_own_word", [False, True], ids=["trust file", "own word"])
@pytest.mark.parametrize("kept", [False, True], ids=["whole", "continued"])
def test_audit_whose_node_does_not_answer_says_of_each_level_that_it_was_not_looked_at(audited, is_own_word, kept):
    given = {"is_own_word": is_own_word, "state": audited.run().state if kept else None}
    assert overall(audited.run(**given).findings) is ExitStatus.HOLDS
    audited.chain.is_down = True
    report = audited.run(**given)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    said = {each.level: each.detail for each in report.findings}
    assert said[Level.ANCHORED] == "the node does not answer"
    for level in (Level.APPEND_ONLY, Level.CALLDATA, Level.FINAL):
        assert said[level] == "not looked at, because the chain was not read"


def test_audit_of_a_log_for_which_no_chain_is_named_says_so_at_its_level(audited):
    (log,) = audited.trust().logs
    report = audited.run(TrustFile("", (replace(log, chain=None),), ()))
    assert {each.level: each.detail for each in untold(report)} == {
        Level.APPEND_ONLY: "not looked at, because the chain was not read",
        Level.ANCHORED: "not looked at, because no chain is named for this log",
        Level.CALLDATA: "not looked at, because the chain was not read",
    }


def test_ledger_that_does_not_describe_its_log_is_not_audited_on_its_own_word(audited, monkeypatch):
    monkeypatch.setattr(LedgerClient, "logs", lambda _: ({"origin": "else.example/2026"},))
    report = audited.run(is_own_word=True)
    first, *unseen = report.findings
    assert (first.level, first.detail) == (Level.TRUST, "the ledger does not describe its log localhost:8104/2026")
    assert {each.stopped_by for each in unseen} == {Level.TRUST}
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL


def test_other_logs_that_were_not_read_are_no_reason_for_what_is_missing_about_this_one(audited):
    (ours,) = audited.trust().logs
    host = ours.origin.partition("/")[0]
    audited.chain.is_down = True
    report = audited.run(TrustFile("", (ours, replace(ours, origin=f"{host}/2025")), ()))
    assert {each.stopped_by for each in report.findings if each.level is not Level.TRUST} == {None, Level.ANCHORED}
    assert f"{host}/2025 was not read" in untold(report)[0].detail


def test_honest_ledger_audited_from_a_size_or_by_name_holds(audited):
    assert overall(audited.run(from_size=8).findings) is ExitStatus.HOLDS
    assert overall(audited.run(log="2026").findings) is ExitStatus.HOLDS


def test_ledger_that_grows_while_it_is_audited_holds(audited):
    genuine = audited.chain.anchors

    def growing(*args: object, **kwargs: object):
        audited.grow()
        return genuine(*args, **kwargs)

    audited.chain.anchors = growing
    assert overall(audited.run().findings) is ExitStatus.HOLDS


def test_audit_without_trust_says_first_what_it_assumed(audited):
    assert audited.run().findings[0].detail == FROM_THE_FILE
    own = audited.run(is_own_word=True)
    assert (own.findings[0].level, own.findings[0].outcome) == (Level.TRUST, Outcome.ASSUMED)
    assert own.findings[0].detail.endswith("no trust file was given")
    assert overall(own.findings) is ExitStatus.HOLDS


def test_log_that_is_not_in_the_trust_file_could_not_tell(audited):
    report = audited.run(TrustFile("", (), ()))
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL


def test_ledger_out_of_reach_could_not_tell(audited):
    trust = audited.trust()
    audited.world.http.down.add(URL)
    report = audited.run(trust)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL


def test_chain_out_of_reach_could_not_tell_and_the_log_is_still_checked(audited):
    audited.chain.is_down = True
    findings = audited.run().findings
    assert overall(findings) is ExitStatus.COULD_NOT_TELL
    assert Level.LEAVES in {each.level for each in findings if each.outcome is Outcome.HOLDS}
    assert [each.level for each in findings].count(Level.ANCHORED) == 1


def test_head_signed_by_another_key_is_violated(audited):
    trust = audited.trust()
    log = trust.logs[0]
    other = replace(log.checkpoint_key, public=bytes(32))
    assert audited.violated(trust=replace(trust, logs=(replace(log, checkpoint_key=other),))) == {Level.CHECKPOINT}


def test_entry_changed_in_the_database_is_violated(audited):
    with audited.database.write() as session:
        row = session.exec(select(EntryRow).where(EntryRow.leaf_index == 5)).one()
        session.delete(row)
        session.flush()
        session.add(EntryRow(log="2026", commitment=b"x" * 32, leaf_index=5))
    assert audited.violated() == {Level.LEAVES}


def test_tile_changed_in_the_database_is_violated(audited):
    with audited.database.write() as session:
        row = session.get_one(NodeRow, ("2026", 0, 5))
        row.digest = bytes(32)
        session.add(row)
    assert audited.violated() == {Level.LEAVES}


@pytest.mark.parametrize(
    ("change", "value"), [("chain_id", 1), ("sealer", "0x00000000000000000000000000000000000000bb")]
)
def test_node_of_another_chain_or_sealer_convicts_nobody(audited, change, value):
    trust = audited.trust()
    log = trust.logs[0]
    changed = replace(trust, logs=(replace(log, chain=replace(log.chain, **{change: value})),))
    report = audited.run(changed)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    assert Level.ANCHORED in {each.level for each in report.findings if each.outcome is Outcome.COULD_NOT_TELL}


def test_node_from_before_the_log_was_registered_convicts_nobody(audited):
    def unknown(log_id):
        raise RequestError("unknown_log", "no such log")

    audited.chain.head = unknown
    assert overall(audited.run().findings) is ExitStatus.COULD_NOT_TELL


def test_newest_anchor_in_a_block_of_tomorrow_could_not_tell(audited):
    newest = from_epoch(FIRST_SECOND + len(audited.chain.blocks) - 1)
    assert overall(audited.run(clock=FixedClock(newest - CLOCK_SKEW)).findings) is ExitStatus.HOLDS
    early = audited.run(clock=FixedClock(newest - CLOCK_SKEW - timedelta(seconds=1)))
    assert overall(early.findings) is ExitStatus.COULD_NOT_TELL
    (found,) = untold(early)
    assert found.detail.endswith("this clock or the chain's is wrong")


def test_blocks_of_the_one_operator_are_assumed_final_and_said_to_be_so(audited):
    (final,) = [each for each in audited.run().findings if each.level is Level.FINAL]
    assert (final.outcome, final.detail, final.counts) == (Outcome.ASSUMED, ONE_OPERATOR, False)


@pytest.mark.parametrize("count", [1, 4])
def test_blocks_sealed_by_others_than_the_trusted_validators_are_violated(audited, count):
    trust = audited.trust()
    log = trust.logs[0]
    strangers = since_the_start([FileSealKey.generate().address for _ in range(count)])
    changed = replace(trust, logs=(replace(log, chain=replace(log.chain, validators=strangers)),))
    assert audited.violated(trust=changed) == {Level.FINAL}


def test_one_forged_header_among_honest_ones_is_violated(audited):
    block = audited.chain.blocks[1]
    block.header = seal_header(1, block.hash, FileSealKey.generate())
    assert audited.violated() == {Level.FINAL}


def test_log_set_back_behind_its_chain_is_violated(audited):
    entries = [*audited.client.all_entries(24), *(secrets.token_bytes(32) for _ in range(8))]
    tree = merkle.Tree(entries)
    audited.chain.anchor_of_another(
        log_id=audited.chain.log_id.hex(),
        prev_size=24,
        size=32,
        root=tree.root().hex(),
        frontier=[each.hex() for each in merkle.frontier(tree.read, 24)],
        commitments=[each.hex() for each in entries[24:]],
        nonce=3,
    )
    assert Level.APPEND_ONLY in audited.violated()


def evidence_for(audited, *, log_it):
    """Return evidence of an answer (the smallest record), promised, and in the log or not."""
    record = records.build_answer(
        records.RecordType.ERASED,
        log=audited.settings.origin,
        time=audited.world.clock.now(),
        transaction_identifier="t",
        party=records.Party("L01990015", "Ajuntament", "https://x"),
        previous=Commitment(bytes(32)),
    )
    data, key = records.to_bytes(record), records.new_key()
    commitment = records.commit(key, data)
    if log_it:
        token = audited.client.add_entry(commitment)
        audited.worker.sequence()
        audited.worker.anchor()
    else:
        token = promises.make(
            audited.world.promise_key,
            log=audited.settings.origin,
            commitment=commitment,
            now=audited.world.clock.now(),
            maximum_merge_delay=timedelta(seconds=60),
        )
    return Evidence((EvidenceRecord(data, key, token),))


def test_promise_that_was_kept_is_found_in_the_log(audited):
    report = audited.run(evidence=evidence_for(audited, log_it=True))
    (promised,) = [each for each in report.records[0] if each.level is Level.PROMISED]
    assert promised.outcome is Outcome.HOLDS


def test_promise_that_was_broken_is_violated(audited):
    # the fake chain's blocks are of 2027, long after the promise was due
    report = audited.run(evidence=evidence_for(audited, log_it=False))
    (promised,) = [each for each in report.records[0] if each.level is Level.PROMISED]
    assert (promised.outcome, "broken" in promised.detail) == (Outcome.VIOLATED, True)


def test_promise_key_is_not_needed_to_audit_a_log(audited):
    trust = audited.trust()
    other = replace(trust.logs[0], promise_key=PrivateKey.generate().public_key)
    assert overall(audited.run(replace(trust, logs=(other,))).findings) is ExitStatus.HOLDS


def test_audit_continues_where_the_last_one_ended_and_reads_only_what_is_new(audited):
    for _ in range(36):
        audited.grow()
    first = audited.run()
    assert first.state.size == 312
    assert (first.state.start()[0], first.state.anchor.is_final) == (256, True)
    audited.grow()
    audited.world.http.calls.clear()
    second = audited.run(state=AuditState.parse(first.state.to_bytes()))
    assert overall(second.findings) is ExitStatus.HOLDS
    assert (second.findings[0].level, second.findings[0].outcome) == (Level.TRUST, Outcome.ASSUMED)
    assert "1 anchors up to 320 leaves" in next(e for e in second.findings if e.level is Level.ANCHORED).detail
    read = [url for _, url in audited.world.http.calls if "/tile/" in url]
    assert {url.split("/tile/")[1] for url in read} == {"entries/001.p/64", "0/001.p/64", "1/000.p/1"}
    # and it need not end there
    third = audited.run(state=second.state)
    assert (overall(third.findings), third.state.size) == (ExitStatus.HOLDS, 320)


def test_audit_that_continues_before_any_anchor_or_without_a_chain_holds(audited):
    audited.chain.blocks.clear()
    state = audited.run(state=None).state
    assert state is None
    trust = audited.trust()
    unanchored = replace(trust, logs=(replace(trust.logs[0], chain=None),))
    assert overall(audited.run(unanchored).findings) is ExitStatus.COULD_NOT_TELL


def rewrite(audited, index):
    """Have the operator change an old leaf, rebuild the whole log over it and sign it anew."""
    entries = list(audited.client.all_entries(24))
    entries[index] = Commitment(b"x" * 32)
    tree = merkle.Tree(entries)
    with audited.database.write() as session:
        row = session.exec(select(EntryRow).where(EntryRow.leaf_index == index)).one()
        session.delete(row)
        session.flush()
        session.add(EntryRow(log="2026", commitment=b"x" * 32, leaf_index=index))
        for node in session.exec(select(NodeRow)).all():
            node.digest = tree.read(node.level, node.position)
            session.add(node)
        signer = CheckpointSigner.from_pem(
            audited.settings.origin, audited.settings.checkpoint_key_file.read_bytes()
        )
        head = session.exec(select(CheckpointRow).where(CheckpointRow.size == 24)).one()
        head.note = signer.sign(Checkpoint(audited.settings.origin, 24, tree.root()))
        head.root = tree.root()
        session.add(head)


def test_log_rewritten_and_signed_anew_is_caught_with_and_without_the_last_state(audited):
    state = audited.run().state
    rewrite(audited, 5)
    assert audited.violated() == {Level.APPEND_ONLY, Level.CALLDATA}
    assert audited.violated(state=state) == {Level.APPEND_ONLY}


def test_ledger_that_shows_an_older_head_than_the_last_audit_saw_could_not_tell(audited):
    state = audited.run().state
    with audited.database.write() as session:
        session.delete(session.exec(select(CheckpointRow).where(CheckpointRow.size == 24)).one())
    report = audited.run(state=state)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    said, *unseen = untold(report)
    assert (said.level, said.detail) == (
        Level.CHECKPOINT,
        "the ledger shows 16 leaves, the last audit saw 24 signed",
    )
    assert {each.stopped_by for each in unseen} == {Level.CHECKPOINT}


def test_block_that_was_final_and_is_gone_is_violated_at_the_level_of_finality(audited):
    state = audited.run().state
    audited.chain.reorganise(1, keep=True)
    audited.chain.mine()
    assert audited.violated(state=state) == {Level.FINAL}
    pending = replace(state, anchor=replace(state.anchor, is_final=False))
    report = audited.run(state=pending)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    assert overall(audited.run().findings) is ExitStatus.HOLDS


def test_node_that_knows_less_than_the_last_audit_saw_could_not_tell(audited):
    state = audited.run().state
    audited.chain.reorganise(1)
    report = audited.run(state=state)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    assert report.state is None


def test_node_that_knows_less_than_the_ledger_says_is_final_could_not_tell(audited):
    audited.worker.anchor()
    audited.chain.reorganise(1)
    report = audited.run()
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    (found,) = untold(report)
    assert found.level is Level.ANCHORED
    assert "the ledger says that 24 leaves are anchored for good" in found.detail


def test_node_that_hides_its_events_could_not_tell(audited):
    audited.chain.anchors = lambda *_, **__: iter(())
    report = audited.run()
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL


def test_node_that_leaves_out_an_event_could_not_tell(audited):
    state = audited.run().state
    for _ in range(3):
        audited.grow()
    genuine = audited.chain.anchors
    for missing in (32, 40, 48):
        audited.chain.anchors = lambda *args, missing=missing, **kwargs: (
            each for each in genuine(*args, **kwargs) if each.size != missing
        )
        for where in ({}, {"state": state}, {"from_size": 8}):
            report = audited.run(**where)
            assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
            assert Level.ANCHORED in {e.level for e in report.findings if e.outcome is Outcome.COULD_NOT_TELL}


def test_node_that_forgot_a_block_that_was_final_could_not_tell(audited):
    state = audited.run().state
    audited.chain.pruned = frozenset({state.anchor.block_number})
    report = audited.run(state=state)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    (found,) = [each for each in report.findings if each.level is Level.ANCHORED]
    assert found.detail == "the node does not know block 2"


class InventingChain(MemoryChain):
    """A node that shows an anchor nobody made, in a genuine sealed block that has nothing to do with it."""

    def invent(self, entries) -> None:
        tree = merkle.Tree(entries)
        self.mine()
        self.invented = AnchorEvent(
            contract=self.contract,
            log_id=self.log_id,
            prev_size=24,
            size=tree.size,
            prev_root=tree.root(24),
            root=tree.root(),
            mode=Mode.CALLDATA,
            log_index=0,
            block_number=len(self.blocks) - 1,
            block_hash=self.blocks[-1].hash,
            block_time=FIRST_SECOND + len(self.blocks) - 1,
            transaction_hash=b"t" * 32,
            commitments=tuple(entries[24:]),
            header_rlp=self.blocks[-1].header,
        )

    def head(self, log_id):
        made = super().head(log_id)
        return replace(made, size=self.invented.size, root=self.invented.root)

    def anchors(self, log_id, **where):
        yield from super().anchors(log_id, **where)
        yield self.invented


def invented(audited) -> InventingChain:
    audited.client.add_entry(Commitment(secrets.token_bytes(32)))
    audited.worker.sequence()
    chain = InventingChain(**{each.name: getattr(audited.chain, each.name) for each in fields(audited.chain)})
    chain.invent(audited.client.all_entries(32))
    return chain


def test_invented_anchor_in_a_genuine_block_that_does_not_hold_it_is_never_a_pass(audited):
    audited.chain = invented(audited)
    report = audited.run()
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    (found,) = [each for each in report.findings if each.level is Level.ANCHORED]
    assert found.detail == "the node has no receipt of the newest anchor"
    # a receipt of the block, but one that proves another anchor
    other = next(MemoryChain.anchors(audited.chain, audited.chain.log_id))
    audited.chain.receipt_evidence = lambda _: MemoryChain.receipt_evidence(audited.chain, other.transaction_hash)
    assert audited.violated() == {Level.ANCHORED}


@pytest.mark.parametrize(
    "change",
    [
        {"block_number": 1},
        {"block_hash": bytes(32)},
        {"receipt_rlp": b"\xc0"},
        {"receipt_proof": (b"\xc0",)},
        {"header_rlp": b"\xc0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_proof_of_the_newest_anchor_that_does_not_fit_is_violated(audited, change):
    genuine = audited.chain.receipt_evidence
    audited.chain.receipt_evidence = lambda transaction: replace(genuine(transaction), **change)
    assert audited.violated() == {Level.ANCHORED}


@pytest.mark.parametrize(
    "change",
    [
        {"block_hash": bytes(32)},
        {"block_number": 1},
        {"block_time": FIRST_SECOND + 60},
        {"prev_root": bytes(32)},
        {"mode": Mode.ROOT_ONLY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_newest_event_that_is_not_the_one_its_receipt_proves_is_violated(audited, change):
    genuine = audited.chain.anchors
    audited.chain.anchors = lambda *args, **kwargs: (
        replace(each, **change) if each.size == 24 else each for each in genuine(*args, **kwargs)
    )
    assert audited.violated() == {Level.ANCHORED}


def test_anchor_that_was_audited_before_is_proved_again_when_nothing_came_after_it(audited):
    state = audited.run().state
    audited.chain.receipt_evidence = lambda _: (_ for _ in ()).throw(UnavailableError("x", "no receipts"))
    assert overall(audited.run(state=state).findings) is ExitStatus.COULD_NOT_TELL


@pytest.mark.parametrize("where", ["whole", "state"])
def test_newest_anchor_of_long_ago_could_not_tell(audited, where):
    newest = FIRST_SECOND + 2
    given = {} if where == "whole" else {"state": audited.run().state}
    at = FixedClock(from_epoch(newest) + STALE_AFTER)
    assert overall(audited.run(clock=at, **given).findings) is ExitStatus.HOLDS
    at.advance(timedelta(seconds=1))
    report = audited.run(clock=at, **given)
    assert overall(report.findings) is ExitStatus.COULD_NOT_TELL
    (found,) = untold(report)
    assert found.detail.startswith("stale: the newest anchor is in a block of 2027-01-15 08:00:02 UTC")
    # a log that came to its end has no newer one, if the node is right about that
    audited.chain.is_frozen = True
    ended = audited.run(clock=at, **given)
    assert overall(ended.findings) is ExitStatus.HOLDS
    assumed = {each.level for each in ended.findings if each.outcome is Outcome.ASSUMED}
    assert {Level.TRUST, Level.ANCHORED} <= assumed


def test_node_that_tells_another_root_is_violated(audited):
    genuine = audited.chain.anchors

    def lying(*args, **kwargs):
        return (replace(each, root=bytes(32)) if each.size == 16 else each for each in genuine(*args, **kwargs))

    audited.chain.anchors = lying
    assert audited.violated() == {Level.APPEND_ONLY}


def test_anchor_that_does_not_follow_the_last_one_audited_is_violated(audited):
    state = audited.run().state
    genuine = audited.chain.anchors
    audited.grow()

    def skipping(*args, **kwargs):
        return (replace(each, prev_size=23) for each in genuine(*args, **kwargs))

    audited.chain.anchors = skipping
    assert audited.violated(state=state) == {Level.ANCHORED}


@pytest.mark.parametrize("change", ["origin", "key", "contract"])
def test_state_of_another_log_key_or_contract_is_not_continued(audited, change):
    state = audited.run().state
    trust = audited.trust()
    log = trust.logs[0]
    if change == "origin":
        state = replace(state, checkpoint=state.checkpoint.replace("2026", "2025", 1))
    elif change == "key":
        log = replace(log, checkpoint_key=replace(log.checkpoint_key, public=bytes(32)))
    else:
        state = replace(state, anchor=replace(state.anchor, contract=SEALER))
    report = audited.run(replace(trust, logs=(log,)), state=state)
    assert overall(report.findings) is not ExitStatus.HOLDS
    said = {each.level for each in report.findings if each.stopped_by is None}
    assert said == {Level.TRUST}


@pytest.mark.parametrize(("kind", "cut"), [("entries", None), ("entries", 10), ("0", None), ("0", 10)])
def test_tile_missing_or_truncated_is_never_a_pass(audited, monkeypatch, kind, cut):
    genuine = audited.world.http.get

    def get(url, **rest):
        answer = genuine(url, **rest)
        if f"/tile/{kind}/" not in url:
            return answer
        return replace(answer, status=404) if cut is None else replace(answer, body=answer.body[:-cut])

    monkeypatch.setattr(audited.world.http, "get", get)
    report = audited.run()
    (found,) = (each for each in report.findings if each.level is Level.LEAVES)
    assert found.outcome is (Outcome.COULD_NOT_TELL if cut is None else Outcome.VIOLATED)
    came_to = "could not be told" if cut is None else "is violated"
    unseen = [each for each in report.findings if each.stopped_by is Level.LEAVES]
    assert [each.level for each in unseen] == [Level.APPEND_ONLY, Level.ANCHORED, Level.CALLDATA, Level.FINAL]
    assert {each.detail for each in unseen} == {f"not looked at, because 'leaves give the signed root' {came_to}"}


def test_witnesses_of_the_trust_file_are_counted_and_decide_nothing(audited):
    ours, other = (Cosigner(f"witness.example/{name}", Ed25519PrivateKey.generate()) for name in ("w1", "w2"))
    trust = replace(audited.trust(), witnesses=(ours.key, other.key))
    checkpoint = LedgerClient.checkpoint

    def found(lines) -> tuple[Outcome, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                LedgerClient, "checkpoint", lambda client: checkpoint(client) + lines(checkpoint(client))
            )
            report = audited.run(trust)
        assert overall(report.findings) is ExitStatus.HOLDS
        (finding,) = [each for each in report.findings if each.level is Level.WITNESSED]
        return finding.outcome, finding.detail[:12]

    now = audited.world.clock.now()
    assert found(lambda _: "") == (Outcome.COULD_NOT_TELL, "0 of 2 known")
    assert found(lambda note: ours.cosign(note, now=now)) == (Outcome.HOLDS, "1 of 2 known")
    unnamed = next(each for each in audited.run().findings if each.level is Level.WITNESSED)
    assert (unnamed.detail, unnamed.counts) == ("no witness is known", False)
    assert witnessed(audited.client.checkpoint(), (), now=now).outcome is Outcome.COULD_NOT_TELL
