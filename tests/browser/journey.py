# SPDX-License-Identifier: EUPL-1.2
"""The main path by hand, in a browser: what a citizen, a clerk and an auditor do and see, page by page.

One walk for the test and for `make screens`: at each page it stops, and whoever walks decides what a stop is for.
Elements are found by what they do (their form, their address), never by their words, since it is walked in every
language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from auditor import Auditor
from playwright.sync_api import Browser, Locator, expect
from practice import Practice
from visitor import DESK, PATIENCE_MS, Stop, Visitor, visit

CITIZEN = "marta"
TOWN_CLERK = "joan"
UNIVERSITY_CLERK = "anna"
BY_CONSENT = "borsa-treball"
BY_LAW = "beca-estudis"
BY_AUTHORISATION = "subvencio-comerc"
WITHOUT_DEGREE = "jordi"
# The step budget of the main path
MAX_SCREENS_FIRST_TIME = 9
MAX_TAPS_AGAIN = 3
SIX_DIGITS = "six digits"
ANCHORED_MS = 60_000


@dataclass(frozen=True)
class Budget:
    """What one way through cost: screens seen, taps made, what had to be typed."""

    screens: int
    taps: int
    typed: tuple[str, ...]


def main_form(visitor: Visitor, action: str) -> Locator:
    return visitor.page.locator(f"main form[action*='{action}']")


def primary(visitor: Visitor) -> Locator:
    """The one button of the page that goes on."""
    return visitor.page.locator(
        "main .govuk-button:not(.govuk-button--secondary):not(.govuk-button--warning):not([hidden])"
    ).first


def sign_in_as(visitor: Visitor, person: str, stop: str) -> None:
    """Choose a fictitious person at the practice sign-in."""
    chosen = visitor.page.locator(f"input[name=person][value={person}]")
    expect(chosen).to_be_attached(timeout=PATIENCE_MS)
    visitor.stop(stop)
    chosen.check(force=True)
    visitor.tap(primary(visitor))


class Clerk:
    """Somebody at a desk."""

    def __init__(self, visitor: Visitor, practice: Practice, person: str) -> None:
        self.at = visitor
        self._desk = f"{practice.verifier}/desk/"
        self._person = person

    def sign_in(self) -> None:
        self.at.open(f"{self._desk}?lang={self.at.language}")
        self.at.stop("desk-sign-in")
        self.at.tap(primary(self.at))
        sign_in_as(self.at, self._person, "desk-practice-sign-in")
        self.at.page.wait_for_url("**/desk/**")
        self.at.stop("desk")

    def ask(self, procedure: str, stop: str) -> str:
        """Start a request and return the link behind its QR code."""
        self.at.open(self._desk)
        self.at.tap(self.at.page.locator(f"form:has(input[name=procedure][value={procedure}]) button"))
        self.at.wait_for(self.at.page.locator(".tm-qr__image").first)
        self.at.stop(stop)
        link = self.at.page.locator("a[data-link]")
        return str(link.get_attribute("href"))

    def wait_for_verdict(self, kind: str) -> None:
        """Wait for the page to change by itself."""
        self.at.wait_for(self.at.page.locator(f"main .tm-outcome[data-outcome={kind}]").first)
        self.at.wait_for(self.at.page.locator("main .tm-checklist"))

    def see_verdict(self, kind: str, stop: str) -> None:
        self.wait_for_verdict(kind)
        self.at.stop(stop)

    def answer_by_erasing(self) -> None:
        self.at.open(self._desk)
        self.at.stop("desk-with-a-request")
        self.at.open(f"{self._desk}withdrawals")
        self.at.stop("desk-requests")
        self.at.tap(self.at.page.locator("main a.tm-card__link").first)
        self.at.wait_for(self.at.page.locator("input[name=decision][value=erase]"))
        self.at.stop("desk-request")
        self.at.page.locator("input[name=decision][value=erase]").check(force=True)
        self.at.tap(primary(self.at))
        self.at.wait_for(self.at.page.locator(".tm-outcome[data-outcome=holds]"))
        self.at.stop("desk-request-answered")

    def hand_records_over(self, auditor: Auditor, evidence: Path) -> None:
        """Find what an auditor asked for by command, hand it over, and see that they fetched it."""
        auditor.ask_about(evidence)
        self.at.open(f"{self._desk}records")
        self.at.stop("desk-auditors")
        self.at.tap(self.at.page.locator("main a.tm-card__link").first)
        self.at.wait_for(primary(self.at))
        self.at.stop("desk-auditor-asks")
        self.at.tap(primary(self.at))
        self.at.wait_for(self.at.page.locator(".tm-outcome[data-outcome=holds]"))
        self.at.stop("desk-auditor-handed-over")
        auditor.fetch()
        self.at.page.reload()
        self.at.wait_for(self.at.page.locator("main .govuk-list--bullet li"))
        self.at.stop("desk-auditor-fetched")


class Citizen:
    """Somebody with a phone."""

    def __init__(self, visitor: Visitor, practice: Practice) -> None:
        self.at = visitor
        self._wallet = practice.wallet

    def first_time(self, link: str) -> Budget:
        """From the code at the desk to "accepted", without wallet and without document."""
        self.at.start_counting()
        self.at.open(link)
        self.at.stop("wallet-sign-in")
        self.at.tap(self.at.page.locator("[data-sign-in]"))
        sign_in_as(self.at, CITIZEN, "practice-sign-in")
        self._keep_words()
        self.at.wait_for(self.at.page.locator("[data-get]").first)
        self.at.stop("document-missing")
        self.at.tap(self.at.page.locator("[data-get]").first)
        self._get("degree")
        self._decide("decide-by-consent")
        return self._budget()

    def again(self, link: str, stop: str) -> Budget:
        """From the code at the desk to "accepted", with wallet and document."""
        self.at.start_counting()
        self.at.open(link)
        self._decide(stop)
        return self._budget()

    def fetch_what_is_missing(self, link: str, stop: str) -> None:
        """A request that needs a document which is not in the wallet yet: get it on the way, then decide."""
        self.at.open(link)
        self.at.wait_for(self.at.page.locator("[data-get]").first)
        self.at.stop(f"{stop}-missing")
        self.at.tap(self.at.page.locator("[data-get]").first)
        self._get(stop)
        self._decide(f"{stop}-decide")

    def refuse(self, link: str) -> None:
        self.at.open(link)
        self.at.wait_for(self.at.page.locator("[data-decide=no]"))
        self.at.tap(self.at.page.locator("[data-decide=no]"))
        self.at.page.wait_for_url(re.compile(r"/shares/|/refuse"))
        self.at.stop("refused")

    def look_around(self) -> None:
        page = self.at.page
        self.at.open(f"{self._wallet}/")
        self.at.stop("documents")
        self.at.tap(page.locator("a.tm-card__link").first)
        self.at.wait_for(page.locator("main .govuk-summary-list").first)
        self.at.stop("document")
        for path, name in (
            ("/catalogue", "catalogue"),
            ("/privacy", "wallet-privacy"),
            ("/shares", "shares"),
            ("/shares/check", "shares-checked"),
        ):
            self.at.open(f"{self._wallet}{path}")
            self.at.stop(name)

    def open_share(self, state: str) -> None:
        """Open the newest share in this state."""
        self.at.open(f"{self._wallet}/shares")
        for href in [str(a.get_attribute("href")) for a in self.at.page.locator("a.tm-card__link").all()]:
            self.at.open(f"{self._wallet}{href}" if href.startswith("/") else href)
            if self.at.page.locator(f"[data-state={state}]").count():
                return
        raise AssertionError(f"no share is {state}")

    def check_permanence(self) -> None:
        """Check until the share is in the record book, as a patient person would."""
        page = self.at.page
        for _ in range(ANCHORED_MS // 1000):
            if not page.locator("[data-check]").is_visible():
                page.locator("details:has([data-check]) summary").click()
            page.locator("[data-check]").click()
            page.wait_for_load_state()
            if page.locator("main .tm-outcome.tm-kind--holds").count() > 1:
                self.at.stop("share-permanently-recorded")
                return
            page.wait_for_timeout(1000)
        raise AssertionError("the share did not get into the record book")

    def download_evidence(self, folder: Path) -> Path:
        page = self.at.page
        link = page.locator("a[download]")
        if not link.is_visible():
            page.locator("details:has(a[download]) summary").click()
        with page.expect_download() as started:
            link.click()
        path = folder / "evidence.json"
        started.value.save_as(path)
        return path

    def take_back(self) -> None:
        page = self.at.page
        self.at.tap(page.locator("[data-take-back]"))
        self.at.wait_for(page.locator("[data-confirm]"))
        self.at.stop("take-back")
        self.at.tap(page.locator("[data-confirm]"))
        page.wait_for_url(re.compile(r"/shares/[^/]+$"))
        self.at.stop("share-taken-back")

    def see_answer(self) -> None:
        """The page changes by itself once the office has answered."""
        expect(self.at.page.locator("#share .tm-outcome[data-outcome=waiting]")).to_have_count(
            0, timeout=PATIENCE_MS
        )
        self.at.stop("share-answered")

    def sign_out_and_unlock(self, words: str) -> None:
        """Another device, or a new day: the words open the wallet again."""
        page = self.at.page
        self.at.tap(page.locator("form[action$='/sign-out'] button"))
        self.at.stop("signed-out")
        self.at.open(f"{self._wallet}/")
        self.at.stop("wallet-home")
        self.at.tap(page.locator("[data-sign-in]"))
        if page.locator("input[name=person]").count():
            sign_in_as(self.at, CITIZEN, "practice-sign-in-again")
        self.at.wait_for(page.locator("#words"))
        self.at.stop("unlock")
        self.at.type(page.locator("#words"), words, "passphrase")
        self.at.tap(page.locator("#unlock button[type=submit]"))
        self.at.wait_for(page.locator("a.tm-card__link").first)

    def _keep_words(self) -> None:
        page = self.at.page
        expect(page.locator("#words li")).to_have_count(6, timeout=PATIENCE_MS)
        self.words = " ".join(item.inner_text().strip() for item in page.locator("#words li").all())
        self.at.stop("six-words")
        page.locator("input[name=written]").check(force=True)
        self.at.taps += 1
        self.at.tap(page.locator("#new-vault button[type=submit]"))

    def _get(self, stop: str) -> None:
        """The issuer's pages: why they may look it up, the document with its code; then keep it."""
        page = self.at.page
        self.at.wait_for(main_form(self.at, "/get/").locator("button"))
        self.at.stop(f"{stop}-why")
        authorise = page.locator("input[name=authorise]")
        if authorise.count():
            authorise.check(force=True)
        self.at.tap(main_form(self.at, "/get/").locator("button"))
        code = self.at.wait_for(page.locator("#tx-code")).inner_text().replace(" ", "").strip()
        self.at.stop(f"{stop}-offer")
        self.at.tap(page.locator("[data-offer=same-device]"))
        self.at.wait_for(page.locator("#receive"))
        self.at.stop(f"{stop}-receive")
        self.at.type(page.locator("#receive input[name=tx_code]"), code, SIX_DIGITS)
        self.at.tap(page.locator("#receive button[type=submit]"))

    def _decide(self, stop: str) -> None:
        page = self.at.page
        self.at.wait_for(page.locator("[data-decide=yes]"))
        self.at.stop(stop)
        self.at.tap(page.locator("[data-decide=yes]"))
        self.at.wait_for(page.locator("[data-state=accepted]"))
        self.at.stop(f"{stop}-accepted")

    def _budget(self) -> Budget:
        return Budget(self.at.screens, self.at.taps, tuple(self.at.typed))


def walk_main_path(
    browser: Browser, practice: Practice, language: str, at_stop: Stop, folder: Path
) -> tuple[Budget, Budget]:
    """Walk the path once; return what the first time and the second time cost the citizen."""
    with (
        visit(browser, language, at_stop, size=DESK) as desk,
        visit(browser, language, at_stop, size=DESK) as other_desk,
        visit(browser, language, at_stop) as phone,
    ):
        town, university = Clerk(desk, practice, TOWN_CLERK), Clerk(other_desk, practice, UNIVERSITY_CLERK)
        citizen = Citizen(phone, practice)
        town.sign_in()
        first = citizen.first_time(town.ask(BY_CONSENT, "desk-code"))
        town.see_verdict("holds", "desk-accepted")
        second = citizen.again(town.ask(BY_CONSENT, "desk-code-again"), "decide-again")
        town.wait_for_verdict("holds")
        citizen.refuse(town.ask(BY_CONSENT, "desk-code-third"))
        citizen.look_around()
        citizen.open_share("accepted")
        phone.stop("share")
        citizen.check_permanence()
        evidence = citizen.download_evidence(folder)
        citizen.take_back()
        town.answer_by_erasing()
        citizen.see_answer()
        town.hand_records_over(Auditor(practice, folder), evidence)
        university.sign_in()
        citizen.fetch_what_is_missing(university.ask(BY_LAW, "desk-code-by-law"), "by-law")
        citizen.fetch_what_is_missing(town.ask(BY_AUTHORISATION, "desk-code-by-authorisation"), "by-authorisation")
        citizen.sign_out_and_unlock(citizen.words)
        complaints = desk.complaints + other_desk.complaints + phone.complaints
    assert not complaints
    return first, second


def walk_without_degree(browser: Browser, practice: Practice, language: str, at_stop: Stop) -> None:
    """Somebody whose register holds nothing: no dead end. Then they object to a query."""
    with visit(browser, language, at_stop) as phone:
        issuer = f"{practice.issuer}/universitat"
        phone.open(f"{issuer}/get/university-degree?lang={language}")
        phone.tap(main_form(phone, "/get/").locator("button"))
        sign_in_as(phone, WITHOUT_DEGREE, "practice-sign-in-for-a-degree")
        phone.wait_for(phone.page.locator("main h1"))
        phone.stop("no-degree")
        phone.open(f"{issuer}/queries")
        phone.stop("who-asked-about-me")
        phone.open(f"{issuer}/get/university-degree/object")
        phone.stop("objection")
        assert not phone.complaints


def walk_open_pages(browser: Browser, practice: Practice, language: str, at_stop: Stop) -> None:
    """Every page that needs no sign-in: the tour, and what each service shows to anybody."""
    pages = (
        ("tour", practice.tour, "/"),
        *(
            (f"tour-{name}", practice.tour, f"/{name}")
            for name in ("citizen", "clerk", "auditor", "operator", "decider")
        ),
        ("tour-forgery", practice.tour, "/auditor/forgery"),
        ("tour-forgery-place", practice.tour, "/auditor/forgery?change=place"),
        ("tour-health", practice.tour, "/operator/health"),
        ("tour-why", practice.tour, "/why"),
        ("tour-limits", practice.tour, "/limits"),
        ("issuer", practice.issuer, "/"),
        ("issuer-office", practice.issuer, "/ajuntament/"),
        ("verifier", practice.verifier, "/"),
        ("verifier-support", practice.verifier, "/ajuntament/support"),
        ("verifier-privacy", practice.verifier, "/ajuntament/privacy"),
        ("ledger", practice.ledger, "/"),
        ("ledger-state", practice.ledger, "/state"),
        ("ledger-check", practice.ledger, "/check"),
        ("ledger-case", practice.ledger, "/case"),
        ("ledger-report", practice.ledger, "/report"),
        ("ledger-audit", practice.ledger, "/audit"),
        ("ledger-limits", practice.ledger, "/limits"),
        ("practice-world", practice.sandbox, "/"),
    )
    with visit(browser, language, at_stop) as phone:
        for name, service, path in pages:
            phone.open(f"{service}{path}{'&' if '?' in path else '?'}lang={language}")
            phone.stop(name)
        phone.open(practice.ledger)
        phone.tap(phone.page.locator("main a[href*='/anchors/']").first)
        phone.page.wait_for_url("**/anchors/**")
        phone.stop("ledger-anchor")
        assert not phone.complaints
        phone.page.goto(f"{practice.wallet}/nowhere")
        phone.stop("nothing-here")
