"""Numbers as they are: clipped, log1p, standardised, side by side in one float32 or float64 [n, k].

In this order, each step optional: clip to [low, high], log1p, minus mean, over std. All of it in 64 bits on
contiguous memory (so that one row and a million give the same bits), narrowed once at the end unless the model reads
64 bits, as scikit-learn's do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import hypot
from operator import itemgetter
from typing import Any, Literal, Self

import numpy as np
from numpy import frombuffer, ndarray
from numpy.typing import NDArray

from ranklet_features.columns import Column
from ranklet_features.kinds.base import Array, Compiled, Plain, Scope, Tensor, Values, side_of
from ranklet_features.lean import dataclass
from ranklet_features.spec import Input
from ranklet_features.values import CLASSES, DTYPES, all_finite

FLOAT = DTYPES["float"]

LARGE = 1e38
"""A length or a sum of squares below this is of numbers that are all there, finite, and within 32 bits."""


@dataclass(frozen=True)
class Options:
    """clip: (low, high), inclusive. log: take log1p; needs a clip whose low is above -1, where log1p ends.

    mean, std: one number for all columns, or one per column. dtype: of the tensor.
    """

    clip: tuple[float, float] | None = None
    log: bool = False
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    dtype: Literal["float32", "float64"] = "float32"


class Dense(Compiled):
    """float32 or float64 [n, k]; k is the number of scalar inputs and of numbers in vector inputs."""

    schema = Options

    def __init__(self, options: Options, scope: Scope, widths: list[int]) -> None:
        side = side_of([scope.inputs[name].side for name in scope.of])
        super().__init__(scope, {scope.feature: Tensor(options.dtype, (sum(widths),), side)})
        self.of = self.together = scope.of
        self.dtype = np.dtype(options.dtype)
        self.lead = next(name for name in scope.of if scope.inputs[name].side == side)
        self.widths, self.width = widths, sum(widths)
        self.clip = None if options.clip is None else tuple(np.array([bound]) for bound in options.clip)
        self.log = options.log
        self.mean = _per_column("mean", options.mean, sum(widths), scope)
        self.std = _per_column("std", options.std, sum(widths), scope)
        self.computes = options.log or not (options.clip is None and options.mean is None and options.std is None)

    @classmethod
    def compile(cls, options: Options, scope: Scope) -> Self:
        inputs = [scope.input(name, ("int", "float"), ("scalar", "vector")) for name in scope.of]
        if problem := _problem(options):
            raise scope.error(problem)
        return cls(options, scope, [declared.length or 1 for declared in inputs])

    def plain(self, inputs: Mapping[str, Input]) -> Plain | None:
        declared = [inputs[name] for name in self.of]
        if any(one.type != "float" or one.length is not None for one in declared):
            return None
        sides = {one.side == "item" for one in declared}
        return None if len(sides) > 1 else _items(self) if sides == {True} else _once(self)

    def run(self, values: Values) -> dict[str, Array]:
        tensor = self.computed(self._matrix(values))
        if not all_finite(tensor):
            self._refuse_overflow([values.columns[name] for name in self.of], tensor)
        return {self.name: tensor}

    def computed(self, matrix: Array) -> Array:
        """The tensor of the columns side by side; not looked at for what is not finite."""
        if self.clip is not None:
            matrix = np.minimum(np.maximum(matrix, self.clip[0]), self.clip[1])
        if self.log:
            matrix = np.log1p(matrix)
        if self.mean is not None:
            matrix = matrix - self.mean
        if self.std is not None:
            matrix = matrix / self.std
        return matrix if matrix.dtype == self.dtype else matrix.astype(self.dtype)

    def _matrix(self, values: Values) -> Array:
        """The columns side by side, in 64 bits where something is computed with them."""
        dtype = np.dtype(np.float64) if self.computes else self.dtype
        table = values.tables.get(self.of)
        if table is not None and table.dtype == np.float64:
            return table.T.astype(dtype, order="C")
        columns = [values.columns[name].values for name in self.of]
        if len(columns) == 1:
            alone = columns[0].astype(np.float64, copy=False)
            return alone if alone.ndim == 2 else alone[:, None]  # type: ignore[no-any-return]
        matrix = np.empty((values.columns[self.lead].rows, self.width), dtype)
        at = 0
        for column, width in zip(columns, self.widths, strict=True):
            # An int is rounded to 64 bits first, whatever follows.
            part = column if column.dtype == np.float64 else column.astype(np.float64)
            matrix[:, at : at + width] = part if part.ndim == 2 else part[:, None]
            at += width
        return matrix

    def _refuse_overflow(self, columns: list[Column], tensor: Array) -> None:
        """Let pass what came as NaN or infinity (the input's policy allowed it), refuse what became infinite here."""
        at = 0
        for column, width in zip(columns, self.widths, strict=True):
            made = tensor[: column.rows, at : at + width].reshape(-1)
            bad = np.isfinite(column.values.reshape(-1)) & ~np.isfinite(made)
            if bad.any():
                raise column.fault(
                    int(np.argmax(bad)), f"beyond {8 * self.dtype.itemsize} bits as feature {self.name!r}"
                )
            at += width


def _once(dense: Dense) -> Plain:
    take, classes, letter = _taker(dense.of), CLASSES["float"], "d" if dense.computes else dense.dtype.char
    dtype = np.dtype(letter)

    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        raws = take(once)
        if not classes.issuperset(map(type, raws)) or not hypot(*raws) < LARGE:
            raise TypeError(dense.name)
        return _computed(dense, np.array((raws,), dtype))

    return plain


def _items(dense: Dense) -> Plain:
    take, width = _taker(dense.of), dense.width
    dtype = np.dtype(np.float64) if dense.computes else dense.dtype

    def plain(once: Mapping[str, Any], items: Mapping[str, Any]) -> Array:
        columns = take(items)
        if ndarray not in set(map(type, columns)):
            table = frombuffer(b"".join(columns), FLOAT)
        else:
            table = np.concatenate([one if type(one) is ndarray else frombuffer(one, FLOAT) for one in columns])
            if table.dtype.char not in "fd":  # an int is rounded to 64 bits first; squares of 16 bits do not fit them
                table = table.astype(FLOAT)
        if table.ndim != 1 or not table.dot(table) < LARGE:
            raise ValueError(dense.name)
        return _computed(dense, table.reshape(width, -1).T.astype(dtype, order="C"))

    return plain


def _computed(dense: Dense, matrix: Array) -> Array:
    if not dense.computes:
        return matrix
    with np.errstate(over="ignore", invalid="ignore"):
        tensor = dense.computed(matrix)
    if not all_finite(tensor):
        raise ValueError(dense.name)
    return tensor


def _taker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Their values, as a tuple also where it is one."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: (values[names[0]],)


def _problem(options: Options) -> str | None:
    if options.clip is not None and not -np.inf < options.clip[0] <= options.clip[1] < np.inf:
        return f"clip is {list(options.clip)}; it must be two finite numbers, the lower one first"
    if options.log and (options.clip is None or options.clip[0] <= -1):
        return "log takes log1p, which ends at -1; give a clip whose low is above -1, such as clip = [0.0, 1e9]"
    return None


def _per_column(name: str, option: Any, width: int, scope: Scope) -> NDArray[np.float64] | None:
    if option is None:
        return None
    found = np.atleast_1d(np.asarray(option, np.float64))
    if len(found) not in (1, width):
        raise scope.error(f"{name} has {len(found)} numbers for {width} columns; give one, or one per column")
    if not np.isfinite(found).all() or (name == "std" and (found <= 0).any()):
        raise scope.error(f"{name} is {option!r}; it must be finite{' and above 0' if name == 'std' else ''}")
    return found
