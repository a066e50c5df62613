"""What the forward pass knows of a value: where it was computed, and what of it was not computed yet.

Leaf   computed in one of the three graphs. In the user graph the batch is physically 1; `lazy` names further axes
       that are physically 1 though logically larger (an Expand that nobody needed yet).
Lit    known when the model is built; physically 1 along the batch and lazy axes.
Sym    a vector of integers computed from shapes: affine in the batch and the dynamic extents.
Cat    a concatenation not yet made: logical axes axis … axis + index.ndim − 1 are `index` into the parts laid end to
       end along `axis`. Reordering, cutting and repeating features is arithmetic on `index`, and a MatMul
       permutes the rows of its weights instead of the data.
Sum    Σ coefficient · term, each term on its own side and broadcast to `form`.
Opaque a node of one side whose rows are not proven independent; placed when something asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ranklet.graph.forms import Form
from ranklet.graph.records import Array, Side
from ranklet.graph.trace import Dim

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Leaf:
    side: Side
    value: ir.Value
    form: Form
    lazy: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Lit:
    array: Array
    form: Form
    lazy: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Sym:
    dims: tuple[Dim, ...]
    form: Form
    dtype: np.dtype[np.generic]


@dataclass(frozen=True, eq=False)
class Sum:
    terms: tuple[tuple[Leaf, float], ...]
    form: Form


@dataclass(frozen=True, eq=False)
class Cat:
    axis: int
    parts: tuple[Leaf | Sum, ...]
    index: Index
    form: Form

    @property
    def sizes(self) -> list[int]:
        return [width(part.form, self.axis) for part in self.parts]


@dataclass(frozen=True, eq=False)
class Opaque:
    origin: ir.Value
    side: Side
    form: Form


Expr = Leaf | Lit | Sym | Sum | Cat | Opaque


def width(form: Form, axis: int) -> int:
    """The size of an axis that is the same at every grid point."""
    size = form.fixed(axis)
    assert size is not None, "a lazy concatenation runs along a fixed axis"
    return size


def sides_of(expr: Expr) -> frozenset[Side]:
    """Every side that the value draws from; none for literals."""
    if isinstance(expr, Leaf | Opaque):
        return frozenset({expr.side})
    if isinstance(expr, Sum):
        return frozenset(leaf.side for leaf, _ in expr.terms)
    if isinstance(expr, Cat):
        return frozenset(side for part in expr.parts for side in sides_of(part))
    return frozenset()


def merge(sides: frozenset[Side]) -> Side:
    """Where a value of these sides can be computed."""
    return next(iter(sides)) if len(sides) == 1 else "cross"


def spread(leaf: Leaf, form: Form) -> Leaf:
    """The leaf seen as this larger form of the same rank: axes that grew are lazy."""
    grown = {a for a in range(form.rank) if leaf.form.sizes(a) != form.sizes(a) and _not_batch(form, a)}
    return replace(leaf, form=form, lazy=leaf.lazy | grown)


def _not_batch(form: Form, axis: int) -> bool:
    return form.batch is None or form.batch.axis != axis
