# SPDX-License-Identifier: EUPL-1.2
"""The engine and its file: durable blocks, nothing half-kept, one process at a time; keys and settings beside it."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import suppress
from datetime import timedelta

import pytest
import rlp

from ledger.chain.engine import CallMessage, Engine, TransactionRefusedError
from ledger.chain.evm import BLOCK_GAS_LIMIT, ExecutionError
from ledger.chain.kill_points import NodeKillPoint
from ledger.chain.node_settings import load_node_settings
from ledger.chain.qbft import ExtraData, block_hash, verify_seals
from ledger.chain.sealer import FileSealerKey, FileSealKey, open_sealer
from protocol.encoding import sha256
from protocol.errors import ConfigurationError
from protocol.keys import PrivateKey
from protocol.runtime.signer import write_secret_file


class StopError(Exception):
    """Thrown where a test's kill point says so."""


class StopAt:
    """Throws once at this point, and lists every point that was reached."""

    def __init__(self, point=None) -> None:
        self.point, self.reached = point, []

    def reach(self, point):
        self.reached.append(point)
        if point is self.point:
            self.point = None
            raise StopError


def transfer(key, nonce, **fields):
    plain = {"type": 2, "chainId": 20261121, "nonce": nonce, "gas": 21_000, "to": key.address, "value": 0}
    return key.sign_transaction(
        {**plain, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "data": "0x", **fields}
    ).raw


def test_reopening_finds_everything_again_in_milliseconds(node, ledger):
    for _ in range(20):
        ledger.grow(secrets.token_bytes(32))
    before = node.result("eth_getBlockByNumber", "latest", True), node.result("eth_getLogs", {"fromBlock": "0x0"})
    started = time.perf_counter()
    node.reopen()
    took = time.perf_counter() - started
    assert took < 0.25
    assert (
        node.result("eth_getBlockByNumber", "latest", True),
        node.result("eth_getLogs", {"fromBlock": "0x0"}),
    ) == before
    assert ledger.chain.head(ledger.log_id).size == 20
    ledger.grow(secrets.token_bytes(32))
    assert ledger.chain.head(ledger.log_id).size == 21


def test_two_new_files_are_never_the_same_chain(node, tmp_path):
    other = Engine(tmp_path / "other.db", chain_id=20261121, clock=node.clock)
    assert other.head().hash != node.engine.head().hash
    other.close()


def test_a_file_of_another_chain_is_refused(node):
    node.engine.close()
    with pytest.raises(ConfigurationError, match="expected chain 1, the file is chain 20261121"):
        Engine(node.path, chain_id=1, clock=node.clock)


def header_of(node, number):
    return bytes.fromhex(node.result("debug_getRawHeader", hex(number))[2:])


def test_every_block_but_the_first_is_sealed_by_the_key_beside_the_file(node, keys):
    for nonce in range(3):
        node.engine.submit(transfer(keys[0], nonce))
    path = node.path.with_name("chain-seal.key")
    assert path.stat().st_mode & 0o777 == 0o600
    own = FileSealKey.from_pem(path.read_bytes()).validator
    for number in (1, 2, 3):
        header = header_of(node, number)
        assert verify_seals(header, expected_validators=[own]) == {own}
        assert block_hash(header) == node.engine.find_header(number).hash
    first = ExtraData.parse(rlp.decode(header_of(node, 0))[12])
    assert (first.validators, first.seals, first.round) == ((own,), (), 0)
    node.reopen()
    assert verify_seals(header_of(node, 3), expected_validators=[own]) == {own}


def test_four_keys_seal_every_block_in_the_order_of_their_addresses(tmp_path, clock, keys):
    made = [FileSealKey.generate() for _ in range(4)]
    engine = Engine(tmp_path / "four.db", chain_id=20261121, clock=clock, seal_keys=made)
    engine.submit(transfer(keys[0], 0))
    header = engine.head()
    found = ExtraData.parse(engine.sealed_extra_data(header))
    assert found.validators == tuple(sorted(each.validator for each in made))
    sealed = rlp.encode(header.copy(extra_data=found.encode()))
    assert verify_seals(sealed, expected_validators=found.validators) == set(found.validators)
    assert not (tmp_path / "four-seal.key").exists()
    engine.close()
    with pytest.raises(ConfigurationError, match="sealed by other keys"):
        Engine(tmp_path / "four.db", chain_id=20261121, clock=clock, seal_keys=made[:3])
    Engine(tmp_path / "four.db", chain_id=20261121, clock=clock, seal_keys=made[::-1]).close()


def test_a_file_whose_seal_key_is_lost_is_refused_and_no_new_key_is_made(node):
    node.engine.close()
    path = node.path.with_name("chain-seal.key")
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Engine(node.path, chain_id=20261121, clock=node.clock)
    assert not path.exists()
    write_secret_file(path, FileSealKey.generate().pem())
    with pytest.raises(ConfigurationError, match="sealed by other keys"):
        Engine(node.path, chain_id=20261121, clock=node.clock)
    path.write_bytes(kept)
    Engine(node.path, chain_id=20261121, clock=node.clock).close()


def test_a_seal_is_written_with_its_block_or_not_at_all(node, keys):
    node.reopen(StopAt(NodeKillPoint.INSIDE_BLOCK))
    with pytest.raises(StopError):
        node.engine.submit(transfer(keys[0], 0))
    assert node.engine.store.find_seals(1) is None
    node.engine.submit(transfer(keys[0], 0))
    assert node.engine.store.find_seals(1) is not None


def test_a_file_that_another_node_has_is_refused(node):
    with pytest.raises(ConfigurationError):
        Engine(node.path, chain_id=20261121, clock=node.clock)
    assert node.result("eth_blockNumber") == "0x0"


def test_a_file_that_is_no_database_is_refused(tmp_path, clock):
    path = tmp_path / "text.db"
    path.write_text("not a database, but long enough to look like a file with some pages in it" * 20)
    with pytest.raises(ConfigurationError):
        Engine(path, chain_id=1, clock=clock)


def test_every_block_reaches_the_numbered_points_in_order(node, keys):
    points = StopAt()
    node.reopen(points)
    node.engine.submit(transfer(keys[0], 0))
    assert points.reached == [NodeKillPoint.BEFORE_BLOCK, NodeKillPoint.INSIDE_BLOCK, NodeKillPoint.AFTER_BLOCK]
    assert [point.value for point in NodeKillPoint] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("point", [NodeKillPoint.BEFORE_BLOCK, NodeKillPoint.INSIDE_BLOCK])
def test_a_failure_before_the_commit_leaves_nothing_and_the_next_block_is_taken(node, keys, point):
    node.reopen(StopAt(point))
    before = node.engine.head().hash
    with pytest.raises(StopError):
        node.engine.submit(transfer(keys[0], 0))
    assert node.engine.head().hash == before
    node.engine.submit(transfer(keys[0], 0))
    assert node.engine.head().parent_hash == before
    node.reopen()
    assert node.engine.head().block_number == 1


def test_a_failure_after_the_commit_loses_the_answer_only(node, keys):
    node.reopen(StopAt(NodeKillPoint.AFTER_BLOCK))
    with pytest.raises(StopError):
        node.engine.submit(transfer(keys[0], 0))
    with pytest.raises(TransactionRefusedError, match="already known"):
        node.engine.submit(transfer(keys[0], 0))
    node.reopen()
    assert node.engine.head().block_number == 1


def test_the_file_commits_in_full_synchronous_mode(node):
    connection = node.engine.store._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_calls_leave_no_trace_in_the_file(node, ledger):
    store = node.engine.store
    count = store._connection.execute("SELECT count(*) FROM pairs").fetchone()
    sender = bytes.fromhex(ledger.sealer.address[2:])
    for to in (None, bytes.fromhex(ledger.chain.contract[2:])):
        message = CallMessage(sender=sender, to=to, gas=BLOCK_GAS_LIMIT, value=0, data=b"\x60\x00")
        for call in (node.engine.call, node.engine.estimate_gas):
            with suppress(ExecutionError):
                call(message, node.engine.head())
    assert store._pending == {}
    assert store._connection.execute("SELECT count(*) FROM pairs").fetchone() == count


def test_times_of_blocks_follow_the_clock_and_always_rise(node, keys):
    times = []
    for nonce, seconds in enumerate((0, 0, 3600, -7200)):
        node.clock.advance(timedelta(seconds=seconds))
        node.engine.submit(transfer(keys[0], nonce))
        times.append(node.engine.head().timestamp)
    first = times[0]
    assert times == [first, first + 1, times[2], times[2] + 1]
    assert times[2] - first >= 3599


def test_accounts_of_block_zero_own_something_and_can_send_it(tmp_path, clock, keys):
    owner, other = (bytes.fromhex(key.address[2:]) for key in keys[:2])
    engine = Engine(tmp_path / "rich.db", chain_id=20261121, clock=clock, genesis_accounts=[owner])
    engine.submit(transfer(keys[0], 0, to=keys[1].address, value=5))
    assert engine.state(engine.head()).get_balance(other) == 5
    engine.close()


def test_a_deleted_pair_is_gone_before_and_after_the_commit(node):
    store = node.engine.store
    store[b"k"] = b"v"
    store.commit()
    del store[b"k"]
    assert b"k" not in store
    with pytest.raises(KeyError):
        del store[b"k"]
    store.discard()
    assert store[b"k"] == b"v"
    del store[b"k"]
    store.commit()
    assert b"k" not in store
    assert b"other" not in store


def test_the_cache_stays_bounded(node, monkeypatch):
    monkeypatch.setattr("ledger.chain.store.MAX_CACHED_PAIRS", 10)
    store = node.engine.store
    for number in range(50):
        store[number.to_bytes(4)] = b"v"
    store.commit()
    assert len(store._cache) <= 10
    assert store[(3).to_bytes(4)] == b"v"


def test_a_failing_disk_keeps_nothing(node, keys):
    class Broken:
        def execute(self, statement, *values):
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return real.execute(statement, *values)

        def executemany(self, statement, rows):
            return real.executemany(statement, rows)

    store = node.engine.store
    real = store._connection
    store._connection = Broken()
    assert node.error("eth_sendRawTransaction", "0x" + transfer(keys[0], 0).hex()) == (-32603, "internal error")
    store._connection = real
    assert node.result("eth_blockNumber") == "0x0"
    assert node.result("eth_sendRawTransaction", "0x" + transfer(keys[0], 0).hex())


def test_sealer_key_survives_its_file(tmp_path):
    key = FileSealerKey.generate()
    write_secret_file(tmp_path / "sealer.pem", key.pem())
    assert open_sealer(f"file:{tmp_path / 'sealer.pem'}") == key
    assert transfer(key, 0) == transfer(FileSealerKey.from_pem(key.pem()), 0)
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize("pem", [b"", b"nonsense", PrivateKey.generate().pem()])
def test_sealer_key_of_another_kind_is_refused(pem):
    with pytest.raises(ConfigurationError):
        FileSealerKey.from_pem(pem)


def test_sealer_key_at_another_scheme_is_refused():
    with pytest.raises(ConfigurationError):
        open_sealer("pkcs11:token")


def test_sealer_address_is_the_known_one():
    from cryptography.hazmat.primitives.asymmetric import ec

    # the key 1, whose address every Ethereum library's tests know
    key = FileSealerKey._wrap(ec.derive_private_key(1, ec.SECP256K1()))
    assert key.address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert sha256(key.pem())


def test_settings_come_from_the_command_line_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TESTIMONI_CHAIN_DATABASE", str(tmp_path / "chain.db"))
    monkeypatch.setenv("TESTIMONI_CHAIN_PORT", "1")
    found = load_node_settings(["--port", "18106", "--genesis-accounts", "0x" + "11" * 20])
    assert (found.port, found.database, found.chain_id) == (18106, tmp_path / "chain.db", 20261121)
    assert found.accounts() == [b"\x11" * 20]
    assert found.seal_keys() == []


def test_settings_name_the_files_of_the_seal_keys(tmp_path):
    made = [FileSealKey.generate() for _ in range(2)]
    for number, key in enumerate(made):
        write_secret_file(tmp_path / f"{number}.key", key.pem())
    files = f"{tmp_path / '0.key'},{tmp_path / '1.key'}"
    argv = ["--database", "x", "--port", "1", "--seal-key-files"]
    assert load_node_settings([*argv, files]).seal_keys() == made
    with pytest.raises(ConfigurationError, match=r"2\.key cannot be read"):
        load_node_settings([*argv, f"{files},{tmp_path / '2.key'}"]).seal_keys()


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["--port", "1"], "database"),
        (["--database", "x"], "port"),
        (["--database", "x", "--port", "99999"], "port"),
        (["--database", "x", "--port", "1", "--chain-id", "0"], "chain_id"),
        (["--database", "x", "--port", "1", "--genesis-accounts", "0x12"], "genesis_accounts"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(argv, name):
    with pytest.raises(ConfigurationError, match=name):
        load_node_settings(argv)


def test_an_unknown_setting_is_refused(monkeypatch):
    monkeypatch.setenv("TESTIMONI_CHAIN_PRT", "1")
    with pytest.raises(ConfigurationError, match="TESTIMONI_CHAIN_PRT"):
        load_node_settings(["--database", "x", "--port", "1"])
