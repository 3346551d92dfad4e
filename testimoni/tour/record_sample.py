# SPDX-License-Identifier: EUPL-1.2
"""Records the tour's sample anew: `python -m testimoni.tour.record_sample`, when a format of evidence has changed.

It starts a set-up of its own, walks to the anchor as `testimoni demo` does, and keeps the evidence of that share
with the trust file of that set-up. Nothing in it is about a real person.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from testimoni.running import own
from testimoni.walk import Walk

_SAMPLE = Path(__file__).parent / "sample"


def main() -> None:
    """Write `sample/evidence.json` and `sample/trust.json`."""
    with (
        tempfile.TemporaryDirectory(prefix="testimoni-") as data,
        tempfile.TemporaryDirectory(prefix="testimoni-wallet-") as wallet,
        own(Path(data)) as running,
    ):
        walk = Walk(running, Path(wallet))
        try:
            for step in (walk.sign_in, walk.fetch_degree, walk.receive, walk.be_asked, walk.share, walk.anchor):
                print(step())
            evidence = walk.wallet.export_evidence(walk.share_id)
        finally:
            walk.close()
        trust = running.folder.trust_file.read_bytes()
    for name, content in (("evidence.json", evidence), ("trust.json", trust)):
        text = json.dumps(json.loads(content), indent=1, ensure_ascii=False)
        (_SAMPLE / name).write_text(text + "\n")


if __name__ == "__main__":
    main()
