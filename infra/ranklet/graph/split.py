"""The forward pass: every node of the graph, in order, becomes part of the user, the item or the cross graph.

For each node, the first of these that applies:
1. it is computed from shapes and weights only: a literal;
2. all its data is of one side and its rows are proven independent (`rowwise`): it is computed on that side;
3. a rule pushes it through a lazy form (`rules`): MatMul of user and item features becomes one MatMul per side …;
4. it passed a trial of its own rows (`regions`): computed on that side;
5. it goes to the cross graph. Element-wise it takes its operands as they are, the user's with one row; anything else
   takes them expanded to N rows, which is what the uncut graph would see, so nothing needs a proof there.

Ensures: the three graphs together compute the outputs of the original one, up to the order of float additions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ranklet.graph import placing, rules
from ranklet.graph.builder import Builder
from ranklet.graph.expr import Expr, Leaf, Lit, Opaque, Sym, merge, sides_of
from ranklet.graph.forms import Batch, Form, Shapes
from ranklet.graph.records import Array, Side, Variant
from ranklet.graph.rowwise import Case, NotRowwise, Operand, prove
from ranklet.graph.sizes import Unavailable
from ranklet.graph.trace import Dim, Trace, read_by


@dataclass
class Notes:
    """What the pass learnt, for the report: sentences by the node's output name."""

    proven: dict[str, str] = field(default_factory=dict)
    dynamic: dict[str, str] = field(default_factory=dict)
    pushed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Declined(Exception):
    """The graph cannot be split; the message says why."""


@dataclass
class Work:
    """The state of one pass. trusted: values whose rows passed a trial. exprs: by the original graph's value.

    made: what was built already, by what it was built from. crossings: the cross or rest graph's input for a value of
    another side. frontier: those by name. stored: the names of the items' among them. lazies, dtypes, twins: of values
    made here (a twin is what a value is the transpose of; flat ones are products of two matrices; products and bilinear
    are `rules.bilinear`'s).
    """

    model: ir.Model
    trace: Trace
    variant: Variant
    trusted: frozenset[str]
    builders: Mapping[Side, Builder]
    opset: int
    owners: dict[str, Side] = field(default_factory=dict)
    exprs: dict[ir.Value, Expr] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    made: dict[object, ir.Value] = field(default_factory=dict)
    crossings: dict[tuple[ir.Value, Side], ir.Value] = field(default_factory=dict)
    stored: dict[ir.Value, str] = field(default_factory=dict)
    frontier: dict[str, Leaf] = field(default_factory=dict)
    lazies: dict[ir.Value, frozenset[int]] = field(default_factory=dict)
    dtypes: dict[ir.Value, np.dtype[np.generic]] = field(default_factory=dict)
    twins: dict[ir.Value, ir.Value] = field(default_factory=dict)
    flat: set[ir.Value] = field(default_factory=set)
    products: dict[ir.Value, tuple[Leaf, Leaf]] = field(default_factory=dict)
    bilinear: dict[ir.Value, tuple[ir.Value, ir.Value, Form]] = field(default_factory=dict)

    @property
    def points(self) -> int:
        return len(self.trace.grid.points)

    def form(self, value: ir.Value) -> Form | None:
        """The traced shape; the batch where an axis is it alone."""
        shapes = self.trace.shapes.get(value.name or "")
        return None if shapes is None else Form(shapes, self.trace.grid.batch_of(shapes))

    def dims(self, sizes: tuple[int, ...]) -> Dim | None:
        return self.trace.grid.fit(sizes)

    def need(self, sizes: tuple[int, ...]) -> Dim:
        """dims, or Unavailable where the sizes follow no rule."""
        dim = self.dims(sizes)
        if dim is None:
            raise Unavailable("a size follows no rule")
        return dim

    def typed(self, value: ir.Value, like: ir.Value) -> ir.Value:
        """Note that the value has the other's dtype."""
        self.dtypes[value] = self.dtypes[like]
        return value

    def input_side(self, name: str) -> Side:
        """Where an original input enters."""
        return self.owners[name]


def forward(work: Work) -> None:
    """Give every value of the graph its expression."""
    quiet = set(work.trace.contents)
    for node in work.model.graph:
        outputs = [value for value in node.outputs if value.name]
        if all(value.name in quiet for value in outputs) and _known(work, node, outputs):
            continue
        found = _place(work, node)
        for value, expr in zip(outputs, found, strict=True):
            work.exprs[value] = expr


def expr_of(work: Work, value: ir.Value) -> Expr:
    """What is known of an input of a node; weights are literals."""
    if value not in work.exprs:
        if not value.is_initializer() or value.const_value is None:
            raise Declined(f"{value.name!r} has no known contents")
        shape = tuple(value.const_value.shape.numpy())
        work.exprs[value] = Lit(value.const_value.numpy(), Form((shape,) * work.points, None))
    return work.exprs[value]


def _known(work: Work, node: ir.Node, outputs: list[ir.Value]) -> bool:
    """Literals for a node that depends on shapes only; False where its contents follow no rule."""
    found = [_literal(work, value) for value in outputs]
    if any(expr is None for expr in found):
        return False
    work.exprs.update({value: expr for value, expr in zip(outputs, found, strict=True) if expr is not None})
    return True


def _literal(work: Work, value: ir.Value) -> Expr | None:
    arrays = work.trace.contents[value.name or ""]
    form = Form(work.trace.shapes[value.name or ""], None)
    if all(np.array_equal(array, arrays[0], equal_nan=array.dtype.kind == "f") for array in arrays):
        return Lit(arrays[0], form)
    if all(array.shape == arrays[0].shape and array.ndim <= 1 and array.dtype.kind == "i" for array in arrays):
        columns = np.stack([array.reshape(-1) for array in arrays])
        dims = [work.trace.grid.fit(column) for column in columns.T.tolist()]
        if all(dim is not None for dim in dims):
            return Sym(tuple(dim for dim in dims if dim is not None), form, arrays[0].dtype)
    return _uniform(work, arrays, form.shapes)


def _uniform(work: Work, arrays: tuple[Array, ...], shapes: Shapes) -> Lit | None:
    """A literal that is the same along every axis that varies (an initial state of zeros)."""
    axes = [axis for axis in range(len(shapes[0])) if len({shape[axis] for shape in shapes}) > 1]
    firsts = []
    for array in arrays:
        one = array
        for axis in axes:
            if not one.shape[axis]:
                return None
            first = np.take(one, [0], axis)
            if not np.array_equal(np.broadcast_to(first, one.shape), one):
                return None
            one = first
        firsts.append(one)
    batch = work.trace.grid.batch_of(shapes)
    lazy = frozenset(axes) - ({batch.axis} if batch is not None else set())
    carried = [a for a in lazy if work.trace.grid.carries_batch(tuple(shape[a] for shape in shapes))]
    if carried or any(not np.array_equal(one, firsts[0]) for one in firsts):
        return None
    return Lit(firsts[0], Form(shapes, batch), lazy)


def _place(work: Work, node: ir.Node) -> list[Expr]:
    reads = {value: expr_of(work, value) for value in read_by(node)}
    forms = [work.form(value) for value in node.outputs if value.name]
    if any(isinstance(expr, Opaque) or not expr.form.shapes for expr in reads.values()) or None in forms:
        return _opaque(work, node, reads)
    shapes = [form for form in forms if form is not None]
    side = merge(frozenset[Side]().union(*(sides_of(expr) for expr in reads.values())))
    try:
        proof = _proof(work, node, [form.shapes for form in shapes])
    except NotRowwise as error:
        return _unproven(work, node, reads, shapes, side, str(error))
    proven = [Form(form.shapes, batch) for form, batch in zip(shapes, proof[0], strict=True)]
    pushed = rules.apply(work, node, proven)
    if pushed is not None:
        return pushed
    if side != "cross":
        made = placing.same_side(work, node, proven, side)
        if made is not None:
            work.notes.proven[f"{node.op_type} {node.outputs[0].name}"] = proof[1]
            return made
    return placing.crossed(work, node, proven)


def _proof(work: Work, node: ir.Node, shapes: list[Shapes]) -> tuple[tuple[Batch | None, ...], str]:
    operands = [None if value is None else _operand(expr_of(work, value)) for value in node.inputs]
    if len(read_by(node)) != len({value for value in node.inputs if value is not None}):
        raise NotRowwise(f"{node.op_type} runs a graph of its own")
    return prove(Case(node, tuple(operands), tuple(shapes), work.opset))


def _operand(expr: Expr) -> Operand:
    return Operand(expr.form, expr.array if isinstance(expr, Lit) else None)


def _unproven(
    work: Work, node: ir.Node, reads: Mapping[ir.Value, Expr], forms: list[Form], side: Side, reason: str
) -> list[Expr]:
    work.notes.refused[f"{node.op_type} {node.outputs[0].name}"] = reason
    if side != "cross" and any(sides_of(expr) for expr in reads.values()):
        return _opaque(work, node, reads)
    return placing.crossed(work, node, [Form(form.shapes, form.batch) for form in forms], proven=False)


def _opaque(work: Work, node: ir.Node, reads: Mapping[ir.Value, Expr]) -> list[Expr]:
    """A node of one side without a proof: trusted after its trial, else placed where it is asked for."""
    sides = frozenset[Side]().union(*(sides_of(expr) for expr in reads.values()))
    if len(sides) != 1 or "cross" in sides:
        return placing.crossed_opaque(work, node)
    side = next(iter(sides))
    found: list[Expr] = []
    for value in (value for value in node.outputs if value.name):
        form = work.form(value) or placing.NOWHERE
        expr: Expr = Opaque(value, side, form)
        if value.name in work.trusted:
            work.exprs[value] = expr
            made = placing.opaque_value(work, value, side)
            work.dtypes[made] = work.trace.dtypes[value.name or ""]
            expr = Leaf(side, made, form)
            work.notes.dynamic[f"{node.op_type} {value.name}"] = "its rows passed the trial: single and permuted rows"
        found.append(expr)
    return found
