"""Which ids index which table: watched, not derived.

The program runs on numbers that tell where they come from, each far from all others. What arrives at an embedding, an
index or a one-hot is looked up among them: it then is an input's id, plus a constant perhaps, whatever reshapes,
concatenations, casts and slices it went through. What the graph computes otherwise (hashes, positions) matches nothing.
"""

# mypy: disallow-untyped-calls=False
# (where torch is installed, it has types in part)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.torch.program import FAULTS, Array, Program, quiet

LARGEST = 1 << 23
"""A number below it and its neighbours are the same in 32-bit floats, through which some libraries pass ids."""

NEAR = 64
"""Constants that a graph may add to an id."""

OPEN = 5
"""For a dimension that the program leaves open."""


@dataclass(frozen=True)
class Table:
    """What an input indexes: ids from `first` to below `limit`. pad: the id that the model names padding."""

    first: int
    limit: int
    pad: int | None


@dataclass(frozen=True)
class _Read:
    """One reading of a table."""

    rows: int
    ids: Array
    pad: int | None


def find(program: Program) -> dict[str, Table]:
    """Input's name → its table, the smallest of several; none where ids are not seen to index one.

    Raises ImportRefused for numbers of a float input that are used as ids.
    """
    found: dict[str, Table] = {}
    for seed, floats in ((0, True), (1, True), (0, False)):
        marked = _marked(program, seed, floats=floats)
        try:
            reads = _watch(program, marked)
        except FAULTS:
            continue  # numbers like these are too wild for this graph; the comparison says whether tame ones are
        for name, table in _matches(reads, marked):
            before = found.get(name, table)
            found[name] = Table(
                max(before.first, table.first), min(before.limit, table.limit), _first(before.pad, table.pad)
            )
    for one in program.graph.inputs:
        if one.name in found and one.dtype.startswith("float"):
            raise ImportRefused(
                f"numbers of the input {one.name!r} ({one.dtype}) are ids of a table of {found[one.name].limit} rows: "
                "features make ids and numbers in tensors of their own. Wrap the model in one whose forward takes a "
                "dict of int64 ids and float32 numbers and puts them together as the model wants them: "
                "torch.cat([x[name].float().reshape(x[name].shape[0], -1) for name in names], 1)"
            )
    return found


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _marked(program: Program, seed: int, *, floats: bool) -> dict[str, Array]:
    """Two rows of every input in numbers that stand alone. floats: those of floats too, else ones."""
    random = np.random.default_rng(seed)
    shapes = {one.name: tuple(_size(i, dim) for i, dim in enumerate(one.dims)) for one in program.graph.inputs}
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    apart = max(LARGEST // (total + 2), 2)
    numbers = iter(random.permutation(total))
    feeds = {}
    for one in program.graph.inputs:
        count = int(np.prod(shapes[one.name]))
        values = np.array([(next(numbers) + 1) * apart for _ in range(count)]).reshape(shapes[one.name])
        whole = floats or not one.dtype.startswith("float")
        feeds[one.name] = (values if whole else np.ones_like(values)).astype(one.dtype)
    return feeds


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

    with torch.no_grad(), quiet():
        Watch(program.module).run(*program.flat(feeds), enable_io_processing=False)
    return reads


def _matches(reads: list[_Read], marked: Mapping[str, Array]) -> Iterator[tuple[str, Table]]:
    """The inputs whose numbers arrived, shifted by one constant or none."""
    for read in reads:
        ids = np.unique(read.ids.astype(np.int64))
        for name, values in marked.items():
            own = np.unique(values.astype(np.int64))
            if own[0] < 2 * NEAR:
                continue  # ones, which tell nothing
            shifts = {
                int(id - own[at]) for id in ids.tolist() for at in [_nearest(own, id)] if abs(id - own[at]) <= NEAR
            }
            if len(shifts) == 1:
                (shift,) = shifts
                pad = None if read.pad is None else read.pad - shift
                yield name, Table(max(0, -shift), read.rows - shift, pad)


def _nearest(values: Array, one: int) -> int:
    at = int(np.searchsorted(values, one))
    near = [i for i in (at - 1, at) if 0 <= i < len(values)]
    return min(near, key=lambda i: abs(int(values[i]) - one))
