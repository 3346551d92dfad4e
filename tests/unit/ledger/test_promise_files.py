# SPDX-License-Identifier: EUPL-1.2
"""What a folder of promises may hold: nothing in it stops the monitor, or makes it wait."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger import promise as promises
from ledger.commitment import Commitment
from ledger.promise_files import MAX_FILE_BYTES, HandedPromise, UnreadableFile, read_promises
from protocol.keys import PrivateKey

TOKEN = promises.make(
    PrivateKey.generate(),
    log="log.example/2026",
    commitment=Commitment(b"p" * 32),
    now=datetime(2026, 11, 21, tzinfo=UTC),
    maximum_merge_delay=timedelta(seconds=60),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "z.jwt").write_text(TOKEN)
    return tmp_path


def reasons(*paths: Path) -> dict[str, str]:
    """Why files are unreadable, beside the one promise that is read."""
    found = read_promises(paths)
    assert [each.token for each in found if isinstance(each, HandedPromise)] == [TOKEN]
    return {each.path.name: each.reason for each in found if isinstance(each, UnreadableFile)}


def test_pipe_among_promises_makes_nobody_wait(folder):
    os.mkfifo(folder / "a.jwt")
    assert reasons(folder) == {"a.jwt": "is not a regular file"}


def test_folder_in_a_folder_and_a_missing_file_are_named(folder):
    (folder / "a.jwt").mkdir()
    assert set(reasons(folder, folder / "none.jwt")) == {"a.jwt", "none.jwt"}


def test_link_to_a_promise_is_read_once(folder):
    (folder / "a.jwt").symlink_to("z.jwt")
    assert reasons(folder) == {}


def test_folder_that_may_not_be_listed_is_named_and_others_are_read(folder, monkeypatch):
    closed = folder.with_name("closed")
    closed.mkdir()
    genuine = Path.iterdir

    def refuse(path):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return genuine(path)

    # whoever runs tests as root may list everything
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert reasons(closed, folder) == {"closed": "cannot be read"}


def test_file_at_its_bound_is_read_and_over_it_named(folder):
    padded = TOKEN + "\n" * (MAX_FILE_BYTES - len(TOKEN))
    (folder / "z.jwt").write_text(padded)
    assert reasons(folder) == {}
    (folder / "a.jwt").write_text(padded + "\n")
    assert "longer" in reasons(folder)["a.jwt"]
