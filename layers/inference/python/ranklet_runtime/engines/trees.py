"""Ensembles of decision trees of at most 8 levels, hundreds of rows at a time.

    logit = scale · (bias + Σ_trees leaf),    score = link(logit)

Walking a row down a tree is one unpredictable jump after another, and a processor waits at each. Here each different
threshold is compared with all rows at once (see `thresholds`), and trees are walked by and, or and xor of the answers
(see `bits`), symmetric ones by putting them side by side (see `symmetric`). For hundreds of rows that takes a quarter
of onnxruntime's time, and less than XGBoost's; for a dozen it takes more.

Arrays of the artefact, a node's children side by side and behind it: `child` [nodes], the left child's number, the
right one is the next, 0 of a leaf; `feature` [nodes]; `number` [nodes], the threshold of a split or the value of a
leaf; `missing` [nodes], 1 where NaN goes left; `roots` [trees]; `bias` [1]. Added in `options.precision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from ranklet_features.lean import dataclass, field
from ranklet_runtime.engines.arrays import need, refuse_surplus
from ranklet_runtime.engines.base import Array, Want
from ranklet_runtime.engines.bits import Bits
from ranklet_runtime.engines.checks import check_names, parse, precision, weights
from ranklet_runtime.engines.forest import DEPTH, Forest, Ints, depths
from ranklet_runtime.engines.links import answer, find_link
from ranklet_runtime.engines.space import Space
from ranklet_runtime.engines.symmetric import Symmetric
from ranklet_runtime.engines.terms import matrix, quiet
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

ARRAYS = ("child", "feature", "number", "missing")


@dataclass(frozen=True)
class Options:
    """widths: input → its columns, in the order in which features are counted. strict: x < threshold goes left,
    otherwise x ≤ threshold. compared: how, in `precision` if left out. scale: of the logit, bias included."""

    widths: dict[str, int] = field(default_factory=dict)
    strict: bool = False
    link: str = "sigmoid"
    precision: str = "float32"
    compared: str = ""
    scale: float = 1.0


class TreesEngine:
    """Outputs `logit` and `score`, float32 [rows]."""

    def __init__(self, step: Step, arrays: Mapping[str, Array]) -> None:
        options = parse(Options, step.options)
        check_names(step, self.wants(step, arrays))
        self._step, self._link = step, find_link(options.link)
        self._dtype = precision(options.precision)
        self._widths, self._scale = options.widths, options.scale
        forest = forest_of(arrays, width=sum(self._widths.values()), dtype=self._dtype)
        self._compared = precision(options.compared or options.precision)
        compare = np.greater_equal if options.strict else np.greater
        self._trees = Symmetric.of(forest, compare, self._compared) or Bits(forest, compare, self._compared)
        self._space = Space()
        self._bias = arrays["bias"].astype(self._dtype)

    @classmethod
    def open(cls, step: Step, folder: Path, *, threads: int) -> Self:
        """As the protocol says."""
        return cls(step, weights(step, folder))

    @staticmethod
    def wants(step: Step, arrays: Mapping[str, Array]) -> dict[str, Want]:
        """What each input takes. Raises ManifestError."""
        refuse_surplus(arrays, {*ARRAYS, "roots", "bias"})
        need(arrays, "bias", (1,))
        need(arrays, "roots", (None,))
        nodes = len(need(arrays, "child", (None,)))
        for name in ARRAYS:
            need(arrays, name, (nodes,))
        widths = parse(Options, step.options).widths
        if not widths or not all(type(width) is int and width > 0 for width in widths.values()):
            raise ManifestError(f"options.widths is {widths}; give each input's number of columns")
        return {name: Want(values=width) for name, width in widths.items()}

    @quiet
    def run(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """As the protocol says."""
        given = [matrix(tensors[self._step.inputs[name]]) for name in self._widths]
        rows = _rows(given)
        sums = np.empty(rows, self._dtype)
        for start in range(0, rows, self._trees.rows):
            end = min(start + self._trees.rows, rows)
            columns = self._columns([part if len(part) == 1 else part[start:end] for part in given], end - start)
            base = np.repeat(self._bias, columns.shape[1])
            sums[start:end] = self._trees.add(base, columns)[: end - start]
        return answer(self._step, sums * self._dtype(self._scale), self._link)

    def _columns(self, block: list[Array], rows: int) -> Array:
        """[width, rows and more up to a multiple], feature by feature; those behind repeat the first."""
        multiple = self._trees.multiple
        shape = sum(self._widths.values()), -(-rows // multiple) * multiple
        columns = self._space.array("columns", shape, self._compared)
        at = 0
        for part, width in zip(block, self._widths.values(), strict=True):
            columns[at : at + width, :rows] = part.T
            at += width
        columns[:, rows:] = columns[:, :1]
        return columns


def forest_of(arrays: Mapping[str, Array], *, width: int, dtype: type[np.floating[Any]]) -> Forest:
    """The arrays as trees. Raises ManifestError for what is none, or reads features beyond `width`."""
    child, feature, roots = (_whole(arrays, name) for name in ("child", "feature", "roots"))
    splits = np.flatnonzero(child)
    if (child[splits] <= splits).any():
        raise ManifestError("array 'child' names a node that is not behind its parent; write nodes breadth first")
    if not len(roots) or not np.array_equal(
        np.sort(np.concatenate([roots, child[splits], child[splits] + 1])), np.arange(len(child))
    ):
        raise ManifestError("arrays 'roots' and 'child' make no trees: each node is a root, or the child of one")
    if (feature[splits] >= width).any():
        raise ManifestError(f"array 'feature' names one beyond the {width} columns of options.widths")
    with np.errstate(over="ignore"):
        number = arrays["number"].astype(dtype)
    if np.isnan(number).any() or not np.isfinite(number[child == 0]).all():
        raise ManifestError("array 'number' holds a threshold that is NaN, or a leaf that is not finite")
    forest = Forest(child, feature, number, arrays["missing"] != 0, roots)
    if (depths(forest) > DEPTH).any():
        raise ManifestError(f"a tree has more than {DEPTH} levels; serve it by the engine onnx")
    return forest


def _whole(arrays: Mapping[str, Array], name: str) -> Ints:
    """An array of whole numbers, which weights keep as floats. Raises ManifestError."""
    array = arrays[name]
    if not ((array >= 0) & (array < 1 << 31) & (array == np.floor(array))).all():
        raise ManifestError(f"array {name!r} holds what is no whole number from 0 on")
    return array.astype(np.int64)


def _rows(given: list[Array]) -> int:
    """Of all parts, those of one row left out. Raises ValueError where they disagree."""
    counts = {len(part) for part in given} - {1}
    if len(counts) > 1:
        raise ValueError(f"rows of {sorted(counts)} do not broadcast")
    return counts.pop() if counts else 1
