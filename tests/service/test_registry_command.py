# SPDX-License-Identifier: EUPL-1.2
"""The practice set-up's registry on the embedded node, and `testimoni registry` with the keys of each part."""

from __future__ import annotations

import copy
import json
import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from ledger.chain import provider
from ledger.chain.client import open_registry
from ledger.chain.engine import Engine
from ledger.checkpoint import CheckpointSigner, new_key_pem
from ledger.registry import RegistryHistory
from ledger.registry_events import Kind
from ledger.registry_list import derive_list
from ledger.registry_proposal import Proposal
from ledger.trust import AuditedLog, TrustFile
from protocol.clock import FixedClock
from protocol.encoding import b64url_encode, parse_object, sha256
from protocol.errors import ConfigurationError, RequestError, UnavailableError
from protocol.trust.entries import Entries
from testimoni.development.auditor import make_auditor
from testimoni.development.parties import MemoryKeep, make_parties
from testimoni.development.registry import CHAIN_ID, PracticeRegistry, RegistryFiles, settle
from testimoni.development.registry_entries import OPERATOR_CODE, wanted_entries
from testimoni.registry_command import run
from tests.conftest import ISSUER_URL, NOW, VERIFIER_URL
from tests.unit.ledger.chain.conftest import URL, Node, WSGIAdapter

connect = provider.connect
CODE = "U00000001"


class SetUp:
    """A practice set-up's registry on a node of its own; `lists` counts how often a list would have been signed."""

    def __init__(self, folder, authority) -> None:
        self.folder, self.authority, self.keep = folder, authority, MemoryKeep()
        self.parties = dict(
            make_parties(authority, issuer_url=ISSUER_URL, verifier_url=VERIFIER_URL, keep=self.keep, now=NOW)
        )
        origin = "localhost:8104/2026"
        self.log = AuditedLog(
            origin=origin,
            checkpoint_key=CheckpointSigner.from_pem(origin, new_key_pem()).key,
            promise_key=self.keep.key("promise").public_key,
            maximum_merge_delay=timedelta(seconds=60),
            chain=None,
        )
        self.open()

    def open(self):
        self.clock, self.lists = FixedClock(NOW), 0
        path = self.folder / "chain.db"
        self.node = Node(path, Engine(path, chain_id=CHAIN_ID, clock=self.clock), self.clock)

    def copy(self, folder):
        """Return the same in another folder; nothing of it must be open."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        made = copy.copy(self)
        made.folder, made.parties = folder, dict(self.parties)
        made.open()
        return made

    @property
    def files(self):
        return RegistryFiles(self.folder / "keys")

    @property
    def wanted(self):
        auditor = make_auditor(self.authority, self.keep, now=NOW)
        accounts = {
            name: self.files.account(name).address for name in (*self.parties, "auditor", "operator", "sealer")
        }
        return wanted_entries(self.parties, auditor, self.log, accounts)

    def start(self) -> PracticeRegistry:
        def sign(registry):
            self.lists += 1

        self.made = settle(
            self.files,
            self.wanted,
            chain_url=URL,
            wait_for_chain=lambda: None,
            sign_list=sign,
            now=self.clock.now(),
        )
        return self.made

    @property
    def registry(self):
        return open_registry(URL, contract=self.made.contract, expected_chain_id=CHAIN_ID)

    @property
    def history(self) -> RegistryHistory:
        news = self.registry.read(None)
        return RegistryHistory.fold(news.events, news.place)

    def entries(self) -> Entries:
        made = derive_list(self.history, at=self.clock.now(), lifetime=timedelta(hours=1))
        assert made.left_out == ()
        return Entries.parse(made.claims)

    def run(self, *arguments, answer="yes"):
        where = ("--chain", URL, "--chain-id", str(CHAIN_ID), "--registry", self.made.contract)
        return run([*map(str, arguments), *where], ask=lambda _question: answer, clock=self.clock)


@contextmanager
def reached(set_up):
    """Let web3 reach the set-up's node."""
    session = requests.Session()
    session.mount("http://", WSGIAdapter(set_up.node))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "connect", lambda url: connect(url, session))
        yield
    set_up.node.engine.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, development_authority):
    """A set-up that was started once: the most of a test's time, spent once for all."""
    made = SetUp(tmp_path_factory.mktemp("prepared"), development_authority)
    with reached(made):
        made.start()
        assert made.lists == 1
    return made


@pytest.fixture
def practice(prepared, tmp_path):
    made = prepared.copy(tmp_path / "practice")
    with reached(made):
        yield made


def test_set_up_has_the_parties_the_auditor_and_the_log_in_few_blocks(practice):
    entries = practice.entries()
    assert set(entries.issuers) == {party.issuer_identifier for party in practice.parties.values()}
    assert set(entries.verifiers) == {party.client_id for party in practice.parties.values()}
    assert [log.origin for log in entries.logs.values()] == [practice.log.origin]
    assert {entry.party.code for entry in entries.auditors.values()} == {"A99990099"}
    # each block moves the chain's clock by a second, and a log's promises must not find anchors in the future
    assert practice.node.engine.head().block_number <= 10
    assert practice.history.threshold == 2


def test_second_start_asks_no_chain(practice):
    practice.node.is_down = True
    assert practice.start() == practice.made
    assert practice.lists == 0


def test_start_at_other_addresses_replaces_what_changed_and_a_return_does_too(practice):
    before, first = practice.entries(), dict(practice.parties)
    party = first["universitat"]
    moved = replace(party, issuer_identifier="https://moved.example/universitat", client_id="x509_hash:moved")
    for parties in ({**first, "universitat": moved}, first):
        practice.clock.advance(timedelta(minutes=5))
        practice.parties = parties
        practice.start()
        entries = practice.entries()
        assert set(entries.issuers) == {each.issuer_identifier for each in parties.values()}
        assert set(entries.verifiers) == {each.client_id for each in parties.values()}
    assert set(entries.issuers) == set(before.issuers)
    assert practice.lists == 2


def test_start_that_was_interrupted_goes_on(tmp_path, development_authority, monkeypatch):
    """All approved and accepted in part: the next start does what is missing, and nothing twice."""
    practice = SetUp(tmp_path, development_authority)
    wanted, account = practice.wanted, RegistryFiles.account

    def accounts_until_the_auditors(files, name):
        if name == "auditor":
            raise KeyboardInterrupt
        return account(files, name)

    monkeypatch.setattr(SetUp, "wanted", wanted)
    with reached(practice):
        monkeypatch.setattr(RegistryFiles, "account", accounts_until_the_auditors)
        with pytest.raises(KeyboardInterrupt):
            practice.start()
        monkeypatch.setattr(RegistryFiles, "account", account)
        practice.clock.advance(timedelta(minutes=1))
        practice.start()
        assert len(practice.entries().auditors) == 1
        assert len(practice.registry.read(None).events) == 1 + sum(map(len, wanted.values()))


def propose(practice, file, *arguments):
    assert practice.run("propose", file, *arguments) == 0
    return file


def member(practice, number):
    return ("--key", practice.files.member_key(number))


def account(practice, name):
    return ("--key", practice.files.account_key(name))


VCT = "https://types.example/new/1"


def new_type(practice, file):
    details = json.dumps({"identifier": practice.parties["universitat"].issuer_identifier})
    right = ("add", "right", "--role", "issuer", "--administration", CODE)
    return propose(practice, file, *right, "--subject", VCT, "--details", details)


def types(practice):
    identifier = practice.parties["universitat"].issuer_identifier
    return practice.entries().issuers[identifier].find_types(practice.clock.now() + timedelta(minutes=5))


def test_right_is_proposed_approved_by_two_and_accepted(practice, capsys):
    file = new_type(practice, practice.folder / "proposal.json")
    assert "nothing was sent" in capsys.readouterr().out
    assert practice.run("approve", file, *member(practice, 1)) == 0
    assert "approved by 1 of the 2 members" in capsys.readouterr().out
    with pytest.raises(RequestError, match="2 members must approve this first, and 1 did"):
        practice.run("accept", file, *account(practice, "universitat"))
    assert VCT not in types(practice)
    assert practice.run("approve", file, *member(practice, 3)) == 0
    assert "when the administration has accepted it" in capsys.readouterr().out
    assert VCT not in types(practice)
    assert practice.run("accept", file, *account(practice, "universitat")) == 0
    assert VCT in types(practice)
    place = practice.registry.read(None).place
    assert place.running_hash.hex() in capsys.readouterr().out
    # and the next start of the set-up leaves it there
    practice.clock.advance(timedelta(minutes=5))
    practice.start()
    assert VCT in types(practice)


def test_who_may_not_or_did_before_reads_why(practice):
    file = new_type(practice, practice.folder / "proposal.json")
    with pytest.raises(RequestError, match="is no member of the registry"):
        practice.run("approve", file, *account(practice, "universitat"))
    practice.run("approve", file, *member(practice, 1))
    with pytest.raises(RequestError, match="approved this before"):
        practice.run("approve", file, *member(practice, 1))
    practice.run("approve", file, *member(practice, 2))
    with pytest.raises(RequestError, match=r"nothing in .* is given to an administration of the account"):
        practice.run("accept", file, *account(practice, "ajuntament"))
    practice.run("accept", file, *account(practice, "universitat"))
    with pytest.raises(RequestError, match="this took effect before"):
        practice.run("accept", file, *account(practice, "universitat"))


def test_no_sends_nothing(practice):
    file = new_type(practice, practice.folder / "proposal.json")
    head = practice.node.engine.head().block_number
    for answer in ("", "n", "yess"):
        assert practice.run("approve", file, *member(practice, 1), answer=answer) == 1
    assert practice.node.engine.head().block_number == head
    assert practice.run("approve", file, *member(practice, 1), "--yes", answer="") == 0


def test_compromised_key_is_reported_by_two_members_and_stays_out_at_the_next_start(practice, capsys):
    party = practice.parties["universitat"]
    thumbprint = party.issuer_key.public_key.thumbprint()
    since = practice.clock.now().isoformat()
    key = ("compromise", "key", "--role", "issuer", "--administration", CODE, "--subject", thumbprint)
    file = propose(practice, practice.folder / "proposal.json", *key, "--since", since)
    practice.run("approve", file, *member(practice, 2))
    practice.run("approve", file, *member(practice, 3))
    assert "in effect" in capsys.readouterr().out
    assert practice.run("show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    (university,) = (each for each in shown["administrations"] if each["code"] == CODE)
    states = {each["subject"]: each["state"] for each in university["entries"]}
    assert states[thumbprint].startswith("compromised since 2026-")
    keys = practice.entries().issuers[party.issuer_identifier].keys
    assert not keys.cover(party.issuer_key.public_key, practice.clock.now())
    practice.parties["ajuntament"] = replace(practice.parties["ajuntament"], client_id="x509_hash:moved")
    practice.clock.advance(timedelta(minutes=5))
    practice.start()
    keys = practice.entries().issuers[party.issuer_identifier].keys
    assert not keys.cover(party.issuer_key.public_key, practice.clock.now())


def test_administration_joins_with_its_right_by_one_proposal(practice, capsys):
    town = practice.files.account("vilanova")
    file = practice.folder / "proposal.json"
    name = json.dumps({"name": {"ca": "Ajuntament de Vilanova"}})
    code = ("--administration", "L01430017")
    propose(practice, file, "add", "administration", *code, "--subject", town.address, "--details", name)
    digest = b64url_encode(sha256(b"statement"))
    propose(practice, file, "add", "right", "--role", "verifier", *code, "--subject", digest)
    assert len(Proposal.parse(file.read_bytes()).changes) == 2
    for number in (1, 2):
        practice.run("approve", file, *member(practice, number))
    assert practice.run("accept", file, *account(practice, "vilanova")) == 0
    capsys.readouterr()
    practice.run("show")
    said = capsys.readouterr().out
    assert f"L01430017  Ajuntament de Vilanova\n  accepts as {town.address.lower()}: counts since" in said
    assert digest in said


def test_show_prints_every_administration_and_checks_the_history_first(practice, capsys):
    assert practice.run("show") == 0
    said = capsys.readouterr().out
    place = practice.registry.read(None).place
    assert (
        f"Newest event {place.sequence}, running hash 0x{place.running_hash.hex()}: the history is whole" in said
    )
    assert "Members, 2 of 3 must approve" in said
    for party in practice.parties.values():
        assert f"{party.data.code}  {party.data.name['ca']}" in said
        assert party.client_id in said
    assert f"{OPERATOR_CODE}  Consorci" in said
    assert "may ask for records" in said


def test_entry_that_the_list_leaves_out_and_one_that_ended_are_shown_as_such(practice, capsys):
    from ledger.registry_events import Action, Change, Role

    odd = Change(Action.ADD, Kind.RIGHT, Role.ISSUER, sha256(CODE.encode()), sha256(b"odd"), details=b"{}")
    end = Change(Action.END, Kind.RIGHT, Role.AUDITOR, sha256(b"A99990099"), bytes(32), end=1)
    for key in practice.files.members[:2]:
        practice.registry.approve(key, odd, end)
    practice.registry.accept(practice.files.account("universitat"), odd)
    practice.run("show")
    said = capsys.readouterr().out
    assert "Not on the trust list, because it is not understood: right" in said
    assert "may ask for records: ended 2026-" in said


def test_what_cannot_be_proposed_or_asked_is_an_error_that_names_it(practice):
    file = practice.folder / "proposal.json"
    party = ("--administration", CODE)
    right = ("add", "right", "--role", "issuer", *party, "--subject", "urn:x")
    ended = ("--since", "2026-12-02T00:00Z", "--until", "2026-12-01T00:00Z")
    for arguments, said in (
        ((practice.folder / "none" / "x", "end", "administration", *party), "none/x cannot be written"),
        ((file, *right, "--details", "notjson"), "--details: expected a JSON object"),
        ((file, *right, "--details", '{"identifier": "https://u.example"}', *ended), "an end after the start"),
    ):
        with pytest.raises(RequestError, match=said):
            practice.run("propose", *arguments)
    assert not file.exists()
    new_type(practice, file)

    def nobody(_question):
        raise EOFError

    where = ("--chain", URL, "--chain-id", str(CHAIN_ID), "--registry", practice.made.contract)
    with pytest.raises(ConfigurationError, match="nothing was sent; give --yes"):
        run(["approve", str(file), *map(str, member(practice, 1)), *where], ask=nobody, clock=practice.clock)


def test_proposal_for_another_registry_is_refused(practice):
    file = new_type(practice, practice.folder / "proposal.json")
    other = parse_object(file.read_bytes()) | {"chain_id": 1}
    file.write_text(json.dumps(other))
    for command in (
        ("approve", file, *member(practice, 1)),
        ("propose", file, "end", "administration", "--administration", CODE),
    ):
        with pytest.raises(RequestError, match="not for this one"):
            practice.run(*command)


def test_without_a_set_up_that_runs_or_a_whole_address_it_says_what_to_give(tmp_path):
    with pytest.raises(UnavailableError, match="testimoni up --data"):
        run(["show", "--set-up", str(tmp_path)])
    with pytest.raises(ConfigurationError, match="--chain, --chain-id and --registry together"):
        run(["show", "--chain", URL])


def test_node_on_another_chain_is_refused(practice):
    where = ("--chain", URL, "--chain-id", "1", "--registry", practice.made.contract)
    with pytest.raises(ConfigurationError, match="expected chain 1"):
        run(["show", *where])


def trust_file(practice, path, *strangers):
    party = practice.parties["universitat"]
    document = {
        "schema": "testimoni/trust/1",
        "authority_certificate": "PEM",
        "logs": [practice.log.to_json()],
        "administrations": [
            {
                "code": CODE,
                "name": {"ca": "Universitat"},
                "access_keys": [party.access_key.public_key.jwk(), *(each.jwk() for each in strangers)],
                "issuers": [party.issuer_identifier],
                "issuer_keys": [party.issuer_key.public_key.jwk()],
            }
        ],
    }
    path.write_text(json.dumps(document))
    return path


def test_trust_file_gets_the_days_of_its_keys_from_the_registry(practice, capsys):
    party = practice.parties["universitat"]
    since = practice.clock.now() + timedelta(hours=1)
    key = ("--role", "issuer", "--administration", CODE, "--subject", party.issuer_key.public_key.thumbprint())
    proposal = practice.folder / "proposal.json"
    propose(practice, proposal, "compromise", "key", *key, "--since", since.isoformat())
    practice.clock.advance(timedelta(hours=2))
    for number in (1, 2):
        practice.run("approve", proposal, *member(practice, number))
    given = trust_file(practice, practice.folder / "trust.json")
    before = given.read_bytes()
    made = practice.folder / "dated.json"
    capsys.readouterr()
    assert practice.run("date-keys", given, "--output", made) == 0
    assert "2 keys have their days" in capsys.readouterr().out
    assert given.read_bytes() == before
    (office,) = TrustFile.parse(made.read_bytes()).administrations
    (issuing,), (access,) = office.issuer_keys, office.access_keys
    assert issuing.key == party.issuer_key.public_key
    assert issuing.compromised_since == since
    assert access.key == party.access_key.public_key
    assert access.valid_from is not None
    assert access.valid_from <= practice.clock.now() - timedelta(hours=1)
    assert (access.valid_until, access.compromised_since) == (None, None)


def test_key_that_the_registry_never_knew_stays_without_days_and_is_named(practice, capsys):
    stranger = practice.keep.key("stranger").public_key
    given = trust_file(practice, practice.folder / "trust.json", stranger)
    assert practice.run("date-keys", given, "--output", given) == 1
    assert f"not in the registry, left as it was: {stranger.thumbprint()}" in capsys.readouterr().out
    (office,) = TrustFile.parse(given.read_bytes()).administrations
    assert [each.is_limited for each in office.access_keys] == [True, False]


def test_what_is_no_trust_file_is_refused_and_nothing_written(practice):
    given, made = practice.folder / "trust.json", practice.folder / "dated.json"
    given.write_text("{}")
    with pytest.raises(RequestError, match="schema"):
        practice.run("date-keys", given, "--output", made)
    assert not made.exists()
