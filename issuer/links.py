# SPDX-License-Identifier: EUPL-1.2
"""Links between the issuer's pages and wallets.

Only pages of our own wallet are returned to: anything else that a link names is dropped.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from protocol.openid4vci.offer import OfferLink

# longer than any address of our wallet
MAX_RETURN_CHARS = 512


def keep_return(given: str, *, wallet_url: str) -> str:
    """Return the address if it is a page of our wallet, else nothing."""
    if len(given) > MAX_RETURN_CHARS or not given.isprintable() or "\\" in given:
        return ""
    begins = given == wallet_url or given.startswith((f"{wallet_url}/", f"{wallet_url}?"))
    return given if begins and urlsplit(given).netloc == urlsplit(wallet_url).netloc else ""


def wallet_link(offer_uri: str, *, wallet_url: str, return_url: str = "") -> str:
    """Return the link that opens an offer in our wallet, and comes back to where the wallet was."""
    link = OfferLink(uri=offer_uri, offer=None).url(wallet=f"{wallet_url}/receive")
    return f"{link}&{urlencode({'return': return_url})}" if return_url else link
