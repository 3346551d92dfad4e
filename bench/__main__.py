# SPDX-License-Identifier: EUPL-1.2
"""Run the comparison: `python -m bench --rounds 60 --output build/bench.json`."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl.backend import backend

from bench import comparisons as c
from bench import controls, limits, node_peers, report, tasks
from bench.measure import measure
from bench.report import Machine, Run
from bench.tasks import Material
from protocol.runtime.collector import settle

_PYTHON_PEERS = (c.SD_JWT, c.OPENVC, c.OPENID4VCI, c.TOKEN_STATUS_LIST, "cryptography")
_NPM_PEERS = ("@sd-jwt/sd-jwt-vc", "@sd-jwt/crypto-nodejs", "@sd-jwt/jwt-status-list")


def main() -> None:
    """Measure, print the report and write it as JSON."""
    parser = argparse.ArgumentParser(prog="bench", description="our core beside its peers, in one run")
    parser.add_argument("--rounds", type=int, default=60, help="how often each piece of work is measured")
    parser.add_argument("--output", type=Path, required=True, help="where the report goes as JSON")
    options = parser.parse_args()
    material = Material.make()
    # as every service process does after its start; it holds for the peers as well
    settle()
    missing = node_peers.absence()
    with _node(material, missing) as (node, runtime):
        speed = limits.openssl_speed()
        results = measure(tasks.make(material, node), rounds=options.rounds)
        run = Run(
            date=datetime.now(UTC).date().isoformat(),
            rounds=options.rounds,
            machine=_machine(runtime),
            versions=_versions(with_node=node is not None),
            absent=[] if missing is None else [f"{', '.join(_NPM_PEERS)}: {missing}"],
            accepted=controls.try_all(
                controls.make(material.ours, material.world), tasks.verifiers(material, node)
            ),
            speed=speed,
            results=results,
            comparisons=c.COMPARISONS,
        )
    print(report.text(run))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(report.as_json(run), indent=1) + "\n", "utf-8")


@contextmanager
def _node(material: Material, missing: str | None) -> Iterator[tuple[node_peers.NodePeers | None, str | None]]:
    if missing is not None:
        yield None, None
        return
    with node_peers.NodePeers() as node:
        token = material.ours.status_list_token()
        yield node, node.set_up(material.world, material.without_status, material.with_status, token)


def _machine(node: str | None) -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        openssl=backend.openssl_version_text(),
        node=node,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions(*, with_node: bool) -> Mapping[str, str]:
    found = {name: version(name) for name in _PYTHON_PEERS}
    if with_node:
        found |= {name: node_peers.installed_version(name) for name in _NPM_PEERS}
    return found


if __name__ == "__main__":
    main()
