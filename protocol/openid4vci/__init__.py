# SPDX-License-Identifier: EUPL-1.2
"""OpenID4VCI 1.0 messages: each a frozen dataclass with a strict `parse` and the wire form that it reads.

Unknown members are ignored, as the specification says; a member that is known is refused in any other shape, with
the specification's error code. Section numbers are those of OpenID for Verifiable Credential Issuance 1.0.
"""
