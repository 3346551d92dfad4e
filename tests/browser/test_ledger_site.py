# SPDX-License-Identifier: EUPL-1.2
"""The auditors' site in a browser: charts, a file that is checked, and a statement that prints on two pages.

The pictures are in `build/screens/ledger/LANGUAGE/WIDTH/`.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from checks import problems_of
from playwright.sync_api import Browser, Page
from visitor import DESK, PHONE, Visitor, visit
from werkzeug.serving import make_server

from ledger.app import create_app
from ledger.client import LedgerClient
from ledger.commitment import Commitment
from ledger.record import ClaimReference, ProcedureReference, RecordType, TakeBack
from ledger.routes.case_words import MAX_EARLIER
from ledger.services import Services
from ledger.settings import LedgerSettings
from ledger.trust import log_id
from ledger.worker import Worker
from protocol.keys import PrivateKey
from tests.conftest import World
from tests.fakes.anchor_proof import VALIDATORS
from tests.fakes.evidence_files import DEGREE, TERMS, EvidenceFile
from tests.fakes.memory_chain import CONTRACT, MemoryChain, MemorySealer

pytestmark = pytest.mark.browser
URL = "http://localhost:8104"
SCREENS = Path(__file__).parents[2] / "build" / "screens" / "ledger"
LANGUAGES = ("ca", "es", "en")


@dataclass
class Site:
    """A ledger with a history of some days, in a server; and the files that people bring."""

    url: str
    evidence: EvidenceFile
    folder: Path

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def site(world: World, ledger_settings: LedgerSettings, tmp_path: Path) -> Iterator[Site]:
    settings = ledger_settings.model_copy(
        update={
            "chain_url": "http://127.0.0.1:8106",
            "chain_id": 1337,
            "contract": CONTRACT,
            "sealer_key_file": "unused.key",
            "batch_interval_seconds": 1,
            "validators": frozenset(VALIDATORS[:1]),
        }
    )
    chain = MemoryChain(log_id(settings.origin))
    worker = Worker(settings, clock=world.clock, chain=chain, sealer=MemorySealer())
    worker.sequence()
    worker.anchor()
    app = create_app(settings, clock=world.clock)
    known: Services = app.extensions["ledger.services"]
    app.extensions["ledger.services"] = replace(known, open_chain=lambda *_, **__: chain)
    world.http.apps[URL] = app
    client = LedgerClient(world.http, URL)
    for batches in (1, 3, 0, 2):
        for _ in range(batches):
            for _ in range(secrets.randbelow(4) + 1):
                client.add_entry(Commitment(secrets.token_bytes(32)))
            worker.sequence()
            worker.anchor()
        world.clock.advance(timedelta(days=1))
        # the worker is there again before anybody asks for a promise
        worker.sequence()
    with make_server("127.0.0.1", 0, app, threaded=True) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        evidence = EvidenceFile(world, worker, URL, settings.origin)
        yield Site(f"http://127.0.0.1:{server.server_port}", evidence, tmp_path)
        server.shutdown()
        thread.join()


@dataclass
class Look:
    """Checks and photographs each page at both widths."""

    language: str
    problems: list[str] = field(default_factory=list)

    def __call__(self, visitor: Visitor, name: str) -> None:
        page = visitor.page
        # a fold hides nothing that is wrong
        page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
        self.problems += [f"{name}: {problem}" for problem in problems_of(page, self.language)]
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            path = SCREENS / self.language / str(size["width"]) / f"{name}.png"
            page.screenshot(path=path, full_page=True)


def bring(visitor: Visitor, site: Site, path: str, file: Path) -> None:
    visitor.open(f"{site.url}{path}?lang={visitor.language}")
    visitor.page.set_input_files("#evidence", file)
    visitor.tap(visitor.page.locator("main form button[type=submit]"))
    visitor.page.wait_for_load_state()


@pytest.mark.parametrize("language", LANGUAGES)
def test_charts_and_what_comes_of_a_file_are_accessible_narrow_enough_and_translated(
    chromium: Browser, site: Site, language: str
) -> None:
    share = site.evidence.share()
    site.evidence.wait(1)
    request = site.evidence.take_back(share, kind=TakeBack.ERASE)
    complaint = site.write("complaint.json", site.evidence.data())
    site.evidence.answer(request, RecordType.REFUSAL_TO_ERASE, legal_ground="eu-gdpr:A17-3-b")
    answered = site.write("answered.json", site.evidence.data())
    look = Look(language)
    with visit(chromium, language, look) as visitor:
        visitor.open(f"{site.url}/state?lang={language}")
        visitor.stop("state")
        for path, name, file in (
            ("/check", "checked", answered),
            ("/case", "statement", answered),
            ("/case", "statement-of-a-complaint", complaint),
        ):
            bring(visitor, site, path, file)
            visitor.stop(name)
        assert not visitor.complaints
    assert not look.problems


def printed(page: Page, path: Path) -> int:
    """Print the page as its style says and return the number of sheets."""
    data = page.pdf(path=path, prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b", data))


def plain(site: Site) -> None:
    site.evidence.share()


def complaint(site: Site) -> None:
    site.evidence.take_back(site.evidence.share())


def everything(site: Site) -> None:
    """The longest statement: each text beyond its limit, more of everything than is shown, and contradictions."""
    many = [ClaimReference(DEGREE, (f"a_claim_with_a_long_name_{number:03}",)) for number in range(35)]
    terms = dict.fromkeys(("purpose", "retention", "dpa_name", "dpa_contact"), f"{'many long words ' * 20}")
    share = site.evidence.share(
        claims_requested=[*many, *(ClaimReference(f"{DEGREE}/other", (f"asked_{n}",)) for n in range(30))],
        claims_presented=many,
        procedure=ProcedureReference("a-procedure-" * 20, "1"),
        terms=replace(TERMS, **terms),
    )
    for _ in range(MAX_EARLIER + 2):
        site.evidence.wait(1)
        request = site.evidence.take_back(share, kind=TakeBack.OBJECT)
        for _ in range(3):
            site.evidence.answer(
                request,
                RecordType.REFUSAL_TO_ERASE,
                legal_ground="another ground " * 20,
                signer=PrivateKey.generate(),
            )


@pytest.mark.parametrize(
    ("fill", "languages"), [(plain, ["ca"]), (complaint, ["ca"]), (everything, ["ca", "es", "en"])]
)
def test_statement_when_printed_is_two_pages_of_a4(
    chromium: Browser, site: Site, fill: Callable[[Site], None], languages: list[str]
) -> None:
    fill(site)
    file = site.write("evidence.json", site.evidence.data())
    for language in languages:
        with visit(chromium, language, lambda _visitor, _name: None, size=DESK) as visitor:
            bring(visitor, site, "/case", file)
            path = SCREENS / language / f"statement-{fill.__name__}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert printed(visitor.page, path) == 2, language


def test_charts_when_scripts_are_off_are_whole_with_their_numbers(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{site.url}/state?lang=en")
    charts = page.locator("svg[role=img]")
    assert charts.count() == 2
    bars = [charts.nth(each).locator("rect").count() for each in range(2)]
    assert bars == [5, 7]  # five days; six anchors, and the filler of an idle day that waits for the seventh
    assert charts.nth(1).locator("rect[stroke-dasharray]").count() == 1
    page.locator("details summary").first.click()
    assert page.get_by_role("cell").first.is_visible()
    context.close()
