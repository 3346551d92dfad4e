# SPDX-License-Identifier: EUPL-1.2
"""The derived trust list and the history as the ledger serves them, and the worker that makes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding

from issuer.credential_types import load_types
from ledger.app import create_app
from ledger.chain.engine import Engine
from ledger.chain.provider import connect
from ledger.chain.registry import deploy_registry
from ledger.chain.sealer import FileSealerKey
from ledger.registry import News, RegistryHistory
from ledger.registry_events import Change, Kind, Role
from ledger.registry_json import event_json, parse_event
from ledger.registry_store import SqlRegistryStore
from ledger.worker import Worker
from protocol.encoding import b64url_encode, sha256
from protocol.errors import Check, ConfigurationError, RequestError, UnavailableError, VerificationError
from protocol.runtime.database import open_database
from protocol.runtime.settings import load_settings
from protocol.runtime.signer import write_secret_file
from protocol.trust import SignedTrustList
from protocol.x509 import Anchors
from tests.conftest import LEDGER_URL
from tests.fakes.presentations import honest
from tests.fakes.registry_events import CONTRACT, MEMBERS, RegistryScribe
from tests.fakes.registry_world import register, thumbprint, write_world
from tests.service.conftest import open_office
from tests.unit.ledger.chain.conftest import CHAIN_ID, URL, Node, WSGIAdapter

DAY = timedelta(days=1)


@dataclass
class ScribedRegistry:
    """A `Registry` over a scribe's events; a chain that only the test moves."""

    scribe: RegistryScribe
    is_down: bool = False
    is_lying: bool = False

    def read(self, after):
        if self.is_down:
            raise UnavailableError("temporarily_unavailable", "no answer")
        if self.is_lying:
            raise VerificationError(Check.ISSUER, "another history", code="registry_history")
        known = 0 if after is None else after.sequence
        return News(tuple(self.scribe.events[known:]), self.scribe.place)


@pytest.fixture
def scribe(world):
    return write_world(world)


@pytest.fixture
def settings(ledger_settings, world):
    write_secret_file(world.folder / "registrar.key", world.authority.registrar_key.pem())
    (world.folder / "registrar.pem").write_bytes(world.authority.registrar.public_bytes(Encoding.PEM))
    return ledger_settings.model_copy(
        update={
            "registry": CONTRACT,
            "registrar_key_file": world.folder / "registrar.key",
            "registrar_certificate_file": world.folder / "registrar.pem",
        }
    )


@pytest.fixture
def chain(scribe):
    return ScribedRegistry(scribe)


@pytest.fixture
def worker(settings, world, chain):
    made = Worker(settings, clock=world.clock, registry=chain)
    world.http.apps[LEDGER_URL] = create_app(settings, clock=world.clock)
    return made


@pytest.fixture
def get(world):
    def fetch(path):
        return world.http.get(LEDGER_URL + path)

    return fetch


def verified(world, body):
    return SignedTrustList.verify(body.decode(), Anchors([world.authority.root]), now=world.clock.now())


def test_list_is_signed_and_served_and_answers_as_the_authoritys_own(worker, world, get, scribe):
    assert worker.follow_registry()
    answer = get("/trust/v1/list")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/testimoni-trust-list+jwt")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    made, party = verified(world, answer.body), world.parties["universitat"]
    assert made.sequence == len(scribe.events)
    key = made.get_party_key(party.access_chain, party_code=party.data.code, now=world.clock.now())
    assert key == party.access_key.public_key


def test_list_is_signed_anew_when_the_registry_changed_or_half_of_its_time_is_over(worker, world, get, scribe):
    assert worker.follow_registry()
    first = get("/trust/v1/list").body
    assert not worker.follow_registry()
    party = world.parties["universitat"]
    scribe.compromise(Role.ISSUER, party.data.code, thumbprint(party.issuer_key), start=scribe.now)
    assert worker.follow_registry()
    second = get("/trust/v1/list").body
    assert verified(world, second).sequence == verified(world, first).sequence + 1
    world.clock.advance(DAY / 2 - timedelta(seconds=1))
    assert not worker.follow_registry()
    world.clock.advance(timedelta(seconds=1))
    assert worker.follow_registry()
    assert verified(world, get("/trust/v1/list").body).sequence == verified(world, second).sequence


def test_stale_node_keeps_nothing_alive(worker, world, get, scribe):
    """A node that stands still answers, so the list is not signed anew, and ends by itself."""
    assert worker.follow_registry()
    world.clock.advance(2 * DAY + timedelta(seconds=1))
    with pytest.raises(UnavailableError, match="stale"):
        worker.follow_registry()
    party = world.parties["universitat"]
    made = verified(world, get("/trust/v1/list").body)
    with pytest.raises(UnavailableError) as caught:
        made.get_party_key(party.access_chain, party_code=party.data.code, now=world.clock.now())
    assert caught.value.code == "trust_list_expired"
    scribe.now += int((2 * DAY).total_seconds())
    assert worker.follow_registry()


def test_lying_or_silent_node_stops_the_registry_and_not_the_log(worker, world, get, chain):
    chain.is_lying = True
    assert not worker.follow_registry()
    assert get("/trust/v1/list").status == 503
    worker.sequence()
    assert get("/checkpoint").status == 200
    chain.is_lying, chain.is_down = False, True
    with pytest.raises(UnavailableError):
        worker.follow_registry()
    chain.is_down = False
    assert worker.follow_registry()


def test_list_that_services_would_refuse_is_not_served(settings, world, chain, get):
    """The registrar's certificate is for signing lists; an issuer's key signs none."""
    party = world.parties["universitat"]
    write_secret_file(world.folder / "issuer.key", party.issuer_key.pem())
    wrong = settings.model_copy(update={"registrar_key_file": world.folder / "issuer.key"})
    world.http.apps[LEDGER_URL] = create_app(wrong, clock=world.clock)
    assert not Worker(wrong, clock=world.clock, registry=chain).follow_registry()
    assert get("/trust/v1/list").status == 503


def test_second_worker_waits_for_the_lease_and_goes_on_where_the_first_ended(
    worker, settings, world, chain, scribe
):
    assert worker.follow_registry()
    second = Worker(settings, clock=world.clock, registry=chain)
    scribe.join("U9")
    assert not second.follow_registry()
    world.clock.advance(timedelta(seconds=settings.lease_seconds + 1))
    assert second.follow_registry()
    store = SqlRegistryStore(open_database(settings.database_url), CONTRACT)
    place, events = store.find_events()
    assert (place, list(events)) == (scribe.place, scribe.events)


def question(world, **changes):
    party = world.parties["universitat"]
    given = {
        "key": party.issuer_key.public_key.thumbprint(),
        "role": "issuer",
        "what": vct_digest(party),
        "on": world.clock.now().isoformat().replace("+00:00", "Z"),
    } | changes
    return "/trust/v1/history?" + "&".join(f"{name}={value}" for name, value in given.items() if value is not None)


def vct_digest(party):
    return b64url_encode(sha256(load_types()[party.data.credential_types[0]].vct.encode()))


def test_history_answers_for_a_day_a_moment_and_after_a_late_report(worker, world, get, scribe):
    worker.follow_registry()
    moment = world.clock.now()
    assert get(question(world)).json()["standing"] == "trusted"
    day = get(question(world, on=moment.date().isoformat())).json()
    assert (day["standing"], day["registry"]["sequence"]) == ("trusted", len(scribe.events))
    assert get(question(world, role="verifier")).json()["reason"] == "no administration has this key in this role"
    party = world.parties["universitat"]
    scribe.now += 3600
    scribe.compromise(Role.ISSUER, party.data.code, thumbprint(party.issuer_key), start=scribe.now - 3600)
    worker.follow_registry()
    late = get(question(world)).json()
    assert (late["standing"], late["periods"]) == ("not trusted", [])
    assert "compromised" in late["reason"]


def test_history_outside_of_what_was_read_could_not_tell(worker, world, get):
    worker.follow_registry()
    for on in ("2020-01-01", "2030-01-01"):
        answer = get(question(world, on=on))
        assert (answer.status, answer.json()["error"]) == (503, "registry_not_known")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": None},
        {"key": "AA"},
        {"key": "%"},
        {"role": None},
        {"role": "none"},
        {"role": "holder"},
        {"what": None},
        {"on": None},
        {"on": "yesterday"},
        {"on": "2026-13-01"},
        {"on": "2026-11-21T10:00:00"},
        {"on": "0001-01-01T00:00:00+14:00"},
        {"on": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_malformed_question_is_refused(worker, world, get, changes):
    worker.follow_registry()
    answer = get(question(world, **changes))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_request")


def test_auditors_question_is_about_nothing(worker, world, get, scribe):
    key = sha256(b"auditor's key")
    code = world.parties["universitat"].data.code
    scribe.give(Kind.RIGHT, Role.AUDITOR, code, bytes(32))
    scribe.give(Kind.KEY, Role.AUDITOR, code, key)
    worker.follow_registry()
    assert get(question(world, role="auditor", key=b64url_encode(key), what=None)).json()["standing"] == "trusted"


def test_whoever_folds_the_served_events_gets_the_same_history(worker, world, get, scribe):
    worker.follow_registry()
    body = get("/trust/v1/events").json()
    events = [parse_event(each) for each in body["events"]]
    assert events == scribe.events
    history = RegistryHistory.fold(events, scribe.place)
    assert (history.members, body["registry"]["sequence"]) == (MEMBERS, len(events))


def test_changed_row_of_the_copy_is_noticed(worker, settings, world, get):
    worker.follow_registry()
    database = open_database(settings.database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE registry_events SET body = replace(body, '\"end\":null', '\"end\":1')")
    answer = get(question(world))
    assert (answer.status, answer.json()["error"]) == (503, "registry_history")


def test_ledger_without_registry_says_so(ledger, world, get):
    for path in ("/trust/v1/list", "/trust/v1/events", question(world)):
        answer = get(path)
        assert (answer.status, answer.json()["error"]) == (404, "no_registry")
    assert not ledger.follow_registry()


def test_registry_that_was_not_read_yet_could_not_tell(worker, world, get):
    for path in ("/trust/v1/list", "/trust/v1/events", question(world)):
        assert get(path).status == 503


def test_registry_without_what_it_needs_refuses_to_start(settings, world):
    given = settings.model_dump() | {"secret_key": "s" * 32}
    with pytest.raises(ConfigurationError, match="registry needs chain_url"):
        load_settings(type(settings), **given)


@pytest.mark.parametrize(
    "members",
    [
        {"sequence": "1"},
        {"running_hash": "0x00"},
        {"action": "forget"},
        {"kind": "none"},
        {"role": 1},
        {"start": None},
        {"end": "never"},
        {"details": "%"},
        {"members": [1], "threshold": 1},
        {"members": "none"},
    ],
)
def test_event_of_another_shape_is_refused(scribe, members):
    with pytest.raises(RequestError):
        parse_event(event_json(scribe.events[-1]) | members)


def test_events_survive_their_json_form(scribe):
    given = replace(scribe.events[-1], end=1)
    assert [parse_event(event_json(each)) for each in (*scribe.events, given)] == [*scribe.events, given]


def test_verifier_takes_its_list_from_the_ledger_and_a_reported_key_counts_no_more(worker, world, scribe):
    """From the registry to the checklist of a clerk, over HTTP: issuer's key stolen, reported, refused."""
    worker.follow_registry()
    office = open_office(
        world, f"sqlite:///{world.folder}/verifier.sqlite", trust_list_url=f"{LEDGER_URL}/trust/v1/list"
    )
    accepted = office.answer(office.fetch(office.start()["request_url"]), honest(world, None))[1]
    assert accepted.get_json()["outcome"]["result"] == "accepted"
    for party in world.parties.values():
        scribe.compromise(Role.ISSUER, party.data.code, thumbprint(party.issuer_key), start=scribe.now)
    worker.follow_registry()
    world.clock.advance(timedelta(seconds=60))
    refused = office.answer(office.fetch(office.start()["request_url"]), honest(world, None))[1]
    outcome = refused.get_json()["outcome"]
    assert outcome["result"] != "accepted"
    assert [each["check"] for each in outcome["checks"] if each["state"] == "failed"] == ["issuer"]


def test_verifier_goes_on_without_the_ledger_until_its_list_has_ended(worker, world):
    worker.follow_registry()
    office = open_office(
        world, f"sqlite:///{world.folder}/verifier.sqlite", trust_list_url=f"{LEDGER_URL}/trust/v1/list"
    )
    assert office.api("POST", "/presentations", {"procedure": "borsa-treball"}).status_code == 201
    world.http.down.add(LEDGER_URL)
    world.clock.advance(DAY - timedelta(seconds=1))
    assert office.api("POST", "/presentations", {"procedure": "borsa-treball"}).status_code == 201
    world.clock.advance(timedelta(seconds=1))
    answer = office.api("POST", "/presentations", {"procedure": "borsa-treball"})
    assert (answer.status_code, answer.get_json()["title"]) == (503, "trust_list_expired")


def test_list_from_a_real_contract_answers_as_the_authoritys_own(settings, world, get):
    """The whole way: contract on the embedded engine, web3, the worker, the list, and a service's question."""
    engine = Engine(world.folder / "chain.db", chain_id=CHAIN_ID, clock=world.clock)
    session = requests.Session()
    session.mount("http://", WSGIAdapter(Node(world.folder / "chain.db", engine, world.clock)))
    member, accounts = FileSealerKey.generate(), {name: FileSealerKey.generate() for name in world.parties}
    registry = deploy_registry(connect(URL, session), member, members=[member.address], threshold=1)
    for name, party in world.parties.items():
        scribe = RegistryScribe(0)
        register(scribe, party)
        for event in scribe.events[1:]:
            account = bytes.fromhex(accounts[name].address[2:]).rjust(32, b"\0")
            what = account if event.kind is Kind.ADMINISTRATION else event.what
            change = Change(
                event.action, event.kind, event.role, event.administration, what, details=event.details
            )
            registry.approve(member, change)
            registry.accept(accounts[name], change)
    real = settings.model_copy(update={"registry": registry.contract})
    world.clock.advance(timedelta(minutes=5))
    world.http.apps[LEDGER_URL] = create_app(real, clock=world.clock)
    worker = Worker(real, clock=world.clock, registry=registry)
    assert worker.follow_registry()
    assert not worker.follow_registry()
    made = verified(world, get("/trust/v1/list").body)
    for party in world.parties.values():
        vct = load_types()[party.data.credential_types[0]].vct
        found = made.get_issuer(
            party.issuer_chain, identifier=party.issuer_identifier, vct=vct, now=world.clock.now()
        )
        assert found.party_code == party.data.code
    engine.close()
