# SPDX-License-Identifier: EUPL-1.2
"""The key set in the examples of OpenID4VCI 1.0."""

import json

import pytest

from protocol.jwt_vc_issuer import parse_key_set
from protocol.keys import Algorithm


@pytest.mark.external
def test_the_key_set_of_the_issuance_specification_is_read(external):
    text = (external("openid4vci") / "1.0-examples" / "issuer_jwks.json").read_text("utf-8")
    # a line break made for the printed page stands inside the identifier; JSON allows none there
    found = parse_key_set(json.dumps(json.loads(text, strict=False)["jwks"]))
    assert [key.algorithm for key in found.values()] == [Algorithm.ES256]
