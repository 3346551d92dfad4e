# SPDX-License-Identifier: EUPL-1.2
"""Error codes of the issuer's own endpoints (sections 8.3.1.2, 9.3 and 11.3); all are answered with status 400."""

from __future__ import annotations

from protocol.oauth.errors import ErrorCode


class CredentialError(ErrorCode):
    """Credential endpoint, and the deferred one except for the last."""

    INVALID_CREDENTIAL_REQUEST = "invalid_credential_request"
    UNKNOWN_CREDENTIAL_CONFIGURATION = "unknown_credential_configuration"
    UNKNOWN_CREDENTIAL_IDENTIFIER = "unknown_credential_identifier"
    INVALID_PROOF = "invalid_proof"
    INVALID_NONCE = "invalid_nonce"
    INVALID_ENCRYPTION_PARAMETERS = "invalid_encryption_parameters"
    CREDENTIAL_REQUEST_DENIED = "credential_request_denied"
    # deferred credential endpoint only
    INVALID_TRANSACTION_ID = "invalid_transaction_id"


class NotificationError(ErrorCode):
    """Notification endpoint."""

    INVALID_NOTIFICATION_ID = "invalid_notification_id"
    INVALID_NOTIFICATION_REQUEST = "invalid_notification_request"
