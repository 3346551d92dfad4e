# SPDX-License-Identifier: EUPL-1.2
from __future__ import annotations

from sys import getsizeof

import pytest

from ledger import tiles
from ledger.tiles import TileAddress
from protocol.errors import RequestError, UnavailableError


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (TileAddress(0, 0), "tile/0/000"),
        (TileAddress(0, 273, 5), "tile/0/273.p/5"),
        (TileAddress(1, 1234067), "tile/1/x001/x234/067"),
        (TileAddress(None, 1000, 1), "tile/entries/x001/000.p/1"),
    ],
)
def test_path_is_that_of_c2sp_and_reads_back(address, path):
    assert address.path() == path
    _, level, rest = path.split("/", 2)
    assert tiles.parse_path(level, rest) == address


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ("0", "0"),
        ("0", "x000/001"),
        ("0", "001.p/0"),
        ("0", "001.p/256"),
        ("0", "001.p/999"),
        ("0", "001.p/01"),
        ("8", "000"),
        ("00", "000"),
        ("x", "000"),
        ("-1", "000"),
        ("0", "../000"),
        ("0", "x001/" * 1450 + "000"),
        ("0", "x001/" * 7 + "000"),
        ("\u0661", "000"),
    ],
)
def test_any_other_spelling_of_a_path_is_refused(level, path):
    with pytest.raises(RequestError) as caught:
        tiles.parse_path(level, path)
    assert (caught.value.code, caught.value.status) == ("invalid_tile", 404)


def test_widths_and_addresses_follow_the_size():
    assert list(tiles.addresses(0, 0)) == []
    assert [a.width for a in tiles.addresses(700, 0)] == [256, 256, 188]
    assert [a.width for a in tiles.addresses(700, 1)] == [2]
    assert [a.width for a in tiles.addresses(512, None)] == [256, 256]
    assert tiles.width_at(0, 3, 700) == 0


def test_addresses_of_a_level_are_read_from_both_ends_and_in_parts():
    found = tiles.addresses(700, None)
    assert (len(found), found[-1]) == (3, TileAddress(None, 2, 188))
    assert [each.index for each in reversed(found)] == [2, 1, 0]
    assert list(found[1:]) == [TileAddress(None, 1), TileAddress(None, 2, 188)]
    assert list(found[3:]) == []


def test_tree_of_any_size_takes_no_memory_and_none_beyond_the_bound_is_read():
    largest = tiles.addresses(tiles.MAX_SIZE, 0)
    assert (len(largest), largest[-1]) == (1 << 24, TileAddress(0, (1 << 24) - 1))
    assert getsizeof(largest) < 1000
    tiles.node_reader(tiles.MAX_SIZE, lambda _: [])
    for read in (lambda size: tiles.addresses(size, 0), lambda size: tiles.node_reader(size, lambda _: [])):
        for size in (tiles.MAX_SIZE + 1, 1 << 50, 10**18):
            with pytest.raises(UnavailableError) as caught:
                read(size)
            assert caught.value.code == "log_too_large"


def test_entry_bundle_is_length_prefixed_and_reads_back():
    entries = (b"a" * 32, b"b" * 32)
    data = tiles.encode_entries(entries)
    assert data[:2] == b"\x00\x20"
    assert tiles.parse_entries(data, expected_width=2) == entries


@pytest.mark.parametrize("data", [b"", b"\x00\x20" + bytes(31), b"\x00\x1f" + bytes(32), bytes(34)])
def test_entry_bundle_of_another_form_is_refused(data):
    with pytest.raises(RequestError):
        tiles.parse_entries(data, expected_width=1)


def test_tile_of_another_width_is_refused():
    assert tiles.parse_tile(bytes(64), expected_width=2) == (bytes(32), bytes(32))
    with pytest.raises(RequestError):
        tiles.parse_tile(bytes(63), expected_width=2)
