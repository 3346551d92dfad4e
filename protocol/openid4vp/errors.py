# SPDX-License-Identifier: EUPL-1.2
"""The error codes of OpenID4VP 1.0, section 8.5, and of RFC 6749, section 4.1.2.1, on which it builds.

They are what a wallet answers a request with. A request that this package refuses is refused with one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """What a wallet can say instead of presenting something."""

    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    INVALID_CLIENT = "invalid_client"
    ACCESS_DENIED = "access_denied"
    VP_FORMATS_NOT_SUPPORTED = "vp_formats_not_supported"
    INVALID_REQUEST_URI_METHOD = "invalid_request_uri_method"
    INVALID_TRANSACTION_DATA = "invalid_transaction_data"
    WALLET_UNAVAILABLE = "wallet_unavailable"
    # RFC 6749
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"


EXPLANATIONS: Mapping[ErrorCode, str] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: "the request is malformed, or breaks a rule of its client identifier's prefix",
        ErrorCode.INVALID_SCOPE: "the request asks by a scope that this wallet does not know",
        ErrorCode.INVALID_CLIENT: "the request brings metadata of a verifier that the wallet knows already",
        ErrorCode.ACCESS_DENIED: "the holder said no, was not authenticated, or does not hold what is asked",
        ErrorCode.VP_FORMATS_NOT_SUPPORTED: "no credential format or algorithm in common",
        ErrorCode.INVALID_REQUEST_URI_METHOD: "request_uri_method is neither get nor post, or has no request_uri",
        ErrorCode.INVALID_TRANSACTION_DATA: "the transaction data is of no known type, or not as its type says",
        ErrorCode.WALLET_UNAVAILABLE: "no wallet could be opened on this device",
        ErrorCode.UNAUTHORIZED_CLIENT: "the verifier may not ask in this way",
        ErrorCode.UNSUPPORTED_RESPONSE_TYPE: "the request asks for something else than vp_token",
        ErrorCode.SERVER_ERROR: "the wallet failed",
        ErrorCode.TEMPORARILY_UNAVAILABLE: "the wallet cannot answer now",
    }
)
