# SPDX-License-Identifier: EUPL-1.2
"""The vault's keys and sealed forms, against the vector that the browser's code is held to as well."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from protocol.encoding import b64url_decode
from protocol.errors import RequestError
from tests.vectors.make_vault import make
from wallet import vault
from wallet.vault import Actor, Sealer, SealError, WrappedKey

ROOT = Path(__file__).parents[3]
VECTOR = json.loads((ROOT / "tests/vectors/vault.json").read_text("utf-8"))


def _bytes(name):
    return b64url_decode(VECTOR[name])


def test_vector_when_made_anew_is_the_same():
    assert make() == VECTOR


def test_data_key_when_words_are_typed_carelessly_still_opens():
    wrapped = WrappedKey.parse(VECTOR["wrapped"])
    opened = vault.unwrap_data_key(wrapped, VECTOR["typed"], account_id=VECTOR["account"])
    assert opened == _bytes("data_key")
    assert vault.derive_storage_key(opened) == _bytes("storage_key")
    assert vault.derive_holder_keys_key(opened) == _bytes("holder_keys_key")


def test_subkeys_are_different_keys():
    assert _bytes("storage_key") != _bytes("holder_keys_key") != _bytes("data_key")


@pytest.mark.parametrize(("words", "account"), [("abella abet", "account-1"), (VECTOR["passphrase"], "account-2")])
def test_data_key_when_words_or_account_are_others_does_not_open(words, account):
    with pytest.raises(SealError):
        vault.unwrap_data_key(WrappedKey.parse(VECTOR["wrapped"]), words, account_id=account)


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": 1000},
        {"rounds": 10**9},
        {"kdf": "PBKDF2-HMAC-SHA-1"},
        {"salt": "AAAA"},
        {"nonce": ""},
        {"wrapped": "AA"},
    ],
)
def test_wrapped_key_when_weak_or_cut_is_refused(change):
    with pytest.raises(RequestError):
        WrappedKey.parse({**VECTOR["wrapped"], **change})


@pytest.mark.parametrize("name", ["owner", "kind", "identifier", "version"])
def test_blob_swapped_between_owners_kinds_identifiers_or_versions_does_not_open(name):
    about = {"owner": "a/a/self", "kind": "copy", "identifier": "1", "version": 1}
    key = _bytes("storage_key")
    sealed = vault.seal(key, b"secret", **about)
    assert vault.unseal(key, sealed, **about) == b"secret"
    with pytest.raises(SealError):
        vault.unseal(key, sealed, **{**about, name: 2 if name == "version" else "other"})


def test_blob_of_mandated_subject_does_not_open_as_ones_own():
    key = vault.StorageKey(_bytes("storage_key"))
    mother = Sealer(Actor("account", "mother", "mandate"), key)
    sealed = mother.seal("document", "1", 1, b"secret")
    with pytest.raises(SealError):
        Sealer(Actor("account", "self", "self"), key).unseal("document", "1", 1, sealed)


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:10], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_blob_when_damaged_does_not_open(damage):
    about = {"owner": "a/a/self", "kind": "copy", "identifier": "1", "version": 1}
    with pytest.raises(SealError):
        vault.unseal(_bytes("storage_key"), damage(vault.seal(_bytes("storage_key"), b"secret", **about)), **about)


def test_identifiers_are_stable_and_tell_nothing_without_the_key():
    actor = Actor("account", "subject")
    one, other = Sealer(actor, _bytes("storage_key")), Sealer(actor, _bytes("data_key"))
    assert one.identify("request", "a", "b") == one.identify("request", "a", "b")
    assert one.identify("request", "a", "b") != one.identify("request", "ab", "")
    assert one.identify("request", "a", "b") != other.identify("request", "a", "b")


def test_words_are_distinct_typable_and_six_of_them_have_64_bits():
    source = (ROOT / "wallet/static/words.js").read_text("utf-8")
    words = re.search(r"`\n(.*?)\n`", source, re.DOTALL).group(1).split()
    assert len(set(words)) == len(words)
    assert all(re.fullmatch("[a-z]{3,10}", word) for word in words)
    assert "COUNT = 6" in source
    assert 6 * math.log2(len(words)) >= 64


def test_browser_and_server_use_the_same_constants():
    source = (ROOT / "wallet/static/vault.js").read_text("utf-8")
    for text in (vault.KDF, vault.STORAGE_INFO.decode(), vault.HOLDER_KEYS_INFO.decode(), str(vault.MIN_ROUNDS)):
        assert text in source
