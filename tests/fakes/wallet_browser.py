# SPDX-License-Identifier: EUPL-1.2
"""A browser with the wallet's scripts, in Python: the same keys, sealed forms and calls as `wallet/static/*.js`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization

from protocol.encoding import b64url_decode, b64url_encode
from protocol.keys import PrivateKey
from tests.fakes.wallet_peers import TX_CODE, WALLET
from wallet import vault
from wallet.vault import DataKey


@dataclass
class Citizen:
    """One person at one browser."""

    app: Any
    name: str = "marta"
    data_key: DataKey = field(default_factory=vault.new_data_key)
    language: str = "en"

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    @property
    def storage_key(self) -> bytes:
        return vault.derive_storage_key(self.data_key)

    @property
    def holder_keys_key(self) -> bytes:
        return vault.derive_holder_keys_key(self.data_key)

    def get(self, path: str, **options: Any) -> Any:
        """Open a page and follow redirects inside the wallet."""
        headers = {"Accept": "text/html", "Accept-Language": self.language}
        path = path.removeprefix(WALLET)
        return self.client.get(path, headers=headers, follow_redirects=True, base_url=WALLET, **options)

    def post(self, path: str, body: Any, *, csrf: str | None = None) -> Any:
        """Call as the scripts do."""
        headers = {"Accept": "application/json", "Accept-Language": self.language}
        headers["X-CSRF-Token"] = self.csrf() if csrf is None else csrf
        return self.client.post(path, json=body, headers=headers, base_url=WALLET)

    def submit(self, path: str) -> Any:
        """Send a form without fields."""
        headers = {"Accept": "text/html", "Accept-Language": self.language}
        form = {"csrf_token": self.csrf()}
        return self.client.post(path, data=form, headers=headers, follow_redirects=True, base_url=WALLET)

    def csrf(self) -> str:
        page = self.get("/unlock?device=new").get_data(as_text=True)
        found = re.search(r'name="csrf[-_]token" (?:content|value)="([^"]+)"', page)
        return found.group(1) if found else ""

    def data(self, page: Any) -> Any:
        found = re.search(r'id="page-data"[^>]*>(.*?)</script>', page.get_data(as_text=True), re.DOTALL)
        assert found, page.get_data(as_text=True)
        return json.loads(found.group(1))

    def sign_in(self) -> Any:
        """Sign in through VÀLid and come back."""
        left = self.client.get("/sign-in/valid", base_url=WALLET)
        state = parse_qs(urlsplit(left.headers["Location"]).query)["state"][0]
        return self.get(f"/valid/callback?code={self.name}&state={state}")

    def make_vault(self) -> Any:
        """Make the vault, as after writing the six words down."""
        self.account = self.data(self.get("/vault/new"))["account"]
        # the server cannot look inside, so what is wrapped here need not open; the vectors test that it does
        wrapped = vault.WrappedKey(vault.KDF, bytes(16), vault.ROUNDS, bytes(12), bytes(48)).to_json()
        return self.post("/vault", {"wrapped_key": wrapped, "storage_key": b64url_encode(self.storage_key)})

    def unlock(self) -> Any:
        return self.post("/session/unlock", {"storage_key": b64url_encode(self.storage_key)})

    def enter(self) -> None:
        """Sign in and make the vault."""
        self.sign_in()
        assert self.make_vault().status_code == 201

    def receive(self, link: str, *, code: str = TX_CODE) -> Any:
        """Open an offer and collect it; return the last answer."""
        shown = self.data(self.get(link))
        keys = [self._new_key("holder-key", shown["owner"]) for _ in range(shown["copies"])]
        body = {"tx_code": code, "keys": [{"jwk": k.public_key.jwk(), "sealed": s} for k, s in keys]}
        answer = self.post(shown["prepare"], body)
        while answer.status_code == 200:
            steps = answer.get_json()
            signatures = [
                b64url_encode(k.sign(s["input"].encode())) for (k, _), s in zip(keys, steps["steps"], strict=True)
            ]
            answer = self.post(steps["complete"], {"signatures": signatures})
        return answer

    def prepare_share(self, link: str, *, pick: int = 0) -> tuple[Any, PrivateKey, str, Any]:
        """Open a request and ask what is to be signed."""
        shown = self.data(self.get(link))
        consent_key, sealed = self._new_key("consent-key", shown["owner"])
        chosen = {each["queryId"]: each["candidates"][pick]["documentId"] for each in shown["asked"]}
        answer = self.post(shown["prepare"], {"consent_key": consent_key.public_key.jwk(), "chosen": chosen})
        return answer, consent_key, sealed, shown

    def share(self, link: str, *, swap: bool = False, pick: int = 0) -> Any:
        """Decide yes; return the last answer."""
        answer, consent_key, sealed, shown = self.prepare_share(link, pick=pick)
        prepared = answer.get_json()
        if answer.status_code != 200:
            return answer
        signatures = [
            b64url_encode(self._key(step, consent_key, prepared, shown).sign(step["input"].encode()))
            for step in prepared["steps"]
        ]
        if swap:
            signatures[1], signatures[2] = signatures[2], signatures[1]
        body = {"signatures": signatures, "sealed_consent_key": sealed}
        return self.post(prepared["complete"], body)

    def take_back(self, share: str, request: str) -> Any:
        """Take a share back; return the last answer."""
        shown = self.data(self.get(f"{share}/take-back"))
        answer = self.post(shown["prepare"], {"request": request})
        if answer.status_code != 200:
            return answer
        prepared = answer.get_json()
        (step,) = prepared["steps"]
        key = self._open("consent-key", step["key"], prepared["sealed_keys"][step["key"]], shown["owner"])
        return self.post(prepared["complete"], {"signatures": [b64url_encode(key.sign(step["input"].encode()))]})

    def _key(self, step: Any, consent_key: PrivateKey, prepared: Any, shown: Any) -> PrivateKey:
        if step["purpose"] == "record":
            return consent_key
        return self._open("holder-key", step["key"], prepared["sealed_keys"][step["key"]], shown["owner"])

    def _new_key(self, kind: str, owner: str) -> tuple[PrivateKey, str]:
        key = PrivateKey.generate()
        secret = key.secret.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        identifier = key.public_key.thumbprint()
        sealed = vault.seal(self.holder_keys_key, secret, owner=owner, kind=kind, identifier=identifier, version=1)
        return key, b64url_encode(sealed)

    def _open(self, kind: str, identifier: str, sealed: str, owner: str) -> PrivateKey:
        secret = vault.unseal(
            self.holder_keys_key, b64url_decode(sealed), owner=owner, kind=kind, identifier=identifier, version=1
        )
        loaded = serialization.load_der_private_key(secret, password=None)
        return PrivateKey.from_pem(
            loaded.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
