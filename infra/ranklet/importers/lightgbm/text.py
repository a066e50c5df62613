"""Lines of `key=value`: a head, blocks that begin with `Tree=i`, `end of trees`, then what nothing predicts by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused

END = "end of trees"


@dataclass(frozen=True)
class Block:
    """Fields of the head, or of a tree. place: for messages."""

    place: str
    fields: Mapping[str, str]

    def only(self, known: frozenset[str]) -> None:
        """Refuse fields that are not known: what they mean may change predictions."""
        if unknown := sorted(set(self.fields) - known):
            raise ImportRefused(f"{self.place} has {unknown[0]!r}, which is not known here; save with LightGBM 3 or 4")

    def text(self, name: str) -> str:
        """A field as it is."""
        if name not in self.fields:
            raise ImportRefused(f"{self.place} has no {name}; save the model again")
        return self.fields[name]

    def whole(self, name: str) -> int:
        """A whole number."""
        try:
            return int(self.text(name))
        except ValueError as error:
            raise self.fault(name, "a whole number") from error

    def ints(self, name: str, length: int | None = None) -> NDArray[np.int64]:
        """Whole numbers, with blanks between."""
        return self._numbers(name, length, np.dtype(np.int64), "whole numbers").astype(np.int64)

    def floats(self, name: str, length: int) -> NDArray[np.float64]:
        """Numbers, with blanks between."""
        return self._numbers(name, length, np.dtype(np.float64), "numbers").astype(np.float64)

    def fault(self, name: str, wanted: str) -> ImportRefused:
        """For a field that is not what it must be."""
        shown = self.fields[name]
        shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
        return ImportRefused(f"{self.place}: {name} is {shown!r}, not {wanted}; save the model again")

    def _numbers(self, name: str, length: int | None, dtype: np.dtype[np.generic], wanted: str) -> NDArray[np.generic]:
        try:
            found = np.array(self.text(name).split(), dtype)
        except (ValueError, OverflowError) as error:
            raise self.fault(name, wanted) from error
        if length is not None and len(found) != length:
            raise ImportRefused(f"{self.place}: {name} has {len(found)} entries, not {length}; save the model again")
        return found


def cut(content: bytes) -> tuple[Block, list[Block], str]:
    """Head, trees, and what follows them. Raises ImportRefused for a file that has no such parts."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ImportRefused(f"offset {error.start}: not UTF-8; save the model again as text") from error
    lines = text.split("\n")
    lines = [line.rstrip("\r") for line in lines]
    if lines[0] != "tree":
        raise ImportRefused("its first line is not 'tree', as LightGBM writes it; save the model again as text")
    if END not in lines:
        raise ImportRefused(f"no line {END!r}: the file was cut off; save the model again")
    end = lines.index(END)
    starts = [at for at in range(end) if lines[at].startswith("Tree=")]
    ends = [*starts[1:], end] if starts else []
    trees = [_block(lines[a:b], f"tree {i}") for i, (a, b) in enumerate(zip(starts, ends, strict=True))]
    for number, tree in enumerate(trees):
        if tree.text("Tree") != str(number):
            raise ImportRefused(f"tree {number} is called {tree.text('Tree')!r}; save the model again")
    return _block(lines[1 : starts[0] if starts else end], "the head"), trees, "\n".join(lines[end + 1 :])


def _block(lines: list[str], place: str) -> Block:
    fields: dict[str, str] = {}
    for line in filter(None, lines):
        name, _, value = line.partition("=")
        if name in fields:
            raise ImportRefused(f"{place} has {name!r} twice; save the model again")
        fields[name] = value
    return Block(place, fields)
