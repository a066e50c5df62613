"""Learns every value's dimensions by running the graph, instead of inferring them op by op.

The graph runs with every value exposed and nothing optimised at batch 3, 5 and 7, and at a second size of every other
dynamic dimension (a history's length). A dimension is then an affine function of the batch B, each extent L, and B·L,
found by fitting. What is computed from shapes only is not data: it becomes a literal, or a vector of such functions.

Ensures: for each value of the main graph, its shape at every grid point (or none, where ranks differ or the value is
a sequence); for each shape-only value also its contents there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ranklet.graph.feeds import InputKind
from ranklet.graph.forms import Batch, Shapes, Sizes, plain
from ranklet.graph.records import Array, Feeds
from ranklet.graph.running import Runner, serialise

BATCHES = (3, 5, 7)
EXTENTS = (4, 6)
SHAPE_OPS = {"Shape", "Size"}
RANDOM_OPS = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}

Prepare = Callable[[Feeds], Feeds]
"""From original inputs to all that a cut graph takes."""

Dim = tuple[int, ...]
"""Coefficients of 1, B, and for every extent of L and B·L."""


@dataclass(frozen=True)
class Grid:
    """points: the batch ("") and every extent by name, per trial run."""

    extents: tuple[str, ...]
    points: tuple[Mapping[str, int], ...]

    def fit(self, sizes: Iterable[int]) -> Dim | None:
        """The dimension as a function of batch and extents, None where it is none."""
        found = np.asarray(tuple(sizes), np.float64)
        basis = np.asarray([self._terms(point) for point in self.points], np.float64)
        dim = np.rint(np.linalg.lstsq(basis, found, rcond=None)[0]).astype(np.int64)
        return tuple(dim.tolist()) if np.array_equal(basis @ dim, found) else None

    def _terms(self, point: Mapping[str, int]) -> list[int]:
        terms = [1, point[""]]
        for name in self.extents:
            terms += [point[name], point[""] * point[name]]
        return terms

    def carries_batch(self, sizes: Sizes) -> bool:
        """Whether the size is a multiple of the batch at every point, and not by chance."""
        dim = self.fit(sizes)
        return dim is not None and any(dim[1::2]) and not any(dim[0::2])

    def batch_of(self, shapes: Shapes) -> Batch | None:
        """The batch where exactly one axis carries it, unfolded; None otherwise."""
        axes = [a for a in range(len(shapes[0])) if self.carries_batch(tuple(s[a] for s in shapes))]
        sizes = tuple(point[""] for point in self.points)
        if len(axes) != 1 or tuple(s[axes[0]] for s in shapes) != sizes:
            return None
        return plain(axes[0], len(shapes))


@dataclass(frozen=True)
class Trace:
    """shapes and contents by the value's name; contents only of shape-only values, one array per grid point."""

    grid: Grid
    shapes: Mapping[str, Shapes]
    contents: Mapping[str, tuple[Array, ...]]
    sources: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    dtypes: Mapping[str, np.dtype[np.generic]] = field(default_factory=dict)


def grid_for(kinds: Iterable[InputKind]) -> Grid:
    """Every batch at the first extents, then each extent's second size at two batches."""
    names = tuple(dict.fromkeys(dim for kind in kinds for dim in kind.shape if isinstance(dim, str) and dim))
    base = dict.fromkeys(names, EXTENTS[0])
    points: list[Mapping[str, int]] = [{"": batch, **base} for batch in BATCHES]
    for name in names:
        points += [{"": batch, **base, name: EXTENTS[1]} for batch in BATCHES[:2]]
    return Grid(names, tuple(points))


def trace(model: ir.Model, kinds: tuple[InputKind, ...], seed: int, *, prepare: Prepare = dict) -> Trace:
    """Run and record. prepare adds the rows of cut tables to drawn inputs. Raises RunFailed where the graph does not
    take a batch of its own choice."""
    grid = grid_for(kinds)
    values = [v for node in model.graph for v in node.outputs if v.name]
    quiet = shape_only(model)
    runner = Runner(exposed(model, [v.name or "" for v in values]), plain=True)
    feeds = [_draw(kinds, point, seed, prepare) for point in grid.points]
    runs = [{**runner.run(given), **given} for given in feeds]
    shapes: dict[str, Shapes] = {}
    contents: dict[str, tuple[Array, ...]] = {}
    for value in values:
        name = value.name or ""
        seen = [run[name] for run in runs]
        if all(isinstance(array, np.ndarray) for array in seen) and len({array.ndim for array in seen}) == 1:
            shapes[name] = tuple(array.shape for array in seen)
            if value in quiet:
                contents[name] = tuple(seen)
    shapes.update({name: tuple(run[name].shape for run in runs) for name in feeds[0]})
    sources = {d: (k.name, axis) for k in kinds for axis, d in enumerate(k.shape) if isinstance(d, str) and d}
    dtypes = {name: a.dtype for name, a in runs[0].items() if isinstance(a, np.ndarray)}
    return Trace(grid, shapes, contents, sources, dtypes)


def _draw(kinds: tuple[InputKind, ...], point: Mapping[str, int], seed: int, prepare: Prepare) -> Feeds:
    random = np.random.default_rng(seed)
    return prepare({kind.name: kind.random(point, random) for kind in kinds})


def exposed(model: ir.Model, names: Iterable[str]) -> bytes:
    """The model with these values as its outputs; their types are onnxruntime's to infer."""
    import onnx  # as slow to import as onnxruntime

    proto = onnx.load_from_string(serialise(model))
    del proto.graph.output[:]
    for name in dict.fromkeys(names):
        proto.graph.output.add().name = name
    content: bytes = proto.SerializeToString()
    return content


def shape_only(model: ir.Model) -> set[ir.Value]:
    """Values that depend on weights and on shapes, never on what the inputs hold."""
    found: set[ir.Value] = set()
    for node in model.graph:
        if node.op_type in RANDOM_OPS:
            continue
        if node.op_type in SHAPE_OPS or all(_quiet(value, found) for value in read_by(node)):
            found.update(node.outputs)
    return found


def _quiet(value: ir.Value, found: set[ir.Value]) -> bool:
    return value in found or value.is_initializer()


def read_by(node: ir.Node) -> list[ir.Value]:
    """What a node reads: its inputs, and what the bodies inside it capture from the main graph."""
    found = {value: None for value in node.inputs if value is not None}
    for attribute in node.attributes.values():
        if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS):
            bodies = [attribute.as_graph()] if attribute.type == ir.AttributeType.GRAPH else attribute.as_graphs()
            for body in bodies:
                found.update(dict.fromkeys(captured(body, node.graph)))
    return list(found)


def captured(body: ir.Graph, outer: object) -> list[ir.Value]:
    """Values of the outer graph that a body (at any depth) reads."""
    seen = [v for inner in ir.traversal.RecursiveGraphIterator(body) for v in inner.inputs if v is not None]
    seen += [value for value in body.outputs if value is not None]
    return [value for value in dict.fromkeys(seen) if value.graph is outer]
