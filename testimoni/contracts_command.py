# SPDX-License-Identifier: EUPL-1.2
"""`testimoni contracts`: bring the contracts to a chain and register logs there, in the order of the sub-commands.

- `new-key` makes an account; `log-entry` and `thumbprint` print what a proposal says of a log, from its own keys.
- `deploy-registry`, `deploy-owner` and `deploy-ledger` each print an address, which the next one is given.
- `register-log` does what the registry grants and nothing else: whoever signs decides nothing.
- Each says on which chain it means to be and stops on another. Keys stay in files of whoever acts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.registry import administration_id
from ledger.trust import log_id
from protocol.encoding import JSON
from protocol.errors import ConfigurationError
from protocol.runtime.signer import open_signer, read_secret_file, write_secret_file

if TYPE_CHECKING:
    from web3 import Web3

    from ledger.chain.sealer import FileSealerKey


def run(argv: Sequence[str]) -> int:
    """Do one sub-command and return 0. Raises `Error`."""
    given = _parser().parse_args(argv)
    match given.command:
        case "new-key":
            made = _new_key(given)
        case "log-entry":
            made = _log_entry(given)
        case "thumbprint":
            made = {"thumbprint": open_signer(f"file:{given.promise_key}").public_key.thumbprint()}
        case "deploy-registry":
            made = _deploy_registry(given)
        case "deploy-owner":
            made = _deploy_owner(given)
        case "deploy-ledger":
            made = _deploy_ledger(given)
        case _:
            made = _register_log(given)
    # what the next command is given stands alone on its line
    is_object = given.json or given.command == "log-entry"
    print(json.dumps(made, ensure_ascii=False) if is_object else next(iter(made.values())))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("testimoni contracts", description="Deploy the contracts and register logs.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new_key = commands.add_parser("new-key", help="make an account's secp256k1 key and print its address")
    new_key.add_argument("file", type=Path, metavar="FILE", help="where to write it, as PEM; must not be there")
    entry = commands.add_parser(
        "log-entry", help="print a log's entry for the registry, as --details of a proposal"
    )
    _add_origin(entry)
    entry.add_argument(
        "--promise-key", type=Path, required=True, metavar="FILE", help="the log's ES256 key, as PEM"
    )
    entry.add_argument(
        "--checkpoint-key", type=Path, required=True, metavar="FILE", help="its Ed25519 key, as PEM"
    )
    entry.add_argument("--maximum-merge-delay", type=int, required=True, metavar="SECONDS", help="as the ledger's")
    thumbprint = commands.add_parser("thumbprint", help="print the promise key's thumbprint, as a --subject")
    thumbprint.add_argument("--promise-key", type=Path, required=True, metavar="FILE", help="the log's ES256 key")
    registry = commands.add_parser("deploy-registry", help="deploy a TrustRegistry and print its address")
    registry.add_argument(
        "--member", action="append", required=True, metavar="ADDRESS", help="for each first member"
    )
    registry.add_argument("--threshold", type=int, required=True, metavar="K", help="how many must approve")
    owner = commands.add_parser("deploy-owner", help="deploy the LogOwner of a registry and print its address")
    owner.add_argument("--registry", required=True, metavar="ADDRESS", help="the TrustRegistry that decides")
    ledger = commands.add_parser("deploy-ledger", help="deploy a ConsentLedger of an owner and print its address")
    ledger.add_argument("--owner", required=True, metavar="ADDRESS", help="the LogOwner")
    log = commands.add_parser("register-log", help="register a log that the registry grants, and print its ledger")
    log.add_argument("--owner", required=True, metavar="ADDRESS", help="the LogOwner")
    log.add_argument("--ledger", required=True, metavar="ADDRESS", help="the ConsentLedger that it owns")
    _add_origin(log)
    log.add_argument("--sealer", required=True, metavar="ADDRESS", help="the account that anchors")
    log.add_argument("--administration", required=True, metavar="CODE", help="who keeps the log")
    for each in (registry, owner, ledger, log):
        each.add_argument("--chain", required=True, metavar="URL", help="JSON-RPC of any node of the chain")
        each.add_argument("--chain-id", type=int, required=True, metavar="N", help="the chain's number")
        each.add_argument(
            "--key", type=Path, required=True, metavar="FILE", help="any secp256k1 key, as PEM; it pays"
        )
    for each in (new_key, entry, thumbprint, registry, owner, ledger, log):
        each.add_argument("--json", action="store_true", help="one JSON object instead of one word")
    return parser


def _add_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--origin", required=True, metavar="HOST/LOG", help="the log's name")


def _new_key(given: argparse.Namespace) -> dict[str, JSON]:
    from ledger.chain.sealer import FileSealerKey  # noqa: PLC0415 - help must not load cryptography

    if given.file.exists():
        raise ConfigurationError("configuration_error", f"{given.file} is there already")
    key = FileSealerKey.generate()
    write_secret_file(given.file, key.pem())
    return {"address": key.address}


def _log_entry(given: argparse.Namespace) -> dict[str, JSON]:
    from ledger.checkpoint import CheckpointSigner  # noqa: PLC0415 - help must not load cryptography

    signer = CheckpointSigner.from_pem(given.origin, read_secret_file(given.checkpoint_key))
    return {
        "origin": given.origin,
        "promise_key": open_signer(f"file:{given.promise_key}").public_key.jwk(),
        "checkpoint_key": signer.key.text(),
        "maximum_merge_delay": given.maximum_merge_delay,
    }


def _deploy_registry(given: argparse.Namespace) -> dict[str, JSON]:
    _, key = _connect(given)
    from ledger.chain.client import deploy_registry  # noqa: PLC0415 - help must not load web3
    from ledger.members_proposal import MembersProposal  # noqa: PLC0415 - the same

    # as a later change of the members would be checked
    made = MembersProposal.make(given.chain_id, "", given.member, given.threshold)
    address = deploy_registry(given.chain, key, members=made.members, threshold=made.threshold)
    return {"address": address, "members": [*made.members], "threshold": made.threshold}


def _deploy_owner(given: argparse.Namespace) -> dict[str, JSON]:
    web3, key = _connect(given)
    from ledger.chain.client import open_registry  # noqa: PLC0415 - help must not load web3
    from ledger.chain.log_owner import deploy_log_owner  # noqa: PLC0415 - the same

    registry = open_registry(given.chain, contract=given.registry, expected_chain_id=given.chain_id)
    return {"address": deploy_log_owner(web3, key, registry=registry.contract), "registry": registry.contract}


def _deploy_ledger(given: argparse.Namespace) -> dict[str, JSON]:
    web3, key = _connect(given)
    from ledger.chain.client import open_chain  # noqa: PLC0415 - help must not load web3
    from ledger.chain.log_owner import check_log_owner  # noqa: PLC0415 - the same

    # a ledger cannot be given away again, so its owner must be one that the registry decides for
    registry = check_log_owner(web3, given.owner)
    address = open_chain(given.chain, contract=None).deploy_consent_ledger(key, owner=given.owner)
    return {"address": address, "owner": given.owner, "registry": registry}


def _register_log(given: argparse.Namespace) -> dict[str, JSON]:
    web3, key = _connect(given)
    from ledger.chain.client import open_chain  # noqa: PLC0415 - help must not load web3
    from ledger.chain.log_owner import check_log_owner, register_log  # noqa: PLC0415 - the same

    check_log_owner(web3, given.owner)
    open_chain(given.chain, contract=given.ledger).check(expected_chain_id=given.chain_id)
    register_log(
        web3,
        key,
        owner=given.owner,
        ledger=given.ledger,
        log_id=log_id(given.origin),
        sealer=given.sealer,
        administration=administration_id(given.administration),
    )
    return {"address": given.ledger, "origin": given.origin, "log_id": f"0x{log_id(given.origin).hex()}"}


def _connect(given: argparse.Namespace) -> tuple[Web3, FileSealerKey]:
    """Return the node and the key. Raises `ConfigurationError` when the node is on another chain."""
    from ledger.chain.client import connect_to  # noqa: PLC0415 - help must not load web3
    from ledger.chain.provider import answers  # noqa: PLC0415 - the same
    from ledger.chain.sealer import open_sealer  # noqa: PLC0415 - the same

    for name in ("registry", "owner", "ledger", "sealer"):
        _check_address(getattr(given, name, None), name)
    key, web3 = open_sealer(f"file:{given.key}"), connect_to(given.chain)
    with answers():
        found = int(web3.eth.chain_id)
    if found != given.chain_id:
        raise ConfigurationError("wrong_chain", f"expected chain {given.chain_id}, the node is on {found}")
    return web3, key


def _check_address(given: Any, name: str) -> None:
    from eth_utils.address import is_checksum_address  # noqa: PLC0415 - help must not load it

    if given is not None and not is_checksum_address(given):
        raise ConfigurationError("configuration_error", f"expected a checksummed address for --{name}")
