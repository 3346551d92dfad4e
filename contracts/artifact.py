# SPDX-License-Identifier: EUPL-1.2
"""The compiled contracts, read from the package data; no compiler is needed to deploy or call them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: list[dict[str, Any]] = field(repr=False)  # the ABI's own JSON, passed to web3 as it is
    bytecode: bytes = field(repr=False)
    """What creates the contract; constructor arguments follow it."""
    deployed_bytecode: bytes = field(repr=False)
    """What is on the chain afterwards."""


@cache
def load_artifact(name: str) -> Artifact:
    """Return the checked-in artefact of this contract."""
    text = (files("contracts") / "artifacts" / f"{name}.json").read_text(encoding="utf-8")
    document = json.loads(text)
    return Artifact(
        name=name,
        abi=document["abi"],
        bytecode=bytes.fromhex(document["bytecode"].removeprefix("0x")),
        deployed_bytecode=bytes.fromhex(document["deployedBytecode"].removeprefix("0x")),
    )
