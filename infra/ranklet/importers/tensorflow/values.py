"""What flows along the edges of a graph while it is walked.

A sparse tensor of a batch, [indices, values, shape], becomes a rectangle [n, L] of values and a mask of the same
shape: each of its three parts is a value of its own here, and refers to the mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any


@dataclass(frozen=True)
class Raw:
    """A value as the caller sends it. shape: without the batch; (None,) is a list of any length."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    @property
    def listed(self) -> bool:
        """Whether a row has several values."""
        return any(size != 1 for size in self.shape)

    @property
    def width(self) -> int:
        """How many values a row has; 1 of a list of any length."""
        return prod(size or 1 for size in self.shape)


Tied = str | tuple[Raw, tuple[float, ...]] | None


@dataclass(frozen=True)
class Dense:
    """A tensor of the new graph. tied: the feature that it is, as it came; or an input and the edges of its buckets.

    positive: ids none of which is below 0. below: the value of which this says whether it is below 0.
    """

    tensor: Any
    tied: Tied = None
    positive: bool = False
    below: Any = None


@dataclass(frozen=True)
class RawShape:
    """The shape of a raw tensor, or of a list's sparse one."""

    raw: Raw


@dataclass(frozen=True)
class Text:
    """A constant of strings."""

    value: Any


@dataclass(frozen=True)
class Differs:
    """raw != fill, in each place: the start of a sparse tensor made of a dense one."""

    raw: Raw
    fill: Any


@dataclass(frozen=True)
class Mask:
    """Which places of a rectangle hold a value. raw: what it came of; fill: the value that means none.

    bits: bool [n, L] where it is a tensor of the graph already. full: all places do.
    """

    raw: Raw | None = None
    fill: Any = None
    bits: Any = None
    full: bool = False


@dataclass(frozen=True)
class Indices:
    """Places, int64 [values, rank]."""

    mask: Mask


@dataclass(frozen=True)
class Rows:
    """The first column of places: whose row each value is."""

    mask: Mask


@dataclass(frozen=True)
class RawEntries:
    """Values of a sparse tensor that no feature has encoded yet."""

    mask: Mask
    raw: Raw


@dataclass(frozen=True)
class Entries:
    """Values of a sparse tensor: [n, L, ...] in the new graph. tied: as of Dense."""

    mask: Mask
    tensor: Any
    tied: Tied = None


@dataclass(frozen=True)
class Kept:
    """Positions of those values that a condition keeps. mask: what is left."""

    mask: Mask


@dataclass(frozen=True)
class Count:
    """How many values there are, as a shape. further: dimensions of 1 behind it."""

    mask: Mask
    further: int = 0


@dataclass(frozen=True)
class Unique:
    """Each id once, of entries; the positions to undo it are `Undo`."""

    entries: Entries


@dataclass(frozen=True)
class Undo:
    entries: Entries


@dataclass(frozen=True)
class UniqueRows:
    """Rows of a table at unique ids. gathered: the same for each entry, [n, L, d]."""

    mask: Mask
    gathered: Any


@dataclass(frozen=True)
class Table:
    """A lookup table. keys: in the order of `ids`."""

    keys: tuple[Any, ...]
    ids: tuple[int, ...]
    name: str


Value = (
    Dense
    | Raw
    | RawShape
    | Text
    | Differs
    | Indices
    | Rows
    | RawEntries
    | Entries
    | Kept
    | Count
    | Unique
    | Undo
    | UniqueRows
    | Table
)
