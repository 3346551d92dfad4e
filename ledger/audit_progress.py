# SPDX-License-Identifier: EUPL-1.2
"""The bar that an audit shows while it reads: on a terminal only, gone when it is done."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30


class ProgressBar:
    """Draws on this stream when it is a terminal and a bar is wanted. Use as a context."""

    def __init__(self, stream: TextIO, *, is_wanted: bool) -> None:
        self._stream = stream
        self._is_shown = is_wanted and stream.isatty()
        self._percent = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._percent >= 0:
            # back to the start of the line, and clear it
            self._write("\r\x1b[K")

    def show(self, done: int, total: int) -> None:
        """Show how far it is; writes only when a percent more is done."""
        percent = 100 * done // total if total else 100
        if self._is_shown and percent != self._percent:
            self._percent = percent
            filled = _WIDTH * percent // 100
            self._write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {percent:3} %")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
