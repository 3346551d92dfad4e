# SPDX-License-Identifier: EUPL-1.2
"""`testimoni wallet`: the citizen's wallet on the command line, without a page or a script that anybody serves.

- The same core, checks and order as the web wallet; documents and keys are files of the citizen's own.
- `look` and a no send nothing about the person. `share` shows what `look` shows, asks, and only then sends.
- The folder is in the home directory and not where the command runs: it holds private keys, and one person's
  documents are the same everywhere. Whoever can read the folder can use the wallet; no password protects it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ledger.client import LedgerClient
from ledger.record import TakeBack
from protocol.clock import SystemClock
from protocol.errors import ConfigurationError, Error, RequestError, UnavailableError
from protocol.runtime import correlation
from protocol.runtime.fetch import Fetcher
from protocol.runtime.signer import read_secret_file
from protocol.runtime.trust_list import FileTrustList, load_anchors
from protocol.runtime.trust_shelf import ProcessShelf
from protocol.trust import TrustList
from testimoni import wallet_words as words
from testimoni.cli import DEFAULT_DATA
from wallet.consent import TAKE_BACKS
from wallet.file_wallet import Decision, FileWallet
from wallet.folder import WalletFolder
from wallet.sentences import SENTENCES
from wallet.share import Share, ShareState

DEFAULT_FOLDER = Path("~/.testimoni-wallet")
LANGUAGES = ("ca", "es", "en")
_GOOD = frozenset({ShareState.ACCEPTED, ShareState.DELIVERED})
_ELSEWHERE = ("trust_anchor", "trust_list", "ledger", "log")

Ask = Callable[[str], str]
Given = argparse.Namespace


def run(
    arguments: Sequence[str], *, connect: Callable[[Given], FileWallet] | None = None, ask: Ask = input
) -> int:
    """Do one sub-command and return its exit status: 0 when it did what was asked."""
    given = _parser().parse_args(arguments)
    correlation.enter(None)
    try:
        return int(given.act(_Session(given, connect or open_wallet, ask)))
    except Error as exc:
        sentence = SENTENCES.get(exc.code) or exc.message
        print(f"testimoni wallet: {words.plain(sentence)} ({exc.code})", file=sys.stderr)
        return 1


def open_wallet(given: Given) -> FileWallet:
    """Return the wallet of the folder, connected to the set-up named or to what is given for elsewhere.

    Raises `UnavailableError` (`not_running`) without a running set-up, `ConfigurationError` when only a part of
    what elsewhere takes is given.
    """
    elsewhere = [getattr(given, name) for name in _ELSEWHERE]
    if any(elsewhere):
        if not all(elsewhere):
            raise ConfigurationError(
                "configuration_error", "expected --trust-anchor, --trust-list, --ledger and --log together"
            )
        token = None if given.recorder_token is None else read_secret_file(given.recorder_token).decode().strip()
        own = FileTrustList(given.trust_list, load_anchors(given.trust_anchor), ProcessShelf())
        http = Fetcher(allowed_private_origins=frozenset())
        return _open(given, http, own, given.ledger, given.log, token=token)
    from testimoni.running import find  # noqa: PLC0415 - it loads the services; help and lists do without

    running = find(given.set_up)
    if running is None:
        raise UnavailableError(
            "not_running", f"no set-up runs on {given.set_up}; start it with: testimoni up --data {given.set_up}"
        )
    http = Fetcher(
        allowed_private_origins=frozenset(url for url in running.urls.values() if url.startswith("http")),
        ca_file=str(running.ca_file) if running.ca_file else None,
    )
    trust = running.trust_list(http)
    return _open(given, http, trust, running.urls["ledger"], running.log_origin, token=running.recorder_token)


def _open(
    given: Given, http: Fetcher, trust: TrustList, ledger: str, log: str, *, token: str | None
) -> FileWallet:
    return FileWallet(
        given.folder.expanduser(),
        http=http,
        trust=trust,
        ledger=LedgerClient.of_log(http, ledger, log, token=token),
        log_origin=log,
        clock=SystemClock(),
        language=given.language,
    )


class _Session:
    """One sub-command: what was given, the wallet, and the person to ask."""

    def __init__(self, given: Given, connect: Callable[[Given], FileWallet], ask: Ask) -> None:
        self.given, self._connect, self._ask = given, connect, ask

    def receive(self) -> int:
        """Collect a document."""
        wallet = self._connect(self.given)
        opened = wallet.open_offer(self.given.link)
        _print(words.offer_lines(opened, self.given.language))
        code = self.given.code
        if opened.needs_tx_code and code is None:
            code = self._answer("The six digits that the office's page shows: ")
        identifier, _ = wallet.receive(opened, tx_code="".join(code.split()) if code else None)
        print(f"Kept as {identifier}.")
        return 0

    def documents(self) -> int:
        """List the documents; needs no network."""
        found, now = WalletFolder(self.given.folder.expanduser()).documents(), SystemClock().now()
        for held in found:
            _print(words.document_lines(held, now, self.given.language, with_values=self.given.values))
        if not found:
            print("No documents yet.")
        return 0

    def look(self) -> int:
        """Show a request; nothing about the person is sent."""
        self._show(self._connect(self.given))
        print("\nNothing was sent.")
        return 0

    def share(self) -> int:
        """Show a request, ask, and send on a yes."""
        wallet = self._connect(self.given)
        decision = self._show(wallet)
        if decision.missing:
            raise RequestError("access_denied", "a document that is asked for is missing")
        yes = words.YES[decision.verified.requester.procedure.legal_basis]
        if not self.given.yes and self._answer(f"\n{yes}? [yes/no] ").strip().lower() not in {"y", "yes"}:
            print("Nothing was sent.")
            return 1
        identifier, settled = wallet.share(decision)
        print(f"\n{yes}: recorded, then sent, as {identifier}.")
        return self._say_outcome(settled)

    def shares(self) -> int:
        """List the shares as they were known last; needs no network."""
        folder = WalletFolder(self.given.folder.expanduser())
        found = folder.shares()
        for identifier, kept in found:
            print(words.share_line(identifier, kept, folder.take_backs(identifier), self.given.language))
        if not found:
            print("Nothing was shared yet.")
        return 0

    def take_back(self) -> int:
        """Withdraw, object or ask for erasure, as the legal basis of the share gives."""
        wallet = self._connect(self.given)
        kinds = TAKE_BACKS[wallet.get_share(self.given.id).legal_basis]
        if self.given.kind is None and len(kinds) > 1:
            named = " or ".join(kinds)
            raise RequestError("invalid_request", f"the law gives a choice here: add --kind {named}")
        kind = TakeBack(self.given.kind) if self.given.kind else kinds[0]
        _print(words.take_back_lines(wallet.take_back(self.given.id, kind)))
        return 0

    def follow(self) -> int:
        """Ask what became of a share and of its take-backs; send again what is not known to have arrived."""
        wallet = self._connect(self.given)
        settled = wallet.settle(self.given.id)
        if not wallet.take_backs(self.given.id):
            return self._say_outcome(settled)
        last = wallet.follow(self.given.id)
        for taken in wallet.take_backs(self.given.id):
            _print(words.take_back_lines(taken))
        return 1 if last.error else 0

    def evidence(self) -> int:
        """Write the evidence file of a share."""
        body = self._connect(self.given).export_evidence(self.given.id)
        if self.given.output is None:
            print(body.decode("utf-8"))
            return 0
        try:
            self.given.output.write_bytes(body)
        except OSError as exc:
            raise ConfigurationError("configuration_error", f"cannot write {self.given.output}") from exc
        print(f"Written to {self.given.output}. Check it with: testimoni verify-evidence {self.given.output}")
        return 0

    def _show(self, wallet: FileWallet) -> Decision:
        decision = wallet.read_request(self.given.link).choosing(self.given.document)
        _print(words.decision_lines(decision, self.given.language))
        return decision

    def _say_outcome(self, settled: Share) -> int:
        _print(words.outcome_lines(settled, self.given.language))
        return 0 if settled.state in _GOOD else 1

    def _answer(self, question: str) -> str:
        try:
            return self._ask(question)
        except EOFError:
            print()
            return ""


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "testimoni wallet", description="The wallet on the command line: documents and keys are files of your own."
    )
    _add_common(parser, is_default=True)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, text: str, act: Callable[[_Session], int], *positionals: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        for each in positionals:
            made.add_argument(each.lower(), metavar=each)
        _add_common(made, is_default=False)
        made.set_defaults(act=act)
        return made

    receive = add("receive", "collect the document of an offer", _Session.receive, "LINK")
    receive.add_argument("--code", help="the six digits that the office's page shows (default: ask)")
    documents = add("documents", "list the documents", _Session.documents)
    documents.add_argument("--values", action="store_true", help="and what each says")
    look = add("look", "verify a request and show it; sends nothing", _Session.look, "LINK")
    share = add("share", "verify a request, show it, ask, and send", _Session.share, "LINK")
    for each in (look, share):
        each.add_argument(
            "--document", action="append", default=[], metavar="ID", help="use this one where several would do"
        )
    share.add_argument("--yes", action="store_true", help="do not ask")
    add("shares", "list what was shared with whom", _Session.shares)
    take_back = add("take-back", "withdraw, object or ask for erasure", _Session.take_back, "ID")
    take_back.add_argument("--kind", choices=list(TakeBack), help="where the law gives a choice")
    add("follow", "ask what became of a share or of taking it back", _Session.follow, "ID")
    evidence = add("evidence", "write the evidence file of a share", _Session.evidence, "ID")
    evidence.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: print it)")
    return parser


def _add_common(parser: argparse.ArgumentParser, *, is_default: bool) -> None:
    """Add the options that may stand before or after the sub-command; only the first parser gives defaults."""

    def add(name: str, default: object, text: str, **more: object) -> None:
        shown = default if is_default else argparse.SUPPRESS
        parser.add_argument(name, default=shown, help=text, **more)  # type: ignore[arg-type]  # argparse's own options

    add("--folder", DEFAULT_FOLDER, f"the wallet's folder (default: {DEFAULT_FOLDER})", type=Path, metavar="DIR")
    add("--language", LANGUAGES[0], "language of the offices' texts", choices=LANGUAGES)
    add("--set-up", DEFAULT_DATA, "data folder of a running set-up (default: data)", type=Path, metavar="DATA")
    add("--trust-anchor", None, "elsewhere: the authority's certificate", type=Path, metavar="FILE")
    add("--trust-list", None, "elsewhere: the signed trust list", type=Path, metavar="FILE")
    add("--ledger", None, "elsewhere: the ledger's address", metavar="URL")
    add("--log", None, "elsewhere: the name of the ledger's log", metavar="NAME")
    add(
        "--recorder-token", None, "elsewhere: the token that the ledger's operator gave", type=Path, metavar="FILE"
    )
