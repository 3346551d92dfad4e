# SPDX-License-Identifier: EUPL-1.2
"""Who is at the browser: sign-in through VÀLid, and the storage key that their requests carry.

- Signing in makes a new session; what the visitor was about to do (`next`) survives it.
- The storage key travels in an HttpOnly cookie, encrypted under the session's secret, which is in the database:
  a copied cookie, database or log alone opens nothing. It is never written anywhere else.
- The person's name for the page is kept sealed; their identifier only as a keyed digest.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, g, request

from protocol.clock import Clock
from protocol.encoding import b64url_decode, b64url_encode
from protocol.errors import Error, RequestError, StoreConflictError
from protocol.identity import Identity
from protocol.runtime.sealing import Sealer as SecretSealer
from protocol.runtime.sessions import LIFETIME, BrowserSession, Sessions
from protocol.runtime.valid import SignIn, take_code
from wallet.rows import Store, Vault
from wallet.vault import Actor, Sealer, SealError, StorageKey, WrappedKey

COOKIE = "testimoni_wallet_key"
HOME = "/"
_COOKIE_PURPOSE = "testimoni/wallet-storage-key/1"
_NAME_PURPOSE = "testimoni/wallet-name/1"
_DIGEST_LABEL = b"testimoni/wallet-identity/1\x00"
_PROOF = b"testimoni/vault/1"
# longer than any request link that fits a QR code
_MAX_NEXT_CHARS = 4096


class SignInRequiredError(Error):
    """Nobody is signed in; a page sends the visitor to sign in and back."""

    status = 401


class LockedError(Error):
    """The wallet is locked; a page sends the visitor to open it and back."""

    status = 401


@dataclass(frozen=True)
class Visitor:
    """Who is signed in."""

    actor: Actor
    name: str


class Visitors:
    """Signs visitors in and out, and opens and locks their wallet."""

    def __init__(
        self, sessions: Sessions, sign_in: SignIn, store: Store, clock: Clock, *, secret: str, secure: bool
    ) -> None:
        self._sessions = sessions
        self._sign_in = sign_in
        self._store = store
        self._clock = clock
        self._secret = secret.encode()
        self._names = SecretSealer(self._secret, purpose=_NAME_PURPOSE)
        self._secure = secure

    def remember(self, path: str) -> None:
        """Remember where the visitor wanted to go."""
        session = self._sessions.get()
        if is_own_path(path):
            session.values["next"] = path
            self._sessions.save(session)

    @property
    def destination(self) -> str:
        """Where the visitor wants to go."""
        session = self._sessions.find()
        return session.values.get("next", HOME) if session else HOME

    def take_destination(self) -> str:
        """Return where the visitor wants to go, once."""
        session = self._sessions.get()
        path = session.values.pop("next", HOME)
        self._sessions.save(session)
        return path

    @property
    def resume(self) -> str:
        """The page of an errand that waits for a document, or nothing."""
        session = self._sessions.find()
        return session.values.get("resume", "") if session else ""

    def set_resume(self, path: str) -> None:
        """Remember the page of an errand that waits for a document; forget it with an empty path."""
        session = self._sessions.get()
        if session.values.get("resume", "") != path and (not path or is_own_path(path)):
            session.values["resume"] = path
            self._sessions.save(session)

    def begin_sign_in(self) -> str:
        """Return the address at VÀLid to send the visitor to."""
        session = self._sessions.get()
        session.values["state"] = secrets.token_urlsafe(24)
        self._sessions.save(session)
        return self._sign_in.authorization_url(session.values["state"])

    def finish_sign_in(self, arguments: Mapping[str, str]) -> str:
        """Sign in who came back from VÀLid; return where they wanted to go. Raises as those do."""
        session = self._sessions.get()
        expected = session.values.pop("state", "")
        self._sessions.save(session)
        identity = self._sign_in.sign_in(take_code(arguments, expected_state=expected))
        actor = self._store.get_actor(self._digest(identity), now=self._clock.now())
        session = self._sessions.renew()
        sealed = self._names.seal(identity.full_name.encode(), about=_about(actor))
        session.values |= {
            "account": actor.account_id,
            "subject": actor.subject_id,
            "capacity": actor.capacity,
            "name": b64url_encode(sealed),
        }
        self._sessions.save(session)
        return self.take_destination()

    def find(self) -> Visitor | None:
        """Return who is signed in, or None."""
        session = self._sessions.find()
        if session is None or "account" not in session.values:
            return None
        values = session.values
        actor = Actor(values["account"], values["subject"], values["capacity"])
        name = self._names.open(b64url_decode(values["name"]), about=_about(actor)).decode()
        return Visitor(actor, name)

    def get(self) -> Visitor:
        """Return who is signed in. Raises `SignInRequiredError`."""
        found = self.find()
        if found is None:
            raise SignInRequiredError("sign_in_required", "nobody is signed in")
        return found

    def sign_out(self) -> None:
        """End the session; the storage key is gone with it."""
        self._sessions.end()
        g.storage_cookie = ""

    def create(self, wrapped: WrappedKey, key: StorageKey) -> None:
        """Keep the wrapped data key of a new vault and open it. Raises `StoreConflictError` (`vault_exists`)."""
        actor, identifier = self.get().actor, secrets.token_urlsafe(12)
        proof = Sealer(actor, key).seal("vault-proof", identifier, 1, _PROOF)
        self._store.put_vault(actor, Vault(identifier, wrapped, proof), now=self._clock.now())
        self._carry(key)

    def open(self, key: StorageKey) -> None:
        """Open the wallet with its storage key. Raises `RequestError` (`wrong_key`) when it is another's."""
        actor = self.get().actor
        try:
            self._check(actor, key)
        except SealError as exc:
            raise RequestError("wrong_key", "the key does not open this vault", status=403) from exc
        self._carry(key)

    def empty(self) -> None:
        """Delete the vault with everything that it opens."""
        self._store.empty(self.get().actor)
        g.storage_cookie = ""

    def is_open(self) -> bool:
        """Whether this request carries the storage key of who is signed in."""
        try:
            self.sealer()
        except (SignInRequiredError, LockedError):
            return False
        return True

    def sealer(self) -> Sealer:
        """Return what seals and opens the visitor's things. Raises `SignInRequiredError` or `LockedError`."""
        actor = self.get().actor
        session = self._sessions.find()
        cookie = request.cookies.get(COOKIE)
        if session is None or not cookie:
            raise LockedError("locked", "the request carries no storage key")
        try:
            key = self._cookie_sealer(session).open(b64url_decode(cookie), about=_about(actor))
            return self._check(actor, StorageKey(key))
        except (RequestError, StoreConflictError, SealError) as exc:
            raise LockedError("locked", "the storage key is another session's or another vault's") from exc

    def send_cookie(self, response: Response) -> Response:
        """Set or remove the cookie with the storage key."""
        if "storage_cookie" in g:
            response.set_cookie(
                COOKIE,
                g.storage_cookie,
                max_age=int(LIFETIME.total_seconds()) if g.storage_cookie else 0,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="Lax",
            )
        return response

    def _check(self, actor: Actor, key: StorageKey) -> Sealer:
        """Return the sealer of a key that is this vault's, else raise `SealError`."""
        vault = self._store.find_vault(actor)
        if vault is None:
            raise LockedError("locked", "there is no vault yet")
        sealer = Sealer(actor, key)
        sealer.unseal("vault-proof", vault.id, 1, vault.proof)
        return sealer

    def _carry(self, key: StorageKey) -> None:
        sealed = self._cookie_sealer(self._sessions.get()).seal(key, about=_about(self.get().actor))
        g.storage_cookie = b64url_encode(sealed)

    def _cookie_sealer(self, session: BrowserSession) -> SecretSealer:
        return SecretSealer(session.secret, purpose=_COOKIE_PURPOSE)

    def _digest(self, identity: Identity) -> bytes:
        said = f"{identity.identifier_type.value}:{identity.identifier}".encode()
        return hmac.digest(self._secret, _DIGEST_LABEL + said, "sha256")


def is_own_path(path: str) -> bool:
    """Whether it is a path on this service and nothing that a browser takes for another host."""
    return (
        len(path) <= _MAX_NEXT_CHARS
        and path.isprintable()
        and path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and "\\" not in path
    )


def _about(actor: Actor) -> dict[str, str]:
    return {"owner": actor.owner}
