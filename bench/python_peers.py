# SPDX-License-Identifier: EUPL-1.2
"""The peers from PyPI, each called as its documentation shows; keys are loaded beforehand if it takes them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence

from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK
from openid4vci.adapters.sd_jwt_vc import SdJwtVcAdapter
from openid4vci.crypto.signer import LocalJwsSigner
from openvc.keys import P256SigningKey
from openvc.proof.sd_jwt import SdJwtVcProofSuite
from openvc.status.issue import build_status_list_token
from openvc.status.token_status_list import new_status_list, set_status
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier
from token_status_list import IssuerStatusList

from bench.ours import Presentation
from bench.world import DEGREE, STATUS_LIST_SIZE, STATUS_LIST_URI, World, claims


class SDJWT:
    """sd-jwt, the reference implementation. It leaves `exp`, `iat` and unreferenced disclosures unchecked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._issuer_key = JWK.from_pem(world.issuer.issuer_key.pem())
        self._holder_keys = [JWK.from_pem(holder.pem()) for holder in world.holders]

    def issue(self, size: int) -> Callable[[int], object]:
        """Return the issuing of a credential of so many claims."""
        disclosable = {SDObj(name): value for name, value in claims(size).items()}
        user_claims = {**self._world.payload(), **disclosable}
        header = {"typ": "dc+sd-jwt", "x5c": self._world.issuer.issuer_chain}
        keys = self._holder_keys
        return lambda turn: (
            SDJWTIssuer(
                user_claims, self._issuer_key, keys[turn % len(keys)], extra_header_parameters=header
            ).sd_jwt_issuance
        )

    def present(self, issued: Sequence[str], names: Sequence[str]) -> Callable[[int], object]:
        """Return the presenting of these claims with key binding."""
        shown, keys, audience = dict.fromkeys(names, True), self._holder_keys, self._world.client_id

        def present(turn: int) -> str:
            place = turn % len(keys)
            holder = SDJWTHolder(issued[place])
            holder.create_presentation(shown, "nonce", audience, keys[place])
            return str(holder.sd_jwt_presentation)

        return present

    def verify(self, presentations: Sequence[Presentation]) -> Callable[[int], object]:
        """Return the verifying of these presentations."""
        key, audience = JWK.from_json(self._issuer_key.export_public()), self._world.client_id

        def verify(turn: int) -> object:
            each = presentations[turn % len(presentations)]
            return SDJWTVerifier(each.text, lambda _iss, _header: key, audience, each.nonce).get_verified_payload()

        return verify


class OpenVC:
    """openvc-core. It makes every check of a presentation; the issuer's key is the caller's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._suite = SdJwtVcProofSuite()
        self._key = P256SigningKey(world.issuer.issuer_key.secret, kid="issuer")

    def issue(self, size: int) -> Callable[[int], object]:
        """Return the issuing of a credential of so many claims."""
        values = claims(size)
        body, names, chain = {**self._world.payload(), **values}, list(values), self._world.issuer.issuer_chain
        holders = [holder.public_key.jwk() for holder in self._world.holders]
        return lambda turn: self._suite.issue(
            body, signing_key=self._key, disclosable=names, holder_jwk=holders[turn % len(holders)], x5c=chain
        )

    def verify(self, presentations: Sequence[Presentation]) -> Callable[[int], object]:
        """Return the verifying of these presentations."""
        key, audience, now = self._key.public_jwk(), self._world.client_id, self._world.now

        def verify(turn: int) -> object:
            each = presentations[turn % len(presentations)]
            return self._suite.verify(
                each.text,
                public_key_jwk=key,
                audience=audience,
                nonce=each.nonce,
                require_key_binding=True,
                expected_vct=DEGREE,
                now=now,
            )

        return verify

    def flip(self) -> Callable[[int], object]:
        """Return the setting or unsetting of one entry and signing the list again."""
        entries = new_status_list(STATUS_LIST_SIZE)
        for index in self._world.revoked:
            set_status(entries, index, 1)

        def flip(turn: int) -> object:
            set_status(entries, self._world.flipped, turn % 2)
            return build_status_list_token(
                signing_key=self._key,
                uri=STATUS_LIST_URI,
                status_list=entries,
                issuer=self._world.issuer.issuer_identifier,
            )

        return flip


class OpenID4VCI:
    """openid4vci, an issuer's library. Its header holds no certificate chain, so it signs a kilobyte less."""

    def __init__(self, world: World) -> None:
        self._world = world

    def issue(self, size: int) -> Callable[[int], object]:
        """Return the issuing of a credential of so many claims."""
        world = self._world
        signed = {name: world.payload()[name] for name in ("iat", "exp")}
        adapter = SdJwtVcAdapter(
            DEGREE,
            LocalJwsSigner(ECKey.import_key(world.issuer.issuer_key.pem())),
            issuer=world.issuer.issuer_identifier,
            always_visible=signed,
        )
        body = {**signed, **claims(size)}
        holders = [holder.public_key.jwk() for holder in world.holders]
        return lambda turn: _finish(adapter.issue(body, holder_key=holders[turn % len(holders)]))


class TokenStatusList:
    """token-status-list. It writes the signature as a Python literal, mended here to get a usable token."""

    def __init__(self, world: World) -> None:
        self._world = world

    def flip(self) -> Callable[[int], object]:
        """Return the setting or unsetting of one entry and signing the list again."""
        world, key = self._world, self._world.issuer.issuer_key
        entries = IssuerStatusList.new(1, STATUS_LIST_SIZE)
        for index in world.revoked:
            entries.status_list.set(index, 1)

        def flip(turn: int) -> str:
            entries.status_list.set(world.flipped, turn % 2)
            token: str = entries.sign_jwt(
                key.sign, alg="ES256", kid="issuer", iss=world.issuer.issuer_identifier, sub=STATUS_LIST_URI
            )
            return token.replace("b'", "").replace("'", "")

        return flip


def _finish(coroutine: Coroutine[object, object, str]) -> str:
    """Run a coroutine that waits for nothing, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return str(done.value)
    raise RuntimeError("expected a coroutine that waits for nothing")
