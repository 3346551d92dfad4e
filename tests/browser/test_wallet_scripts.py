# SPDX-License-Identifier: EUPL-1.2
"""The wallet's scripts in a real browser: the same sealed forms as in Python, and no signature over anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page, Route

from ledger.client import LedgerClient
from protocol import jws
from protocol.dcql import Query
from protocol.encoding import b64url_decode, b64url_encode, canonical_json, compact_json
from protocol.keys import PrivateKey
from protocol.openid4vp import VerifiedRequest
from tests.fakes.dcql_queries import asking
from tests.fakes.nested_document import make_nested
from tests.fakes.wallet_peers import LEDGER, LOG, TX_CODE, install_peers
from wallet import present, signing, take_back, vault
from wallet.file_wallet import FileWallet
from wallet.matching import Held, Match, show
from wallet.matching import match as find
from wallet.present import Choice
from wallet.receive import Copy
from wallet.routes.words import decision_data
from wallet.sharing import Asked, Candidate, Decision

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
ORIGIN = "http://localhost:1"
VECTOR = json.loads((ROOT / "tests/vectors/vault.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def scripts(chromium: Browser) -> Iterator[Page]:
    """Give a page at which the wallet's modules can be imported; nothing is served by a network."""
    page = chromium.new_page()

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ORIGIN}/")
        if name == "":
            route.fulfill(body="<!doctype html><title>scripts</title>", content_type="text/html")
        else:
            route.fulfill(body=(ROOT / "wallet" / name).read_text("utf-8"), content_type="text/javascript")

    page.route(f"{ORIGIN}/**", answer)
    page.goto(f"{ORIGIN}/")
    yield page
    page.close()


def test_vault_when_given_the_vector_makes_the_same_as_python(scripts: Page) -> None:
    found = scripts.evaluate(
        """async (vector) => {
          const v = await import("/static/vault.js"), k = await import("/static/keys.js");
          const wrapped = await v.wrapDataKey(v.decode(vector.data_key), vector.passphrase, vector.account,
            { salt: v.decode(vector.wrapped.salt), nonce: v.decode(vector.wrapped.nonce) });
          const dataKey = await v.unwrapDataKey(vector.wrapped, vector.typed, vector.account);
          const opened = v.encode(dataKey);
          const keys = await v.openDataKey(dataKey);
          const sealed = await v.seal(keys.holderKeysKey, v.decode(vector.plaintext), vector.about, v.decode(vector.nonce));
          const plain = v.encode(await v.unseal(keys.holderKeysKey, vector.sealed, vector.about));
          const raw = await crypto.subtle.exportKey("raw", keys.holderKeysKey).catch((e) => e.name);
          return { wrapped, opened, storage: v.encode(keys.storageKey), sealed, plain, raw,
            wiped: dataKey.every((b) => b === 0), thumbprint: await k.thumbprint(vector.thumbprint_of) };
        }""",
        VECTOR,
    )
    assert found == {
        "wrapped": VECTOR["wrapped"],
        "opened": VECTOR["data_key"],
        "storage": VECTOR["storage_key"],
        "sealed": VECTOR["sealed"],
        "plain": VECTOR["plaintext"],
        "raw": "InvalidAccessError",  # not extractable
        "wiped": True,
        # RFC 7638 by the Python code
        "thumbprint": _thumbprint(),
    }


def _thumbprint() -> str:
    from protocol.keys import PublicKey

    return PublicKey.parse_jwk(VECTOR["thumbprint_of"]).thumbprint()


@pytest.mark.parametrize("change", [{"owner": "x"}, {"kind": "consent-key"}, {"id": "key-2"}, {"version": 2}])
def test_blob_when_swapped_does_not_open(scripts: Page, change: dict[str, Any]) -> None:
    found = scripts.evaluate(
        """async ([vector, about]) => {
          const v = await import("/static/vault.js");
          const { holderKeysKey } = await v.openDataKey(v.decode(vector.data_key));
          return v.unseal(holderKeysKey, vector.sealed, about).then(() => "opened", (e) => e.name);
        }""",
        [VECTOR, VECTOR["about"] | change],
    )
    assert found == "OperationError"


def test_words_that_are_wrong_or_parameters_that_are_weak_open_nothing(scripts: Page) -> None:
    found = scripts.evaluate(
        """async (vector) => {
          const v = await import("/static/vault.js");
          const tries = [[vector.wrapped, "abella"], [{ ...vector.wrapped, rounds: 1 }, vector.passphrase]];
          return Promise.all(tries.map(([w, p]) => v.unwrapDataKey(w, p, vector.account).then(() => 1, () => 0)));
        }""",
        VECTOR,
    )
    assert found == [0, 0]


def test_device_when_it_remembers_gives_back_keys_until_it_forgets(scripts: Page) -> None:
    found = scripts.evaluate(
        """async (vector) => {
          const v = await import("/static/vault.js"), d = await import("/static/device.js");
          const keys = await v.openDataKey(v.decode(vector.data_key));
          await d.remember("a", keys);
          const { storageKey, holderKeysKey } = await d.recall("a");
          const other = await d.recall("b");
          await d.forget("a");
          return [v.encode(storageKey), holderKeysKey.extractable, other, await d.recall("a")];
        }""",
        VECTOR,
    )
    assert found == [VECTOR["storage_key"], False, None, None]


@pytest.fixture
def asked(world: Any) -> dict[str, Any]:
    """A prepared share: what the server answers, what the page shows, and the keys in PKCS#8."""
    peers = install_peers(world)
    wallet = FileWallet(
        world.folder / "wallet",
        http=world.http,
        trust=world.trust,
        ledger=LedgerClient(world.http, LEDGER),
        log_origin=LOG,
        clock=world.clock,
    )
    wallet.receive(wallet.open_offer(peers.issuer.link()), tx_code=TX_CODE)
    read = wallet.read_request(peers.verifier.link())
    (match,) = read.matches
    _, copies = wallet.get_document(match.candidates[0].id)
    holder = copies[0][0].holder_key
    file = world.folder / "wallet" / "holder" / f"{b64url_decode(holder.thumbprint()).hex()}.pem"
    made = _prepare(world, read.verified, match, copies[0][0], PrivateKey.from_pem(file.read_bytes()))
    return made | {"wallet": wallet, "read": read}


@pytest.fixture
def nested(world: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The same of a document with objects and arrays, of which parts are asked for."""
    value = asking(["address", "town"], ["courses", None, "grade"], ["languages", 1])
    verified = asked["read"].verified
    verified = replace(verified, request=replace(verified.request, query=Query.parse(value)))
    holder_key = PrivateKey.generate()
    document, copy_ = make_nested(world.parties["universitat"], holder_key.public_key, now=world.clock.now())
    (match,) = find(verified.request.query, [Held("d", document, 1)], now=world.clock.now())
    return _prepare(world, verified, match, copy_, holder_key)


def _prepare(
    world: Any, verified: VerifiedRequest, match: Match, shown: Copy, holder: PrivateKey
) -> dict[str, Any]:
    held, consent_key = match.candidates[0], PrivateKey.generate()
    choice = Choice(match.query.id, "copy", held.document, shown, match.paths[held.id])
    prepared = present.prepare(
        verified, [choice], consent_key=consent_key.public_key, log=LOG, language="ca", now=world.clock.now()
    )
    candidate = Candidate(held, show(match.query, match.paths[held.id], shown))
    decision = Decision("r", verified, (Asked(match, (candidate,)),))
    from flask import Flask

    app = Flask("words")
    app.add_url_rule("/p/<request_id>", "present.prepare")
    app.extensions["testimoni.catalogues"] = ()
    with app.test_request_context(headers={"Accept-Language": "ca"}):
        displayed = decision_data(decision, vault.Actor("a", "s"), LOG)
    return {
        "answer": {
            "steps": [step.to_json() for step in prepared.steps],
            "record_key": b64url_encode(prepared.key),
            "sealed_keys": {},
        },
        "shown": displayed,
        "consent": _pkcs8(consent_key),
        "consent_jwk": consent_key.public_key.jwk(),
        "holder": _pkcs8(holder),
        "holder_id": holder.public_key.thumbprint(),
        "prepared": prepared,
    }


def _pkcs8(key: PrivateKey) -> str:
    return b64url_encode(
        key.secret.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


SIGN_SHARE = """async ({ answer, shown, consent, consent_jwk: jwk, holder, holder_id: holderId }) => {
  const v = await import("/static/vault.js"), k = await import("/static/keys.js");
  const { signShare, Mismatch } = await import("/static/sign.js");
  const P256 = { name: "ECDSA", namedCurve: "P-256" };
  const load = (text) => crypto.subtle.importKey("pkcs8", v.decode(text), P256, false, ["sign"]);
  const consentKey = { kind: k.CONSENT, id: await k.thumbprint(jwk), jwk, key: await load(consent) };
  const holderKeys = { [holderId]: { kind: k.HOLDER, id: holderId, key: await load(holder) } };
  const documents = shown.asked.map(({ candidates }) => candidates[0]);
  return signShare(answer, { ...shown, documents }, consentKey, holderKeys).then(
    (signatures) => signatures, (e) => (e instanceof Mismatch ? `mismatch: ${e.message}` : `${e.name}: ${e.message}`));
}"""


def _run(scripts: Page, asked: dict[str, Any]) -> Any:
    return scripts.evaluate(
        SIGN_SHARE, {k: v for k, v in asked.items() if k not in {"prepared", "wallet", "read"}}
    )


def test_share_when_it_is_what_the_page_shows_is_signed_and_verifies(scripts: Page, asked: dict[str, Any]) -> None:
    given = _run(scripts, asked)
    signed = present.sign(asked["prepared"], signing.parse_signatures(given))
    assert set(signed.vp_token) == {"degree"}


def test_share_of_nested_claims_is_signed_when_it_is_what_the_page_shows(
    scripts: Page, nested: dict[str, Any]
) -> None:
    given = _run(scripts, nested)
    assert set(present.sign(nested["prepared"], signing.parse_signatures(given)).vp_token) == {"one"}


def _values(nested: dict[str, Any]) -> Any:
    return nested["shown"]["asked"][0]["candidates"][0]["values"]


def _paths(nested: dict[str, Any]) -> Any:
    return nested["shown"]["asked"][0]["candidates"][0]["claims"]


NESTED_OTHERWISE = {
    "page_showed_no_town": lambda nested: _values(nested)["address"].clear(),
    "page_showed_another_town": lambda nested: _values(nested)["address"].update(town="Barcelona"),
    "page_showed_a_street_too": lambda nested: _values(nested)["address"].update(street="Carrer Major 1"),
    "page_showed_one_course": lambda nested: _values(nested)["courses"].pop(),
    "page_showed_another_language": lambda nested: _values(nested).update(languages=["ca"]),
    "page_knew_no_path_to_the_town": lambda nested: _paths(nested).remove(["address", "town"]),
    "page_knew_a_path_to_nothing": lambda nested: _paths(nested).append(["birth_date"]),
    "page_knew_the_address_whole": lambda nested: _paths(nested).append(["address"]),
}


@pytest.mark.parametrize("name", NESTED_OTHERWISE)
def test_share_of_nested_claims_is_not_signed_when_the_page_shows_something_else(
    name: str, scripts: Page, nested: dict[str, Any]
) -> None:
    nested["shown"] = copy.deepcopy(nested["shown"])
    NESTED_OTHERWISE[name](nested)
    found = _run(scripts, nested)
    assert isinstance(found, str), "it was signed"
    assert found.startswith("mismatch: ")


def _payload(step: dict[str, Any]) -> Any:
    return json.loads(b64url_decode(step["input"].split(".")[1]))


def _put(step: dict[str, Any], payload: Any = None, header: Any = None) -> None:
    head, _, body = step["input"].partition(".")
    if header is not None:
        head = b64url_encode(compact_json(header))
    if payload is not None:
        body = b64url_encode(canonical_json(payload))
    step["input"] = f"{head}.{body}"


def _record(**changes: Any) -> Any:
    def change(asked: dict[str, Any]) -> None:
        step = asked["answer"]["steps"][0]
        _put(step, _payload(step) | changes)

    return change


def _claims(index: int, **changes: Any) -> Any:
    def change(asked: dict[str, Any]) -> None:
        step = asked["answer"]["steps"][index]
        _put(step, _payload(step) | changes)

    return change


def _header(index: int, **changes: Any) -> Any:
    def change(asked: dict[str, Any]) -> None:
        step = asked["answer"]["steps"][index]
        _put(step, header={"alg": "ES256", "typ": signing.TYPES[signing.Purpose(step["purpose"])]} | changes)

    return change


def _one_more_claim(asked: dict[str, Any]) -> None:
    """The server adds the birth date to what is presented, with a matching digest."""
    from protocol import key_binding, sd_jwt

    prepared = asked["prepared"]
    (held,) = asked["wallet"].documents()
    _, copies = asked["wallet"].get_document(held.id)
    credential = next(copy.credential for copy, _ in copies if copy.holder_key.thumbprint() == asked["holder_id"])
    names = [*asked["read"].verified.request.query.credentials[0].names, "birth_date"]
    text = sd_jwt.select(credential, sd_jwt.SelectionIndex.make(credential), [(name,) for name in names])
    step = asked["answer"]["steps"][2]
    step["presentation"] = text
    _put(step, _payload(step) | {"sd_hash": key_binding.sd_hash(text)})
    assert prepared.presented[0].text != text


def _more_in_record(asked: dict[str, Any]) -> None:
    step = asked["answer"]["steps"][0]
    record = _payload(step)
    record["listOfClaimsPresented"].append({**record["listOfClaimsPresented"][0], "claim": ["birth_date"]})
    _put(step, record)


def _shown(**changes: Any) -> Any:
    return lambda asked: asked["shown"].update(changes)


def _purpose(index: int, purpose: str) -> Any:
    return lambda asked: asked["answer"]["steps"][index].update(purpose=purpose)


def _add_step(asked: dict[str, Any]) -> None:
    asked["answer"]["steps"].append(asked["answer"]["steps"][-1])


def _proof_instead(asked: dict[str, Any]) -> None:
    prepared = jws.prepare({"aud": "x", "iat": 1, "nonce": "n"}, typ="openid4vci-proof+jwt", jwk={})
    asked["answer"]["steps"][1] = asked["answer"]["steps"][1] | {"purpose": "proof", "input": prepared.text}


TAMPERED = {
    "record_for_another_office": _record(interactingPartyIdentifier="U00000001"),
    "record_under_another_name": _record(interactingPartyName="Somebody"),
    "record_of_another_procedure": _record(procedure={"id": "other", "version": "1"}),
    "record_of_another_request": _record(request={"client_id": "x509_hash:x", "nonce": "n"}),
    "record_with_another_purpose": _record(purpose="Anything"),
    "record_on_another_legal_basis": _record(legalBasis="eu-gdpr:A6-1-e"),
    "record_with_longer_retention": _record(retention="For ever"),
    "record_with_another_key": _record(consentKey=PrivateKey.generate().public_key.jwk()),
    "record_that_is_a_withdrawal": _record(type="withdrawal"),
    "record_with_a_further_member": _record(citizen="99990001P"),
    "record_with_one_claim_more": _more_in_record,
    "record_under_another_type": _header(0, typ="JWT"),
    "record_with_critical_header": _header(0, crit=["b64"], b64=False),
    "record_without_algorithm": _header(0, alg="none"),
    "binding_of_another_record": _claims(1, commitment=b64url_encode(bytes(32))),
    "binding_for_another_audience": _claims(1, aud="x509_hash:x"),
    "binding_with_another_nonce": _claims(1, nonce="n" * 24),
    "binding_with_a_further_member": _claims(1, sub="x"),
    "key_binding_for_another_audience": _claims(2, aud="x509_hash:x"),
    "key_binding_with_another_nonce": _claims(2, nonce="n" * 24),
    "key_binding_of_another_presentation": _claims(2, sd_hash=b64url_encode(bytes(32))),
    "presentation_with_one_claim_more": _one_more_claim,
    "holder_key_asked_for_a_proof": _proof_instead,
    "holder_key_asked_for_a_record": _purpose(1, "record"),
    "one_step_more": _add_step,
    "page_showed_another_office": _shown(partyCode="U00000001"),
    "page_showed_another_nonce": _shown(nonce="n" * 24),
    "page_showed_another_log": _shown(log="elsewhere.example/2026"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_share_when_it_is_not_what_the_page_shows_is_not_signed(
    name: str, scripts: Page, asked: dict[str, Any]
) -> None:
    asked["answer"], asked["shown"] = copy.deepcopy(asked["answer"]), copy.deepcopy(asked["shown"])
    TAMPERED[name](asked)
    found = _run(scripts, asked)
    assert isinstance(found, str), "it was signed"
    assert found.startswith("mismatch: ")


SIGN_TAKE_BACK = """async ({ step, shown, request, consent, id }) => {
  const v = await import("/static/vault.js"), k = await import("/static/keys.js");
  const { signTakeBack, Mismatch } = await import("/static/sign.js");
  const P256 = { name: "ECDSA", namedCurve: "P-256" };
  const open = async () => ({
    kind: k.CONSENT, id, key: await crypto.subtle.importKey("pkcs8", v.decode(consent), P256, false, ["sign"]) });
  return signTakeBack([step], shown, request, open).then((s) => s, (e) => (e instanceof Mismatch ? "mismatch" : e.name));
}"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "signed"),
        ({"request": "erase"}, "mismatch"),
        ({"commitment": "x"}, "mismatch"),
        ({"partyCode": "x"}, "mismatch"),
    ],
)
def test_take_back_is_signed_only_as_shown(
    scripts: Page, asked: dict[str, Any], world: Any, change: dict[str, str], expected: str
) -> None:
    wallet = asked["wallet"]
    identifier, share = wallet.share(asked["read"])
    world.clock.advance(timedelta(minutes=1))
    request = take_back.prepare(share, take_back.TakeBack.WITHDRAW, log=LOG, now=world.clock.now())
    key = request.step.key.thumbprint()
    file = world.folder / "wallet" / "consent" / f"{b64url_decode(key).hex()}.pem"
    shown = {"commitment": b64url_encode(share.commitment), "partyCode": share.party_code}
    given = {
        "step": request.step.to_json(),
        "shown": shown | {k: v for k, v in change.items() if k != "request"},
        "request": change.get("request", "withdraw"),
        "consent": _pkcs8(PrivateKey.from_pem(file.read_bytes())),
        "id": key,
    }
    found = scripts.evaluate(SIGN_TAKE_BACK, given)
    if expected == "signed":
        assert request.complete(signing.parse_signatures(found))
    else:
        assert found == expected
    assert identifier
