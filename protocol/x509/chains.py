# SPDX-License-Identifier: EUPL-1.2
"""Certificate chains in `x5c` headers (RFC 7515, section 4.1.6; RFC 5280, section 6; HAIP 1.0, section 6.1.1).

A chain is accepted when

- it holds one to three certificates, leaf first, no key twice and no key of an anchor; each by itself is one
  that we can judge (`certificate.py`);
- each was issued by the next and the last by an anchor: name (byte for byte), key identifier, signature;
- every one of them, the anchor too, is valid at the moment asked about;
- the leaf is not an authority's and not self-signed, may sign, and is made for exactly one purpose of ours;
- authorities are marked as such, may sign certificates, and keep to the path length and the purpose that each
  authority allows; there are no certificates that an authority issued to itself.

Revocation is not asked here: a certificate ends with its validity or by leaving the trust list.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from protocol.encoding import JSON
from protocol.errors import ConfigurationError, VerificationError
from protocol.keys import PublicKey
from protocol.x509 import certificate as certificates
from protocol.x509.certificate import Certificate, certificate_digest, wrong

__all__ = ["Anchors", "Purpose", "VerifiedChain", "certificate_digest", "encode_chain", "parse_chain"]

# leaf, one intermediate, and room for one more
MAX_CHAIN = 3
# a root and its successor, and those of a few more authorities
MAX_ANCHORS = 16
# the certificates in use of 2,000 administrations; only true chains are kept, so made-up ones push nothing out
_CHAINS_KEPT = 4096
_SEAL = object()


class Purpose(Enum):
    """What a leaf's key may be used for: its extended key usage (identifiers from UUIDs, ITU-T X.667)."""

    # signs credentials, and status list tokens about them
    ISSUER = "2.25.243070110265283403163410416571062338801"
    # asks, countersigns, answers
    ACCESS = "2.25.301867046102213718374926021480213349142"
    # signs the trust list and registration statements
    REGISTRAR = "2.25.118450937021649207730196430285146710943"
    # attests wallets and their keys (HAIP 1.0, section 4.4.1)
    WALLET = "2.25.280400793063358050071766822158858996424"
    # signs status list tokens for the issuer that the certificate names. The Token Status List draft foresees such
    # an extended key usage (id-kp-oauthStatusSigning) and has no number for it yet
    STATUS = "2.25.332528033104096836016237033620545017964"
    # asks offices for their signed records, as the authority that supervises them
    AUDITOR = "2.25.325058627833801178410413591852317973823"


_PURPOSES = {ObjectIdentifier(purpose.value): purpose for purpose in Purpose}


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """An accepted chain: what its leaf says, and from when to when (both included) the whole path is valid.

    Only `Anchors.verify` makes one.
    """

    key: PublicKey
    purpose: Purpose
    uris: tuple[str, ...]
    # base64url SHA-256 of the leaf's DER form: the `x509_hash` client identifier (OpenID4VP 1.0, section 5.9.3)
    digest: str
    # of each certificate that has one: what a query's trusted authorities name (OpenID4VP 1.0, section 6.1.1.1)
    authority_key_identifiers: frozenset[bytes]
    not_before: datetime
    not_after: datetime
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only Anchors.verify makes a verified chain")


def encode_chain(chain: Sequence[x509.Certificate]) -> list[str]:
    """Return the `x5c` header value."""
    return [base64.b64encode(each.public_bytes(Encoding.DER)).decode("ascii") for each in chain]


def parse_chain(x5c: JSON) -> list[x509.Certificate]:
    """Return the certificates of an `x5c` header, leaf first, unverified.

    Raises `VerificationError` (`issuer`) unless it is an array of one to three certificates.
    """
    return [certificates.load(text) for text in _texts(x5c)]


def parse_authority_key_identifiers(x5c: JSON) -> frozenset[bytes]:
    """Return the authority key identifiers in an `x5c` header, unverified: to choose among what is already held.

    Raises `VerificationError` (`issuer`) unless it is an array of certificates that we can judge.
    """
    return _authority_key_identifiers([certificates.read(each) for each in parse_chain(x5c)])


class Anchors:
    """The authorities that we trust, and the chains that were found to end there.

    What is remembered of a chain is its content and its signatures, never that it is valid: times are compared at
    each call. A refusal is not remembered.
    """

    def __init__(self, anchors: Sequence[x509.Certificate]) -> None:
        if not 1 <= len(anchors) <= MAX_ANCHORS:
            raise ConfigurationError("configuration_error", f"expected 1 to {MAX_ANCHORS} trust anchors")
        try:
            self._anchors = tuple(certificates.read(each) for each in anchors)
        except VerificationError as exc:
            raise ConfigurationError("configuration_error", f"a trust anchor is unfit: {exc.message}") from exc
        if not all(anchor.is_authority and anchor.may_certify for anchor in self._anchors):
            raise ConfigurationError("configuration_error", "a trust anchor may not sign certificates")
        self._keys = frozenset(anchor.key for anchor in self._anchors)
        self._find_paths = lru_cache(maxsize=_CHAINS_KEPT)(self._verify_paths)

    def verify(self, x5c: JSON, *, purposes: Collection[Purpose], now: datetime) -> VerifiedChain:
        """Return the chain, made for one of these purposes and valid now.

        Raises `VerificationError` (`issuer`) with the first thing that is wrong.
        """
        for path in self._find_paths(_texts(x5c)):
            if path.not_before <= now <= path.not_after:
                break
        else:
            raise wrong("a certificate of the chain is not valid today")
        if path.purpose not in purposes:
            wanted = " or ".join(sorted(purpose.name.lower() for purpose in purposes))
            raise wrong(f"the certificate is not for the purpose {wanted}")
        return path

    def _verify_paths(self, texts: tuple[str, ...]) -> tuple[VerifiedChain, ...]:
        """Return the chain once for each anchor that it ends at. The caller owes validity and purpose."""
        chain = [certificates.read(certificates.load(text)) for text in texts]
        # (1) keys, not certificates: signed anew, the same certificate looks like another
        keys = {each.key for each in chain}
        if not keys.isdisjoint(self._keys):
            raise wrong("the chain contains the trust anchor itself")
        if len(keys) != len(chain):
            raise wrong("the chain contains a key twice")
        # (2) a leaf for one purpose, below authorities that allow it
        purpose = _check_leaf(chain[0])
        for below, authority in enumerate(chain[1:]):
            if reason := _find_objection(authority, below=below, purpose=purpose):
                raise wrong(reason)
            if authority.subject == authority.issuer:
                raise wrong("an authority of the chain issued its certificate itself")
        # (3) signatures from the anchor down, so that a made-up chain costs few
        anchors = self._find_anchors(chain, purpose)
        if not all(subject.is_issued_by(issuer) for subject, issuer in pairwise(chain)):
            raise wrong("a certificate of the chain was not issued by the next")
        return tuple(_accept([*chain, anchor], purpose) for anchor in anchors)

    def _find_anchors(self, chain: Sequence[Certificate], purpose: Purpose) -> list[Certificate]:
        issuers = [anchor for anchor in self._anchors if chain[-1].is_issued_by(anchor)]
        if not issuers:
            raise wrong("the chain does not end at a trusted authority")
        below = len(chain) - 1
        fit = [each for each in issuers if not _find_objection(each, below=below, purpose=purpose)]
        if not fit:
            raise wrong("the trust anchor does not allow a path of this length or purpose")
        return fit


def _texts(x5c: JSON) -> tuple[str, ...]:
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAX_CHAIN:
        raise wrong(f"expected an x5c header of 1 to {MAX_CHAIN} certificates")
    texts: list[str] = []
    for text in x5c:
        if not isinstance(text, str):
            raise wrong("x5c holds something that is no text")
        texts.append(text)
    return tuple(texts)


def _check_leaf(leaf: Certificate) -> Purpose:
    """Return the one purpose of a leaf."""
    if leaf.is_authority or leaf.may_certify or leaf.subject == leaf.issuer:
        raise wrong("the leaf is an authority's or self-signed certificate")
    if not leaf.may_sign:
        raise wrong("the certificate's key may not sign")
    usages = leaf.usages or frozenset()
    purposes = [purpose for usage, purpose in _PURPOSES.items() if usage in usages]
    if len(purposes) != 1 or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages:
        raise wrong("the certificate is not made for exactly one purpose")
    return purposes[0]


def _find_objection(authority: Certificate, *, below: int, purpose: Purpose) -> str | None:
    """Return why it may not stand above a leaf for this purpose with so many authorities between, or None."""
    if not authority.is_authority or not authority.may_certify:
        return "an issuer in the chain is no authority"
    if authority.path_length is not None and below > authority.path_length:
        return "an authority of the chain may not have so many others below it"
    if authority.usages is not None and ObjectIdentifier(purpose.value) not in authority.usages:
        return "an authority of the chain is not for this purpose"
    return None


def _accept(path: Sequence[Certificate], purpose: Purpose) -> VerifiedChain:
    leaf = path[0]
    return VerifiedChain(
        key=leaf.key,
        purpose=purpose,
        uris=leaf.uris,
        digest=certificate_digest(leaf.source),
        authority_key_identifiers=_authority_key_identifiers(path[:-1]),
        not_before=max(each.not_before for each in path),
        not_after=min(each.not_after for each in path),
        seal=_SEAL,
    )


def _authority_key_identifiers(chain: Sequence[Certificate]) -> frozenset[bytes]:
    found = (each.authority.key_identifier for each in chain if each.authority is not None)
    return frozenset(each for each in found if each is not None)
