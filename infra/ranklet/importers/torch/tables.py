"""Which ids index which table: watched, not derived.

The program runs on numbers that tell where they come from, all multiples of a large one. What arrives at an embedding,
an index or a one-hot is looked up among them: it then is an input's id, plus a constant perhaps, whatever reshapes,
concatenations, casts and slices it went through. What the graph computes otherwise (hashes, positions) matches nothing:
both rows of a column must arrive, shifted alike.
"""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.torch.graph import Given
from ranklet.importers.torch.program import FAULTS, Array, Program, quiet

LARGEST = 1 << 23
"""A number below it and its neighbours are the same in 32-bit floats, through which some libraries pass ids."""

OPEN = 5
"""For a dimension that the program leaves open."""

Column = tuple[str, int]
"""An input and the place in its rows: 0 for all that have one number a row."""


@dataclass(frozen=True)
class Table:
    """What an input indexes: ids from `first` to below `limit`. pad: the id that the model names padding."""

    first: int
    limit: int
    pad: int | None

    def and_also(self, other: Table) -> Table:
        """What both allow."""
        pad = self.pad if self.pad is not None else other.pad
        return Table(max(self.first, other.first), min(self.limit, other.limit), pad)


@dataclass(frozen=True)
class _Read:
    """Ids that arrived at an indexing of a table."""

    rows: int
    ids: Array
    pad: int | None


@dataclass(frozen=True)
class _Marks:
    """feeds: what the program is given. owners: the columns whose numbers are apart, 2 · apart and so on."""

    feeds: Mapping[str, Array]
    owners: Sequence[Column | None]
    apart: int


def find(program: Program) -> dict[str, Table]:
    """Input's name → its table, the smallest of several; none where ids are not seen to index one.

    Raises ImportRefused for numbers of a float input that are used as ids, and for columns of one input that are ids
    of different tables.
    """
    found: dict[Column, Table] = {}
    for seed, floats in ((0, True), (1, True), (0, False)):
        marks = _marked(program, seed, floats=floats)
        for column, table in _matches(_watch(program, marks.feeds), marks):
            found[column] = found.get(column, table).and_also(table)
    for one in program.graph.inputs:
        _check(one, sorted({table.limit for (name, _), table in found.items() if name == one.name}))
    tables: dict[str, Table] = {}
    for (name, _), table in found.items():
        tables[name] = tables.get(name, table).and_also(table)
    return tables


def _check(one: Given, limits: Sequence[int]) -> None:
    """limits: of the tables that its columns index, each once."""
    if limits and one.dtype.startswith("float"):
        raise ImportRefused(
            f"numbers of the input {one.name!r} ({one.dtype}) are ids of a table of {limits[0]} rows: "
            "features make ids and numbers in tensors of their own. Wrap the model in one whose forward takes a "
            "dict of int64 ids and float32 numbers and puts them together as the model wants them: "
            "torch.cat([x[name].float().reshape(x[name].shape[0], -1) for name in names], 1)"
        )
    if len(limits) > 1:
        raise ImportRefused(
            f"the columns of the input {one.name!r} are ids of different tables, or of different parts of one (up to "
            f"{limits[0]}, up to {limits[-1]}). Wrap the model in one whose forward takes a dict with an input for "
            "each and puts them together: torch.stack([x[name] for name in names], 1)"
        )


def _marked(program: Program, seed: int, *, floats: bool) -> _Marks:
    """Two rows of every input in numbers that stand alone. floats: those of floats too, else ones."""
    shapes = {one.name: tuple(_size(i, dim) for i, dim in enumerate(one.dims)) for one in program.graph.inputs}
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    apart = max(LARGEST // (total + 2), 2)
    numbers = iter((np.random.default_rng(seed).permutation(total) + 1).tolist())
    owners: list[Column | None] = [None] * (total + 1)
    feeds = {}
    for one in program.graph.inputs:
        whole = floats or not one.dtype.startswith("float")
        values = np.ones(shapes[one.name], np.int64)
        for place in np.ndindex(values.shape if whole else (0,)):
            number = next(numbers)
            values[place] = number * apart
            owners[number] = (one.name, place[-1] if len(place) > 1 else 0)
        feeds[one.name] = values.astype(one.dtype)
    return _Marks(feeds, owners, apart)


def _size(place: int, dim: int | str) -> int:
    if isinstance(dim, int):
        return dim
    return 2 if place == 0 else OPEN


def _watch(program: Program, feeds: Mapping[str, Array]) -> list[_Read]:
    import torch

    reads: list[_Read] = []
    aten = torch.ops.aten

    def read(rows: int, ids: Any, pad: int | None = None) -> Any:
        reads.append(_Read(rows, ids.numpy().copy(), pad if pad is not None and pad >= 0 else None))
        return ids.clamp(0, max(rows - 1, 0))

    class Watch(torch.fx.Interpreter):  # type: ignore[misc, unused-ignore]
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            if target is aten.embedding.default:
                args = (args[0], read(len(args[0]), args[1], args[2] if len(args) > 2 else None), *args[2:])
            elif target in (aten.embedding_bag.default, aten.embedding_bag.padding_idx):
                args = (args[0], read(len(args[0]), args[1], args[8] if len(args) > 8 else None), *args[2:])
            elif target is aten.index_select.default:
                args = (args[0], args[1], read(args[0].shape[args[1]], args[2]))
            elif target is aten.one_hot.default and len(args) > 1 and args[1] > 0:
                args = (read(args[1], args[0]), *args[1:])
            elif target is aten.index.Tensor:
                ids = [
                    read(args[0].shape[i], one) if one is not None and one.dtype == torch.int64 else one
                    for i, one in enumerate(args[1])
                ]
                args = (args[0], ids)
            return super().call_function(target, args, kwargs)

    with torch.no_grad(), quiet(), suppress(*FAULTS):  # wild numbers may be too much for what follows a read
        Watch(program.module).run(*program.flat(feeds), enable_io_processing=False)
    return reads


def _matches(reads: Sequence[_Read], marks: _Marks) -> Iterator[tuple[Column, Table]]:
    """The columns of which both rows' numbers arrived, shifted by one constant or none."""
    for read in reads:
        shifts: dict[Column, list[int]] = {}
        for id in np.unique(read.ids.astype(np.int64)).tolist():
            number = round(id / marks.apart)
            owner = marks.owners[number] if 0 < number < len(marks.owners) else None
            if owner is not None:
                shifts.setdefault(owner, []).append(id - number * marks.apart)
        for column, found in shifts.items():
            if len(found) > 1 and len(set(found)) == 1 and found[0] < read.rows:
                pad = None if read.pad is None else read.pad - found[0]
                yield column, Table(max(0, -found[0]), read.rows - found[0], pad)
