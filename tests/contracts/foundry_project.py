# SPDX-License-Identifier: EUPL-1.2
"""A foundry project of the contracts, made anew in a folder: forge fuzzes in it and slither reads it.

Needs `npm ci` in `contracts/` (compiler, library) and in `tests/contracts/` (forge); nothing is downloaded here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contracts.build import read_sources

HERE = Path(__file__).parent
CONTRACTS = HERE.parents[1] / "contracts"
# npm's own wrapper around it ends with 0 whatever forge says; npm installs the package of this platform alone
_FORGE_PACKAGES = HERE / "node_modules" / "@foundry-rs"
_WORK_SECONDS = 3600


@dataclass(frozen=True)
class FoundryProject:
    """A folder with `src/`, `test/` and `node_modules/`, and forge with the npm compiler behind it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> FoundryProject:
        sources: dict[str, str] = {}
        for path in sorted((CONTRACTS / "artifacts").glob("*.json")):
            sources |= read_sources(path.stem, CONTRACTS / "node_modules")
        for name, text in sources.items():
            path = folder / ("node_modules" if name.startswith("@") else "src") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        (folder / "test").mkdir()
        for path in (HERE / "forge").glob("*.sol"):
            shutil.copy(path, folder / "test" / path.name)
        shutil.copy(HERE / "forge" / "foundry.toml", folder)
        return cls(folder)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs that calls forge by its name."""
        path = f"{_find_forge().parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "SOLC_FOLDER": str(CONTRACTS), "FOUNDRY_SOLC": str(HERE / "solc.cjs")}

    def forge(self, *arguments: str) -> str:
        """Run forge and return what it printed; a failure is an assertion with its output."""
        done = self.run(str(_find_forge()), *arguments)
        assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_WORK_SECONDS,
            check=False,
        )


def _find_forge() -> Path:
    found = sorted(_FORGE_PACKAGES.glob("forge-*/bin/forge*"))
    assert len(found) == 1, "run npm ci in tests/contracts"
    return found[0]
