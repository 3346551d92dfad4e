# SPDX-License-Identifier: EUPL-1.2
"""An auditor on the world's trust list, who asks an office for records and fetches them."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from ledger import records_request as messages
from protocol.encoding import b64url_decode, b64url_encode
from protocol.keys import PrivateKey
from protocol.runtime.signer import write_secret_file
from protocol.x509 import Purpose, encode_chain
from testimoni.development.auditor import DevelopmentAuditor
from testimoni.development.parties import sign_trust_list

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def write_list(world, auditor, sequence):
    token = sign_trust_list(
        world.authority,
        world.parties,
        [world.log],
        sequence=sequence,
        now=world.clock.now(),
        others=[auditor.trust_entry()] if auditor else [],
    )
    world.trust_list_file.write_text(token, "ascii")


def place_of(token, admin="ajuntament"):
    return f"/{admin}/records-requests/{messages.digest_of(token).hex()}/access"


def ask(client, auditor, asked, *, admin="ajuntament", key=None, chain=None):
    token = asked.sign(key or auditor.key, x5c=chain or auditor.chain)
    return token, client.post(f"/{admin}/records-requests", json={"request": token})


def fetch(client, auditor, token, *, now, admin="ajuntament", key=None):
    access = messages.sign_access(token, key or auditor.key, x5c=auditor.chain, now=now)
    return client.post(place_of(token, admin), json={"access": access})


def impostors(world, auditor, party):
    """Return keys and chains of everybody but an auditor of the list, by who they are."""
    key = PrivateKey.generate()

    def certified(authority):
        return encode_chain(
            [authority.issue_certificate(key.public_key, purpose=Purpose.AUDITOR, name="x", now=world.clock.now())]
        )

    return {
        "office": (party.access_key, party.access_chain),
        "stranger": (key, certified(type(world.authority).create(world.clock.now()))),
        "unlisted": (key, certified(world.authority)),
        "other key": (key, auditor.chain),
    }


def other_auditor(world):
    """Return another auditor and its entry of the list, with a code of its own."""
    key = PrivateKey.generate()
    leaf = world.authority.issue_certificate(
        key.public_key, purpose=Purpose.AUDITOR, name="x", now=world.clock.now()
    )
    made = DevelopmentAuditor(key, leaf)
    return made, {**made.trust_entry(), "code": "A99990100"}


def other_form(token):
    """Return the same statement under the other signature that its curve allows: (r, n - s)."""
    signed, _, signature = token.rpartition(".")
    raw = b64url_decode(signature)
    return f"{signed}.{b64url_encode(raw[:32] + (_ORDER - int.from_bytes(raw[32:])).to_bytes(32))}"


def rests_in(blob, data):
    """Whether any piece of a blob is in the bytes of a database, which cuts long ones into pages."""
    return any(blob[at : at + 64] in data for at in range(0, len(blob) - 64, 64))


def identity_files(world, auditor):
    """Write the auditor's key and certificate, and return the options that name them."""
    write_secret_file(world.folder / "auditor.key", auditor.key.pem())
    (world.folder / "auditor.pem").write_bytes(auditor.certificate.public_bytes(Encoding.PEM))
    return ["--key", str(world.folder / "auditor.key"), "--certificate", str(world.folder / "auditor.pem")]
