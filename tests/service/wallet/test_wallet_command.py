# SPDX-License-Identifier: EUPL-1.2
"""`testimoni wallet` among fake peers: what it prints, what it sends and when, and its exit status."""

from __future__ import annotations

import json
import sys

import pytest

from ledger.client import LedgerClient
from ledger.record import RecordType
from protocol import sd_jwt, sd_jwt_vc
from protocol.registration import LegalBasis
from testimoni import cli, wallet_command, wallet_words
from tests.fakes.wallet_peers import LEDGER, LOG, TX_CODE, VERIFIER, FakeIssuer, asks_more, install_peers
from wallet.file_wallet import FileWallet
from wallet.routes import words as page_words
from wallet.share import ShareState
from wallet.take_back import TakeBackState


class Terminal:
    """A person at a terminal who gives the answers that a test has prepared."""

    def __init__(self, world, capsys) -> None:
        self.world, self.capsys = world, capsys
        self.folder = world.folder / "wallet"
        self.questions: list[str] = []

    def connect(self, given):
        return FileWallet(
            given.folder,
            http=self.world.http,
            trust=self.world.trust,
            ledger=LedgerClient(self.world.http, LEDGER),
            log_origin=LOG,
            clock=self.world.clock,
            language=given.language,
        )

    def __call__(self, *arguments, answers=()) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error."""
        left = list(answers)

        def ask(question):
            self.questions.append(question)
            if not left:
                raise EOFError
            return left.pop(0)

        given = ["--folder", str(self.folder), "--language", "en", *arguments]
        status = wallet_command.run(given, connect=self.connect, ask=ask)
        said = self.capsys.readouterr()
        return status, said.out, said.err


@pytest.fixture
def terminal(world, peers, capsys):
    return Terminal(world, capsys)


@pytest.fixture
def holder(terminal, peers):
    status, _, error = terminal("receive", peers.issuer.link(), "--code", TX_CODE)
    assert status == 0, error
    return terminal


def _share(terminal, peers):
    status, said, error = terminal("share", peers.verifier.link(), "--yes")
    assert status == 0, error
    assert "State: accepted" in said
    return terminal("shares")[1].split()[0]


def test_receive_when_no_code_is_given_asks_for_it_and_keeps_the_document(terminal, peers):
    status, said, _ = terminal("receive", peers.issuer.link(), answers=[f"{TX_CODE[:3]} {TX_CODE[3:]}"])
    assert status == 0
    assert terminal.questions == ["The six digits that the office's page shows: "]
    assert "offers: University degree" in said
    _, listed, _ = terminal("documents")
    assert said.rpartition("Kept as ")[2].strip(".\n") == listed.split()[0]
    assert "3 unused copies" in listed
    assert "Mariona" not in listed
    assert "Given name: Mariona" in terminal("documents", "--values")[1]


@pytest.mark.parametrize("answers", [["000000"], []])
def test_receive_with_wrong_or_no_code_keeps_nothing(terminal, peers, answers):
    status, _, error = terminal("receive", peers.issuer.link(), answers=answers)
    assert status == 1
    assert error.startswith("testimoni wallet: The code is not right")
    assert error.endswith("(offer_code_wrong)\n")
    assert terminal("documents")[1] == "No documents yet.\n"


def test_look_shows_who_what_why_and_exactly_the_values_and_sends_nothing(holder, peers):
    status, said, _ = holder("look", peers.verifier.link())
    assert status == 0
    procedure = peers.verifier.registered.data.procedure
    for texts in (
        procedure.party_name,
        procedure.title,
        procedure.purpose,
        procedure.legal_reference,
        procedure.retention,
        procedure.if_refused,
    ):
        assert texts["en"] in said
    assert "Degree title: Grau en Biologia" in said
    assert "1998-03-02" not in said
    assert said.endswith("Nothing was sent.\n")
    assert (peers.verifier.received, peers.verifier.refusals, peers.ledger.entries) == ([], [], [])


def test_look_in_another_language_shows_the_offices_texts_in_it(holder, peers):
    _, said, _ = holder("look", peers.verifier.link(), "--language", "ca")
    assert peers.verifier.registered.data.procedure.purpose["ca"] in said


def test_look_without_the_document_says_which_and_share_refuses(terminal, peers):
    status, said, _ = terminal("look", peers.verifier.link())
    assert status == 0
    assert "You have no document for this: https://testimoni.example/credentials/university-degree/1" in said
    status, _, error = terminal("share", peers.verifier.link(), "--yes")
    assert (status, error) == (1, "testimoni wallet: A document that is asked for is missing. (access_denied)\n")
    assert peers.ledger.entries == []


def test_look_at_request_that_asks_more_than_registered_is_refused(holder, peers):
    peers.verifier.change = asks_more
    status, said, error = holder("look", peers.verifier.link())
    assert (status, said) == (1, "")
    assert "asks for more than it has registered" in error
    assert error.endswith("(over_asking)\n")


def test_look_when_issuer_signed_a_claim_in_the_clear_shows_that_it_cannot_be_hidden(terminal, peers, world):
    def mint(_index, key):
        issuer, now = peers.issuer, world.clock.now()
        hidden = dict(_unpack(issuer.issue(key)))
        payload = {
            "iss": issuer.party.issuer_identifier,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + 86_400,
            "vct": "https://testimoni.example/credentials/university-degree/1",
            "cnf": {"jwk": key.jwk()},
            "birth_date": hidden.pop("birth_date"),
        }
        return sd_jwt.issue(
            payload | hidden,
            [(name,) for name in hidden],
            issuer.party.issuer_key,
            typ=sd_jwt_vc.TYPE,
            x5c=[*issuer.party.issuer_chain],
        )

    peers.issuer.mint = mint
    assert terminal("receive", peers.issuer.link(), "--code", TX_CODE)[0] == 0
    assert "Birth date: 1998-03-02" in terminal("look", peers.verifier.link())[1]


def _unpack(token):
    return [(each.name, each.value) for each in sd_jwt.UnverifiedSDJWT.parse(token).disclosures]


def test_share_on_a_yes_records_then_sends_and_says_the_outcome(holder, peers):
    status, said, _ = holder("share", peers.verifier.link(), answers=["yes"])
    assert status == 0
    assert holder.questions == ["\nI consent? [yes/no] "]
    assert "Reference: REF-1" in said
    assert "We will write to you." in said
    assert len(peers.verifier.received) == len(peers.ledger.entries) == 1


@pytest.mark.parametrize("answers", [["no"], [""], ["yeah"], []])
@pytest.mark.case("W29")
def test_share_on_anything_but_a_yes_sends_and_records_nothing(holder, peers, answers):
    status, said, _ = holder("share", peers.verifier.link(), answers=answers)
    assert status == 1
    assert said.endswith("Nothing was sent.\n")
    assert (peers.verifier.received, peers.verifier.refusals, peers.ledger.entries) == ([], [], [])
    assert holder("shares")[1] == "Nothing was shared yet.\n"


def test_share_when_request_expired_before_the_yes_records_nothing(holder, peers, monkeypatch):
    real = wallet_command._Session._answer

    def slow(session, question):
        holder.world.clock.advance(peers.verifier.request().expires_at - holder.world.clock.now())
        return real(session, question)

    monkeypatch.setattr(wallet_command._Session, "_answer", slow)
    status, _, error = holder("share", peers.verifier.link(), answers=["yes"])
    assert status == 1
    assert error.endswith("(request_expired)\n")
    assert peers.ledger.entries == []


def test_share_when_rejected_fails_and_says_what_to_do(holder, peers):
    peers.verifier.result = "rejected"
    status, said, _ = holder("share", peers.verifier.link(), "--yes")
    assert status == 1
    assert "State: not accepted" in said
    assert "What you can do: Get a new document." in said


def test_share_when_answer_is_lost_follow_sends_the_same_bytes_again(holder, peers):
    peers.verifier.lose_answers = 1
    status, said, _ = holder("share", peers.verifier.link(), "--yes")
    assert (status, "not known whether it arrived" in said) == (1, True)
    identifier = holder("shares")[1].split()[0]
    status, said, _ = holder("follow", identifier)
    assert (status, "State: accepted" in said) == (0, True)
    assert len(peers.verifier.received) == 2
    assert len(set(peers.verifier.received)) == 1
    holder("follow", identifier)
    assert len(peers.verifier.received) == 2


def test_share_with_a_chosen_document_shows_that_one(holder, peers):
    first = holder("documents")[1].split()[0]
    _, said, _ = holder("receive", peers.issuer.link(), "--code", TX_CODE)
    second = said.rpartition("Kept as ")[2].strip(".\n")
    for wanted, other in ((first, second), (second, first)):
        _, said, _ = holder("look", peers.verifier.link(), "--document", wanted)
        assert f"with --document: {other} (" in said
    holder("share", peers.verifier.link(), "--document", first, "--yes")
    left = {held.id: held.copies_left for held in holder.connect(_given(holder)).documents()}
    assert left == {first: 2, second: 3}
    status, _, error = holder("look", peers.verifier.link(), "--document", "elsewhere")
    assert (status, error.endswith("(access_denied)\n")) == (1, True)


def _given(terminal):
    return wallet_command._parser().parse_args(["--folder", str(terminal.folder), "shares"])


def test_take_back_is_followed_to_the_signed_answer(holder, peers):
    identifier = _share(holder, peers)
    status, said, _ = holder("take-back", identifier)
    assert (status, "You took it back." in said, "by 2026-12-21" in said) == (0, True, True)
    status, _, error = holder("take-back", identifier)
    assert (status, error.endswith("(take_back_impossible)\n")) == (1, True)
    assert len(peers.verifier.withdrawals) == 1
    peers.verifier.answer(RecordType.ERASED)
    status, said, _ = holder("follow", identifier)
    assert (status, "The office erased it. Signed" in said) == (0, True)
    assert "The office erased it." in holder("shares")[1]


def test_take_back_that_did_not_arrive_is_sent_again_by_follow(holder, peers, world):
    identifier = _share(holder, peers)
    world.http.down.add(VERIFIER)
    status, said, _ = holder("take-back", identifier)
    assert "not known to have arrived" in said
    world.http.down.clear()
    status, said, _ = holder("follow", identifier)
    assert (status, "by 2026-12-21" in said) == (0, True)
    assert len(peers.verifier.withdrawals) == 1
    (taken,) = holder.connect(_given(holder)).take_backs(identifier)
    assert taken.state is TakeBackState.RECEIVED


def test_take_back_under_a_law_asks_which_and_keeps_both(holder, world):
    fresh = install_peers(world, party_id="universitat", procedure="beca-estudis")
    census = FakeIssuer(world, "ajuntament", "census-registration")
    assert holder("receive", census.link(), "--code", TX_CODE)[0] == 0
    holder("share", fresh.verifier.link(), answers=["yes"])
    assert holder.questions == ["\nI send this? [yes/no] "]
    identifier = holder("shares")[1].split()[0]
    status, _, error = holder("take-back", identifier)
    assert (status, "add --kind object or erase" in error) == (1, True)
    for kind in ("object", "erase"):
        assert holder("take-back", identifier, "--kind", kind)[0] == 0
    assert len(holder.connect(_given(holder)).take_backs(identifier)) == 2
    assert len(fresh.verifier.withdrawals) == 2


def test_texts_of_others_cannot_rewrite_the_terminal(holder, peers, monkeypatch):
    _share(holder, peers)
    forged = "\x1b[2J\u202eaccepted\nState: accepted"
    monkeypatch.setitem(peers.issuer.party.data.name, "en", forged)
    _, said, _ = holder("receive", peers.issuer.link(), "--code", TX_CODE)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\nState" not in said


def test_unknown_share_is_one_line_with_the_code(holder):
    for command in ("take-back", "follow", "evidence"):
        status, said, error = holder(command, "nothing")
        assert (status, said) == (1, "")
        assert error.count("\n") == 1
        assert error.startswith("testimoni wallet: ")


def test_words_on_the_terminal_and_on_the_page_are_the_same_for_each_legal_basis():
    assert dict(wallet_words.YES) == dict(page_words._YES)
    assert set(wallet_words._STATE) == set(ShareState)
    assert set(wallet_words._LATER) == set(LegalBasis)


def test_lists_need_no_set_up_and_the_rest_says_that_none_runs(tmp_path, monkeypatch, capsys):
    where = ["--folder", str(tmp_path / "wallet"), "--set-up", str(tmp_path / "nowhere")]
    for command in ("documents", "shares"):
        monkeypatch.setattr(sys, "argv", ["testimoni", "wallet", command, *where])
        assert cli.main() == 0
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["testimoni", "wallet", *where, "look", "openid4vp://?x=y"])
    assert cli.main() == 1
    assert "(not_running)" in capsys.readouterr().err


def test_wallet_for_elsewhere_takes_all_of_its_options_or_none(world, tmp_path):
    options = {
        "--trust-anchor": str(world.anchor_file),
        "--trust-list": str(world.trust_list_file),
        "--ledger": "https://ledger.example",
        "--log": LOG,
    }
    given = ["--folder", str(tmp_path / "wallet"), *(each for pair in options.items() for each in pair), "shares"]
    made = wallet_command.open_wallet(wallet_command._parser().parse_args(given))
    assert made.documents() == []
    assert wallet_command.run([*given[:-3], "look", "openid4vp://?x=y"]) == 1


def test_evidence_is_written_where_told(holder, peers, tmp_path, monkeypatch):
    identifier = _share(holder, peers)
    monkeypatch.setattr(FileWallet, "export_evidence", lambda _wallet, _identifier: b'{"a":1}')
    assert json.loads(holder("evidence", identifier)[1]) == {"a": 1}
    target = tmp_path / "evidence.json"
    status, said, _ = holder("evidence", identifier, "--output", str(target))
    assert (status, target.read_bytes()) == (0, b'{"a":1}')
    assert str(target) in said
    status, _, error = holder("evidence", identifier, "--output", str(tmp_path / "no" / "x"))
    assert (status, error.endswith("(configuration_error)\n")) == (1, True)
