# SPDX-License-Identifier: EUPL-1.2
"""The main path by hand, in each language: within the step budget, every page accessible, and photographed.

`make screens` runs this; the pictures are in `build/screens/LANGUAGE/WIDTH/`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checks import problems_of
from journey import (
    MAX_SCREENS_FIRST_TIME,
    MAX_TAPS_AGAIN,
    SIX_DIGITS,
    walk_main_path,
    walk_open_pages,
    walk_without_degree,
)
from playwright.sync_api import Browser
from practice import practice_setup
from visitor import DESK, PHONE, Visitor

pytestmark = pytest.mark.browser
SCREENS = Path(__file__).parents[2] / "build" / "screens"

PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Camera:
    """Checks and photographs each page at both widths; keeps what is wrong until the walk is over."""

    language: str
    shots: int = 0
    problems: list[str] = field(default_factory=list)

    def __call__(self, visitor: Visitor, name: str) -> None:
        page, size = visitor.page, visitor.page.viewport_size
        self.shots += 1
        self.problems += [f"{self.shots:02d} {name}: {problem}" for problem in problems_of(page, self.language)]
        for width in (DESK, PHONE):
            page.set_viewport_size(width)
            path = SCREENS / self.language / str(width["width"]) / f"{self.shots:02d}-{name}.png"
            page.evaluate(PAINTED)
            page.screenshot(path=path, full_page=True)
        if size is not None:
            page.set_viewport_size(size)


@pytest.fixture
def camera() -> Callable[[str], Camera]:
    def load(language: str) -> Camera:
        shutil.rmtree(SCREENS / language, ignore_errors=True)
        return Camera(language)

    return load


@pytest.mark.parametrize("language", ["ca", "es", "en"])
def test_screens_of_the_main_path_keep_the_step_budget_and_are_accessible(
    chromium: Browser, camera: Callable[[str], Camera], tmp_path: Path, language: str
) -> None:
    looks = camera(language)
    with practice_setup(tmp_path / "data") as practice:
        first, again = walk_main_path(chromium, practice, language, looks, tmp_path)
        walk_without_degree(chromium, practice, language, looks)
        walk_open_pages(chromium, practice, language, looks)
    assert not looks.problems
    assert first.screens <= MAX_SCREENS_FIRST_TIME
    assert set(first.typed) <= {SIX_DIGITS, "passphrase"}
    assert len(first.typed) <= 2
    assert again.taps <= MAX_TAPS_AGAIN
    assert not again.typed
