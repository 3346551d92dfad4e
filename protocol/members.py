# SPDX-License-Identifier: EUPL-1.2
"""Members of a JSON object in the shapes that OAuth and OpenID messages use, each checked when it is read.

Every function takes the code of the error that it raises: the same broken shape has another name at another
endpoint. `get_` functions want the member, `find_` functions return None (or an empty tuple) when it is absent.

- A text is never empty. A list is never empty, holds no value twice and at most `MAX_ITEMS`.
- A URL is absolute, https, without user name and fragment; http only for a loopback host, which the guarded HTTP
  client refuses unless its origin is named (`protocol/runtime/fetch.py`).
- A moment is a NumericDate (RFC 7519, section 2) that a calendar has.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from protocol.clock import from_epoch
from protocol.encoding import JSON, get_member
from protocol.errors import RequestError

# a credential of 200 claims, the largest that we plan for, describes each of them
MAX_ITEMS = 256
# what browsers and servers commonly take in an address
MAX_URL_CHARS = 2048
# the last second of the year 9999, where calendars end
_LAST_SECOND = 253_402_300_799


def get_text(members: Mapping[str, JSON], name: str, *, code: str) -> str:
    """Return a required text. Raises `RequestError` with this code when it is absent, empty or no text."""
    text = get_member(dict(members), name, str, code=code)
    if not text:
        raise RequestError(code, f"expected {name} not to be empty")
    return text


def find_text(members: Mapping[str, JSON], name: str, *, code: str) -> str | None:
    """Return an optional text, or None when it is absent."""
    return get_text(members, name, code=code) if name in members else None


def get_flag(members: Mapping[str, JSON], name: str, *, code: str, default: bool | None = None) -> bool:
    """Return a boolean; `default` is what its absence means, None that it must be there."""
    if name not in members and default is not None:
        return default
    return get_member(dict(members), name, bool, code=code)


def get_number(members: Mapping[str, JSON], name: str, *, low: int, high: int, code: str) -> int:
    """Return a required whole number within bounds."""
    value = get_member(dict(members), name, int, code=code)
    if not low <= value <= high:
        raise RequestError(code, f"expected {name} to be {low} to {high}")
    return value


def find_number(members: Mapping[str, JSON], name: str, *, low: int, high: int, code: str) -> int | None:
    """Return an optional whole number within bounds, or None when it is absent."""
    return get_number(members, name, low=low, high=high, code=code) if name in members else None


def get_moment(members: Mapping[str, JSON], name: str, *, code: str) -> datetime:
    """Return a required NumericDate as the moment it means."""
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise RequestError(code, f"expected {name} to be a time in seconds")
    return from_epoch(value)


def find_moment(members: Mapping[str, JSON], name: str, *, code: str) -> datetime | None:
    """Return an optional NumericDate, or None when it is absent."""
    return get_moment(members, name, code=code) if name in members else None


def get_texts(members: Mapping[str, JSON], name: str, *, code: str) -> tuple[str, ...]:
    """Return a required array of distinct texts, at least one."""
    return texts_of(get_member(dict(members), name, list, code=code), name, code=code)


def find_texts(members: Mapping[str, JSON], name: str, *, code: str) -> tuple[str, ...]:
    """Return an optional array of distinct texts, empty when it is absent."""
    return get_texts(members, name, code=code) if name in members else ()


def texts_of(items: Sequence[JSON], name: str, *, code: str) -> tuple[str, ...]:
    """Return the items as distinct texts, at least one; `name` is for the message."""
    _check_length(items, name, code=code)
    found = tuple(item for item in items if isinstance(item, str) and item)
    if len(found) != len(items) or len(set(found)) != len(found):
        raise RequestError(code, f"expected {name} to hold distinct strings")
    return found


def get_objects(members: Mapping[str, JSON], name: str, *, code: str) -> tuple[dict[str, JSON], ...]:
    """Return a required array of objects, at least one."""
    items = get_member(dict(members), name, list, code=code)
    _check_length(items, name, code=code)
    found = tuple(item for item in items if isinstance(item, dict))
    if len(found) != len(items):
        raise RequestError(code, f"expected {name} to hold objects")
    return found


def find_objects(members: Mapping[str, JSON], name: str, *, code: str) -> tuple[dict[str, JSON], ...]:
    """Return an optional array of objects, empty when it is absent."""
    return get_objects(members, name, code=code) if name in members else ()


def _check_length(items: Sequence[JSON], name: str, *, code: str) -> None:
    if not 1 <= len(items) <= MAX_ITEMS:
        raise RequestError(code, f"expected 1 to {MAX_ITEMS} items in {name}, got {len(items)}")


def get_url(members: Mapping[str, JSON], name: str, *, code: str) -> str:
    """Return a required URL as it is written."""
    text = get_text(members, name, code=code)
    check_url(text, name, code=code)
    return text


def find_url(members: Mapping[str, JSON], name: str, *, code: str) -> str | None:
    """Return an optional URL, or None when it is absent."""
    return get_url(members, name, code=code) if name in members else None


def check_url(text: str, name: str, *, code: str) -> None:
    """Refuse a text that is no URL of ours; `name` is for the message."""
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise RequestError(code, f"expected {name} to be a URL") from exc
    if len(text) > MAX_URL_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise RequestError(code, f"expected {name} to be a URL of at most {MAX_URL_CHARS} characters")
    if not host or parts.username is not None or "#" in text:
        raise RequestError(code, f"expected {name} to be a URL with a host, without user and fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise RequestError(code, f"expected {name} to be an https URL")


def check_identifier(text: str, name: str, *, code: str) -> None:
    """Refuse an issuer identifier that is no URL of ours, or one with a query (OpenID4VCI 1.0, section 12.2.1)."""
    check_url(text, name, code=code)
    if "?" in text:
        raise RequestError(code, f"expected {name} to have no query")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own (RFC 6761, section 6.3; RFC 1122, section 3.2.1.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def get_single(form: Mapping[str, Sequence[str]], *, code: str) -> dict[str, str]:
    """Return form or query fields, each given once (RFC 6749, section 3.1); empty ones are absent."""
    if any(len(values) != 1 for values in form.values()):
        raise RequestError(code, "a parameter is given twice")
    return {name: values[0] for name, values in form.items() if values[0]}


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header, without parameters (RFC 9110, section 8.3)."""
    return content_type.partition(";")[0].strip().lower()
