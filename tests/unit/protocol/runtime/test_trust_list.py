# SPDX-License-Identifier: EUPL-1.2
"""A trust list that cannot be read is "could not tell": nobody is refused for it, and nobody passes."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from protocol import jws
from protocol.errors import ConfigurationError, UnavailableError, VerificationError
from protocol.runtime.trust_list import FileTrustList, load_anchors
from protocol.runtime.trust_shelf import ProcessShelf
from protocol.trust import MAX_LIST_CHARS, TYPE
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


DEGREE = "https://testimoni.example/credentials/university-degree/1"


def test_issuer_and_the_key_of_its_status_lists_come_from_one_file(world):
    trust, party, now = world.trust, world.parties["universitat"], world.clock.now()
    issuer = trust.get_issuer(party.issuer_chain, identifier=party.issuer_identifier, vct=DEGREE, now=now)
    assert trust.get_status_key(party.issuer_chain, issuer=issuer, now=now) == issuer.key
    with pytest.raises(VerificationError, match="does not name"):
        trust.get_status_key(world.parties["ajuntament"].issuer_chain, issuer=issuer, now=now)


def test_trust_list_that_takes_a_right_back_counts_at_once(world):
    trust, party, now = world.trust, world.parties["universitat"], world.clock.now()
    question = {"identifier": party.issuer_identifier, "vct": DEGREE, "now": now}
    assert trust.get_issuer(party.issuer_chain, **question)
    world.parties = {"ajuntament": world.parties["ajuntament"]}
    world.write_trust_list(sequence=2)
    with pytest.raises(VerificationError, match="not on the trust list"):
        trust.get_issuer(party.issuer_chain, **question)


def test_trust_list_replaced_by_one_of_same_length_and_time_is_seen(world):
    trust, path, now = world.trust, world.trust_list_file, world.clock.now()
    assert trust.get_log(LOG_ORIGIN, now=now)
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_text("x" * before.st_size, "ascii")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(UnavailableError) as caught:
        trust.get_log(LOG_ORIGIN, now=now)
    assert caught.value.code == "trust_list_unavailable"


def test_trust_list_longer_than_allowed_could_not_tell(world):
    world.trust_list_file.write_text("." * (MAX_LIST_CHARS + 1), "ascii")
    with pytest.raises(UnavailableError) as caught:
        world.trust.get_log(LOG_ORIGIN, now=world.clock.now())
    assert caught.value.code == "trust_list_unavailable"


def test_trust_list_older_than_seen_is_refused_until_a_newer_one_is_there(world):
    trust, now = world.trust, world.clock.now()
    world.write_trust_list(sequence=5)
    trust.get_log(LOG_ORIGIN, now=now)
    world.write_trust_list(sequence=4)
    for _ in range(2):
        with pytest.raises(UnavailableError) as caught:
            trust.get_log(LOG_ORIGIN, now=now)
        assert caught.value.code == "trust_list_older"
    world.write_trust_list(sequence=6)
    assert trust.get_log(LOG_ORIGIN, now=now)


def test_trust_list_asked_by_many_threads_gives_all_the_same_answer(world):
    trust, now = world.trust, world.clock.now()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: trust.get_log(LOG_ORIGIN, now=now), range(64)))
    assert all(each is found[0] for each in found)


def test_anchors_that_cannot_be_read_or_used_stop_the_start(world, tmp_path):
    assert load_anchors(world.anchor_file) == [world.authority.root]
    for text in ("", "no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"):
        (tmp_path / "other.pem").write_text(text, "ascii")
        with pytest.raises(ConfigurationError):
            load_anchors(tmp_path / "other.pem")
    with pytest.raises(ConfigurationError):
        load_anchors(tmp_path / "absent.pem")
    for anchors in ([], [world.authority.registrar]):
        with pytest.raises(ConfigurationError):
            FileTrustList(world.trust_list_file, anchors, ProcessShelf())
