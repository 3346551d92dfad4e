# SPDX-License-Identifier: EUPL-1.2
"""What every page must keep: accessible (axe), no sideways scrolling, labelled, no text left untranslated."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po
from playwright.sync_api import Page
from visitor import DESK, PHONE

ROOT = Path(__file__).parents[2]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ZOOMED = {"width": 320, "height": 256}  # a screen of 1280 by 1024 at 400 %
MIN_TEXT = 15
_RAW = re.compile(
    r"%\(\w+\)[sd]|\{\{|\}\}|\bundefined\b|\bNone\b|\bNaN\b|\[object |\bnull\b|Traceback|&(?:amp|lt|quot|#\d+);"
    r"|\b[a-z]{2,}(?:_[a-z]{2,})+\b"
)


def problems_of(page: Page, language: str) -> list[str]:
    """Return what is wrong with the page that is open, at both widths."""
    found = []
    page.set_viewport_size(ZOOMED)
    if page.evaluate("document.documentElement.scrollWidth") > ZOOMED["width"]:
        found.append(f"scrolls sideways at 400 % zoom: {_widest(page)}")
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            found.append(f"{width} px wide at {size['width']}: {_widest(page)}")
        found += _axe(page)
    return found + _texts(page, language) + _controls(page)


def _axe(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())  # evaluated by the debugger, so the page's own policy stays in force
    result = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    return [
        f"axe {violation['id']}: {violation['help']}: {[node['html'][:160] for node in violation['nodes']][:3]}"
        for violation in result["violations"]
    ]


def _widest(page: Page) -> str:
    return str(
        page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 120)).slice(-2)"
        )
    )


def _texts(page: Page, language: str) -> list[str]:
    found = []
    if page.evaluate("document.documentElement.lang") != language:
        found.append(f"html lang is {page.evaluate('document.documentElement.lang')}, not {language}")
    text = page.evaluate(
        "(() => { const copy = document.body.cloneNode(true);"
        "copy.querySelectorAll('script, code, pre, .tm-copy, [translate=no]').forEach(e => e.remove());"
        "return (document.title + '\\n' + copy.textContent).replace(/\\s+/g, ' '); })()"
    )
    found += [f"raw: {match.group()}" for match in _RAW.finditer(text)]
    found += [f"not translated: {english}" for english in untranslated(language) if english in text]
    if not page.evaluate("document.querySelectorAll('h1').length === 1"):
        found.append("not exactly one h1")
    return found


def _controls(page: Page) -> list[str]:
    unlabelled = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')]"
        ".filter(e => e.checkVisibility() && !(e.labels?.length || e.textContent.trim()"
        " || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')))"
        ".map(e => e.outerHTML.slice(0, 120))"
    )
    small = page.evaluate(
        "[...document.querySelectorAll('button, .govuk-button, input:not([type=hidden]), select, summary')]"
        ".filter(e => e.checkVisibility() && !e.closest('.govuk-checkboxes, .govuk-radios')"
        " && e.getBoundingClientRect().height < 43.5 && e.getBoundingClientRect().width > 1)"
        ".map(e => e.outerHTML.slice(0, 120))"
    )
    return [f"no label: {html}" for html in unlabelled] + [f"too small to tap: {html}" for html in small]


@cache
def untranslated(language: str) -> tuple[str, ...]:
    """The English source texts, long enough to be told apart, that a page in this language must not show."""
    found = set()
    for path in ROOT.glob(f"**/translations/{language}/messages.po"):
        if ".venv" in path.parts:
            continue
        with path.open("rb") as stream:
            for message in read_po(stream, locale=language):
                english = message.id if isinstance(message.id, str) else ""
                if len(english) >= MIN_TEXT and "%(" not in english and message.string != english:
                    found.add(english)
    return tuple(sorted(found))
