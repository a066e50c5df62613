"""Proves, op by op, that a node treats the rows of a batch independently.

Only nodes that are computed once per user or stored per item need a proof; the table gives one per op, as a sentence
and a check of the axes involved. What is not here, or fails its check, is not wrong: it stays in the cross graph, or
has to pass a trial of its own (see `regions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.graph.forms import Batch, Form, Shapes, around
from ranklet.graph.records import Array


class NotRowwise(Exception):
    """The node mixes rows, or cannot be shown not to."""


@dataclass(frozen=True)
class Operand:
    """An input of the node. literal: its contents where they are known when the model is built."""

    form: Form
    literal: Array | None = None

    @property
    def batch(self) -> Batch | None:
        return self.form.batch


@dataclass(frozen=True)
class Case:
    """A node to be proven. outputs: traced shapes. opset: of the node's domain."""

    node: ir.Node
    operands: tuple[Operand | None, ...]
    outputs: tuple[Shapes, ...]
    opset: int

    @property
    def first(self) -> Operand:
        return self.need(0)

    def need(self, place: int) -> Operand:
        operand = self.operands[place] if place < len(self.operands) else None
        if operand is None:
            raise NotRowwise(f"input {place} is absent")
        return operand

    def literal(self, place: int) -> Array | None:
        """Contents of an input that is absent (None) or known; raises NotRowwise for data."""
        operand = self.operands[place] if place < len(self.operands) else None
        if operand is not None and operand.literal is None:
            raise NotRowwise(f"input {place} is computed from data")
        return None if operand is None else operand.literal

    def integer(self, name: str, default: int) -> int:
        return self.node.attributes.get_int(name, default)

    def axis(self, default: int, rank: int) -> int:
        return self.integer("axis", default) % rank

    def listed(self, name: str, place: int) -> list[int] | None:
        """Axes that older opsets hold in an attribute and newer ones in an input."""
        if name in self.node.attributes:
            return [int(n) for n in self.node.attributes[name].as_ints()]
        found = self.literal(place)
        return None if found is None else [int(n) for n in found.ravel()]


Check = Callable[[Case], Batch | None]


def prove(case: Case) -> tuple[tuple[Batch | None, ...], str]:
    """Where the batch lies in every output, and why rows do not mix. Raises NotRowwise."""
    node = case.node
    if node.domain not in ("", "ai.onnx") or node.op_type not in ROWWISE:
        raise NotRowwise(f"{node.op_type} is not in the table of row-wise ops")
    if all(operand is None or operand.batch is None for operand in case.operands) and node.op_type != "Expand":
        return (None,) * len(case.outputs), "no operand has a batch"
    check, reason = ROWWISE[node.op_type]
    batches = tuple(check(_output(case, place)) for place in range(len(case.outputs)))
    for batch, shapes in zip(batches, case.outputs, strict=True):
        if batch is not None and not (0 <= batch.axis < len(shapes[0])):
            raise NotRowwise("the batch leaves the value")
    return batches, reason


def _output(case: Case, place: int) -> Case:
    """The case of one output: it is put first."""
    outputs = (case.outputs[place], *case.outputs[:place], *case.outputs[place + 1 :])
    return Case(case.node, case.operands, outputs, case.opset)


def same(case: Case) -> Batch | None:
    """Element by element over one operand."""
    return case.first.batch


def broadcast(case: Case) -> Batch | None:
    """Element by element over operands aligned at their last axes."""
    rank = len(case.outputs[0][0])
    found: set[Batch] = set()
    for operand in case.operands:
        if operand is not None and operand.batch is not None:
            found.add(operand.batch.at(operand.batch.axis + rank - operand.form.rank))
    if len(found) != 1:
        raise NotRowwise("operands carry the batch in different axes")
    batch = found.pop()
    for operand in case.operands:
        if operand is not None and operand.batch is None:
            axis = batch.axis - rank + operand.form.rank
            if axis >= 0 and set(operand.form.sizes(axis)) != {1}:
                raise NotRowwise("an operand without batch spans the batch axis")
    return batch


def matmul(case: Case) -> Batch | None:
    left, right = case.first, case.need(1)
    rank = len(case.outputs[0][0])
    if min(left.form.rank, right.form.rank) < 2:
        if right.form.rank == 1 and right.batch is None and _ahead(left, left.form.rank - 1):
            return left.batch
        raise NotRowwise("a vector operand carries the batch")
    found = set()
    if left.batch is not None:
        if left.batch.axis == left.form.rank - 1:
            raise NotRowwise("the batch is summed over")
        found.add(left.batch.at(left.batch.axis + rank - left.form.rank))
    if right.batch is not None:
        if right.batch.axis == right.form.rank - 2:
            raise NotRowwise("the batch is summed over")
        found.add(right.batch.at(right.batch.axis + rank - right.form.rank))
    if len(found) != 1:
        raise NotRowwise("every row meets every row")
    batch = found.pop()
    if left.batch is not None and right.batch is not None and batch.axis >= rank - 2:
        raise NotRowwise("every row meets every row")
    return batch


def _ahead(operand: Operand, axis: int) -> bool:
    """The batch lies before the axis."""
    return operand.batch is not None and operand.batch.axis < axis


def gemm(case: Case) -> Batch | None:
    turned = case.integer("transA", 0)
    if case.need(1).batch is not None or case.first.batch is None or case.first.batch.axis != (1 if turned else 0):
        raise NotRowwise("the batch is not the rows of A alone")
    batch = case.first.batch.at(0)
    bias = case.operands[2] if len(case.operands) > 2 else None
    if bias is not None:
        inner = bias.batch.at(bias.batch.axis + 2 - bias.form.rank) if bias.batch is not None else None
        if inner not in (None, batch):
            raise NotRowwise("the bias carries the batch elsewhere")
        if inner is None and bias.form.rank == 2 and set(bias.form.sizes(0)) != {1}:
            raise NotRowwise("the bias differs from row to row")
    return batch


def reduction(case: Case) -> Batch | None:
    operand = case.first
    rank, batch = operand.form.rank, operand.batch
    assert batch is not None
    axes = case.listed("axes", 1)
    if not axes:
        if case.integer("noop_with_empty_axes", 0):
            return batch
        raise NotRowwise("it reduces over all axes")
    return _dropped(batch, {axis % rank for axis in axes}, keep=bool(case.integer("keepdims", 1)))


def arg_reduction(case: Case) -> Batch | None:
    assert case.first.batch is not None
    axis = case.axis(0, case.first.form.rank)
    return _dropped(case.first.batch, {axis}, keep=bool(case.integer("keepdims", 1)))


def _dropped(batch: Batch, axes: set[int], *, keep: bool) -> Batch:
    if batch.axis in axes:
        raise NotRowwise("it reduces over the batch")
    return batch if keep else batch.at(batch.axis - sum(axis < batch.axis for axis in axes))


def softmax(case: Case) -> Batch | None:
    rank = case.first.form.rank
    axis = case.axis(-1 if case.opset >= 13 else 1, rank)
    assert case.first.batch is not None
    inside = case.first.batch.axis == axis if case.opset >= 13 else case.first.batch.axis >= axis
    if inside:
        raise NotRowwise("it normalises over the batch")
    return case.first.batch


def along(default: int) -> Check:
    """Works along one axis, an attribute."""

    def check(case: Case) -> Batch | None:
        batch = broadcast(case) if case.node.op_type == "GatherElements" else case.first.batch
        if batch is None or case.axis(default, case.first.form.rank) == batch.axis:
            raise NotRowwise("it works along the batch")
        return batch

    return check


def cumsum(case: Case) -> Batch | None:
    axis = case.literal(1)
    assert axis is not None
    if case.first.batch is None or int(axis.item()) % case.first.form.rank == case.first.batch.axis:
        raise NotRowwise("it accumulates over the batch")
    return case.first.batch


def layer_norm(case: Case) -> Batch | None:
    axis = case.axis(-1, case.first.form.rank)
    if not _ahead(case.first, axis) or any(o is not None and o.batch is not None for o in case.operands[1:]):
        raise NotRowwise("it normalises over the batch")
    return case.first.batch


def batch_norm(case: Case) -> Batch | None:
    if case.integer("training_mode", 0) or len(case.outputs) > 1:
        raise NotRowwise("batch statistics: exported in training mode")
    if case.first.batch is None or case.first.batch.axis == 1:
        raise NotRowwise("the batch is the channel")
    for place in range(1, 5):
        case.literal(place)
    return case.first.batch


def leading(case: Case) -> Batch | None:
    """The batch is axis 0 of the first operand, as the op's definition has it; the others carry none."""
    if any(o is not None and o.batch is not None for o in case.operands[1:]):
        raise NotRowwise("a parameter carries the batch")
    if case.first.batch is None or case.first.batch.axis != 0:
        raise NotRowwise("the batch is not the first axis")
    return case.first.batch


def all_leading(case: Case) -> Batch | None:
    batches = {o.batch for o in case.operands if o is not None and o.batch is not None}
    if len(batches) != 1 or case.first.batch is None or case.first.batch.axis != 0 or not case.first.batch.plain:
        raise NotRowwise("the batch is not the first axis of all operands")
    return case.first.batch


def dropout(case: Case) -> Batch | None:
    training = case.literal(2) if len(case.operands) > 2 and case.operands[2] is not None else None
    if training is not None and bool(training):
        raise NotRowwise("dropout was left on")
    return case.first.batch


def concat(case: Case) -> Batch | None:
    batches = {operand.batch for operand in case.operands if operand is not None}
    batch = next(iter(batches))
    if len(batches) != 1 or batch is None:
        raise NotRowwise("parts carry the batch in different axes")
    if case.axis(0, case.first.form.rank) == batch.axis:
        raise NotRowwise("it joins along the batch")
    return batch


def split(case: Case) -> Batch | None:
    if case.first.batch is None or case.axis(0, case.first.form.rank) == case.first.batch.axis:
        raise NotRowwise("it splits the batch")
    return case.first.batch


def slices(case: Case) -> Batch | None:
    rank, batch = case.first.form.rank, case.first.batch
    starts = case.listed("starts", 1)
    axes = case.listed("axes", 3) or list(range(len(starts or [])))
    if batch is None or batch.axis in {axis % rank for axis in axes}:
        raise NotRowwise("it slices the batch")
    return batch


def gather(case: Case) -> Batch | None:
    data, ids = case.first, case.need(1)
    axis = case.axis(0, data.form.rank)
    if data.batch is None and ids.batch is not None:
        return ids.batch.at(ids.batch.axis + axis)
    if data.batch is None or ids.batch is not None:
        raise NotRowwise("rows choose among rows")
    if data.batch.axis == axis:
        raise NotRowwise("it picks rows by position")
    return data.batch if data.batch.axis < axis else data.batch.at(data.batch.axis + ids.form.rank - 1)


def gather_nd(case: Case) -> Batch | None:
    data, ids = case.first, case.need(1)
    shared = case.integer("batch_dims", 0)
    if data.batch is None and ids.batch is not None and shared <= ids.batch.axis < ids.form.rank - 1:
        return ids.batch
    if data.batch is not None and data.batch == ids.batch and data.batch.axis < shared:
        return data.batch
    depth = ids.form.fixed(ids.form.rank - 1)
    if data.batch is not None and ids.batch is None and not shared and depth is not None and data.batch.axis >= depth:
        return data.batch.at(data.batch.axis - depth + ids.form.rank - 1)
    raise NotRowwise("rows choose among rows")


def one_hot(case: Case) -> Batch | None:
    batch = case.first.batch
    if batch is None or any(o is not None and o.batch is not None for o in case.operands[1:]):
        raise NotRowwise("depth or values carry the batch")
    axis = case.axis(-1, case.first.form.rank + 1)
    return batch.at(batch.axis + (axis <= batch.axis))


def transpose(case: Case) -> Batch | None:
    rank = case.first.form.rank
    attribute = case.node.attributes.get("perm")
    perm = list(attribute.as_ints()) if attribute is not None else list(range(rank))[::-1]
    assert case.first.batch is not None
    return case.first.batch.at(perm.index(case.first.batch.axis))


def reshape(case: Case) -> Batch | None:
    """Follows the batch as a factor of the row-major order: what lies before and after it must stay the same."""
    form, batch = case.first.form, case.first.batch
    assert batch is not None
    candidates = [_landed(form, batch, case.outputs[0], axis) for axis in range(len(case.outputs[0][0]))]
    found = [candidate for candidate in candidates if candidate is not None]
    if len(found) > 1:  # an axis of size 1 beside the batch fits only where the batch itself is 1; prefer the plain one
        found = [candidate for candidate in found if candidate.plain]
    if len(found) != 1:
        raise NotRowwise("the batch is torn apart")
    return found[0]


def _landed(form: Form, batch: Batch, out: Shapes, axis: int) -> Batch | None:
    outer, inner = [], []
    for point, (shape, target) in enumerate(zip(form.shapes, out, strict=True)):
        before, after = around(shape, batch.axis)
        rows = shape[batch.axis] // (batch.outer[point] * batch.inner[point])
        ahead, behind = around(target, axis)
        if not ahead or not behind or not rows:
            return None
        o, rest = divmod(before * batch.outer[point], ahead)
        i, left = divmod(batch.inner[point] * after, behind)
        if rest or left or o * rows * i != target[axis]:
            return None
        outer.append(o)
        inner.append(i)
    return Batch(axis, tuple(outer), tuple(inner))


def expand(case: Case) -> Batch | None:
    operand = case.first
    if operand.batch is None:
        raise NotRowwise("it makes rows out of a value without batch")
    return operand.batch.at(operand.batch.axis + len(case.outputs[0][0]) - operand.form.rank)


def tile(case: Case) -> Batch | None:
    repeats = case.literal(1)
    if repeats is None or case.first.batch is None or int(repeats[case.first.batch.axis]) != 1:
        raise NotRowwise("it repeats the batch")
    return case.first.batch


def pad(case: Case) -> Batch | None:
    rank, batch = case.first.form.rank, case.first.batch
    pads = case.listed("pads", 1)
    if pads is None or batch is None or (len(case.operands) > 3 and case.operands[3] is not None):
        raise NotRowwise("its widths are computed")
    if pads[batch.axis] or pads[batch.axis + rank]:
        raise NotRowwise("it pads the batch")
    return batch


def trilu(case: Case) -> Batch | None:
    if not _ahead(case.first, case.first.form.rank - 2):
        raise NotRowwise("the batch is one side of the triangle")
    return case.first.batch


def einsum(case: Case) -> Batch | None:
    text = case.node.attributes["equation"].as_string().replace(" ", "")
    if "->" not in text or "." in text:
        raise NotRowwise("implicit output or ellipsis")
    terms, out = text.split("->")
    letters = {
        term[operand.batch.axis]: operand.batch
        for term, operand in zip(terms.split(","), case.operands, strict=True)
        if operand is not None and operand.batch is not None
    }
    if len(letters) != 1:
        raise NotRowwise("operands carry the batch under different letters")
    letter, batch = letters.popitem()
    for term, operand in zip(terms.split(","), case.operands, strict=True):
        if letter in term and (operand is None or operand.batch is None or term.count(letter) > 1):
            raise NotRowwise("an operand without batch spans the batch axis")
    if out.count(letter) != 1 or not batch.plain:
        raise NotRowwise("the batch is summed over")
    return batch.at(out.index(letter))


def recurrent(case: Case) -> Batch | None:
    """[time, batch, features] by definition, unless layout says otherwise; weights are shared by all rows."""
    if case.integer("layout", 0) or case.first.batch is None or case.first.batch.axis != 1:
        raise NotRowwise("the batch is not the second axis")
    for place in (1, 2, 3):
        if place < len(case.operands) and (operand := case.operands[place]) is not None and operand.batch is not None:
            raise NotRowwise("weights carry the batch")
    for place, axis in ((4, 0), (5, 1), (6, 1)):
        operand = case.operands[place] if place < len(case.operands) else None
        if operand is not None and operand.batch != case.first.batch.at(axis):
            raise NotRowwise("a state does not carry the batch")
    return case.first.batch.at(len(case.outputs[0][0]) - 2)


UNARY = [
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitwiseNot",
    "Cast",
    "Ceil",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
]

NARY = [
    "Add",
    "And",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Clip",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
]

ELEMENTWISE = frozenset((*UNARY, *NARY))

REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]

ROWWISE: Mapping[str, tuple[Check, str]] = {
    **dict.fromkeys(UNARY, (same, "acts on every element alone")),
    **dict.fromkeys(NARY, (broadcast, "acts on every element alone, operands aligned by broadcasting")),
    **dict.fromkeys(REDUCTIONS, (reduction, "reduces over axes that are not the batch")),
    "ArgMax": (arg_reduction, "reduces over an axis that is not the batch"),
    "ArgMin": (arg_reduction, "reduces over an axis that is not the batch"),
    "Attention": (all_leading, "every row of the first axis attends to itself only"),
    "AveragePool": (leading, "pools inside each row"),
    "BatchNormalization": (batch_norm, "inference: a fixed scale and shift per channel"),
    "Concat": (concat, "joins features of the same row"),
    "Conv": (leading, "slides over the inside of each row"),
    "CumSum": (cumsum, "accumulates along an axis that is not the batch"),
    "Dropout": (dropout, "inference: the identity"),
    "Einsum": (einsum, "the batch letter is in every operand with rows and in the output"),
    "Expand": (expand, "repeats a row's elements"),
    "Flatten": (reshape, "keeps the row-major order around the batch"),
    "Gather": (gather, "each row looks up a shared table, or the same positions of its own"),
    "GatherElements": (along(0), "each row picks among its own elements"),
    "GatherND": (gather_nd, "each row looks up a shared table, or the same positions of its own"),
    "Gemm": (gemm, "each row of A meets a shared matrix"),
    "GlobalAveragePool": (leading, "pools inside each row"),
    "GlobalMaxPool": (leading, "pools inside each row"),
    "GRU": (recurrent, "the batch axis of a recurrence holds independent sequences"),
    "Hardmax": (softmax, "normalises an axis that is not the batch"),
    "InstanceNormalization": (leading, "normalises inside each row"),
    "LSTM": (recurrent, "the batch axis of a recurrence holds independent sequences"),
    "LayerNormalization": (layer_norm, "normalises axes behind the batch"),
    "LogSoftmax": (softmax, "normalises an axis that is not the batch"),
    "LpNormalization": (along(-1), "normalises an axis that is not the batch"),
    "MatMul": (matmul, "the batch is not summed over and meets itself only row by row"),
    "MaxPool": (leading, "pools inside each row"),
    "OneHot": (one_hot, "expands every id alone"),
    "Pad": (pad, "pads axes that are not the batch"),
    "RMSNormalization": (layer_norm, "normalises axes behind the batch"),
    "RNN": (recurrent, "the batch axis of a recurrence holds independent sequences"),
    "Reshape": (reshape, "keeps the row-major order around the batch"),
    "Slice": (slices, "cuts axes that are not the batch"),
    "Softmax": (softmax, "normalises an axis that is not the batch"),
    "Split": (split, "splits features of the same row"),
    "Squeeze": (reshape, "keeps the row-major order around the batch"),
    "Tile": (tile, "repeats a row's elements"),
    "TopK": (along(-1), "sorts along an axis that is not the batch"),
    "Transpose": (transpose, "moves axes as wholes"),
    "Trilu": (trilu, "masks inside each row"),
    "Unsqueeze": (reshape, "keeps the row-major order around the batch"),
}


def finite(array: Array) -> bool:
    """Whether a literal can be folded into weights."""
    return array.dtype.kind == "f" and bool(np.isfinite(array).all())
