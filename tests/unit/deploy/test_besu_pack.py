# SPDX-License-Identifier: EUPL-1.2
"""The deployment pack for Besu: its files parse, fit each other and open nothing beyond this machine.

No Docker engine and no Besu is here, so this checks what can be checked without: see docs/network.md.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from ledger.chain.genesis import NodeIdentity, make_genesis
from ledger.chain.qbft import ExtraData
from ledger.chain.web3_chain import BLOCKS_PER_QUERY

PACK = Path(__file__).parents[3] / "deploy" / "besu"
COMPOSE = yaml.safe_load((PACK / "compose.yaml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
NODES = {name: tomllib.loads((PACK / f"{name}.toml").read_text("utf-8")) for name in ("validator", "regular")}


def test_compose_file_has_four_validators_and_a_regular_node():
    assert set(SERVICES) == {"validator1", "validator2", "validator3", "validator4", "regular"}
    assert set(COMPOSE["volumes"]) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_checked_restarted_and_reachable_from_this_machine_only(name):
    service = SERVICES[name]
    assert re.fullmatch(r"hyperledger/besu:\d+\.\d+\.\d+", service["image"])
    assert service["restart"] == "unless-stopped"
    assert set(service["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}
    assert "/liveness" in service["healthcheck"]["test"][-1]
    for port in service["ports"]:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:(8545|9545)", port), f"{port} is not on loopback"


def test_published_ports_and_addresses_are_each_used_once():
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service["ports"]]
    assert len(set(ports)) == len(ports)
    addresses = [service["networks"]["besu"]["ipv4_address"] for service in SERVICES.values()]
    (subnet,) = COMPOSE["networks"]["besu"]["ipam"]["config"]
    assert len(set(addresses)) == len(addresses)
    assert all(ipaddress.ip_address(each) in ipaddress.ip_network(subnet["subnet"]) for each in addresses)


@pytest.mark.parametrize("name", SERVICES)
def test_service_mounts_every_file_that_its_node_reads_and_keeps_its_data(name):
    service = SERVICES[name]
    (argument,) = service["command"]
    config = argument.removeprefix("--config-file=")
    kind = "regular" if name == "regular" else "validator"
    assert config == f"/config/{kind}.toml"
    mounts = {volume.split(":")[1]: volume.split(":") for volume in service["volumes"]}
    assert mounts[config][0] == f"./{kind}.toml"
    for option in ("genesis-file", "static-nodes-file", "node-private-key-file"):
        source, _, mode = mounts[NODES[kind][option]]
        assert mode == "ro"
        assert source.startswith("./network/")
    assert mounts[NODES[kind]["node-private-key-file"]][0] == f"./network/{name}.key"
    # the blocks are in a volume of the node's own
    assert mounts[NODES[kind]["data-path"]][0] == name


@pytest.mark.parametrize("kind", NODES)
def test_node_keeps_whole_blocks_takes_no_fees_and_looks_for_nobody(kind):
    node = NODES[kind]
    assert (node["sync-mode"], node["min-gas-price"], node["tx-pool"]) == ("FULL", 0, "SEQUENCED")
    assert (node["discovery-enabled"], node["nat-method"]) == (False, "NONE")
    assert "*" not in node["host-allowlist"]
    assert "ADMIN" not in node["rpc-http-api"]


def test_only_validators_take_votes_and_only_the_regular_node_serves_the_ledger():
    assert "QBFT" in NODES["validator"]["rpc-http-api"]
    assert "QBFT" not in NODES["regular"]["rpc-http-api"]
    assert NODES["regular"]["rpc-max-logs-range"] == BLOCKS_PER_QUERY


def test_example_genesis_is_what_the_command_makes():
    example = json.loads((PACK / "genesis.example.json").read_text("utf-8"))
    validators = ExtraData.parse(bytes.fromhex(example["extraData"][2:])).validators
    assert example == make_genesis(example["config"]["chainId"], validators)
    assert len(validators) == 4


def test_rehearsal_makes_keys_genesis_and_peers_that_fit_the_compose_file(tmp_path):
    folder = tmp_path / "network"
    environment = {**os.environ, "PYTHON": sys.executable}
    command = ["bash", str(PACK / "rehearse.sh"), "20261127", str(folder)]
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=PACK.parents[1], timeout=60)
    made = json.loads((folder / "genesis.json").read_text())
    peers = [NodeIdentity.parse(each) for each in json.loads((folder / "static-nodes.json").read_text())]
    assert made == make_genesis(20261127, [each.address for each in peers[:4]])
    expected = [f"{service['networks']['besu']['ipv4_address']}:30303" for service in SERVICES.values()]
    assert [each.place for each in peers] == expected
    assert {path.name for path in folder.glob("*.key")} == {f"{name}.key" for name in SERVICES}
    # a network that is there is not overwritten
    again = subprocess.run(
        command, env=environment, check=False, capture_output=True, cwd=PACK.parents[1], timeout=60
    )
    assert again.returncode == 1
    assert json.loads((folder / "genesis.json").read_text()) == made


@pytest.mark.parametrize(("number", "python"), [("abc", sys.executable), ("7", "false"), ("", sys.executable)])
def test_rehearsal_that_fails_leaves_no_genesis(tmp_path, number, python):
    command = ["bash", str(PACK / "rehearse.sh"), number, str(tmp_path / "network")]
    environment = {**os.environ, "PYTHON": python}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, timeout=60)
    assert done.returncode != 0
    assert not (tmp_path / "network" / "genesis.json").exists()
    assert python == "false" or b"CHAIN_ID is a whole number" in done.stderr


def test_no_key_is_part_of_the_pack():
    kept = {path.name for path in PACK.iterdir() if path.name != "network"}
    assert kept == {
        *("README.md", "compose.yaml", "genesis.example.json", "regular.toml", "validator.toml"),
        *("rehearse.sh", "smoke.sh", ".gitignore"),
    }
    assert "network/" in (PACK / ".gitignore").read_text()
