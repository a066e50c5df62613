"""Flatbuffers, as much as a .cbm is made of: tables, vectors and strings, each read only inside its bytes.

Format: https://flatbuffers.dev/internals. A table names the place of its fields in a vtable; a field that is not there
has its schema's default.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranklet.errors import ImportRefused

MAX_DEPTH = 16


@dataclass(frozen=True)
class Table:
    """One table of a buffer: `at` is its place, `vtable` that of its fields. depth: of tables that led here."""

    buffer: memoryview
    at: int
    vtable: int
    depth: int = 0

    def number(self, slot: int, form: str, default: Any) -> Any:
        """A scalar. form: as struct has it."""
        place = self._field(slot)
        return default if place is None else _unpack(self.buffer, form, place)

    def array(self, slot: int, dtype: DTypeLike) -> NDArray[Any]:
        """A vector of scalars or structs, empty where there is none."""
        kind = np.dtype(dtype)
        place = self._pointer(slot)
        if place is None:
            return np.empty(0, kind)
        count = _unpack(self.buffer, "<I", place)
        if count > (len(self.buffer) - place - 4) // kind.itemsize:
            raise cut_off()
        return np.frombuffer(self.buffer, kind, count, place + 4)

    def text(self, slot: int) -> str:
        """A string, empty where there is none."""
        try:
            return self.array(slot, "u1").tobytes().decode()
        except UnicodeDecodeError as error:
            raise ImportRefused("a text in it is not UTF-8; save the model again") from error

    def table(self, slot: int) -> Table | None:
        """A table, None where there is none."""
        place = self._pointer(slot)
        return None if place is None else _table(self.buffer, place, self.depth + 1)

    def tables(self, slot: int) -> Iterator[Table]:
        """A vector of tables."""
        for at, offset in enumerate(self.array(slot, "<u4").tolist()):
            place = self._pointer(slot)
            assert place is not None
            yield _table(self.buffer, place + 4 + 4 * at + offset, self.depth + 1)

    def texts(self, slot: int) -> Iterator[str]:
        """A vector of strings."""
        for at, offset in enumerate(self.array(slot, "<u4").tolist()):
            place = self._pointer(slot)
            assert place is not None
            begin = place + 4 + 4 * at + offset
            size = _unpack(self.buffer, "<I", begin)
            if size > len(self.buffer) - begin - 4:
                raise cut_off()
            yield bytes(self.buffer[begin + 4 : begin + 4 + size]).decode("utf-8", "replace")

    def _field(self, slot: int) -> int | None:
        """Where a field stands."""
        if 4 + 2 * slot + 2 > _unpack(self.buffer, "<H", self.vtable):
            return None
        offset = _unpack(self.buffer, "<H", self.vtable + 4 + 2 * slot)
        return self.at + offset if offset else None

    def _pointer(self, slot: int) -> int | None:
        """Where that which a field points to stands."""
        place = self._field(slot)
        return None if place is None else place + int(_unpack(self.buffer, "<I", place))


def root(buffer: memoryview) -> Table:
    """The table that a buffer holds. Raises ImportRefused, as all reading does, for what lies beyond its end."""
    return _table(buffer, _unpack(buffer, "<I", 0), 0)


def cut_off() -> ImportRefused:
    """For a file that points beyond its end."""
    return ImportRefused("it was cut off, or damaged: a part of it lies beyond its end; save the model again")


def _table(buffer: memoryview, at: int, depth: int) -> Table:
    if depth > MAX_DEPTH:
        raise ImportRefused("its tables are nested too deep; save the model again")
    return Table(buffer, at, at - _unpack(buffer, "<i", at), depth)


def _unpack(buffer: memoryview, form: str, place: int) -> Any:
    if not 0 <= place <= len(buffer) - struct.calcsize(form):
        raise cut_off()
    return struct.unpack_from(form, buffer, place)[0]
