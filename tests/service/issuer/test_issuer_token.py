# SPDX-License-Identifier: EUPL-1.2
"""Codes and transaction codes: wrong, missing, expired, reused, guessed, raced, another administration's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from issuer.app import create_app
from issuer.records import State
from protocol.openid4vci.offer import PRE_AUTHORIZED


def other(tx_code: str, step: int = 1) -> str:
    return f"{(int(tx_code) + step) % 1_000_000:06}"


def state_of(store, offer, administration="universitat"):
    return store.find_issuance(administration, offer.path.rpartition("/")[2])


@pytest.mark.case("I26")
def test_wrong_transaction_code_is_refused_and_the_right_one_still_works(offer, wallet):
    code = wallet.code(offer)
    wrong = wallet.redeem(code, other(offer.tx_code))
    assert (wrong.status_code, wrong.json["error"]) == (400, "invalid_grant")
    assert wallet.redeem(code, offer.tx_code).status_code == 200


@pytest.mark.case("I25")
def test_missing_transaction_code_is_refused_and_costs_no_try(offer, wallet, store):
    code = wallet.code(offer)
    for _ in range(6):
        answer = wallet.redeem(code, None)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert state_of(store, offer).attempts == 0
    assert wallet.redeem(code, offer.tx_code).status_code == 200


@pytest.mark.case("I26")
def test_five_wrong_transaction_codes_kill_the_code_even_for_the_right_one(offer, wallet, store, citizen):
    code = wallet.code(offer)
    for step in range(1, 6):
        assert wallet.redeem(code, other(offer.tx_code, step)).json["error"] == "invalid_grant"
    right = wallet.redeem(code, offer.tx_code)
    assert (right.status_code, right.json["error"]) == (400, "invalid_grant")
    found = state_of(store, offer)
    assert (found.state, found.sealed) == (State.LOCKED, None)
    assert "Closed for your safety" in citizen.open(offer.path).text
    assert wallet.fetch(offer.uri).status_code == 404


def test_right_transaction_code_at_the_fifth_try_works(offer, wallet):
    code = wallet.code(offer)
    for step in range(1, 5):
        wallet.redeem(code, other(offer.tx_code, step))
    assert wallet.redeem(code, offer.tx_code).status_code == 200


@pytest.mark.parametrize("code", ["", "x", "🙂", "0" * 4000])
def test_unknown_code_is_refused(offer, wallet, code):
    answer = wallet.redeem(code, offer.tx_code)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant" if code else "invalid_request")


@pytest.mark.case("I24")
def test_expired_code_is_refused_and_the_claims_are_erased(offer, wallet, world, store, citizen):
    code = wallet.code(offer)
    world.clock.advance(timedelta(minutes=15))
    answer = wallet.redeem(code, offer.tx_code)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    found = state_of(store, offer)
    assert (found.state, found.sealed) == (State.EXPIRED, None)
    assert wallet.fetch(offer.uri).status_code == 404
    assert "The time to collect it has passed" in citizen.open(offer.path).text


@pytest.mark.case("I23")
def test_reused_code_is_refused(offer, wallet):
    code = wallet.code(offer)
    assert wallet.redeem(code, offer.tx_code).status_code == 200
    again = wallet.redeem(code, offer.tx_code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert wallet.fetch(offer.uri).status_code == 404


@pytest.mark.case("I27")
def test_two_parallel_redemptions_of_one_code_have_one_winner(offer, wallet, settings, world, store):
    code, tx_code = wallet.code(offer), offer.tx_code
    apps = [create_app(settings, clock=world.clock, http=world.http) for _ in range(4)]
    barrier = Barrier(len(apps))

    def redeem(app) -> int:
        client = app.test_client()
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, "tx_code": tx_code}
        barrier.wait()
        return client.post("/universitat/token", data=form).status_code

    with ThreadPoolExecutor(len(apps)) as pool:
        answers = list(pool.map(redeem, apps))
    assert sorted(answers) == [200, 400, 400, 400]
    assert state_of(store, offer).state is State.REDEEMED


@pytest.mark.case("I26")
def test_parallel_guesses_of_the_transaction_code_get_five_tries_together(offer, wallet, settings, world, store):
    code, tx_code = wallet.code(offer), offer.tx_code
    apps = [create_app(settings, clock=world.clock, http=world.http) for _ in range(4)]
    barrier = Barrier(len(apps))

    def guess(numbered) -> None:
        number, app = numbered
        client = app.test_client()
        barrier.wait()
        for step in range(1, 4):
            form = {
                "grant_type": PRE_AUTHORIZED,
                "pre-authorized_code": code,
                "tx_code": other(tx_code, number * 10 + step),
            }
            assert client.post("/universitat/token", data=form).status_code == 400

    with ThreadPoolExecutor(len(apps)) as pool:
        list(pool.map(guess, enumerate(apps)))
    assert wallet.redeem(code, tx_code).json["error"] == "invalid_grant"
    found = state_of(store, offer)
    assert (found.state, found.attempts) == (State.LOCKED, 5)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({"grant_type": PRE_AUTHORIZED}, "invalid_request"),
        ({"grant_type": PRE_AUTHORIZED, "pre-authorized_code": ["a", "b"], "tx_code": "1"}, "invalid_request"),
    ],
)
@pytest.mark.case("I29")
def test_token_request_of_another_shape_is_refused(wallet, form, error):
    answer = wallet.client.post("/universitat/token", data=form)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_code_of_another_administration_is_unknown_and_stays_good(offer, wallet):
    code = wallet.code(offer)
    answer = wallet.redeem(code, offer.tx_code, "ajuntament")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert wallet.redeem(code, offer.tx_code).status_code == 200


def test_offer_of_another_administration_is_not_found(offer, wallet):
    token = offer.uri.rpartition("/")[2]
    assert wallet.fetch(f"/ajuntament/offers/{token}").status_code == 404
    assert wallet.fetch(f"/nobody/offers/{token}").status_code == 404


@pytest.mark.parametrize("endpoint", ["token", "nonce", "credential", "notification"])
def test_endpoints_of_an_unknown_administration_are_not_found(app, endpoint):
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": "x", "tx_code": "1"}
    data = {"data": form} if endpoint == "token" else {"json": {}}
    answer = app.test_client().post(f"/nobody/{endpoint}", headers={"Authorization": "Bearer x"}, **data)
    assert answer.status_code == 404
    assert app.test_client().get(f"/universitat/{endpoint}").status_code == 405
