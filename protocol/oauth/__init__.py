# SPDX-License-Identifier: EUPL-1.2
"""What OpenID4VCI takes from OAuth 2.0, message by message; no service here offers all of it yet.

`authorization` (PKCE, pushed requests, `iss` in answers, bearer and DPoP tokens), `metadata` (RFC 8414), `errors`,
`dpop` (RFC 9449) and `client_attestation` (attestation-based client authentication).
"""
