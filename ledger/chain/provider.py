# SPDX-License-Identifier: EUPL-1.2
"""The connection to one Ethereum node, and what its silence and its errors mean to us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware

from ledger.chain.interface import Sent
from protocol.errors import Error, RequestError, UnavailableError

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 30.0
# How nodes say it: go-ethereum and the embedded one, Besu, anvil.
_ALREADY_KNOWN = ("already known", "known transaction", "already imported")
_NONCE_TOO_LOW = ("nonce too low", "nonce below")
_NOT_NOW = ("nonce too high", "underpriced", "pool", "limit exceeded", "too many requests")

# what reading an answer raises that is JSON and nothing that was asked for
_UNUSABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError)


def connect(url: str, session: requests.Session | None = None) -> Web3:
    """Return web3 on this node; calls nothing yet. No proxy from the environment, no hidden repeats."""
    session = session or requests.Session()
    session.trust_env = False
    provider = HTTPProvider(
        url,
        request_kwargs={"timeout": (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)},
        session=session,
        exception_retry_configuration=None,
    )
    web3 = Web3(provider)
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


@contextmanager
def answers() -> Iterator[None]:
    """Turn a missing, malformed or unexpected answer into `UnavailableError`."""
    try:
        yield
    except Error:
        raise
    except Web3RPCError as exc:
        raise UnavailableError("temporarily_unavailable", f"the chain's node answered: {exc.message}") from exc
    except (requests.RequestException, OSError, Web3Exception, *_UNUSABLE) as exc:
        message = f"the chain's node gives no usable answer ({type(exc).__name__})"
        raise UnavailableError("temporarily_unavailable", message) from exc


def read_refusal(error: Web3RPCError) -> Sent:
    """Return what a node's refusal of a raw transaction says about it.

    Raises `UnavailableError` when it may take the bytes later, and `RequestError` (`transaction_refused`) when
    it never will.
    """
    said = error.message.lower()
    if any(words in said for words in _ALREADY_KNOWN):
        return Sent.ALREADY_KNOWN
    if any(words in said for words in _NONCE_TOO_LOW):
        return Sent.NONCE_TOO_LOW
    if any(words in said for words in _NOT_NOW):
        raise UnavailableError("temporarily_unavailable", f"the chain's node answered: {said[:200]}") from error
    raise RequestError("transaction_refused", f"the chain's node answered: {said[:200]}") from error
