# SPDX-License-Identifier: EUPL-1.2
"""Every fuzz target takes its seeds, and everything that the fuzzer once broke a parser with."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS

FOUND = [
    ("offer-link", b"openid-credential-offer://?credential_offer=\x88\x9e"),
]


@pytest.mark.parametrize("name", TARGETS)
def test_fuzz_target_takes_its_seeds_and_nothing_at_all(name: str) -> None:
    for seed in (*TARGETS[name].seeds, b"", b"\xff" * 9):
        TARGETS[name](seed)


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_the_fuzzer_found_is_refused_by_an_error_of_ours(name: str, data: bytes) -> None:
    TARGETS[name](data)
