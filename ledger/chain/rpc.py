# SPDX-License-Identifier: EUPL-1.2
"""The embedded node's JSON-RPC 2.0 methods: those of web3.py, and the rules around all of them.

- Every answer is about blocks; there is no pool, so `pending` is `latest`, and every block is final.
- Bad input gives the error of JSON-RPC or of other Ethereum clients, never a broken connection.
- What only explorers and `cast` call is in `explorer_rpc.py`.
"""

from __future__ import annotations

from importlib.metadata import version
from inspect import signature

import structlog

from ledger.chain import params
from ledger.chain.engine import CallMessage, Engine, TransactionRefusedError
from ledger.chain.evm import BLOCK_GAS_LIMIT, ZERO_ADDRESS, ExecutionError
from ledger.chain.explorer_rpc import Blocks, ExplorerMethods, Method, constant
from ledger.chain.objects import block_object, event_object, hex_data, receipt_object, transaction_object
from ledger.chain.params import RPCError
from ledger.chain.store import MAX_TOPICS, EventFilter
from protocol.encoding import JSON, parse_json
from protocol.errors import RequestError

# A hundred calls is what block explorers send at once.
MAX_BATCH = 100
# A full anchor is 66 kB of hexadecimal; a batch of them stays below.
MAX_REQUEST_BYTES = 1024 * 1024
# As in other clients; whoever wants more asks for fewer blocks at a time.
MAX_EVENTS = 10_000
MAX_FEE_HISTORY = 1024

_log = structlog.get_logger()


class Methods:
    """One engine's methods by name, and the rules of JSON-RPC around them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blocks = Blocks(engine)
        constants: dict[str, JSON] = {
            "eth_chainId": hex(engine.chain_id),
            "net_version": str(engine.chain_id),
            "web3_clientVersion": f"testimoni-embedded/py-evm-{version('py-evm')}",
            "eth_gasPrice": "0x0",
            "eth_maxPriorityFeePerGas": "0x0",
            "eth_syncing": False,
            "eth_accounts": [],
        }
        self._methods: dict[str, Method] = {
            **{name: constant(value) for name, value in constants.items()},
            "eth_blockNumber": self._block_number,
            "eth_getBlockByNumber": self._get_block,
            "eth_getBlockByHash": self._get_block_by_hash,
            "eth_getBlockReceipts": self._get_block_receipts,
            "eth_getTransactionByHash": self._get_transaction,
            "eth_getTransactionReceipt": self._get_receipt,
            "eth_getTransactionCount": self._get_nonce,
            "eth_getBalance": self._get_balance,
            "eth_getCode": self._get_code,
            "eth_getStorageAt": self._get_storage,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_feeHistory": self._fee_history,
            "eth_sendRawTransaction": self._send,
            "eth_getLogs": self._get_logs,
            **ExplorerMethods(engine, self._blocks).methods(),
        }

    def answer(self, body: bytes) -> JSON:
        """Return the response to a request or batch; None when it was notifications only."""
        try:
            message = parse_json(body, max_bytes=MAX_REQUEST_BYTES)
        except RequestError as exc:
            return _failure(None, RPCError(params.PARSE_ERROR, exc.message))
        if not isinstance(message, list):
            return self._answer_one(message)
        if not 0 < len(message) <= MAX_BATCH:
            return _failure(None, RPCError(params.INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests"))
        answers: list[JSON] = [found for item in message if (found := self._answer_one(item)) is not None]
        return answers or None

    def _answer_one(self, message: JSON) -> JSON:
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return _failure(None, RPCError(params.INVALID_REQUEST, "not a JSON-RPC 2.0 request"))
        identifier, name = message.get("id"), message.get("method")
        if isinstance(identifier, bool | list | dict) or not isinstance(name, str):
            return _failure(None, RPCError(params.INVALID_REQUEST, "malformed id or method"))
        try:
            answer: JSON = {
                "jsonrpc": "2.0",
                "id": identifier,
                "result": self._invoke(name, message.get("params")),
            }
        except RPCError as exc:
            answer = _failure(identifier, exc)
        return answer if "id" in message else None

    def _invoke(self, name: str, arguments: JSON) -> JSON:
        method = self._methods.get(name)
        if method is None:
            raise RPCError(params.METHOD_NOT_FOUND, f"the method {name[:80]} does not exist")
        if not isinstance(arguments, list | None):
            raise params.invalid("expected a list")
        try:
            call = signature(method).bind(*(arguments or []))
        except TypeError as exc:
            raise params.invalid("wrong number of parameters") from exc
        try:
            with self._engine.lock:
                return method(*call.args)
        except RPCError:
            raise
        except TransactionRefusedError as exc:
            raise RPCError(params.SERVER_ERROR, exc.message) from exc
        except ExecutionError as exc:
            if exc.output is None:
                raise RPCError(params.SERVER_ERROR, str(exc)) from exc
            raise RPCError(params.EXECUTION_REVERTED, str(exc), data=hex_data(exc.output)) from exc
        except Exception as exc:
            _log.exception("rpc_failed", method=name)
            raise RPCError(params.INTERNAL_ERROR, "internal error") from exc

    def _block_number(self) -> JSON:
        return hex(self._engine.head().block_number)

    def _get_block(self, place: JSON, is_full: JSON = False) -> JSON:
        header = self._blocks.find(place)
        wanted = params.boolean(is_full)
        if header is None:
            return None
        return block_object(self._engine.block(header), self._engine.sealed_extra_data(header), is_full=wanted)

    def _get_block_by_hash(self, digest: JSON, is_full: JSON = False) -> JSON:
        return self._get_block({"blockHash": digest}, is_full)

    def _get_block_receipts(self, place: JSON) -> JSON:
        header = self._blocks.find(place)
        if header is None:
            return None
        block, receipts = self._engine.block(header), self._engine.receipts(header)
        return [receipt_object(block, receipts, index) for index in range(len(receipts))]

    def _get_transaction(self, digest: JSON) -> JSON:
        found = self._engine.find_transaction(params.word(digest))
        if found is None:
            return None
        header, index = found
        return transaction_object(header, index, self._engine.block(header).transactions[index])

    def _get_receipt(self, digest: JSON) -> JSON:
        found = self._engine.find_transaction(params.word(digest))
        if found is None:
            return None
        header, index = found
        return receipt_object(self._engine.block(header), self._engine.receipts(header), index)

    def _get_nonce(self, account: JSON, place: JSON = None) -> JSON:
        return hex(self._engine.state(self._blocks.get(place)).get_nonce(params.address(account)))

    def _get_balance(self, account: JSON, place: JSON = None) -> JSON:
        return hex(self._engine.state(self._blocks.get(place)).get_balance(params.address(account)))

    def _get_code(self, account: JSON, place: JSON = None) -> JSON:
        return hex_data(self._engine.state(self._blocks.get(place)).get_code(params.address(account)))

    def _get_storage(self, account: JSON, slot: JSON, place: JSON = None) -> JSON:
        value = self._engine.state(self._blocks.get(place)).get_storage(
            params.address(account), params.storage_slot(slot)
        )
        return hex_data(value.to_bytes(32))

    def _call(self, message: JSON, place: JSON = None) -> JSON:
        return hex_data(self._engine.call(_message(message), self._blocks.get(place)))

    def _estimate_gas(self, message: JSON, place: JSON = None) -> JSON:
        return hex(self._engine.estimate_gas(_message(message), self._blocks.get(place)))

    def _send(self, raw: JSON) -> JSON:
        return hex_data(self._engine.submit(params.data(raw)))

    def _fee_history(self, count: JSON, newest: JSON, percentiles: JSON = None) -> JSON:
        last = self._blocks.get(newest).block_number
        blocks = min(params.quantity(count), MAX_FEE_HISTORY, last + 1)
        headers = [self._blocks.get(hex(number)) for number in range(last + 1 - blocks, last + 1)]
        history: dict[str, JSON] = {
            "oldestBlock": hex(last + 1 - blocks),
            "baseFeePerGas": ["0x0"] * (blocks + 1),
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
        }
        if isinstance(percentiles, list):
            history["reward"] = [["0x0"] * len(percentiles) for _ in headers]
        return history

    def _get_logs(self, wanted: JSON) -> JSON:
        if not isinstance(wanted, dict):
            raise params.invalid("expected a filter object")
        found = self._engine.store.events(self._filter(wanted), limit=MAX_EVENTS + 1)
        if len(found) > MAX_EVENTS:
            raise RPCError(params.LIMIT_EXCEEDED, f"query returned more than {MAX_EVENTS} results")
        return [event_object(event) for event in found]

    def _filter(self, wanted: dict[str, JSON]) -> EventFilter:
        topics = wanted.get("topics") or []
        if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
            raise params.invalid(f"expected at most {MAX_TOPICS} topics")
        if "blockHash" in wanted:
            if "fromBlock" in wanted or "toBlock" in wanted:
                raise params.invalid("expected blockHash, or fromBlock and toBlock")
            first = last = self._blocks.get({"blockHash": wanted["blockHash"]}).block_number
        else:
            first, last = self._blocks.number(wanted.get("fromBlock")), self._blocks.number(wanted.get("toBlock"))
        return EventFilter(
            first_block=first,
            last_block=last,
            addresses=params.one_or_many(wanted.get("address"), params.address),
            topics=tuple(params.one_or_many(topic, params.word) for topic in topics),
        )


def _failure(identifier: JSON, error: RPCError) -> JSON:
    return {"jsonrpc": "2.0", "id": identifier, "error": error.body()}


def _message(value: JSON) -> CallMessage:
    if not isinstance(value, dict):
        raise params.invalid("expected a transaction object")
    to, given = value.get("to"), value.get("input", value.get("data"))
    gas = params.quantity(value.get("gas", hex(BLOCK_GAS_LIMIT)))
    return CallMessage(
        sender=params.address(value.get("from", hex_data(ZERO_ADDRESS))),
        to=None if to is None else params.address(to),
        gas=min(gas, BLOCK_GAS_LIMIT),
        value=params.quantity(value.get("value", "0x0")),
        data=b"" if given is None else params.data(given),
    )
