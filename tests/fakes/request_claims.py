# SPDX-License-Identifier: EUPL-1.2
"""A whole request object's claims, good as they are, for tests to break one at a time."""

from __future__ import annotations

from typing import Any

from protocol.keys import PrivateKey

NOW = 1_800_000_000
HASH_ID = "x509_hash:" + "A" * 43
RESPONSE_URI = "https://office.example/response/1"


def jwk(**change: Any) -> dict[str, Any]:
    """Return an encryption key as a verifier publishes it; None takes a member away."""
    members = {**PrivateKey.generate().public_key.jwk(), "kid": "k1", "use": "enc", "alg": "ECDH-ES", **change}
    return {name: value for name, value in members.items() if value is not None}


def metadata(**change: Any) -> dict[str, Any]:
    """Return client metadata; None takes a member away."""
    members = {
        "jwks": {"keys": [jwk()]},
        "encrypted_response_enc_values_supported": ["A128GCM", "A256GCM"],
        "vp_formats_supported": {"dc+sd-jwt": {"sd-jwt_alg_values": ["ES256"], "kb-jwt_alg_values": ["ES256"]}},
        **change,
    }
    return {name: value for name, value in members.items() if value is not None}


def credential(**change: Any) -> dict[str, Any]:
    """Return one credential query."""
    members = {
        "id": "degree",
        "format": "dc+sd-jwt",
        "meta": {"vct_values": ["https://testimoni.example/degree"]},
        "claims": [{"path": ["degree_title"]}],
    }
    return {**members, **change}


def claims(**change: Any) -> dict[str, Any]:
    """Return the claims of a request object; None takes one away."""
    members = {
        "client_id": HASH_ID,
        "aud": "https://self-issued.me/v2",
        "response_type": "vp_token",
        "response_mode": "direct_post.jwt",
        "response_uri": RESPONSE_URI,
        "nonce": "n" * 22,
        "state": "s" * 22,
        "dcql_query": {"credentials": [credential()]},
        "client_metadata": metadata(),
        "iat": NOW,
        "exp": NOW + 600,
        **change,
    }
    return {name: value for name, value in members.items() if value is not None}
