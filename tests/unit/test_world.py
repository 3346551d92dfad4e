# SPDX-License-Identifier: EUPL-1.2
"""The shared fixture holds together: its trust list answers for its own administrations and for nobody else."""

import pytest

from protocol.errors import Check, UnavailableError, VerificationError


def test_trust_list_when_issuer_may_issue_type_then_names_its_key(world):
    party = world.parties["universitat"]
    found = world.trust.get_issuer(
        party.issuer_chain,
        identifier=party.issuer_identifier,
        vct="https://testimoni.example/credentials/university-degree/1",
        now=world.clock.now(),
    )
    assert found.key == party.issuer_key.public_key
    assert found.party_code == "U00000001"


@pytest.mark.parametrize(
    ("chain_of", "identifier_of", "vct"),
    [
        ("ajuntament", "universitat", "university-degree"),
        ("universitat", "ajuntament", "university-degree"),
        ("universitat", "universitat", "tax-compliance"),
    ],
)
def test_trust_list_when_certificate_identifier_or_type_do_not_belong_together_then_refuses(
    world, chain_of, identifier_of, vct
):
    with pytest.raises(VerificationError) as caught:
        world.trust.get_issuer(
            world.parties[chain_of].issuer_chain,
            identifier=world.parties[identifier_of].issuer_identifier,
            vct=f"https://testimoni.example/credentials/{vct}/1",
            now=world.clock.now(),
        )
    assert caught.value.check is Check.ISSUER


def test_trust_list_when_requester_sends_statement_of_another_then_refuses(world):
    own, other = world.parties["universitat"], world.parties["ajuntament"]
    with pytest.raises(VerificationError) as caught:
        world.trust.get_requester(
            own.access_chain,
            client_id=own.client_id,
            statement=other.procedures[0].statement,
            now=world.clock.now(),
        )
    assert caught.value.check is Check.ISSUER


def test_trust_list_when_issuer_certificate_asks_then_refuses(world):
    party = world.parties["universitat"]
    with pytest.raises(VerificationError, match="purpose access"):
        world.trust.get_party_key(party.issuer_chain, party_code="U00000001", now=world.clock.now())


def test_trust_list_when_older_than_seen_then_could_not_tell(world):
    trust = world.trust
    world.write_trust_list(sequence=7)
    trust.get_log("localhost:8104/2026", now=world.clock.now())
    world.write_trust_list(sequence=6)
    with pytest.raises(UnavailableError, match="older"):
        trust.get_log("localhost:8104/2026", now=world.clock.now())
