# SPDX-License-Identifier: EUPL-1.2
"""From the legal page to credentials that verify, as a citizen and a wallet walk it."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from issuer.app import create_app
from issuer.credential_types import load_types, parse_type
from issuer.tables import Base
from protocol import sd_jwt_vc
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.runtime.database import open_database
from protocol.sd_jwt import UnverifiedSDJWT

ISSUER_URL = "http://localhost:8101"
WALLET_URL = "http://localhost:8102"


def test_degree_when_collected_then_each_copy_verifies_with_its_own_key_and_equal_times(offer, wallet, world):
    answer = wallet.collect(offer)
    assert answer.status_code == 200, answer.text
    copies = [
        sd_jwt_vc.verify(sd_jwt_vc.FORMAT.parse(c["credential"]), trust=world.trust, now=world.clock.now())
        for c in answer.json["credentials"]
    ]
    assert [c.holder_key for c in copies] == [key.public_key for key in wallet.keys]
    assert len({c.expires_at for c in copies}) == 1
    assert copies[0].expires_at.isoformat() == "2027-11-21T00:00:00+00:00"
    shown = copies[0].claims
    assert (shown["given_name"], shown["degree_title"]) == ("Marta", "Grau en Enginyeria Informàtica")
    assert shown["iat"] == int(world.clock.now().replace(hour=0).timestamp())


def test_copies_when_issued_then_share_no_salt_digest_or_signature(offer, wallet):
    texts = [c["credential"] for c in wallet.collect(offer).json["credentials"]]
    parts = [set(text.split("~")) - {""} for text in texts]
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]


def test_issuance_when_done_then_a_row_per_copy_and_the_page_says_so(offer, wallet, citizen, store):
    wallet.collect(offer)
    issuance_id = offer.path.rpartition("/")[2]
    assert len(store.copies("universitat", issuance_id)) == 3
    page = citizen.open(offer.path).text
    assert "You have your document" in page
    assert "data-live-reload" in page
    assert offer.tx_code not in page


@pytest.mark.parametrize(
    ("administration", "kind", "given", "claim"),
    [
        ("ajuntament", "census-registration", {}, ("municipality", "Vilaprova")),
        ("ajuntament", "tax-compliance", {"authorise": "yes"}, ("compliant", True)),
    ],
)
def test_other_types_when_collected_then_verify(
    citizen, wallet, world, offer_of, administration, kind, given, claim
):
    path = citizen.get(administration, kind, **given)
    answer = wallet.collect(offer_of(path, citizen.open(path).text), administration, kind)
    assert answer.status_code == 200, answer.text
    parsed = sd_jwt_vc.FORMAT.parse(answer.json["credentials"][0]["credential"])
    found = sd_jwt_vc.verify(parsed, trust=world.trust, now=world.clock.now())
    assert found.claims[claim[0]] == claim[1]


def test_metadata_when_read_by_a_strict_wallet_then_names_endpoints_types_and_batch(app):
    client = app.test_client()
    issuer = client.get("/.well-known/openid-credential-issuer/universitat")
    server = client.get("/.well-known/oauth-authorization-server/universitat")
    assert issuer.content_type == "application/json"
    found = IssuerMetadata.parse(issuer.json, expected_issuer=f"{ISSUER_URL}/universitat")
    tokens = ServerMetadata.parse(server.json, expected_issuer=f"{ISSUER_URL}/universitat")
    assert tokens.get_token_endpoint() == f"{ISSUER_URL}/universitat/token"
    assert (found.to_json(), tokens.to_json()) == (issuer.json, server.json)
    assert found.batch_size == 5
    assert list(found.configurations) == ["university-degree"]
    assert found.configurations["university-degree"].labels["degree_title"]["ca"] == "Títol"
    assert server.json["pre-authorized_grant_anonymous_access_supported"] is True


@pytest.mark.parametrize(
    "path",
    [
        "/universitat/.well-known/openid-credential-issuer",
        "/.well-known/openid-credential-issuer",
        "/.well-known/openid-credential-issuer/nobody",
        "/.well-known/oauth-authorization-server/nobody",
    ],
)
@pytest.mark.case("I45")
def test_metadata_at_the_wrong_place_is_not_found(app, path):
    assert app.test_client().get(path).status_code == 404


def test_offer_when_fetched_twice_then_served_twice_without_the_transaction_code(offer, wallet):
    first, second = wallet.fetch(offer.uri), wallet.fetch(offer.uri)
    assert first.json == second.json
    assert first.json["credential_issuer"] == f"{ISSUER_URL}/universitat"
    assert offer.tx_code not in first.text
    assert first.headers["Cache-Control"] == "no-store"


def test_offer_page_when_on_the_phone_then_links_to_the_wallet_with_the_way_back(citizen, offer_of):
    back = f"{WALLET_URL}/documents?new=1"
    path = citizen.get("universitat", "university-degree", **{"return": back})
    link = offer_of(path, citizen.open(path).text).link
    assert link.startswith(f"{WALLET_URL}/receive?")
    assert parse_qs(urlsplit(link).query)["return"] == [back]


@pytest.mark.parametrize(
    "foreign",
    [
        "https://evil.example/",
        "http://localhost:8102.evil.example/",
        "http://localhost:81021/",
        "http://localhost:8102@evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "http://localhost:8102\\@evil.example",
    ],
)
def test_return_address_of_another_site_is_dropped(citizen, offer_of, foreign):
    path = citizen.get("universitat", "university-degree", **{"return": foreign})
    page = citizen.open(path).text
    assert "return" not in parse_qs(urlsplit(offer_of(path, page).link).query)
    assert "evil" not in page


def test_several_degrees_when_one_is_chosen_then_only_that_one_is_offered(citizen, wallet, offer_of, world):
    path = citizen.get("universitat", "university-degree", "laia")
    page = citizen.open(path).text
    assert page.count('type="radio"') == 3
    again = citizen.post(path)
    assert "Choose one of them" in citizen.open(again.location).text
    assert citizen.post(path, document="7").status_code == 400
    chosen = citizen.post(path, document="1")
    assert chosen.location == path
    answer = wallet.collect(offer_of(path, citizen.open(path).text))
    parsed = sd_jwt_vc.FORMAT.parse(answer.json["credentials"][0]["credential"])
    found = sd_jwt_vc.verify(parsed, trust=world.trust, now=world.clock.now())
    assert found.claims["degree_title"] == "Màster universitari en Salut Pública"


@pytest.mark.parametrize("choice", ["9" * 5000, "\N{ARABIC-INDIC DIGIT NINE}" * 5000, "-1", "1e3", "\x00"])
def test_choice_that_is_no_small_number_asks_again(citizen, choice):
    path = citizen.get("universitat", "university-degree", "laia")
    again = citizen.post(path, document=choice)
    assert again.status_code == 303
    assert again.location == f"{path}?missing=1"


@pytest.mark.case("I41")
def test_notification_when_repeated_then_same_answer_and_the_first_word_stays(offer, wallet, store):
    token, nonce = wallet.token(offer), wallet.nonce()
    issued = wallet.ask(token, wallet.body(wallet.proof(wallet.keys[0], nonce))).json
    for event in ("credential_accepted", "credential_accepted", "credential_deleted"):
        answer = wallet.client.post(
            "/universitat/notification",
            json={"notification_id": issued["notification_id"], "event": event},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 204
        assert answer.data == b""
    found = store.find_issuance("universitat", offer.path.rpartition("/")[2])
    assert found.event == "credential_accepted"


def test_page_when_the_wallet_could_not_keep_it_then_says_start_again(offer, wallet, citizen):
    token, nonce = wallet.token(offer), wallet.nonce()
    issued = wallet.ask(token, wallet.body(wallet.proof(wallet.keys[0], nonce))).json
    wallet.client.post(
        "/universitat/notification",
        json={"notification_id": issued["notification_id"], "event": "credential_failure"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert "The document was not kept" in citizen.open(offer.path).text


def test_tables_when_migrated_then_equal_the_models(settings, store):
    database = open_database(settings.database_url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.engine.dispose()


def test_ready_when_migrated_then_200_and_before_then_503(app, settings, tmp_path):
    assert app.test_client().get("/readyz").status_code == 200
    bare = create_app(settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/empty.db"}))
    assert bare.test_client().get("/readyz").status_code == 503


def test_day_of_the_check_when_after_midnight_in_catalonia_then_the_day_there(citizen, wallet, world, offer_of):
    world.clock.advance(timedelta(hours=13, minutes=30))
    path = citizen.get("ajuntament", "census-registration")
    answer = wallet.collect(offer_of(path, citizen.open(path).text), "ajuntament", "census-registration")
    parsed = UnverifiedSDJWT.parse(answer.json["credentials"][0]["credential"])
    assert {d.name: d.value for d in parsed.disclosures}["checked_on"] == "2026-11-22"


def test_claim_that_the_type_does_not_let_withhold_when_collected_then_stands_in_the_clear(
    monkeypatch, request, offer_of
):
    kind = "census-registration"
    text = (files("issuer") / "credential_types" / f"{kind}.toml").read_text("utf-8")
    before, rule, after = text.partition('name = "municipality"\n')
    after = after.replace("selectively_disclosable = true", "selectively_disclosable = false", 1)
    types = {**load_types(), kind: parse_type(before + rule + after, name=kind)}
    monkeypatch.setattr("issuer.app.load_types", lambda: types)
    citizen, wallet = request.getfixturevalue("citizen"), request.getfixturevalue("wallet")
    path = citizen.get("ajuntament", kind)
    answer = wallet.collect(offer_of(path, citizen.open(path).text), "ajuntament", kind)
    parsed = sd_jwt_vc.FORMAT.parse(answer.json["credentials"][0]["credential"])
    assert parsed.payload["municipality"] == "Vilaprova"
    assert "given_name" not in parsed.payload
