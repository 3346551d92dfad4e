# SPDX-License-Identifier: EUPL-1.2
"""Trust lists of every kind: what they say, who signs them."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocol import jws
from protocol.keys import PrivateKey
from protocol.trust import TYPE, SignedTrustList
from protocol.x509 import Anchors, Purpose, encode_chain
from tests.fakes.certificates import IDENTIFIER, NOW, authority, leaf

DEGREE, CENSUS = "https://types.example/degree/1", "https://types.example/census/1"
DAY = 86_400
ROOT = authority("root")
REGISTRAR = leaf(ROOT, usages=[Purpose.REGISTRAR.value])
LOG_KEY = PrivateKey.generate().public_key.jwk()
EPOCH = int(NOW.timestamp())


def chain(holder):
    return encode_chain([holder.certificate])


def signer(holder):
    return PrivateKey.from_pem(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def party(code="A1", *, issuers=None, verifiers=None, **changes):
    return {
        "code": code,
        "name": {"ca": "Universitat", "es": "Universidad"},
        "issuers": [entry()] if issuers is None else issuers,
        "verifiers": [] if verifiers is None else verifiers,
        **changes,
    }


def entry(identifier=IDENTIFIER, types=(DEGREE,), **validity):
    return {"identifier": identifier, "credential_types": list(types), **validity}


def log(origin="log.example/2026", **changes):
    return {"origin": origin, "promise_key": LOG_KEY, "maximum_merge_delay": 60, **changes}


def claims(**changes):
    base = {"sequence": 1, "iat": EPOCH, "exp": EPOCH + DAY, "administrations": [party()], "logs": [log()]}
    return base | changes


def signed(body, *, by=REGISTRAR, typ=TYPE):
    return jws.sign(body, signer(by), typ=typ, x5c=chain(by))


def trust(*, now=NOW, by=REGISTRAR, **changes):
    return SignedTrustList.verify(signed(claims(**changes), by=by), Anchors([ROOT.certificate]), now=now)
