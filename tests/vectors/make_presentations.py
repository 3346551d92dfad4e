# SPDX-License-Identifier: EUPL-1.2
"""Write the vectors of the verification pipeline: `python -m tests.vectors.make_presentations`.

One JSON file per case of `tests.fakes.presentations`, with what the verifier asked, what the wallet sent, and
`expect`: `valid`, `could-not-tell`, or the one check that must fail (with its `code` where there is one).
`world.json` has what all share: authority, trust list, statements, rules per type of document, status lists by
address, time. A case may have `status_lists` of its own, which go before those; null stands for one that does not
answer, and so does an address that neither has. Keys are made for each run and forgotten; so every run writes other
bytes that mean the same.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from protocol.clock import FixedClock
from protocol.encoding import b64url_encode
from protocol.keys import PrivateKey
from testimoni.development.authority import Authority
from testimoni.development.parties import MemoryKeep, make_parties
from tests.conftest import ISSUER_URL, LOG_ORIGIN, NOW, VERIFIER_URL, World, WsgiHTTP
from tests.fakes.holder import CLAIMS, VCT, Transaction, share
from tests.fakes.presentations import CASES
from tests.fakes.status_host import honest_lists

FOLDER = Path(__file__).parent / "presentation"


def make_world(folder: Path) -> World:
    authority, promise_key = Authority.create(NOW), PrivateKey.generate()
    world = World(
        folder=folder,
        clock=FixedClock(NOW),
        authority=authority,
        parties=make_parties(
            authority, issuer_url=ISSUER_URL, verifier_url=VERIFIER_URL, keep=MemoryKeep(), now=NOW
        ),
        promise_key=promise_key,
        log={"origin": LOG_ORIGIN, "promise_key": promise_key.public_key.jwk(), "maximum_merge_delay": 60},
        http=WsgiHTTP(),
    )
    world.write_trust_list()
    return world


def statements(world: World) -> dict[str, dict[str, str]]:
    return {
        name: {p.data.procedure.id: p.statement for p in party.procedures} for name, party in world.parties.items()
    }


def write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        write(
            FOLDER / "world.json",
            {
                "now": NOW.isoformat(),
                "authority": world.authority.root.public_bytes(Encoding.PEM).decode(),
                "trust_list": world.trust_list_file.read_text("ascii"),
                "statements": statements(world),
                "document_rules": [
                    {
                        "vct": VCT.format(kind),
                        "carries_status": kind != "tax-compliance",
                        "longest_validity_days": 365,
                    }
                    for kind in CLAIMS
                ],
                "status_lists": honest_lists(world),
            },
        )
        for case in CASES:
            party = world.parties[case.party]
            found = {p.data.procedure.id: p.data.procedure for p in party.procedures}
            asked = Transaction(party.client_id, "n" * 32, "s" * 32, found[case.procedure])
            how = case.make(world, asked)
            sent = share(asked, how, log=LOG_ORIGIN, promise_key=world.promise_key, now=NOW)
            write(
                FOLDER / f"{case.name}.json",
                {
                    "expect": case.expect,
                    "code": case.code,
                    "asked": {
                        "administration": case.party,
                        "procedure": case.procedure,
                        "client_id": asked.client_id,
                        "nonce": asked.nonce,
                        "state": asked.state,
                    },
                    "response": b64url_encode(sent.payload),
                    **({"status_lists": dict(how.status_lists)} if how.status_lists else {}),
                },
            )


if __name__ == "__main__":
    main()
