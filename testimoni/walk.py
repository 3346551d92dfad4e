# SPDX-License-Identifier: EUPL-1.2
"""The main path (docs/architecture.md), step by step, against a running set-up.

Marta, a fictitious citizen, gets her degree from the university and shows it to the town hall; the town hall
decides, she takes it back, the town hall answers, and an auditor checks the whole ledger.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from ledger.client import LedgerClient
from ledger.record import TakeBack
from protocol.clock import SystemClock
from protocol.encoding import JSON, compact_json, get_member
from protocol.runtime import correlation
from protocol.runtime.fetch import Fetcher, Response
from testimoni.running import Running
from testimoni.visitor import Page, Visitor, WalkError
from wallet.file_wallet import Decision, FileWallet
from wallet.receive import OpenOffer
from wallet.share import ShareState
from wallet.take_back import TakeBackState

_ISSUER, _VERIFIER, _PROCEDURE = "universitat", "ajuntament", "borsa-treball"
_CITIZEN, _CLERK = "marta", "joan"
_ANCHOR_SECONDS = 20.0
_POLL_SECONDS = 0.2


class Walk:
    """What the walk has in its hands. One method per step, in order; each returns what it saw."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running, self.folder = running, folder
        urls = running.urls
        ca_file = running.ca_file
        self.http = Fetcher(
            allowed_private_origins=frozenset(urls[name] for name in urls if urls[name].startswith("http")),
            ca_file=str(ca_file) if ca_file else None,
        )
        self.ledger = LedgerClient(self.http, urls["ledger"], token=running.recorder_token)
        self.trust_file = json.loads(running.folder.trust_file.read_text("utf-8"))
        self.wallet = FileWallet(
            folder / "wallet",
            http=self.http,
            trust=running.trust_list(self.http),
            ledger=self.ledger,
            log_origin=self.trust_file["logs"][0]["origin"],
            clock=SystemClock(),
            language="en",
        )
        self.citizen = Visitor(ca_file=ca_file)
        self.clerk = Visitor(ca_file=ca_file)
        self.correlation = correlation.enter(None)
        # what earlier steps found, for later ones
        self.offer_page: Page
        self.offer: OpenOffer
        self.presentation: dict[str, JSON]
        self.decision: Decision
        self.share_id: str
        self.evidence: Path

    def close(self) -> None:
        """Let go of both browsers."""
        self.citizen.close()
        self.clerk.close()

    def sign_in(self) -> str:
        """The citizen asks the university for the degree, reads why, and signs in through VÀLid."""
        url = f"{self.running.urls['issuer']}/{_ISSUER}/get/university-degree"
        legal = self.citizen.open(url)
        sign_in = self.citizen.submit(legal.form(action="/get/university-degree"))
        self.offer_page = self.citizen.submit(sign_in.form(person=_CITIZEN), person=_CITIZEN)
        return f"signed in as {_CITIZEN} at the practice VÀLid"

    def fetch_degree(self) -> str:
        """The university asks Via Oberta and offers the document."""
        link = self.offer_page.link(contains="credential_offer_uri=")
        self.offer = self.wallet.open_offer(link)
        return f"Via Oberta had a degree; offered by {self.offer.metadata.issuer}"

    def receive(self) -> str:
        """The wallet collects the document, with the six-digit code from the page."""
        code = "".join(self.offer_page.tree.xpath("//*[contains(@class, 'tm-code__part')]/text()")).strip()
        if not code.isdigit():
            raise WalkError(f"{self.offer_page.url} shows no code; it says: {self.offer_page.said()}")
        _, document = self.wallet.receive(self.offer, tx_code=code)
        return f"{self.offer.copies} copies, each bound to its own key, of {document.vct}"

    def be_asked(self) -> str:
        """The town hall starts a request of a registered procedure; the wallet verifies it."""
        started = self._back_office("POST", "presentations", {"procedure": _PROCEDURE})
        self.presentation = started
        self.decision = self.wallet.read_request(get_member(started, "request_url", str))
        procedure = self.decision.verified.requester.procedure
        asked = sum(len(c.claims) for c in procedure.query.credentials)
        return f"{procedure.party_name['en']} asks {asked} claims for «{procedure.title['en']}»"

    def share(self) -> str:
        """The citizen decides: record, promise, then send; the verifier checks."""
        self.share_id, settled = self.wallet.share(self.decision)
        if settled.state is not ShareState.ACCEPTED or settled.outcome is None:
            raise WalkError(f"the share is {settled.state.value} ({settled.error}), expected accepted")
        return f"promised by the ledger, then sent; accepted under reference {settled.outcome.reference}"

    def checklist(self) -> str:
        """The clerk's side shows the same outcome as a checklist."""
        shown = self._back_office("GET", f"presentations/{get_member(self.presentation, 'id', str)}", None)
        text = json.dumps(shown)
        checks = [item for item in _find_list(shown, "checks") if isinstance(item, dict)]
        passed = sum(item.get("state") == "passed" for item in checks)
        if not checks or any(item.get("state") in {"failed", "not-run"} for item in checks):
            raise WalkError(f"the checklist does not hold: {text[:300]}")
        return f"{passed} of {len(checks)} checks passed, the others do not apply"

    def anchor(self) -> str:
        """The ledger brings the tree head with the share to the chain."""
        commitment = self.wallet.get_share(self.share_id).commitment
        deadline = monotonic() + _ANCHOR_SECONDS
        while monotonic() < deadline:
            for item in self.ledger.anchors():
                if isinstance(item, dict) and item.get("state") == "final" and self._is_in(commitment, item):
                    return f"in block {item['block_number']} of chain {item['chain_id']}"
            sleep(_POLL_SECONDS)
        raise WalkError(f"the share was not anchored within {_ANCHOR_SECONDS:.0f} s")

    def verify_offline(self) -> str:
        """The citizen exports the evidence; a stand-alone command verifies it without any server."""
        self.evidence = self.folder / "evidence.json"
        self.evidence.write_bytes(self.wallet.export_evidence(self.share_id))
        from ledger.cli import verify_evidence_command  # noqa: PLC0415 - only this step needs it

        return self._command(
            verify_evidence_command, [str(self.evidence), "--trust", str(self.running.folder.trust_file)]
        )

    def verify_query(self) -> str:
        """The citizen saves the proof of the query at the source; the same command verifies it."""
        from ledger.cli import verify_evidence_command  # noqa: PLC0415 - only this step needs it

        page = f"{self.running.urls['issuer']}/{_ISSUER}/queries"
        proof, trust = self.folder / "query.json", str(self.running.folder.trust_file)
        deadline = monotonic() + _ANCHOR_SECONDS
        while True:
            try:
                proof.write_bytes(self.citizen.download(self.citizen.open(page).link(contains="/evidence")))
                return self._command(verify_evidence_command, [str(proof), "--trust", trust])
            except WalkError:
                # it may not be promised or not be anchored yet
                if monotonic() > deadline:
                    raise
            sleep(_POLL_SECONDS)

    def take_back(self) -> str:
        """The citizen withdraws; the request is recorded, then reaches the town hall."""
        taken = self.wallet.take_back(self.share_id, TakeBack.WITHDRAW)
        if taken.state is not TakeBackState.RECEIVED:
            raise WalkError(f"the withdrawal is {taken.state.value} ({taken.error}), expected received")
        return f"received by the office, which must answer by {taken.due}"

    def answer(self) -> str:
        """A clerk signs in at the desk and erases what was shared."""
        desk = self.clerk.open(f"{self.running.urls['verifier']}/desk/")
        sign_in = desk if any("person" in f.choices for f in desk.forms()) else self._desk_sign_in(desk)
        home = self.clerk.submit(sign_in.form(person=_CLERK), person=_CLERK)
        waiting = self.clerk.open(home.link(contains="/desk/withdrawals"))
        page = self._find_withdrawal(waiting)
        done = self.clerk.submit(page.form(decision="erase"), decision="erase")
        if "decision" in {name for form in done.forms() for name in form.choices}:
            raise WalkError(f"{done.url} still asks for the answer; it says: {done.said()}")
        return "the clerk had the data blocked and signed the answer"

    def read_answer(self) -> str:
        """The wallet reads the signed answer and verifies it."""
        taken = self.wallet.follow(self.share_id)
        if taken.state is not TakeBackState.ANSWERED or taken.last_answer is None:
            raise WalkError(f"the withdrawal is {taken.state.value} ({taken.error}), expected answered")
        return f"signed by the office and recorded: {taken.last_answer.type.value}"

    def audit(self) -> str:
        """An auditor checks the whole log against the chain, and the share in it."""
        from ledger.cli import audit_command  # noqa: PLC0415 - only this step needs it

        urls = self.running.urls
        trust = str(self.running.folder.trust_file)
        ca_file = self.running.ca_file
        local = ["--ca", str(ca_file)] if ca_file else []
        return self._command(
            audit_command, ["--ledger", urls["ledger"], "--chain", urls["chain"], "--trust", trust, *local]
        )

    def _find_withdrawal(self, waiting: Page) -> Page:
        outcome = self.wallet.get_share(self.share_id).outcome
        reference = outcome.reference if outcome else ""
        for address in waiting.links(contains="/desk/withdrawals/"):
            page = self.clerk.open(address)
            if reference in page.tree.text_content():
                return page
        raise WalkError(f"{waiting.url} does not list the withdrawal of case {reference}")

    def _desk_sign_in(self, desk: Page) -> Page:
        return self.clerk.submit(desk.form(action="sign-in"))

    def _command(self, command: Callable[[list[str]], int], arguments: list[str]) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = command([*arguments, "--json"])
        if status != 0:
            raise WalkError(f"exit status {status}, expected 0: {said.getvalue()[:400]}")
        report = json.loads(said.getvalue())
        findings = [*report["findings"], *(finding for record in report["records"] for finding in record)]
        held = sum(finding["outcome"] == "holds" for finding in findings)
        return f"exit status 0: {held} of {len(findings)} hold, the others say what they assume or cannot tell"

    def _is_in(self, commitment: bytes, anchor: dict[str, JSON]) -> bool:
        size = get_member(anchor, "size", int)
        return commitment in self.ledger.all_entries(size)

    def _back_office(self, method: str, path: str, body: dict[str, JSON] | None) -> dict[str, JSON]:
        token = self.running.folder.secret(f"api-{_VERIFIER}")
        url = f"{self.running.urls['verifier']}/api/v1/{path}"
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer: Response
        if method == "POST":
            answer = self.http.post(url, body=compact_json(body), content_type="application/json", headers=headers)
        else:
            answer = self.http.get(url, headers=headers)
        if not answer.is_success:
            raise WalkError(f"{url} answered {answer.status}: {answer.body.decode(errors='replace')[:300]}")
        return answer.json()


def _find_list(value: JSON, name: str) -> list[JSON]:
    """Return the first list of this name anywhere in a document."""
    if isinstance(value, dict):
        found = value.get(name)
        if isinstance(found, list):
            return found
        for member in value.values():
            if inner := _find_list(member, name):
                return inner
    if isinstance(value, list):
        for member in value:
            if inner := _find_list(member, name):
                return inner
    return []


STEPS: tuple[tuple[str, Callable[[Walk], str]], ...] = (
    ("sign in through VÀLid", Walk.sign_in),
    ("ask Via Oberta, make the offer", Walk.fetch_degree),
    ("receive with the six-digit code", Walk.receive),
    ("be asked by the town hall", Walk.be_asked),
    ("record, promise, send", Walk.share),
    ("read the checklist", Walk.checklist),
    ("anchor on the chain", Walk.anchor),
    ("verify the evidence offline", Walk.verify_offline),
    ("verify the recorded query", Walk.verify_query),
    ("take it back", Walk.take_back),
    ("the office answers", Walk.answer),
    ("read the signed answer", Walk.read_answer),
    ("audit the whole ledger", Walk.audit),
)
