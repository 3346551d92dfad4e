# SPDX-License-Identifier: EUPL-1.2
"""Writes vault.json: fixed inputs, and what wallet/vault.py and wallet/static/vault.js must both make of them.

Run from the project root: `.venv/bin/python -m tests.vectors.make_vault`.
"""

from __future__ import annotations

import json
from pathlib import Path

from protocol.encoding import b64url_encode
from wallet import vault
from wallet.vault import DataKey

ACCOUNT = "account-1"
OWNER = "account-1/subject-1/self"
WORDS = "abella abet abric abril accent acer"
TYPED = "  Abella ABET  àbric abril\taccent acer "
DATA_KEY = DataKey(bytes(range(32)))
SALT = bytes(range(100, 116))
NONCE = bytes(range(200, 212))
ABOUT = {"owner": OWNER, "kind": "holder-key", "id": "key-1", "version": 1}
PLAINTEXT = "what a sealed blob holds: ç é ñ".encode()


def make() -> dict[str, object]:
    """Return the vector."""
    holder_keys_key = vault.derive_holder_keys_key(DATA_KEY)
    sealed = vault.seal(
        holder_keys_key, PLAINTEXT, owner=OWNER, kind="holder-key", identifier="key-1", version=1, nonce=NONCE
    )
    return {
        "account": ACCOUNT,
        "passphrase": WORDS,
        "typed": TYPED,
        "data_key": b64url_encode(DATA_KEY),
        "wrapped": vault.wrap_data_key(DATA_KEY, WORDS, account_id=ACCOUNT, salt=SALT, nonce=NONCE).to_json(),
        "storage_key": b64url_encode(vault.derive_storage_key(DATA_KEY)),
        "holder_keys_key": b64url_encode(holder_keys_key),
        "about": ABOUT,
        "plaintext": b64url_encode(PLAINTEXT),
        "nonce": b64url_encode(NONCE),
        "sealed": b64url_encode(sealed),
        "thumbprint_of": {
            "crv": "P-256",
            "kty": "EC",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        },
    }


if __name__ == "__main__":
    text = json.dumps(make(), indent=1, ensure_ascii=False)
    (Path(__file__).parent / "vault.json").write_text(text + "\n", "utf-8")
