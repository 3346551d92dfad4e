# SPDX-License-Identifier: EUPL-1.2
"""A trust list that cannot be read is "could not tell": nobody is refused for it, and nobody passes."""

import pytest

from protocol import jws
from protocol.errors import UnavailableError, VerificationError
from protocol.trust import TYPE
from tests.conftest import LOG_ORIGIN


@pytest.mark.parametrize("text", ["", "no token", "a.b.c", "e30.e30.AA", "é"])
def test_trust_list_when_its_file_is_damaged_could_not_tell(world, text):
    world.trust_list_file.write_text(text, "utf-8")
    with pytest.raises(UnavailableError) as caught:
        world.trust.get_log(LOG_ORIGIN, now=world.clock.now())
    assert caught.value.code == "trust_list_unavailable"


def test_trust_list_when_another_key_signed_it_could_not_tell(world):
    header = jws.parse(world.trust_list_file.read_text("ascii")).header
    forged = jws.sign(b"{}", world.promise_key, typ=TYPE, x5c=header["x5c"])
    world.trust_list_file.write_text(forged, "ascii")
    with pytest.raises(UnavailableError):
        world.trust.get_log(LOG_ORIGIN, now=world.clock.now())


def test_trust_list_when_an_older_one_is_put_back_could_not_tell(world):
    trust = world.trust
    world.write_trust_list(sequence=2)
    trust.get_log(LOG_ORIGIN, now=world.clock.now())
    world.write_trust_list(sequence=1, logs=[])
    with pytest.raises(UnavailableError) as caught:
        trust.get_log(LOG_ORIGIN, now=world.clock.now())
    assert caught.value.code == "trust_list_older"


def test_statement_that_is_no_text_of_ours_is_refused_as_unregistered(world):
    party = world.parties["ajuntament"]
    with pytest.raises(VerificationError, match="not registered"):
        world.trust.get_requester(
            list(party.access_chain), client_id=party.client_id, statement="é", now=world.clock.now()
        )
