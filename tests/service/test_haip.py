# SPDX-License-Identifier: EUPL-1.2
"""What our verifier sends keeps HAIP 1.0, except what is named here with its reason."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from protocol import haip, jws
from protocol.haip import Rule
from protocol.openid4vp import EndpointAnswer, PresentationRequest, parse_link, parse_parameters
from tests.fakes.presentations import honest

# Until the verifier ties the result to the browser that asked (response_code), its answers name no page to go on to.
NOT_YET_BY_THE_VERIFIER = (Rule.REDIRECT,)


def test_links_of_our_verifier_keep_the_profile(office: Any) -> None:
    started = office.start()
    parameters = dict(parse_qsl(urlsplit(started["request_url"]).query))
    for link in (parse_link(started["openid4vp_url"]), parse_parameters(parameters)):
        assert haip.check_link(link) == ()


def test_requests_of_our_verifier_keep_the_profile_and_share_no_key(office: Any) -> None:
    found = []
    for _ in range(2):
        link = parse_link(office.start()["openid4vp_url"])
        token = jws.parse(office.client.get(urlsplit(link.request_uri).path).text)
        request = PresentationRequest.parse(token.claims(), transaction_types={})
        assert haip.check_request(token.header, request) == ()
        found.append(request)
    assert haip.check_fresh_keys(*found) == ()


def test_answer_of_our_verifier_is_a_well_formed_one_without_redirect_so_far(office: Any, world: Any) -> None:
    request = office.fetch(office.start()["request_url"])
    _, answer = office.answer(request, honest(world, None))
    assert haip.check_same_device_answer(EndpointAnswer.parse(answer.status_code, answer.data)) == (
        NOT_YET_BY_THE_VERIFIER
    )
