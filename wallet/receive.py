# SPDX-License-Identifier: EUPL-1.2
"""Receiving a document: what an offer must be, what the holder keys prove, what a credential must hold.

OpenID4VCI 1.0 with a pre-authorized code; docs/protocol.md numbers the wallet's steps. An offer is never believed:
the metadata must be its issuer's own (section 12.2.4), and what arrives is checked against the trust list before
it is kept (ARF ISSU_06 to ISSU_11a). No I/O here: `wallet.issuers` carries the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from protocol import credential as credentials
from protocol import openid4vci
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_encode, get_member, parse_object, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.openid4vci import CredentialConfiguration, CredentialOffer, IssuerMetadata
from protocol.sd_jwt import UnverifiedSDJWT
from protocol.trust import TrustedIssuer, TrustList
from wallet.signing import Purpose, Step

OFFER_CODE = "invalid_credential_offer"
# one copy is shown once; more would only cost the issuer time
MAX_COPIES = 10
REGISTERED = credentials.REGISTERED
Texts = Mapping[str, str]


@dataclass(frozen=True)
class OfferLink:
    """What a QR or link carries: where the offer is, or the offer itself (section 4.1)."""

    uri: str | None
    offer: CredentialOffer | None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> OfferLink:
        """Return the link of query parameters. Raises `RequestError` (`invalid_credential_offer`)."""
        uri, inline = parameters.get("credential_offer_uri"), parameters.get("credential_offer")
        if bool(uri) == bool(inline):
            raise RequestError(OFFER_CODE, "expected credential_offer or credential_offer_uri, one of them")
        return cls(uri=uri or None, offer=parse_offer(parse_object(inline)) if inline else None)


def parse_offer(value: dict[str, JSON]) -> CredentialOffer:
    """Return an offer of one document. Raises `RequestError` (`invalid_credential_offer`)."""
    offer = CredentialOffer.parse(value)
    grant = get_member(get_member(value, "grants", dict, code=OFFER_CODE), openid4vci.PRE_AUTHORIZED, dict)
    if grant.get("authorization_server", offer.issuer) != offer.issuer:
        raise RequestError(OFFER_CODE, "the offer names another authorization server than its issuer")
    if len(offer.configuration_ids) != 1:
        raise RequestError(OFFER_CODE, "expected an offer of one document")
    return offer


@dataclass(frozen=True)
class OpenOffer:
    """An offer together with its issuer's own metadata."""

    offer: CredentialOffer
    metadata: IssuerMetadata

    def __post_init__(self) -> None:
        """Refuse an offer of something that its issuer does not have."""
        if self.metadata.issuer != self.offer.issuer:
            raise RequestError("invalid_issuer_metadata", "the metadata is another issuer's than the offer's")
        if self.offer.configuration_ids[0] not in self.metadata.configurations:
            raise RequestError(OFFER_CODE, "the issuer has no document of the kind offered")

    @property
    def configuration(self) -> CredentialConfiguration:
        """What is offered."""
        return self.metadata.configurations[self.offer.configuration_ids[0]]

    @property
    def copies(self) -> int:
        """How many copies to ask for, each with a key of its own."""
        return max(1, min(self.metadata.batch_size, MAX_COPIES))

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "offer": self.offer.to_json(),
            "metadata": self.metadata.to_json(),
            "server": self.metadata.server_json(),
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> OpenOffer:
        """Return the open offer that `to_json` wrote."""
        offer = CredentialOffer.parse(get_member(value, "offer", dict))
        metadata = IssuerMetadata.parse(
            get_member(value, "metadata", dict), get_member(value, "server", dict), expected_issuer=offer.issuer
        )
        return cls(offer, metadata)


def prepare(opened: OpenOffer, keys: Sequence[PublicKey], *, nonce: str, now: datetime) -> tuple[Step, ...]:
    """Return one proof to sign per holder key (appendix F.1)."""
    if not 1 <= len(keys) <= opened.copies or len(set(keys)) != len(keys):
        raise RequestError("invalid_request", f"expected 1 to {opened.copies} distinct holder keys")
    audience = opened.offer.issuer
    return tuple(
        Step(key, Purpose.PROOF, openid4vci.prepare_proof(key, audience=audience, nonce=nonce, now=now))
        for key in keys
    )


@dataclass(frozen=True)
class Copy:
    """One credential, bound to one holder key; shown once while copies last."""

    credential: str = field(repr=False)
    holder_key: PublicKey


@dataclass(frozen=True)
class Document:
    """What all copies of a credential say, and who says it. Only `accept` and `parse` make one."""

    issuer: str
    issuer_name: Texts
    configuration_id: str
    vct: str
    names: Texts
    labels: Mapping[str, Texts]
    values: Mapping[str, JSON] = field(repr=False)
    received_at: datetime
    expires_at: datetime

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "issuer": self.issuer,
            "issuer_name": dict(self.issuer_name),
            "configuration_id": self.configuration_id,
            "vct": self.vct,
            "names": dict(self.names),
            "labels": {name: dict(texts) for name, texts in self.labels.items()},
            "values": dict(self.values),
            "received_at": epoch_seconds(self.received_at),
            "expires_at": epoch_seconds(self.expires_at),
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Document:
        """Return the document that `to_json` wrote."""
        return cls(
            issuer=get_member(value, "issuer", str),
            issuer_name=_texts(value.get("issuer_name")),
            configuration_id=get_member(value, "configuration_id", str),
            vct=get_member(value, "vct", str),
            names=_texts(value.get("names")),
            labels={name: _texts(texts) for name, texts in get_member(value, "labels", dict).items()},
            values=get_member(value, "values", dict),
            received_at=from_epoch(get_member(value, "received_at", int)),
            expires_at=from_epoch(get_member(value, "expires_at", int)),
        )

    @property
    def fingerprint(self) -> str:
        """A digest by which the same document received again is recognised; for sealed storage only."""
        said = sorted((name, repr(value)) for name, value in self.values.items())
        return b64url_encode(sha256(repr((self.issuer, self.vct, said)).encode()))


def accept(
    opened: OpenOffer, given: Sequence[str], *, keys: Sequence[PublicKey], trust: TrustList, now: datetime
) -> tuple[Document, tuple[Copy, ...]]:
    """Return the document and its copies.

    Raises `VerificationError`: the pipeline's own check when a credential is wrong in itself, `policy` (code
    `credential_refused`) when it is not what was asked for. Then nothing may be kept.
    """
    if not 1 <= len(given) <= len(keys):
        raise _refused("expected one credential per key")
    left = set(keys)
    verified: list[credentials.VerifiedCredential] = []
    for text in given:
        unverified = UnverifiedSDJWT.parse(text)
        # (1) an issuer holds no holder key, so it cannot bind anything (RFC 9901, section 7.2)
        if unverified.key_binding_jwt is not None:
            raise _refused("a credential arrives with a key binding")
        # (2) issuer, signature, disclosures and validity
        found = credentials.verify(unverified, trust=trust, now=now)
        # (3) by the issuer of the offer, of the type asked for
        if found.issuer.identifier != opened.offer.issuer or found.vct != opened.configuration.vct:
            raise _refused("a credential of another issuer or type than asked for")
        # (4) bound to one of our keys, each once
        if found.holder_key not in left:
            raise _refused("a credential is bound to a key that is not ours")
        left.remove(found.holder_key)
        verified.append(found)
    # (5) all copies say the same
    if any(_said(each) != _said(verified[0]) for each in verified):
        raise _refused("the copies do not say the same")
    copies = tuple(Copy(text, found.holder_key) for text, found in zip(given, verified, strict=True))
    return _document(opened.configuration, verified[0], verified[0].issuer, now), copies


def _said(found: credentials.VerifiedCredential) -> dict[str, JSON]:
    return {name: value for name, value in found.claims.items() if name not in {"cnf", "status"}}


def _document(
    configuration: CredentialConfiguration,
    found: credentials.VerifiedCredential,
    issuer: TrustedIssuer,
    now: datetime,
) -> Document:
    return Document(
        issuer=issuer.identifier,
        issuer_name=issuer.party_name,
        configuration_id=configuration.id,
        vct=found.vct,
        names=configuration.names,
        labels=configuration.labels,
        values={name: found.claims[name] for name in _order(configuration, found)},
        received_at=now,
        expires_at=found.expires_at,
    )


def _order(configuration: CredentialConfiguration, found: credentials.VerifiedCredential) -> list[str]:
    """Return the claims about the person in the issuer's order; disclosures come in the order of their digests."""
    names = dict.fromkeys([*configuration.labels, *found.claims])
    return [name for name in names if name in found.claims and name not in REGISTERED]


def _refused(message: str) -> VerificationError:
    return VerificationError(Check.POLICY, message, code="credential_refused")


def _texts(value: JSON) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RequestError("invalid_request", "expected texts by language")
    return {code: str(text) for code, text in value.items()}
