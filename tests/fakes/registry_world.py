# SPDX-License-Identifier: EUPL-1.2
"""The tests' world in a trust registry: its administrations, what they may do, their keys, and its log."""

from __future__ import annotations

import json

from issuer.credential_types import load_types
from ledger.registry_events import Kind, Role
from protocol.encoding import b64url_decode, sha256
from protocol.registration import statement_digest
from tests.fakes.registry_events import RegistryScribe


def dumps(**members):
    return json.dumps(members).encode()


def thumbprint(key):
    return b64url_decode(key.public_key.thumbprint())


def register(scribe, party):
    """Put an administration of the world into the registry, as it is on the world's list."""
    code = party.data.code
    scribe.join(code, details=dumps(code=code, name=dict(party.data.name)))
    for name in party.data.credential_types:
        vct = load_types()[name].vct
        what = sha256(vct.encode())
        details = dumps(identifier=party.issuer_identifier, vct=vct)
        scribe.give(Kind.RIGHT, Role.ISSUER, code, what, details=details)
    scribe.give(Kind.KEY, Role.ISSUER, code, thumbprint(party.issuer_key))
    for procedure in party.procedures:
        what = b64url_decode(statement_digest(procedure.statement))
        scribe.give(Kind.RIGHT, Role.VERIFIER, code, what)
    details = dumps(client_id=party.client_id)
    scribe.give(Kind.KEY, Role.VERIFIER, code, thumbprint(party.access_key), details=details)


def write_world(world):
    """Return a registry that says what the world's trust list says; it is a minute old."""
    made = RegistryScribe(int(world.clock.now().timestamp()) - 60)
    for party in world.parties.values():
        register(made, party)
    keeper = next(iter(world.parties.values())).data.code
    origin = sha256(world.log["origin"].encode())
    made.give(Kind.RIGHT, Role.SEALER, keeper, origin, details=json.dumps(world.log).encode())
    made.give(Kind.KEY, Role.SEALER, keeper, thumbprint(world.promise_key))
    made.now += 60
    return made
