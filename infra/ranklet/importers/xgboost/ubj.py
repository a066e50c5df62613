"""Universal Binary JSON, draft 12 (ubjson.org), as much as XGBoost writes: maps, lists, typed arrays, text, numbers.

A size that a file declares is believed only as far as its bytes go, and nesting only to a depth, so that a file of a
few bytes can neither fill the memory nor the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused

DEPTH = 32
"""XGBoost's files nest nine deep."""

_NUMBERS: Mapping[bytes, str] = {
    b"i": ">i1",
    b"U": ">u1",
    b"I": ">i2",
    b"l": ">i4",
    b"L": ">i8",
    b"d": ">f4",
    b"D": ">f8",
}
_FIXED: Mapping[bytes, Any] = {b"Z": None, b"T": True, b"F": False}
_INTS = b"iUIlL"


def is_ubj(content: bytes) -> bool:
    """Whether a file that begins with { goes on as UBJ: the length of a key, in place of a quote or white space."""
    return content[:1] == b"{" and content[1:2] in (*(bytes([kind]) for kind in _INTS), b"$", b"#")


def decode(content: bytes) -> dict[str, Any]:
    """The document; typed arrays as NumPy's. Raises ImportRefused with the offset of what cannot be read."""
    reader = _Reader(content)
    found = reader.value(reader.take(1), 0)
    if not isinstance(found, dict):
        raise ImportRefused("no UBJ map; save the model again")
    if reader.at != len(content):
        raise ImportRefused(f"offset {reader.at}: {len(content) - reader.at} bytes too many; save the model again")
    return found


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.content) - self.at:
            left = len(self.content) - self.at
            raise self.fault(f"{size} bytes are declared, {left} are left")
        self.at += size
        return self.content[self.at - size : self.at]

    def fault(self, what: str) -> ImportRefused:
        return ImportRefused(f"offset {self.at}: {what}; save the model again")

    def value(self, kind: bytes, depth: int) -> Any:
        if depth > DEPTH:
            raise self.fault(f"nested more than {DEPTH} deep")
        if kind in _NUMBERS:
            return np.frombuffer(self.take(int(_NUMBERS[kind][2])), _NUMBERS[kind])[0].item()
        if kind in _FIXED:
            return _FIXED[kind]
        if kind == b"S":
            return self.text()
        if kind == b"C":
            return self.take(1).decode("latin-1")
        if kind == b"{":
            return self.map(depth)
        if kind == b"[":
            return self.list(depth)
        raise self.fault(f"marker {kind!r} is unknown")

    def size(self) -> int:
        kind = self.take(1)
        if kind not in [bytes([one]) for one in _INTS]:
            raise self.fault(f"a size is of kind {kind!r}")
        return int(self.value(kind, 0))

    def text(self) -> str:
        try:
            return self.take(self.size()).decode()
        except UnicodeDecodeError as error:
            raise self.fault("text that is not UTF-8") from error

    def head(self) -> tuple[bytes | None, int | None]:
        """Of a container, the type of all its values and their number, where it gives them."""
        kind = None
        if self.content[self.at : self.at + 1] == b"$":
            kind = self.take(2)[1:]
        if self.content[self.at : self.at + 1] != b"#":
            if kind is not None:
                raise self.fault("a type without a number of values")
            return None, None
        self.at += 1
        count = self.size()
        if count < 0 or (count > len(self.content) - self.at and kind not in _FIXED):
            raise self.fault(f"{count} values are declared, {len(self.content) - self.at} bytes are left")
        if kind in _FIXED and count:
            raise self.fault(f"{count} values without bytes")
        return kind, count

    def list(self, depth: int) -> Any:
        kind, count = self.head()
        if kind in _NUMBERS and kind is not None and count is not None:
            dtype = np.dtype(_NUMBERS[kind])
            return np.frombuffer(self.take(count * dtype.itemsize), dtype)
        if count is not None:
            return [self.value(kind or self.take(1), depth + 1) for _ in range(count)]
        found = []
        while (marker := self.take(1)) != b"]":
            found.append(self.value(marker, depth + 1))
        return found

    def map(self, depth: int) -> dict[str, Any]:
        kind, count = self.head()
        found: dict[str, Any] = {}
        while count is None or len(found) < count:
            if count is None and self.content[self.at : self.at + 1] == b"}":
                self.at += 1
                return found
            key = self.text()
            if key in found:
                raise self.fault(f"key {key!r} comes twice")
            found[key] = self.value(kind or self.take(1), depth + 1)
        return found
