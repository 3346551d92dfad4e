# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VP 1.0: every message as a frozen value with a strict parser, and the verification of a request.

Links, client identifiers, request objects, metadata, transaction data, `verifier_info`, responses and error codes;
HAIP 1.0 on top of them is `protocol.haip`. Out of scope, and refused with their codes: the Digital Credentials
API, modes that answer through the browser, scopes, and prefixes other than those of `client_id.py`.
"""

from protocol.openid4vp.client_id import ClientIdentifier, Prefix
from protocol.openid4vp.client_metadata import ClientMetadata, FormatAlgorithms
from protocol.openid4vp.endpoint import EndpointAnswer, RequestUriPost, ResponseCode, WalletMetadata
from protocol.openid4vp.errors import EXPLANATIONS, ErrorCode
from protocol.openid4vp.link import (
    SCHEME,
    Link,
    RequestByValue,
    RequestLink,
    UnsignedRequest,
    parse_link,
    parse_parameters,
    read_parameters,
)
from protocol.openid4vp.request import (
    AUDIENCE,
    REQUEST_MEDIA_TYPE,
    REQUEST_TYPE,
    PresentationRequest,
    ResponseMode,
)
from protocol.openid4vp.response import (
    EncryptedResponse,
    ErrorResponse,
    PresentationResponse,
    parse_encrypted_answer,
    parse_plain_answer,
)
from protocol.openid4vp.transaction_data import (
    TransactionData,
    TransactionType,
    TransactionTypes,
    choose_hash,
)
from protocol.openid4vp.verification import VerifiedRequest, sign_request, verify_request
from protocol.openid4vp.verifier_info import CONSENT_FORMAT, ConsentSupport, VerifierInfo

__all__ = [
    "AUDIENCE",
    "CONSENT_FORMAT",
    "EXPLANATIONS",
    "REQUEST_MEDIA_TYPE",
    "REQUEST_TYPE",
    "SCHEME",
    "ClientIdentifier",
    "ClientMetadata",
    "ConsentSupport",
    "EncryptedResponse",
    "EndpointAnswer",
    "ErrorCode",
    "ErrorResponse",
    "FormatAlgorithms",
    "Link",
    "Prefix",
    "PresentationRequest",
    "PresentationResponse",
    "RequestByValue",
    "RequestLink",
    "RequestUriPost",
    "ResponseCode",
    "ResponseMode",
    "TransactionData",
    "TransactionType",
    "TransactionTypes",
    "UnsignedRequest",
    "VerifiedRequest",
    "VerifierInfo",
    "WalletMetadata",
    "choose_hash",
    "parse_encrypted_answer",
    "parse_link",
    "parse_parameters",
    "parse_plain_answer",
    "read_parameters",
    "sign_request",
    "verify_request",
]
