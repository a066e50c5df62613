"""The table of row-wise ops: what it proves, and that it refuses what mixes rows."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from ranklet.graph.forms import Batch, Form, plain
from ranklet.graph.rowwise import ROWWISE, Case, NotRowwise, Operand, prove

POINTS = (3, 5, 7)


def value(*dims: int | str, axis: int | None = None) -> Operand:
    """`b` stands for the batch."""
    shapes = tuple(tuple(b if dim == "b" else int(dim) for dim in dims) for b in POINTS)
    where = axis if axis is not None else next((a for a, dim in enumerate(dims) if dim == "b"), None)
    return Operand(Form(shapes, None if where is None else plain(where, 3)))


def literal(array: object) -> Operand:
    found = np.asarray(array)
    return Operand(Form((found.shape,) * 3, None), found)


def case(kind: str, operands: list[Operand | None], *out: int | str, opset: int = 18, **attributes: object) -> Case:
    node = ir.node(kind, [None if o is None else ir.Value(name=f"i{n}") for n, o in enumerate(operands)], attributes)  # type: ignore[arg-type]
    return Case(node, tuple(operands), (value(*out).form.shapes,), opset)


PROVEN = [
    (case("Add", [value("b", 4), value(4)], "b", 4), 0),
    (case("MatMul", [value("b", 4), literal(np.ones((4, 2)))], "b", 2), 0),
    (case("MatMul", [value("b", 3, 4), value("b", 4, 3)], "b", 3, 3), 0),
    (case("Gemm", [value("b", 4), literal(np.ones((4, 2)))], "b", 2), 0),
    (case("ReduceSum", [value("b", 4, 2), literal([1])], "b", 2, keepdims=0), 0),
    (case("ReduceSum", [value(4, "b", 2), literal([0])], "b", 2, keepdims=0), 0),
    (case("Softmax", [value("b", 4)], "b", 4, axis=-1), 0),
    (case("Concat", [value("b", 4), value("b", 2)], "b", 6, axis=1), 0),
    (case("Gather", [literal(np.ones((9, 2))), value("b", 3)], "b", 3, 2, axis=0), 0),
    (case("Gather", [value("b", 4), literal([1, 3])], "b", 2, axis=1), 0),
    (case("Gather", [value(4, "b"), literal([[1], [3]])], 2, 1, "b", axis=0), 2),
    (case("Transpose", [value("b", 4, 2)], 2, "b", 4, perm=[2, 0, 1]), 1),
    (case("Einsum", [value("b", 2), value("b", 3)], "b", 2, 3, equation="bi,bj->bij"), 0),
    (case("GRU", [value(6, "b", 2), value(1, 9, 2), value(1, 9, 3)], 6, 1, "b", 3), 2),
    (case("OneHot", [value("b"), literal(5), literal([0, 1])], "b", 5), 0),
    (case("Unsqueeze", [value("b", 4), literal([0])], 1, "b", 4), 1),
]

REFUSED = [
    (case("MatMul", [value(2, "b"), value("b", 3)], 2, 3), "summed over"),
    (case("MatMul", [value("b", 4), value(4, "b")], "b", "b"), "every row meets every row"),
    (case("ReduceSum", [value("b", 4), literal([0])], 1, 4), "reduces over the batch"),
    (case("ReduceSum", [value("b", 4)], 1, 1), "all axes"),
    (case("Softmax", [value("b", 4)], "b", 4, axis=0), "over the batch"),
    (case("Softmax", [value(4, "b")], 4, "b", opset=11, axis=0), "over the batch"),
    (case("Concat", [value("b", 4), value("b", 4)], "b", 4, axis=0), "joins along the batch"),
    (case("Gather", [value("b", 4), literal([0])], 1, 4, axis=0), "by position"),
    (case("Gather", [value("b", 4), value("b")], "b", 4, axis=0), "rows choose among rows"),
    (case("CumSum", [value("b", 4), literal(0)], "b", 4), "accumulates over the batch"),
    (case("Slice", [value("b", 4), literal([0]), literal([2]), literal([0])], 2, 4), "slices the batch"),
    (case("Dropout", [value("b", 4), literal(0.5), literal(True)], "b", 4), "left on"),
    (case("BatchNormalization", [value("b", 4)] + [literal(np.ones(4))] * 4, "b", 4, training_mode=1), "training"),
    (case("Add", [value("b", 4), value(4, "b")], "b", 4), "different axes"),
    (case("LayerNormalization", [value("b", 4), literal(np.ones(4))], "b", 4, axis=0), "over the batch"),
    (case("NonZero", [value("b", 4)], 2, "b"), "not in the table"),
    (case("Tile", [value("b", 4), literal([2, 1])], "b", 4), "repeats the batch"),
]


def name(found: object) -> str:
    return found.node.op_type if isinstance(found, Case) else str(found)


@pytest.mark.parametrize(("given", "axis"), PROVEN, ids=name)
def test_proof_says_where_the_batch_is(given, axis):
    batches, reason = prove(given)
    assert batches[0] is not None and batches[0].axis == axis and batches[0].plain
    assert reason


@pytest.mark.parametrize(("given", "why"), REFUSED, ids=name)
def test_what_mixes_rows_is_refused(given, why):
    with pytest.raises(NotRowwise, match=why):
        prove(given)


def test_reshape_follows_the_batch_as_a_factor():
    folded = tuple((b * 6, 4) for b in POINTS)
    given = case("Reshape", [value("b", 6, 4), literal([-1, 4])], "b", 4)
    batches, _ = prove(Case(given.node, given.operands, (folded,), 18))
    assert batches == (Batch(0, (1, 1, 1), (6, 6, 6)),)


def test_reshape_that_tears_the_batch_apart_is_refused():
    with pytest.raises(NotRowwise, match="torn apart"):
        prove(case("Reshape", [value("b", 4), literal([4, -1])], 4, "b"))


def test_every_op_has_a_sentence():
    assert len(ROWWISE) > 45
    assert all(reason and reason[0].islower() for _, reason in ROWWISE.values())
