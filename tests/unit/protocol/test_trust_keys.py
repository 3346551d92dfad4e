# SPDX-License-Identifier: EUPL-1.2
"""A list that names keys: no other key acts for the entry, whatever certificate it has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol.encoding import b64url_encode, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.trust.entries import MAX_ENTRIES, Entries
from protocol.x509 import Purpose, certificate_digest
from tests.fakes.certificates import IDENTIFIER, NOW, leaf
from tests.fakes.trust_lists import DAY, DEGREE, EPOCH, ROOT, chain, claims, entry, party, signer, trust

ISSUER, SUCCESSOR = leaf(ROOT), leaf(ROOT)
STATUS = leaf(ROOT, usages=[Purpose.STATUS.value])
ACCESS = leaf(ROOT, usages=[Purpose.ACCESS.value])


def named(holder, **validity):
    return {"thumbprint": signer(holder).public_key.thumbprint(), **validity}


def listing(*keys):
    return trust(administrations=[party(issuers=[entry() | {"keys": list(keys)}])])


def ask(made, holder=ISSUER, now=NOW):
    return made.get_issuer(chain(holder), identifier=IDENTIFIER, vct=DEGREE, now=now)


def refused(call, *args, **options):
    with pytest.raises(VerificationError, match="does not name this key now") as caught:
        call(*args, **options)
    assert caught.value.check is Check.ISSUER


def test_only_named_keys_issue():
    made = listing(named(ISSUER))
    assert ask(made).identifier == IDENTIFIER
    refused(ask, made, SUCCESSOR)


def test_key_that_was_taken_back_issues_no_more_though_its_certificate_is_valid():
    made = listing(named(SUCCESSOR))
    refused(ask, made, ISSUER)
    assert ask(made, SUCCESSOR).vct == DEGREE


def test_list_that_names_no_key_at_all_lets_none_issue():
    refused(ask, listing())


def test_list_without_keys_leaves_them_to_the_certificates():
    assert ask(trust(administrations=[party(issuers=[entry()])]), SUCCESSOR).vct == DEGREE


def test_key_issues_from_its_beginning_to_before_its_end():
    hour = timedelta(hours=1)
    made = listing(named(ISSUER, valid_from=EPOCH, valid_until=EPOCH + 3600))
    assert ask(made).vct == DEGREE
    assert ask(made, now=NOW + hour - timedelta(seconds=1)).vct == DEGREE
    refused(ask, made, now=NOW + hour)
    refused(ask, listing(named(ISSUER, valid_from=EPOCH + 1)))


def test_status_lists_are_signed_by_named_keys_too():
    made = listing(named(ISSUER))
    issuer = ask(made)
    assert made.get_status_key(chain(ISSUER), issuer=issuer, now=NOW).thumbprint() == named(ISSUER)["thumbprint"]
    refused(made.get_status_key, chain(STATUS), issuer=issuer, now=NOW)
    both = listing(named(ISSUER), named(STATUS))
    assert both.get_status_key(chain(STATUS), issuer=ask(both), now=NOW).key == STATUS.key.public_key()


def test_queries_are_signed_by_named_keys_only():
    found = listing(named(ISSUER)).get_issuer_key(chain(ISSUER), party_code="A1", now=NOW)
    assert found.key == ISSUER.key.public_key()
    refused(listing(named(ISSUER)).get_issuer_key, chain(SUCCESSOR), party_code="A1", now=NOW)
    refused(listing().get_issuer_key, chain(ISSUER), party_code="A1", now=NOW)


def test_requests_and_answers_are_signed_by_named_keys_only():
    verifier = {"client_id": f"x509_hash:{certificate_digest(ACCESS.certificate)}", "procedures": []}

    def made(*keys):
        return trust(administrations=[party(verifiers=[verifier | {"keys": list(keys)}])])

    assert made(named(ACCESS)).get_party_key(chain(ACCESS), party_code="A1", now=NOW)
    refused(made(named(ISSUER)).get_party_key, chain(ACCESS), party_code="A1", now=NOW)
    refused(made().get_requester, chain(ACCESS), client_id=verifier["client_id"], statement="", now=NOW)


@pytest.mark.parametrize(
    "keys",
    [
        None,
        {},
        ["a"],
        [{}],
        [{"thumbprint": 1}],
        [{"thumbprint": b64url_encode(b"x" * 31)}],
        [named(ISSUER), named(ISSUER, valid_until=EPOCH + DAY)],
        [named(ISSUER, valid_from=EPOCH, valid_until=EPOCH)],
        [{"thumbprint": b64url_encode(sha256(str(number).encode()))} for number in range(MAX_ENTRIES + 1)],
    ],
)
def test_keys_that_are_not_understood_refuse_the_whole_list(keys):
    with pytest.raises(RequestError):
        Entries.parse(claims(administrations=[party(issuers=[entry() | {"keys": keys}])]))


def test_as_many_keys_as_allowed_are_taken():
    keys = [{"thumbprint": b64url_encode(sha256(str(number).encode()))} for number in range(MAX_ENTRIES)]
    parsed = Entries.parse(claims(administrations=[party(issuers=[entry() | {"keys": keys}])]))
    assert len(parsed.issuers[IDENTIFIER].keys.by_thumbprint) == MAX_ENTRIES
