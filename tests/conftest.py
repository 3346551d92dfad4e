# SPDX-License-Identifier: EUPL-1.2
"""What tests share: a fictitious world with an authority, two administrations, a log key and a clock that stands."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding
from flask import Flask
from hypothesis import HealthCheck, settings

from ledger.app import create_app as create_ledger
from ledger.checkpoint import new_key_pem
from ledger.settings import LedgerSettings
from ledger.worker import Worker
from protocol.clock import FixedClock
from protocol.encoding import JSON
from protocol.errors import Check, Error, RequestError, UnavailableError, VerificationError
from protocol.keys import PrivateKey
from protocol.runtime import correlation
from protocol.runtime.fetch import MAX_BODY_BYTES, READ_TIMEOUT_SECONDS, Response, origin_of
from protocol.runtime.signer import write_secret_file
from protocol.runtime.trust_list import FileTrustList
from protocol.runtime.trust_shelf import ProcessShelf
from testimoni.development.authority import Authority
from testimoni.development.parties import MemoryKeep, Party, make_parties, sign_trust_list
from tests.databases import PostgreSQL, engines_closed, postgresql

# how long examples take to make says something about the machine, nothing about the code
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ISSUER_URL = "http://localhost:8101"
WALLET_URL = "http://localhost:8102"
VERIFIER_URL = "http://localhost:8103"
LEDGER_URL = "http://localhost:8104"
SANDBOX_URL = "http://localhost:8105"
LOG_ORIGIN = "localhost:8104/2026"


@dataclass
class WsgiHTTP:
    """An `HTTPClient` that carries each call to the Flask application registered for its origin; no sockets.

    An origin without application, or one in `down`, does not answer. `calls` lists method and URL of every call.
    """

    apps: dict[str, Flask] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = MAX_BODY_BYTES
    ) -> Response:
        answer = self._send("GET", url, b"", dict(headers or {}))
        if len(answer.body) > max_bytes:
            raise RequestError("invalid_request", f"answered more than {max_bytes} bytes")
        return answer

    def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> Response:
        answer = self._send("POST", url, body, {**(headers or {}), "Content-Type": content_type})
        if len(answer.body) > max_bytes:
            raise RequestError("invalid_request", f"answered more than {max_bytes} bytes")
        return answer

    def _send(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Response:
        self.calls.append((method, url))
        origin = origin_of(url)
        if origin in self.down or origin not in self.apps:
            raise UnavailableError("temporarily_unavailable", f"no answer from {origin}")
        if correlation.current():
            headers[correlation.HEADER] = correlation.current()
        answer = (
            self.apps[origin]
            .test_client(use_cookies=False)
            .open(url.removeprefix(origin) or "/", base_url=origin, method=method, data=body, headers=headers)
        )
        return Response(status=answer.status_code, headers=dict(answer.headers), body=answer.data)


@dataclass
class World:
    """The fictitious set-up of one test."""

    folder: Path
    clock: FixedClock
    authority: Authority
    parties: Mapping[str, Party]
    promise_key: PrivateKey
    log: dict[str, JSON]
    http: WsgiHTTP

    @property
    def anchor_file(self) -> Path:
        return self.folder / "root.pem"

    @property
    def trust_list_file(self) -> Path:
        return self.folder / "trust-list.jwt"

    @property
    def trust(self) -> FileTrustList:
        return FileTrustList(self.trust_list_file, [self.authority.root], ProcessShelf())

    def write_trust_list(self, *, sequence: int = 1, logs: list[dict[str, JSON]] | None = None) -> None:
        token = sign_trust_list(
            self.authority,
            self.parties,
            [self.log] if logs is None else logs,
            sequence=sequence,
            now=self.clock.now(),
        )
        self.trust_list_file.write_text(token, "ascii")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL of this test run."""
    with postgresql() as server:
        yield server


@pytest.fixture(autouse=True)
def own_log_lines() -> Iterator[None]:
    """What a test configured to log to is closed after it; the next one begins as a new process does."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def database_kind() -> str:
    """`sqlite`, or `postgres` in the second run of a test from a module that runs on both."""
    return "sqlite"


@pytest.fixture
def new_database(
    database_kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], str]]:
    """Return a function that gives the URL of an empty database of this test."""
    if database_kind == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path}/{name}.sqlite"
        return
    server: PostgreSQL = request.getfixturevalue("postgres")
    made: list[str] = []

    def create(name: str) -> str:
        made.append(server.create(name))
        return made[-1]

    with engines_closed(monkeypatch):
        yield create
    for url in made:
        server.drop(url)


@pytest.fixture(scope="session")
def development_authority() -> Authority:
    return Authority.create(NOW)


@pytest.fixture
def world(tmp_path: Path, clock: FixedClock, development_authority: Authority) -> World:
    parties = make_parties(
        development_authority,
        issuer_url=ISSUER_URL,
        verifier_url=VERIFIER_URL,
        keep=MemoryKeep(),
        now=NOW,
    )
    promise_key = PrivateKey.generate()
    made = World(
        folder=tmp_path,
        clock=clock,
        authority=development_authority,
        parties=parties,
        promise_key=promise_key,
        log={"origin": LOG_ORIGIN, "promise_key": promise_key.public_key.jwk(), "maximum_merge_delay": 60},
        http=WsgiHTTP(),
    )
    made.anchor_file.write_bytes(development_authority.root.public_bytes(Encoding.PEM))
    made.write_trust_list()
    return made


@pytest.fixture
def ledger_settings(world: World, new_database: Callable[[str], str]) -> LedgerSettings:
    """Settings of a ledger that keeps the world's log and anchors nothing."""
    write_secret_file(world.folder / "promise.key", world.promise_key.pem())
    write_secret_file(world.folder / "checkpoint.key", new_key_pem())
    return LedgerSettings(
        environment="development",
        public_url=LEDGER_URL,
        database_url=new_database("ledger"),
        secret_key="s" * 32,
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        origin=LOG_ORIGIN,
        promise_key_file=world.folder / "promise.key",
        checkpoint_key_file=world.folder / "checkpoint.key",
        batch_interval_seconds=2,
        entries_from="anyone",
    )


@pytest.fixture
def ledger(world: World, ledger_settings: LedgerSettings) -> Worker:
    """The world's ledger behind its URL. The worker moves only when told: `sequence()` closes a batch."""
    worker = Worker(ledger_settings, clock=world.clock)
    worker.sequence()
    world.http.apps[LEDGER_URL] = create_ledger(ledger_settings, clock=world.clock)
    return worker


# they raise the code that their caller gives
_PASS_CODES_ON = frozenset({"protocol.encoding", "protocol.members"})


@pytest.fixture(scope="session", autouse=True)
def known_codes() -> Iterator[None]:
    """Every error that a test provokes in the core or the verifier has a code that docs/operations.md explains.

    One of a signed object also names the check that failed.
    """
    section = (Path(__file__).parents[1] / "docs" / "operations.md").read_text("utf-8").split("## Error codes")[1]
    known = set(re.findall(r"^\| `([a-z0-9_]+)`", section, re.MULTILINE))
    plain, plain_verification = Error.__init__, VerificationError.__init__

    def checked(self: Error, code: str, message: str, *, status: int | None = None) -> None:
        module = sys._getframe(1).f_globals["__name__"]
        is_ours = module.startswith(("protocol.", "verifier.")) and module not in _PASS_CODES_ON
        # a specification's own list of codes is an enumeration
        if is_ours and not isinstance(code, StrEnum):
            assert code in known, f"{module} raises an unknown code: {code}"
        plain(self, code, message, status=status)

    def checked_verification(self: VerificationError, check: Check, message: str, **code: str) -> None:
        assert isinstance(check, Check)
        plain_verification(self, check, message, **code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Error, "__init__", checked)
        patch.setattr(VerificationError, "__init__", checked_verification)
        yield


def external_folder() -> Path:
    """Where other people's vectors are: `TESTIMONI_VECTORS`, or beside the project. They are not part of it."""
    return Path(os.environ.get("TESTIMONI_VECTORS") or Path(__file__).parents[2] / "shared" / "vectors")


@pytest.fixture(scope="session")
def external() -> Callable[[str], Path]:
    """Return the folder of one source of external vectors."""

    def find(name: str) -> Path:
        folder = external_folder() / name
        assert folder.is_dir(), f"no vectors of {name} in {external_folder()}"
        return folder

    return find


# modules whose tests run on SQLite and, with the mark `postgres`, on PostgreSQL
ON_BOTH_DATABASES = frozenset(
    {
        "test_issuer_query_store",
        "test_office_records_store",
        "test_ledger_anchorer",
        "test_ledger_cosignatures",
        "test_ledger_log_api",
        "test_ledger_recorders",
        "test_ledger_year",
        "test_races",
        "test_verifier_withdrawals",
        "test_wallet_store",
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of such a module twice when it uses a database."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if name in ON_BOTH_DATABASES and "database_kind" in metafunc.fixturenames:
        metafunc.parametrize("database_kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test, or none at all, is a failure")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the folder of external vectors their tests are deselected, and the run says so."""
    if external_folder().is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("external")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("external")]


def pytest_report_header() -> str:
    if external_folder().is_dir():
        return "external vectors: found"
    return "external vectors: NOT FOUND, their tests are deselected (set TESTIMONI_VECTORS to their folder)"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under `--forbid-skips` a suite that was skipped, even in part, fails."""
    if not session.config.getoption("--forbid-skips"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", [])) if reporter else 0
    if skipped or (exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if reporter:
            reporter.write_line(f"--forbid-skips: {skipped} skipped, status was {exitstatus}", red=True)
