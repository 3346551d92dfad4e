# SPDX-License-Identifier: EUPL-1.2
r"""What a command prints: text of others never moves the cursor, hides a line or turns its direction.

Records, files and servers choose parts of what is reported. Every character that does not print by itself is
written as JSON writes it (`\u001b`), so a line of JSON stays one and says the same.
"""

from __future__ import annotations

_UNIT_BYTES = 2


def printable(text: str) -> str:
    """Return the text with every control, format or separator character but the space spelled out."""
    return text if text.isprintable() else "".join(map(_spell_out, text))


def _spell_out(character: str) -> str:
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", _UNIT_BYTES).split()
    return "".join(f"\\u{unit}" for unit in units)
