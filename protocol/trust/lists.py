# SPDX-License-Identifier: EUPL-1.2
"""The trust list: who may issue which credential types, ask in which procedures, and keep which log.

- The authority signs it (`typ: testimoni-trust-list+jwt`) with a certificate made for that purpose.
- A chain, an identifier and a right are never compared apart: each question is answered by one value that holds
  all of it, and only this module makes one. Whoever has a `TrustedIssuer` has asked the whole question.
- A list that has expired is "could not tell", not "wrong"; services refuse a lower sequence than they have seen.
- The list is parsed once. What is remembered of chains never outlives their validity (`x509.Anchors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta
from typing import Protocol

from protocol import jws, registration
from protocol.encoding import JSON, parse_object
from protocol.errors import Check, UnavailableError, VerificationError
from protocol.keys import PublicKey
from protocol.registration import Procedure
from protocol.trust.entries import AuditorEntry, Entries, IssuerEntry, TrustedLog, VerifierEntry
from protocol.x509 import Anchors, Purpose, VerifiedChain

__all__ = [
    "MAX_LIST_CHARS",
    "TYPE",
    "SignedTrustList",
    "TrustList",
    "TrustedAuditor",
    "TrustedIssuer",
    "TrustedLog",
    "TrustedRequester",
]

TYPE = "testimoni-trust-list+jwt"
# 2,200 administrations with an issuer, a request certificate and ten procedures each take about 3 MB
MAX_LIST_CHARS = 16 * 1024 * 1024

_ISSUING = (Purpose.ISSUER,)
_STATUS = (Purpose.ISSUER, Purpose.STATUS)
_ASKING = (Purpose.ACCESS,)
_REGISTERING = (Purpose.REGISTRAR,)
_AUDITING = (Purpose.AUDITOR,)
_OTHER_KEY = "the trust list does not name this key now"
_SEAL = object()


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Who issued a credential: identifier, key and right as one answer about one moment.

    At `asked_at` the chain was valid and named the identifier, and the administration that has it on
    the trust list might issue `vct`, one of `credential_types`, which are all that it might issue then.
    """

    entry: IssuerEntry
    chain: VerifiedChain
    vct: str
    credential_types: frozenset[str]
    asked_at: datetime
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the trust list makes a trusted issuer")

    @property
    def identifier(self) -> str:
        """The issuer identifier (`iss`)."""
        return self.entry.identifier

    @property
    def party_code(self) -> str:
        """The code of the administration that issues under this identifier."""
        return self.entry.party.code

    @property
    def party_name(self) -> Mapping[str, str]:
        """Its name by language."""
        return self.entry.party.name

    @property
    def key(self) -> PublicKey:
        """The key that signs for the identifier."""
        return self.chain.key


@dataclass(frozen=True, slots=True)
class TrustedRequester:
    """Who asked at `asked_at`: an administration, its request key, and the procedure of its statement."""

    entry: VerifierEntry
    chain: VerifiedChain
    procedure: Procedure
    asked_at: datetime
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the trust list makes a trusted requester")

    @property
    def client_id(self) -> str:
        """The client identifier (`x509_hash`)."""
        return self.entry.identifier

    @property
    def party_code(self) -> str:
        """The code of the administration that asks."""
        return self.entry.party.code

    @property
    def party_name(self) -> Mapping[str, str]:
        """Its name by language."""
        return self.entry.party.name

    @property
    def key(self) -> PublicKey:
        """The key that signs the administration's requests."""
        return self.chain.key


@dataclass(frozen=True, slots=True)
class TrustedAuditor:
    """Who might ask offices for their records at `asked_at`: an administration and its key for that."""

    entry: AuditorEntry
    chain: VerifiedChain
    asked_at: datetime
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the trust list makes a trusted auditor")

    @property
    def party_code(self) -> str:
        """The code of the administration that asks."""
        return self.entry.party.code

    @property
    def party_name(self) -> Mapping[str, str]:
        """Its name by language."""
        return self.entry.party.name

    @property
    def key(self) -> PublicKey:
        """The key that signs what it asks."""
        return self.chain.key


class TrustList(Protocol):
    """Answers who may do what, now. Every method raises `UnavailableError` when the list cannot be relied on."""

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return a credential's issuer. Raises `VerificationError` (`issuer`) unless it may issue this type."""

    def get_status_key(self, x5c: JSON, *, issuer: TrustedIssuer, now: datetime) -> PublicKey:
        """Return the key of a status list token about this issuer's credentials.

        The chain is the issuer's own or one made for status lists; either names the issuer's identifier. Raises
        `VerificationError` (`issuer`) on any other, and when the issuer is no longer on the list.
        """

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks. Raises `VerificationError` (`issuer`) unless it may ask under this statement."""

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration, for what it countersigns."""

    def get_issuer_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate with which this administration issues, for what it asks of sources.

        Raises `VerificationError` (`issuer`) on any other, and outside the validity of its right to issue.
        """

    def get_auditor(self, x5c: JSON, *, now: datetime) -> TrustedAuditor:
        """Return who may ask offices for their records. Raises `VerificationError` (`issuer`) on anybody else."""

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name. Raises `VerificationError` (`receipt`) when it is not on the list."""

    def get_logs(self, *, now: datetime) -> tuple[TrustedLog, ...]:
        """Return every log on the list, so that nobody can leave one out."""


def _wrong(message: str) -> VerificationError:
    return VerificationError(Check.ISSUER, message)


class SignedTrustList:
    """A trust list that the authority signed; only `verify` makes one. Two threads may ask at once."""

    def __init__(self, entries: Entries, anchors: Anchors, signer: VerifiedChain, *, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only SignedTrustList.verify makes a signed trust list")
        self._entries = entries
        self._anchors = anchors
        # the last moment before its own end, or of its signer's certificate
        self._last = min(entries.expires_at - timedelta(microseconds=1), signer.not_after)

    @property
    def sequence(self) -> int:
        """The number that grows with each list."""
        return self._entries.sequence

    @classmethod
    def verify(cls, token: str, anchors: Anchors, *, now: datetime) -> SignedTrustList:
        """Return the list. Raises `VerificationError` unless the authority's registrar signed it.

        Raises `RequestError` when it is no list. One that has expired is returned, and answers no question.
        """
        unverified = jws.parse(token.strip(), max_chars=MAX_LIST_CHARS)
        signer = anchors.verify(unverified.header.get("x5c"), purposes=_REGISTERING, now=now)
        payload = jws.verify(unverified, signer.key, typ=TYPE)
        entries = Entries.parse(parse_object(payload, max_bytes=MAX_LIST_CHARS))
        return cls(entries, anchors, signer, seal=_SEAL)

    def get_issuer(self, x5c: JSON, *, identifier: str, vct: str, now: datetime) -> TrustedIssuer:
        """Return the issuer of a credential."""
        self.check_fresh(now)
        chain = self._anchors.verify(x5c, purposes=_ISSUING, now=now)
        if identifier not in chain.uris:
            raise _wrong("the certificate does not name the issuer of the credential")
        entry = self._entries.issuers.get(identifier)
        if entry is None:
            raise _wrong("the issuer is not on the trust list")
        if not entry.keys.cover(chain.key, now):
            raise _wrong(_OTHER_KEY)
        types = entry.find_types(now)
        if vct not in types:
            raise _wrong("the issuer may not issue this type of credential now")
        return TrustedIssuer(entry, chain, vct, types, now, _SEAL)

    def get_status_key(self, x5c: JSON, *, issuer: TrustedIssuer, now: datetime) -> PublicKey:
        """Return the key of a status list token about this issuer's credentials."""
        self.check_fresh(now)
        chain = self._anchors.verify(x5c, purposes=_STATUS, now=now)
        if issuer.identifier not in chain.uris:
            raise _wrong("the certificate does not name the issuer of the credential")
        entry = self._entries.issuers.get(issuer.identifier)
        if entry is None or entry.party.code != issuer.party_code:
            raise _wrong("the issuer is not on the trust list")
        if not entry.keys.cover(chain.key, now):
            raise _wrong(_OTHER_KEY)
        return chain.key

    def get_requester(self, x5c: JSON, *, client_id: str, statement: str, now: datetime) -> TrustedRequester:
        """Return who asks, and the procedure that their statement registers."""
        chain, entry = self._verifier(x5c, now)
        if client_id != entry.identifier:
            raise _wrong("the client identifier is not the digest of the certificate")
        if registration.statement_digest(statement) not in entry.procedures:
            raise _wrong("the procedure is not registered for this administration")
        unverified = jws.parse(statement)
        registrar = self._anchors.verify(unverified.header.get("x5c"), purposes=_REGISTERING, now=now)
        procedure = Procedure.parse(jws.verify_claims(unverified, registrar.key, typ=registration.TYPE))
        if procedure.party_code != entry.party.code:
            raise _wrong("the registration statement is another administration's")
        if procedure.valid_until <= now:
            raise _wrong("the registration of the procedure has expired")
        return TrustedRequester(entry, chain, procedure, now, _SEAL)

    def get_party_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate that speaks for this administration."""
        chain, entry = self._verifier(x5c, now)
        if entry.party.code != party_code:
            raise _wrong("the certificate is another administration's")
        return chain.key

    def get_issuer_key(self, x5c: JSON, *, party_code: str, now: datetime) -> PublicKey:
        """Return the key of a certificate with which this administration issues."""
        self.check_fresh(now)
        chain = self._anchors.verify(x5c, purposes=_ISSUING, now=now)
        named = [entry for uri in chain.uris if (entry := self._entries.issuers.get(uri)) is not None]
        theirs = [each for each in named if each.party.code == party_code and each.validity.covers(now)]
        if not theirs:
            raise _wrong("the certificate is none with which this administration issues now")
        if not any(each.keys.cover(chain.key, now) for each in theirs):
            raise _wrong(_OTHER_KEY)
        return chain.key

    def get_auditor(self, x5c: JSON, *, now: datetime) -> TrustedAuditor:
        """Return who may ask offices for their records."""
        self.check_fresh(now)
        chain = self._anchors.verify(x5c, purposes=_AUDITING, now=now)
        entry = self._entries.auditors.get(chain.digest)
        if entry is None or not entry.validity.covers(now):
            raise _wrong("the certificate's holder is no auditor on the trust list now")
        if not entry.keys.cover(chain.key, now):
            raise _wrong(_OTHER_KEY)
        return TrustedAuditor(entry, chain, now, _SEAL)

    def get_log(self, origin: str, *, now: datetime) -> TrustedLog:
        """Return the log of this name."""
        self.check_fresh(now)
        log = self._entries.logs.get(origin)
        if log is None:
            raise VerificationError(Check.RECEIPT, "the log is not on the trust list", code="receipt_promise")
        return log

    def get_logs(self, *, now: datetime) -> tuple[TrustedLog, ...]:
        """Return every log on the list."""
        self.check_fresh(now)
        return tuple(self._entries.logs.values())

    def _verifier(self, x5c: JSON, now: datetime) -> tuple[VerifiedChain, VerifierEntry]:
        self.check_fresh(now)
        chain = self._anchors.verify(x5c, purposes=_ASKING, now=now)
        entry = self._entries.verifiers.get(f"x509_hash:{chain.digest}")
        if entry is None:
            raise _wrong("the certificate's holder may not ask: not on the trust list")
        if not entry.keys.cover(chain.key, now):
            raise _wrong(_OTHER_KEY)
        return chain, entry

    def check_fresh(self, now: datetime) -> None:
        """Raise `UnavailableError` (`trust_list_expired`) when the list has ended."""
        if now > self._last:
            raise UnavailableError("trust_list_expired", "the trust list has expired")
