# SPDX-License-Identifier: EUPL-1.2
"""The trust list: who may issue which credential types, ask in which procedures, and keep which log.

- The authority signs it (`typ: testimoni-trust-list+jwt`) with a certificate made for that purpose.
- A chain, an identifier and a right are never compared apart: each question is answered by one value.
- A list that has expired is "could not tell", not "wrong"; services refuse a lower sequence than they have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography import x509

from protocol import jws, registration
from protocol.clock import from_epoch
from protocol.encoding import JSON, find_member, get_member, parse_object
from protocol.errors import Check, RequestError, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.registration import Procedure
from protocol.x509 import Purpose, VerifiedLeaf, verify_chain

TYPE = "testimoni-trust-list+jwt"


@dataclass(frozen=True)
class TrustedIssuer:
    """An issuer identifier, the key that speaks for it, and the right to issue the type asked about."""

    identifier: str
    party_code: str
    party_name: Mapping[str, str]
    key: PublicKey


@dataclass(frozen=True)
class TrustedRequester:
    """An administration that may ask, its request key, and the procedure that its statement registers."""

    client_id: str
    key: PublicKey
    procedure: Procedure


@dataclass(frozen=True)
class TrustedLog:
    """A log whose promises count."""

    origin: str
    promise_key: PublicKey
    maximum_merge_delay: int
    # the text form of the key that signs its checkpoints (C2SP signed-note); empty when the list does not say
    checkpoint_key: str = ""


class TrustList(Protocol):
    """Answers who may do what, now. Every method raises `UnavailableError` when the list cannot be relied on."""

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return a credential's issuer. Raises `VerificationError` (`issuer`) unless it may issue this type."""

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks. Raises `VerificationError` (`issuer`) unless it may ask under this statement."""

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration, for what it countersigns."""

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name. Raises `VerificationError` (`receipt`) when it is not on the list."""


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.ISSUER, message)


class SignedTrustList:
    """A trust list whose signature was verified against the authority's certificate."""

    def __init__(
        self, claims: dict[str, JSON], anchors: Sequence[x509.Certificate], registrar: VerifiedLeaf
    ) -> None:
        self._anchors = anchors
        self._registrar = registrar
        self.sequence = get_member(claims, "sequence", int)
        self._expires_at = from_epoch(get_member(claims, "exp", int))
        self._parties = [_object(item) for item in get_member(claims, "administrations", list)]
        self._logs = [_object(item) for item in get_member(claims, "logs", list)]

    @classmethod
    def verify(cls, token: str, anchors: Sequence[x509.Certificate], *, now: datetime) -> SignedTrustList:
        """Return the list. Raises `VerificationError` unless the authority's registrar signed it."""
        unverified = jws.parse(token.strip())
        registrar = verify_chain(unverified.header.get("x5c"), anchors, purpose=Purpose.REGISTRAR, now=now)
        payload = jws.verify(token.strip(), registrar.key, typ=TYPE)
        return cls(parse_object(payload), anchors, registrar)

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return the issuer of a credential."""
        self._check_fresh(now)
        leaf = verify_chain(x5c, self._anchors, purpose=Purpose.ISSUER, now=now)
        if identifier not in leaf.uris:
            raise _wrong("the certificate does not name the issuer of the credential")
        for party in self._parties:
            for entry in map(_object, get_member(party, "issuers", list)):
                if entry.get("identifier") == identifier:
                    if vct not in get_member(entry, "credential_types", list):
                        raise _wrong("the issuer may not issue this type of credential")
                    return TrustedIssuer(
                        identifier=identifier,
                        party_code=get_member(party, "code", str),
                        party_name=_names(party),
                        key=leaf.key,
                    )
        raise _wrong("the issuer is not on the trust list")

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks, and the procedure that their statement registers."""
        self._check_fresh(now)
        leaf = verify_chain(x5c, self._anchors, purpose=Purpose.ACCESS, now=now)
        if client_id != f"x509_hash:{leaf.digest}":
            raise _wrong("the client identifier is not the digest of the certificate")
        party, entry = self._find_verifier(client_id)
        if registration.statement_digest(statement) not in get_member(entry, "procedures", list):
            raise _wrong("the procedure is not registered for this administration")
        unverified = jws.parse(statement)
        registrar = verify_chain(unverified.header.get("x5c"), self._anchors, purpose=Purpose.REGISTRAR, now=now)
        procedure = Procedure.parse(jws.verify_claims(statement, registrar.key, typ=registration.TYPE))
        if procedure.party_code != party.get("code"):
            raise _wrong("the registration statement is another administration's")
        if procedure.valid_until <= now:
            raise _wrong("the registration of the procedure has expired")
        return TrustedRequester(client_id=client_id, key=leaf.key, procedure=procedure)

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration."""
        self._check_fresh(now)
        leaf = verify_chain(x5c, self._anchors, purpose=Purpose.ACCESS, now=now)
        party, _ = self._find_verifier(f"x509_hash:{leaf.digest}")
        if party.get("code") != party_code:
            raise _wrong("the certificate is another administration's")
        return leaf.key

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name."""
        self._check_fresh(now)
        for entry in self._logs:
            if entry.get("origin") == origin:
                return TrustedLog(
                    origin=origin,
                    promise_key=PublicKey.parse_jwk(entry.get("promise_key")),
                    maximum_merge_delay=get_member(entry, "maximum_merge_delay", int),
                    checkpoint_key=find_member(entry, "checkpoint_key", str) or "",
                )
        raise VerificationError(Check.RECEIPT, "the log is not on the trust list", code="receipt_promise")

    def _find_verifier(self, client_id: str) -> tuple[dict[str, JSON], dict[str, JSON]]:
        for party in self._parties:
            for entry in map(_object, get_member(party, "verifiers", list)):
                if entry.get("client_id") == client_id:
                    return party, entry
        raise _wrong("the certificate's holder may not ask: not on the trust list")

    def _check_fresh(self, now: datetime) -> None:
        if now >= self._expires_at:
            raise UnavailableError("trust_list_expired", "the trust list has expired")


def _object(item: JSON) -> dict[str, JSON]:
    if not isinstance(item, dict):
        raise RequestError("invalid_request", "expected an object in the trust list")
    return item


def _names(party: dict[str, JSON]) -> dict[str, str]:
    return {code: str(text) for code, text in get_member(party, "name", dict).items()}
