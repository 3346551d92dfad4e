# SPDX-License-Identifier: EUPL-1.2
"""`verifier_info` (OpenID4VP 1.0, sections 5.1 and 5.11): what is ours to read, and what is kept unread."""

from __future__ import annotations

import pytest

from protocol.errors import RequestError
from protocol.openid4vp import ConsentSupport, VerifierInfo
from protocol.openid4vp.verifier_info import MAX_VERIFIER_INFO, find_consent, find_statement, parse_verifier_info

ASKED = {"degree"}
STATEMENT = {"format": "registration_cert", "data": "e30.e30.AA"}
CONSENT = {"format": "testimoni-consent", "data": {"withdrawal_uri": "https://office.example/withdrawals"}}
FOREIGN = {"format": "jwt", "data": "x", "credential_ids": ["degree"]}


def test_verifier_info_round_trips_and_foreign_formats_are_kept_unread():
    items = [FOREIGN, STATEMENT, CONSENT]
    found = parse_verifier_info(items, asked=ASKED)
    assert [each.to_json() for each in found] == items
    assert find_statement(found) == "e30.e30.AA"
    assert find_consent(found) == ConsentSupport("https://office.example/withdrawals")
    assert found[1:] == (
        VerifierInfo.of_statement("e30.e30.AA"),
        VerifierInfo.of_consent(ConsentSupport("https://office.example/withdrawals")),
    )


def test_verifier_info_without_our_formats_has_neither_statement_nor_consent():
    found = parse_verifier_info([FOREIGN], asked=ASKED)
    assert (find_statement(found), find_consent(found)) == ("", None)


@pytest.mark.case("W27")
@pytest.mark.parametrize(
    "items",
    [
        [],
        ["x"],
        [{"data": "x"}],
        [{"format": "x"}],
        [{"format": 7, "data": "x"}],
        [{"format": "x", "data": ["x"]}],
        [{**FOREIGN, "credential_ids": []}],
        [{**FOREIGN, "credential_ids": ["tax"]}],
        [{**FOREIGN, "credential_ids": "degree"}],
        [STATEMENT, STATEMENT],
        [{**STATEMENT, "data": {}}],
        [CONSENT, CONSENT],
        [{**CONSENT, "data": "x"}],
        [{**CONSENT, "data": {"withdrawal_uri": 7}}],
        [{**CONSENT, "data": {"withdrawal_uri": "http://office.example"}}],
        [FOREIGN] * (MAX_VERIFIER_INFO + 1),
    ],
)
def test_verifier_info_of_another_shape_is_refused(items):
    with pytest.raises(RequestError) as caught:
        parse_verifier_info(items, asked=ASKED)
    assert caught.value.code == "invalid_request"


def test_verifier_info_with_as_many_elements_as_allowed_is_read():
    assert len(parse_verifier_info([FOREIGN] * MAX_VERIFIER_INFO, asked=ASKED)) == MAX_VERIFIER_INFO
