# SPDX-License-Identifier: EUPL-1.2
"""A verifier with both administrations behind its URL, and what it takes to answer its requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from protocol import jwe, openid4vp
from protocol.errors import RequestError
from protocol.identity import AssuranceLevel, CertificateType, IdentifierType, Identity, Method
from protocol.openid4vp import PresentationRequest
from protocol.runtime.database import migrate, open_database
from protocol.runtime.signer import write_secret_file
from testimoni.development.administrations import fill_verifier
from tests.conftest import ISSUER_URL, LEDGER_URL, LOG_ORIGIN, SANDBOX_URL, VERIFIER_URL, WALLET_URL, World
from tests.fakes.holder import Share, Shared, Transaction, share
from tests.fakes.status_host import serve_lists
from verifier.app import create_app
from verifier.services import KEY, Services
from verifier.settings import VerifierSettings

API_TOKENS = {"universitat": "token-of-the-university", "ajuntament": "token-of-the-town-hall"}


def clerk_of(code: str, **changes: Any) -> Identity:
    return Identity(
        **{
            "identifier": "00000000T",
            "identifier_type": IdentifierType.NIF,
            "given_name": "Clara",
            "surname1": "Roca",
            "surname2": "Vila",
            "assurance_level": AssuranceLevel.SUBSTANTIAL,
            "method": Method.CERTIFICATE,
            "certificate_type": CertificateType.PUBLIC_EMPLOYEE,
            "company_id": code,
            "company_name": "Vilaprova",
            **changes,
        }
    )


@dataclass
class FakeSignIn:
    """A `SignIn` whose codes are known beforehand; each serves once."""

    people: dict[str, Identity] = field(default_factory=dict)

    def authorization_url(
        self, state: str, *, minimum: AssuranceLevel | None = None, is_repeat: bool = False
    ) -> str:
        return f"{SANDBOX_URL}/o/oauth2/auth?state={state}"

    def sign_in(self, code: str) -> Identity:
        if code not in self.people:
            raise RequestError("sign_in_refused", "unknown code")
        return self.people.pop(code)


@dataclass
class Office:
    """The verifier's application, and ways to use it."""

    app: Flask
    world: World
    sign_in: FakeSignIn
    # status lists that are not the honest ones, by address
    changed_lists: dict[str, str | None]

    @property
    def services(self) -> Services:
        found: Services = self.app.extensions[KEY]
        return found

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client(use_cookies=False)

    def api(self, method: str, path: str, body: object = None, *, admin: str = "ajuntament") -> TestResponse:
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {API_TOKENS[admin]}"}
        return self.client.open(f"/api/v1{path}", method=method, data=data, headers=headers)

    def start(self, procedure: str = "borsa-treball", *, admin: str = "ajuntament") -> dict[str, Any]:
        answer = self.api("POST", "/presentations", {"procedure": procedure}, admin=admin)
        assert answer.status_code == 201, answer.text
        members: dict[str, Any] = answer.get_json()
        return members

    def fetch(self, request_url: str) -> PresentationRequest:
        """Return the request as an honest wallet reads it: verified."""
        link = openid4vp.RequestLink.parse({k: v[0] for k, v in parse_qs(urlsplit(request_url).query).items()})
        path = urlsplit(link.request_uri).path
        answer = self.client.post(path, data={"wallet_nonce": "our-own-nonce"})
        assert answer.status_code == 200, answer.text
        verified = openid4vp.verify_request(
            answer.text,
            expected_client_id=link.client_id,
            expected_wallet_nonce="our-own-nonce",
            transaction_types={},
            trust=self.world.trust,
            now=self.world.clock.now(),
        )
        self.procedure = verified.requester.procedure
        return verified.request

    def asked(self, request: PresentationRequest) -> Transaction:
        return Transaction(request.client_id, request.nonce, request.state, self.procedure)

    def share(self, request: PresentationRequest, how: Share) -> Shared:
        return share(
            self.asked(request),
            how,
            log=LOG_ORIGIN,
            promise_key=self.world.promise_key,
            now=self.world.clock.now(),
        )

    def encrypt(self, request: PresentationRequest, payload: bytes) -> str:
        return jwe.encrypt(payload, request.encryption_key, key_id=request.encryption_key_id, encryption="A128GCM")

    def post(self, request: PresentationRequest, response: str) -> TestResponse:
        return self.client.post(urlsplit(request.response_uri).path, data={"response": response})

    def answer(self, request: PresentationRequest, how: Share) -> tuple[Shared, TestResponse]:
        self.changed_lists.update(how.status_lists)
        shared = self.share(request, how)
        return shared, self.post(request, self.encrypt(request, shared.payload))

    def desk(self, code: str = "L01990015") -> FlaskClient:
        """Return a browser in which a clerk of this administration is signed in."""
        browser = self.app.test_client()
        self.sign_in_as(browser, clerk_of(code))
        return browser

    def sign_in_as(self, browser: FlaskClient, identity: Identity) -> TestResponse:
        token = csrf_token(browser.get("/desk/").text)
        away = browser.post("/desk/sign-in", data={"csrf_token": token})
        state = parse_qs(urlsplit(away.headers["Location"]).query)["state"][0]
        self.sign_in.people["the-code"] = identity
        return browser.get(f"/valid/callback?code=the-code&state={state}", headers={"Accept": "text/html"})


def csrf_token(page: str) -> str:
    _, _, rest = page.partition('name="csrf_token" value="')
    return rest.partition('"')[0]


@pytest.fixture
def office(world: World, new_database: Callable[[str], str]) -> Office:
    return open_office(world, new_database("verifier"), trust_list_file=world.trust_list_file)


def open_office(world: World, database_url: str, **trust_list: Any) -> Office:
    """Return the verifier with its trust list from this file or address."""
    folder = world.folder
    write_secret_file(folder / "blocking.key", b"b" * 32)
    key_path = {}
    for name, party in world.parties.items():
        key_path[f"{name}-access"] = folder / f"{name}-access.key"
        write_secret_file(key_path[f"{name}-access"], party.access_key.pem())
    settings = VerifierSettings(
        environment="development",
        public_url=VERIFIER_URL,
        database_url=database_url,
        secret_key="v" * 32,
        trust_anchor_file=world.anchor_file,
        wallet_url=WALLET_URL,
        ledger_url=LEDGER_URL,
        log_origin=LOG_ORIGIN,
        valid_url=SANDBOX_URL,
        valid_browser_url=SANDBOX_URL,
        valid_client_id="verifier.testimoni.example",
        valid_client_secret="z" * 32,
        blocking_key_file=folder / "blocking.key",
        **trust_list,
    )
    database = open_database(settings.database_url)
    migrate(database, "verifier")
    fill_verifier(database, world.parties.values(), key_path, API_TOKENS)
    app = create_app(settings, clock=world.clock, http=world.http)
    sign_in = FakeSignIn()
    app.extensions[KEY].desk._sign_in = sign_in
    world.http.apps[VERIFIER_URL] = app
    changed: dict[str, str | None] = {}
    world.http.apps.setdefault(ISSUER_URL, serve_lists(world, changed))
    return Office(app, world, sign_in, changed)
