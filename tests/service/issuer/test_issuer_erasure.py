# SPDX-License-Identifier: EUPL-1.2
"""What stays behind: no claim in the database's bytes, none after issue or expiry even sealed, none in the logs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from issuer.records import State
from issuer.sealing import Seals
from protocol.errors import StoreConflictError

# a name, a number and a degree of Marta's
VALUES = (b"99990001P", b"Soler", "Grau en Enginyeria Informàtica".encode(), b"1995-03-02", b"2017000001")


@pytest.fixture
def stored(world):
    """Every byte of the database and its write-ahead log."""
    return lambda: b"".join(path.read_bytes() for path in sorted(world.folder.glob("issuer.db*")))


def assert_clean(data: bytes) -> None:
    assert data
    for value in VALUES:
        assert value not in data, value


def test_claims_before_issue_are_only_sealed(offer, stored):
    assert_clean(stored())
    assert offer.tx_code.encode() not in stored()


def test_claims_after_issue_are_gone(offer, wallet, store, stored):
    wallet.collect(offer)
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    assert (found.state, found.sealed) == (State.ISSUED, None)
    assert_clean(stored())


def test_claims_after_expiry_are_gone_when_anybody_asks_for_a_nonce(offer, wallet, world, store, stored):
    world.clock.advance(timedelta(minutes=15))
    wallet.nonce()
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    assert (found.state, found.sealed) == (State.EXPIRED, None)
    assert_clean(stored())


def test_purge_when_run_by_the_operator_then_erases_what_nobody_collected(offer, app, world, store):
    world.clock.advance(timedelta(hours=9))
    said = app.test_cli_runner().invoke(args=["issuer", "purge"]).output
    assert said.startswith("1 offers and ")
    assert store.find_issuance("universitat", offer.path.rpartition("/")[2]).sealed is None


def test_candidates_when_one_of_several_was_chosen_then_the_others_are_not_kept(citizen, store, settings):
    path = citizen.get("universitat", "university-degree", "laia")
    citizen.post(path, document="0")
    found = store.find_issuance("universitat", path.rpartition("/")[2])
    opened = Seals(settings.secret_key.get_secret_value()).unseal(found.sealed, purpose="issuance", owner=found.id)
    assert opened["claims"]["degree_title"] == "Grau en Infermeria"
    assert "choices" not in opened


def test_reason_of_an_objection_is_only_sealed(citizen, stored):
    leaving = citizen.post("/universitat/get/university-degree/object", reason="because of my neighbour")
    citizen.sign_in(leaving, "marta")
    assert b"neighbour" not in stored()


def test_logs_hold_no_claim_code_or_token(citizen, wallet, offer_of, capfd):
    path = citizen.get("universitat", "university-degree")
    offer = offer_of(path, citizen.open(path).text)
    code, token = wallet.code(offer), wallet.token(offer)
    wallet.ask(token, {})
    logged = capfd.readouterr()
    for value in [*VALUES, code.encode(), token.encode(), offer.tx_code.encode(), offer.uri.encode()[-20:]]:
        assert value not in (logged.out + logged.err).encode(), value


def test_person_when_two_administrations_know_them_then_under_two_names(citizen, store):
    first = citizen.get("universitat", "university-degree")
    second = citizen.get("ajuntament", "census-registration")
    found = [store.find_issuance(p.split("/")[1], p.rpartition("/")[2]).person for p in (first, second)]
    assert found[0] != found[1]


def test_sealed_claims_open_only_for_their_own_issuance_and_secret(offer, store, settings):
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    seals = Seals(settings.secret_key.get_secret_value())
    for other, owner in ((seals, "another issuance"), (Seals("x" * 40), found.id)):
        with pytest.raises(StoreConflictError):
            other.unseal(found.sealed, purpose="issuance", owner=owner)
