# SPDX-License-Identifier: EUPL-1.2
"""An issuer and the sandbox behind it, a citizen with a browser, and a wallet with keys in memory; no sockets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from werkzeug.test import TestResponse

from issuer.app import create_app
from issuer.interop import Authorisation, Municipality, Officer
from issuer.outbox import LEASE_LIFETIME, Outbox
from issuer.records import Administration, SourceQuery
from issuer.settings import IssuerSettings
from issuer.store import SqlStore
from issuer.store_queries import SqlQueryRecords
from issuer.tables import LeaseRow, QueryRow
from issuer.worker import open_outbox
from ledger.checkpoint import CheckpointSigner
from ledger.trust import TrustFile
from protocol.keys import PrivateKey
from protocol.openid4vci.offer import PRE_AUTHORIZED
from protocol.openid4vci.proof import prepare_proof
from protocol.runtime.database import migrate, open_database
from protocol.runtime.leases import Leases
from protocol.runtime.signer import read_secret_file, write_secret_file
from sandbox.app import create_app as create_sandbox
from sandbox.settings import SandboxSettings
from tests.conftest import ISSUER_URL, LEDGER_URL, LOG_ORIGIN, SANDBOX_URL, WALLET_URL
from tests.fakes.query_records import all_records

SECRET = "the issuer's application secret"
FORM = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(scope="session")
def compiled(tmp_path_factory) -> FileSystemBytecodeCache:
    """Templates compiled once for all applications of the tests."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def settings(world) -> IssuerSettings:
    return IssuerSettings(
        environment="development",
        public_url=ISSUER_URL,
        database_url=f"sqlite:///{world.folder}/issuer.db",
        secret_key="a secret of the issuer that is long enough",
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        wallet_url=WALLET_URL,
        ledger_url=LEDGER_URL,
        log_origin=LOG_ORIGIN,
        valid_url=SANDBOX_URL,
        valid_browser_url=SANDBOX_URL,
        valid_client_id="issuer",
        valid_client_secret=SECRET,
        via_oberta_endpoint=f"{SANDBOX_URL}/siri-proxy/services/Sincron",
    )


@pytest.fixture
def sandbox(world, compiled) -> Flask:
    given = SandboxSettings(
        environment="development",
        public_url=SANDBOX_URL,
        database_url=f"sqlite:///{world.folder}/sandbox.db",
        secret_key="a secret of the sandbox that is long enough",
        trust_anchor_file=world.anchor_file,
        trust_list_file=world.trust_list_file,
        clients=[
            {
                "client_id": "issuer",
                "client_secret": SECRET,
                "redirect_uris": [f"{ISSUER_URL}/valid/callback"],
                "name": "Testimoni",
            }
        ],
        silence_seconds=0,
    )
    migrate(open_database(given.database_url), "sandbox")
    made = create_sandbox(given, clock=world.clock)
    made.jinja_env.bytecode_cache = compiled
    return made


@pytest.fixture
def store(settings, world) -> SqlStore:
    database = open_database(settings.database_url)
    migrate(database, "issuer")
    found = SqlStore(database)
    for party in world.parties.values():
        key_file = world.folder / f"{party.data.id}.key"
        write_secret_file(key_file, party.issuer_key.pem())
        found.put_administration(
            Administration(
                id=party.data.id,
                code=party.data.code,
                names=party.data.name,
                authorisation=Authorisation(
                    requester_code=party.data.requester_code,
                    requester_name=party.data.name["ca"],
                    finality=party.data.finality,
                    officer=Officer("Prova Prova Emissor", "00000000T"),
                    municipality=Municipality("001", "99", "Vilaprova") if party.data.id == "ajuntament" else None,
                ),
                signer_url=f"file:{key_file}",
                x5c=tuple(party.issuer_chain),
                credential_types=party.data.credential_types,
                support_url=f"http://localhost:8103/{party.data.id}/support",
                privacy_url=f"http://localhost:8103/{party.data.id}/privacy",
                dpa_name="Autoritat Catalana de Protecció de Dades",
                dpa_contact="https://apdcat.gencat.cat",
            )
        )
    return found


@pytest.fixture
def add_earlier_query(store):
    """Keep a question as one from before questions had records."""

    def add(query: SourceQuery) -> None:
        with store._database.write() as session:
            session.add(QueryRow(**vars(query)))

    return add


@pytest.fixture
def app(settings, store, sandbox, world, compiled) -> Flask:
    made = create_app(settings, clock=world.clock, http=world.http)
    made.jinja_env.bytecode_cache = compiled
    world.http.apps |= {ISSUER_URL: made, SANDBOX_URL: sandbox}
    return made


@dataclass
class Citizen:
    """One person's browser; the person says who they are at the practice sign-in."""

    issuer: FlaskClient
    sandbox: FlaskClient
    language: str = "en"

    def open(self, path: str) -> TestResponse:
        return self.issuer.get(path, base_url=ISSUER_URL, headers=self._headers)

    def post(self, path: str, **fields: str) -> TestResponse:
        token = FORM.search(self.open(path).text)
        assert token, f"{path} has no form"
        form = {"csrf_token": token[1], **fields}
        return self.issuer.post(path, base_url=ISSUER_URL, data=form, headers=self._headers)

    def sign_in(self, leaving: TestResponse, person: str, way: str = "idcatmobil-substantial") -> TestResponse:
        """Go to VÀLid, be somebody there, and return the issuer's answer to coming back."""
        assert leaving.status_code == 303, leaving.text
        assert leaving.location.startswith(SANDBOX_URL)
        there = self.sandbox.get(leaving.location, base_url=SANDBOX_URL, headers=self._headers)
        if there.status_code == 200:
            token = FORM.search(there.text)
            assert token
            there = self.sandbox.post(
                leaving.location,
                base_url=SANDBOX_URL,
                data={"csrf_token": token[1], "person": person, "way": way},
                headers=self._headers,
            )
        assert there.status_code == 303, there.text
        return self.open(there.location.removeprefix(ISSUER_URL))

    def get(self, administration: str, kind: str, person: str = "marta", **given: str) -> str:
        """Walk from the legal page to the page of the issuance, and return its path."""
        way = given.pop("way", "idcatmobil-substantial")
        back = self.sign_in(self.post(f"/{administration}/get/{kind}", **given), person, way)
        assert back.status_code == 303, back.text
        return back.location

    @property
    def _headers(self) -> dict[str, str]:
        return {"Accept": "text/html", "Accept-Language": self.language}


@pytest.fixture
def citizen(app, sandbox) -> Citizen:
    return Citizen(app.test_client(), sandbox.test_client())


@pytest.fixture
def new_citizen(app, sandbox):
    return lambda: Citizen(app.test_client(), sandbox.test_client())


@dataclass
class Offer:
    """What a wallet and its owner learn from the page."""

    path: str
    page: str

    @property
    def tx_code(self) -> str:
        found = re.search(r'id="tx-code">(.*?)</p>', self.page, re.DOTALL)
        assert found, self.page
        return re.sub(r"\D", "", re.sub("<[^>]+>", "", found[1]))

    @property
    def link(self) -> str:
        found = re.search(r'href="([^"]+)"[^>]*data-offer="same-device"', self.page)
        assert found, self.page
        return found[1].replace("&amp;", "&")

    @property
    def uri(self) -> str:
        return parse_qs(urlsplit(self.link).query)["credential_offer_uri"][0]


@pytest.fixture
def offer(citizen) -> Offer:
    """A degree of Marta's, ready to be collected."""
    path = citizen.get("universitat", "university-degree")
    return Offer(path, citizen.open(path).text)


@pytest.fixture
def offer_of():
    return Offer


@dataclass
class Wallet:
    """Calls the issuer as a wallet does; every part of a call can be bent."""

    client: FlaskClient
    clock: Any
    keys: list[PrivateKey] = field(default_factory=lambda: [PrivateKey.generate() for _ in range(3)])

    def fetch(self, uri: str) -> TestResponse:
        return self.client.get(uri.removeprefix(ISSUER_URL), base_url=ISSUER_URL)

    def code(self, offer: Offer) -> str:
        return self.fetch(offer.uri).json["grants"][PRE_AUTHORIZED]["pre-authorized_code"]

    def redeem(self, code: str, tx_code: str | None, administration: str = "universitat") -> TestResponse:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}
        if tx_code is not None:
            form["tx_code"] = tx_code
        return self.client.post(f"/{administration}/token", base_url=ISSUER_URL, data=form)

    def token(self, offer: Offer, administration: str = "universitat") -> str:
        return self.redeem(self.code(offer), offer.tx_code, administration).json["access_token"]

    def nonce(self, administration: str = "universitat") -> str:
        return self.client.post(f"/{administration}/nonce", base_url=ISSUER_URL).json["c_nonce"]

    def proof(self, key: PrivateKey, nonce: str, audience: str = f"{ISSUER_URL}/universitat") -> str:
        prepared = prepare_proof(key.public_key, audience=audience, nonce=nonce, now=self.clock.now())
        return prepared.complete(key.sign(prepared.text.encode()))

    def body(self, *proofs: str, kind: str = "university-degree") -> dict[str, Any]:
        return {"credential_configuration_id": kind, "proofs": {"jwt": list(proofs)}}

    def ask(
        self, token: str | None, body: Any, administration: str = "universitat", query: str = ""
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        path = f"/{administration}/credential{query}"
        return self.client.post(path, base_url=ISSUER_URL, json=body, headers=headers)

    def collect(
        self, offer: Offer, administration: str = "universitat", kind: str = "university-degree"
    ) -> TestResponse:
        token, nonce = self.token(offer, administration), self.nonce(administration)
        proofs = [self.proof(key, nonce, f"{ISSUER_URL}/{administration}") for key in self.keys]
        return self.ask(token, self.body(*proofs, kind=kind), administration)


@pytest.fixture
def wallet(app, world) -> Wallet:
    return Wallet(app.test_client(use_cookies=False), world.clock)


@pytest.fixture
def checkpoint_key(world, ledger):
    signer = CheckpointSigner.from_pem(LOG_ORIGIN, read_secret_file(world.folder / "checkpoint.key"))
    world.log["checkpoint_key"] = signer.key.text()
    world.write_trust_list(sequence=2)
    return signer.key


@pytest.fixture
def trust(world, checkpoint_key) -> TrustFile:
    members = {
        "schema": "testimoni/trust/1",
        "authority_certificate": world.anchor_file.read_text(),
        "logs": [{**world.log, "chain": None}],
        "administrations": [
            {
                "code": party.data.code,
                "name": dict(party.data.name),
                "access_keys": [party.access_key.public_key.jwk()],
                "issuers": [party.issuer_identifier],
                "issuer_keys": [party.issuer_key.public_key.jwk()],
            }
            for party in world.parties.values()
        ],
    }
    return TrustFile.parse(json.dumps(members).encode())


@pytest.fixture
def database(settings, store):
    return open_database(settings.database_url)


@pytest.fixture
def kept(database, world) -> SqlQueryRecords:
    return SqlQueryRecords(database, Leases(database, LeaseRow, world.clock, lifetime=LEASE_LIFETIME))


@pytest.fixture
def new_outbox(settings, database, world):
    """Another worker's part in the same outbox."""
    return lambda: open_outbox(settings, database, world.clock, world.http)


@pytest.fixture
def outbox(new_outbox) -> Outbox:
    return new_outbox()


@pytest.fixture
def asked(citizen, store, kept):
    """Marta's query at the university, and its record."""
    path = citizen.get("universitat", "university-degree")
    (found,) = all_records(kept, "universitat")
    assert store.find_issuance("universitat", path.rpartition("/")[2]).state == "offered"
    return found
