"""The last cross layer before a score is made of the item's columns and one vector of the user's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from graph_hand import Net, accepted, ops, three

from ranklet.graph.records import Piece
from ranklet.graph.running import Runner
from ranklet.graph.tidy import tidy

USER, ITEM = 6, 3
WIDTH = USER + ITEM


def crossed(net: Net, x0: str, x: str, *, layer: str = "Gemm", turned: bool = False) -> str:
    """x₀ ∘ (W·x + b) + x."""
    if layer == "Gemm":
        square = net.op("Gemm", x, net.weight(WIDTH, WIDTH), net.weight(WIDTH), transB=int(turned))
    else:
        square = net.op("Add", net.op("MatMul", x, net.weight(WIDTH, WIDTH)), net.weight(WIDTH))
    return str(net.op("Add", net.op("Mul", *((square, x0) if turned else (x0, square))), x))


def dcn(net: Net, *, outputs: int = 1, item_first: bool = False, **how: object) -> str:
    """As it is once a split has left it: the user's row expanded, the item's rows beside it."""
    u, i = net.input("u", [1, USER]), net.input("i", ["n", ITEM])
    shape = net.op("Concat", net.op("Slice", net.op("Shape", i), *(net.const(np.array([k])) for k in (0, 1))),
                   net.const(np.array([USER])), axis=0)  # fmt: skip
    wide = net.op("Expand", u, shape)
    x0 = net.op("Concat", *((i, wide) if item_first else (wide, i)), axis=1)
    x = crossed(net, x0, crossed(net, x0, x0, **how), **how)  # type: ignore[arg-type]
    deep = net.op("Relu", net.dense(x0, WIDTH, 4))
    return str(net.op("Sigmoid", net.dense(net.op("Concat", x, deep, axis=1), WIDTH + 4, outputs)))


def equal(content: bytes) -> Piece:
    before = Piece(content, (), ())
    after = tidy(before)
    random = np.random.default_rng(1)
    for rows in (1, 2, 9):
        feeds = {
            "u": random.standard_normal((1, USER), np.float32),
            "i": random.standard_normal((rows, ITEM), np.float32),
        }
        one, other = (next(iter(Runner(p.content).run(feeds).values())) for p in (before, after))
        assert one.shape == other.shape
        np.testing.assert_allclose(other, one, atol=2e-6)
    return after


def squares(piece: Piece) -> int:
    """How many layers from all columns to all columns are left."""
    model = onnx.load_from_string(piece.content)
    read = [name for node in model.graph.node if node.op_type in ("Gemm", "MatMul") for name in node.input]
    return sum(list(tensor.dims) == [WIDTH, WIDTH] and tensor.name in read for tensor in model.graph.initializer)


@pytest.mark.parametrize("how", [{}, {"turned": True}, {"layer": "MatMul"}], ids=["gemm", "turned", "matmul"])
@pytest.mark.parametrize("item_first", [False, True])
def test_last_square_layer_goes(how: dict[str, object], item_first: bool) -> None:
    net = Net()
    assert squares(equal(net.bytes(dcn(net, item_first=item_first, **how)))) == 1


def test_several_outputs_share_what_is_left() -> None:
    net = Net()
    assert squares(equal(net.bytes(dcn(net, outputs=3)))) == 1


def test_a_wide_layer_behind_it_needs_all_columns() -> None:
    net = Net()
    assert squares(equal(net.bytes(dcn(net, outputs=8)))) == 2


def test_what_something_else_reads_is_not_taken_apart() -> None:
    net = Net()
    u, i = net.input("u", [1, USER]), net.input("i", ["n", ITEM])
    shape = net.op("Concat", net.op("Slice", net.op("Shape", i), *(net.const(np.array([k])) for k in (0, 1))),
                   net.const(np.array([USER])), axis=0)  # fmt: skip
    x0 = net.op("Concat", net.op("Expand", u, shape), i, axis=1)
    x = crossed(net, x0, x0)
    score = net.op("Mul", net.dense(x, WIDTH, 1), net.op("ReduceMax", x, net.const(np.array([1])), keepdims=1))
    assert squares(equal(net.bytes(score))) == 1


def test_row_that_is_repeated_along_its_columns_too_is_no_row() -> None:
    net = Net()
    u, i = net.input("u", [1, 1]), net.input("i", ["n", ITEM])
    rows = net.op("Slice", net.op("Shape", i), *(net.const(np.array([k])) for k in (0, 1)))
    wide = net.op("Expand", u, net.op("Concat", rows, net.const(np.array([USER])), axis=0))
    x0 = net.op("Concat", wide, i, axis=1)
    content = net.bytes(net.dense(crossed(net, x0, x0), WIDTH, 1))
    before, after = Piece(content, (), ()), tidy(Piece(content, (), ()))
    feeds = {"u": np.full((1, 1), 0.7, np.float32), "i": np.ones((4, ITEM), np.float32)}
    one, other = (next(iter(Runner(p.content).run(feeds).values())) for p in (before, after))
    np.testing.assert_allclose(other, one, atol=2e-6)


@pytest.mark.parametrize("variant", ["A", "B"])
def test_split_of_a_dcn_with_it_is_accepted(variant: str) -> None:
    net = Net()
    x0 = net.op("Concat", net.input("u", ["n", USER]), net.input("i", ["n", ITEM]), axis=1)
    x = crossed(net, x0, crossed(net, x0, x0))
    content = net.bytes(net.op("Sigmoid", net.dense(x, WIDTH, 1)))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides, variant)  # type: ignore[arg-type]
    narrowed = replace(found, cross=tidy(found.cross))
    assert squares(found.cross) == 1 and squares(narrowed.cross) == 0
    assert accepted(content, sides, narrowed).worst <= 1e-5
    assert "MatMul" in ops(narrowed.cross)
