# SPDX-License-Identifier: EUPL-1.2
"""The guard on outgoing requests. Nothing here opens a socket: refusals come before, and refused ports do not answer."""

import pytest

from protocol.errors import RequestError
from protocol.runtime.fetch import Fetcher, origin_of

FETCHER = Fetcher(allowed_private_origins=frozenset({"http://localhost:8101"}))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8102/",
        "http://127.0.0.1:8101/",
        "https://localhost:8101/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/",
        "http://example.com/",
        "https://example.com:8443/",
        "ftp://localhost:8101/",
        "file:///etc/passwd",
        "https://user@localhost/",
        "//localhost",
        "http://localhost:99999/",
    ],
)
def test_fetch_when_origin_is_neither_public_https_nor_named_is_refused(url):
    with pytest.raises(RequestError):
        FETCHER.get(url)


def test_origin_keeps_scheme_host_and_port():
    assert origin_of("http://localhost:8101/a?b") == "http://localhost:8101"
    assert origin_of("https://[::1]:8/") == "https://[::1]:8"
    assert origin_of("https://x.cat/") == "https://x.cat"
