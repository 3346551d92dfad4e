# SPDX-License-Identifier: EUPL-1.2
"""Receiving a document: what an offer must be, what the holder keys prove, what a credential must hold.

OpenID4VCI 1.0 with a pre-authorized code; docs/protocol.md numbers the wallet's steps. An offer is never believed:
the metadata must be its issuer's own (section 12.2.4), and what arrives is checked against the trust list before
it is kept (ARF ISSU_06 to ISSU_11a). No I/O here: `wallet.issuers` carries the messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from protocol import sd_jwt_vc as credentials
from protocol.clock import epoch_seconds, from_epoch
from protocol.encoding import JSON, b64url_encode, find_member, get_member, sha256
from protocol.errors import Check, RequestError, VerificationError
from protocol.keys import PublicKey
from protocol.oauth.metadata import ServerMetadata
from protocol.openid4vci.configuration import CredentialConfiguration
from protocol.openid4vci.metadata import IssuerMetadata
from protocol.openid4vci.offer import CODE as OFFER_CODE
from protocol.openid4vci.offer import CredentialOffer, PreAuthorizedGrant
from protocol.openid4vci.proof import prepare_proof
from protocol.sd_jwt import Path, SelectionIndex, UnverifiedSDJWT
from protocol.trust import TrustedIssuer, TrustList
from wallet.signing import Purpose, Step

# one copy is shown once; more would only cost the issuer time
MAX_COPIES = 10
REGISTERED = credentials.REGISTERED
Texts = Mapping[str, str]


def get_grant(offer: CredentialOffer) -> PreAuthorizedGrant:
    """Return the grant of an offer of one document. Raises `RequestError` (`invalid_credential_offer`)."""
    if offer.pre_authorized is None:
        raise RequestError(OFFER_CODE, "expected an offer with a pre-authorized code")
    if len(offer.configuration_ids) != 1:
        raise RequestError(OFFER_CODE, "expected an offer of one document")
    return offer.pre_authorized


@dataclass(frozen=True)
class OpenOffer:
    """An offer together with its issuer's own metadata, and that of the authorization server it relies on."""

    offer: CredentialOffer
    metadata: IssuerMetadata
    server: ServerMetadata

    def __post_init__(self) -> None:
        """Refuse an offer of something that its issuer does not have, or of a server that is not its issuer's."""
        if self.metadata.issuer != self.offer.issuer:
            raise RequestError("invalid_issuer_metadata", "the metadata is another issuer's than the offer's")
        if self.metadata.get_server(self.grant.authorization_server) != self.server.issuer:
            raise RequestError("invalid_issuer_metadata", "the metadata is another authorization server's")
        if self.offer.configuration_ids[0] in self.metadata.unsupported:
            raise RequestError("unsupported_credential_format", "the document is in a format that we cannot read")
        if self.offer.configuration_ids[0] not in self.metadata.configurations:
            raise RequestError(OFFER_CODE, "the issuer has no document of the kind offered")

    @property
    def grant(self) -> PreAuthorizedGrant:
        """The code to redeem."""
        return get_grant(self.offer)

    @property
    def needs_tx_code(self) -> bool:
        """Whether the person must type a code that the issuer shows elsewhere."""
        return self.grant.tx_code is not None

    @property
    def configuration(self) -> CredentialConfiguration:
        """What is offered."""
        return self.metadata.configurations[self.offer.configuration_ids[0]]

    @property
    def copies(self) -> int:
        """How many copies to ask for, each with a key of its own."""
        return min(self.metadata.batch_size, MAX_COPIES)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "offer": self.offer.to_json(),
            "metadata": self.metadata.to_json(),
            "server": self.server.to_json(),
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> OpenOffer:
        """Return the open offer that `to_json` wrote."""
        offer = CredentialOffer.parse(get_member(value, "offer", dict))
        metadata = IssuerMetadata.parse(get_member(value, "metadata", dict), expected_issuer=offer.issuer)
        identifier = metadata.get_server(get_grant(offer).authorization_server)
        server = ServerMetadata.parse(get_member(value, "server", dict), expected_issuer=identifier)
        return cls(offer, metadata, server)


def prepare(opened: OpenOffer, keys: Sequence[PublicKey], *, nonce: str | None, now: datetime) -> tuple[Step, ...]:
    """Return one proof to sign per holder key (appendix F.1)."""
    if not 1 <= len(keys) <= opened.copies or len(set(keys)) != len(keys):
        raise RequestError("invalid_request", f"expected 1 to {opened.copies} distinct holder keys")
    audience = opened.offer.issuer
    return tuple(
        Step(key, Purpose.PROOF, prepare_proof(key, audience=audience, nonce=nonce, now=now)) for key in keys
    )


@dataclass(frozen=True)
class Copy:
    """One credential, bound to one holder key; shown once while copies last."""

    credential: str = field(repr=False)
    holder_key: PublicKey
    # where its disclosures are, made once
    index: SelectionIndex = field(repr=False)

    def to_json(self) -> dict[str, JSON]:
        """Return what `parse` reads."""
        return {
            "credential": self.credential,
            "key": self.holder_key.jwk(),
            "index": self.index.to_json(),
        }

    @classmethod
    def parse(cls, value: dict[str, JSON]) -> Copy:
        """Return the copy that `to_json` wrote. One kept without an index, by an earlier version, gets it now."""
        credential = get_member(value, "credential", str)
        kept = find_member(value, "index", dict)
        index = SelectionIndex.make(credential) if kept is None else SelectionIndex.parse(kept)
        return cls(credential, PublicKey.parse_jwk(value.get("key")), index)


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
    # `x5c` of the issuer; none in what an earlier version kept, which then matches no trusted authority
    chain: tuple[str, ...] = ()

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
            "chain": [*self.chain],
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
            chain=_chain(value.get("chain")),
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
        unverified = credentials.FORMAT.parse(text)
        # (1) an issuer holds no holder key, so it cannot bind anything (RFC 9901, section 7.2)
        if unverified.has_key_binding:
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
    copies = tuple(
        Copy(text, found.holder_key, SelectionIndex.make(text))
        for text, found in zip(given, verified, strict=True)
    )
    # also about what can be withheld: the one that is shown is not always the one that was looked at
    if any(_withheld(each) != _withheld(copies[0]) for each in copies):
        raise _refused("the copies do not withhold the same")
    chain = UnverifiedSDJWT.parse(given[0]).issuer_jwt.header.get("x5c")
    return _document(opened.configuration, verified[0], verified[0].issuer, chain, now), copies


def _said(found: credentials.VerifiedCredential) -> str:
    """Return what a copy says, in a form in which 1, 1.0 and true are three things."""
    said = {name: value for name, value in found.claims.items() if name not in {"cnf", "status"}}
    return json.dumps(said, sort_keys=True)


def _withheld(copy: Copy) -> tuple[AbstractSet[Path], AbstractSet[Path]]:
    return frozenset(copy.index.disclosed), copy.index.clear


def _document(
    configuration: CredentialConfiguration,
    found: credentials.VerifiedCredential,
    issuer: TrustedIssuer,
    chain: JSON,
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
        chain=_chain(chain),
    )


def _chain(value: JSON) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


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
