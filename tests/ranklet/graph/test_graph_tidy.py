"""What is written anew for onnxruntime gives the same numbers, and only where the shapes allow it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from graph_hand import Net, ops
from onnx import TensorProto, helper

from ranklet.graph.records import Piece
from ranklet.graph.running import Runner
from ranklet.graph.tidy import tidy


def piece(net: Net, *outputs: str) -> Piece:
    return Piece(net.bytes(*outputs), (), ())


def attention(net: Net) -> str:
    h = net.input("x", ["n", 6, 4])
    for width, out in ((4, 5), (5, 1)):
        h = net.op("Relu", net.op("Add", net.op("MatMul", h, net.weight(width, out)), net.weight(out)))
    return str(h)


def layer_of_products(net: Net) -> str:
    flat = net.op("Gemm", net.input("x", ["n", 4]), net.weight(4, 12), net.weight(12))
    return str(net.op("Relu", net.op("Reshape", flat, net.const(np.array([-1, 3, 4])))))


def dot(net: Net) -> str:
    product = net.op("Mul", net.input("x", ["n", 4]), net.input("u", [1, 4]))
    return str(net.op("Sigmoid", net.op("ReduceSum", product, net.const(np.array([1])), keepdims=0)))


def dot_kept(net: Net) -> str:
    product = net.op("Mul", net.input("u", [1, 4]), net.input("x", ["n", 4]))
    return str(net.op("ReduceSum", product, net.const(np.array([-1])), keepdims=1))


def shifted(net: Net) -> str:
    return str(net.op("Sub", net.const(np.array([2.5])), net.input("x", ["n", 6, 1])))


CASES: list[tuple[Callable[[Net], str], list[str]]] = [
    (attention, ["Reshape", "Gemm", "Relu", "Reshape", "Reshape", "Gemm", "Relu", "Reshape"]),
    (layer_of_products, ["Gemm", "Relu", "Reshape"]),
    (dot, ["Gemm", "Sigmoid", "Reshape"]),
    (dot_kept, ["Gemm", "Reshape"]),
    (shifted, ["Sub"]),
]


@pytest.mark.parametrize(("build", "wanted"), CASES, ids=[case[0].__name__ for case in CASES])
def test_same_numbers_from_the_expected_nodes(build: Callable[[Net], str], wanted: list[str]) -> None:
    net = Net()
    before = piece(net, build(net))
    after = tidy(before)
    assert ops(after) == wanted
    random = np.random.default_rng(1)
    for rows in (1, 2, 7):
        shapes = {"x": (rows, *(d for d in _shape(before, "x")[1:])), "u": (1, 4)}
        feeds = {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}
        for one, other in zip(
            Runner(before.content).run(feeds).values(), Runner(after.content).run(feeds).values(), strict=True
        ):
            assert one.shape == other.shape
            np.testing.assert_allclose(other, one, atol=1e-6)


def _shape(found: Piece, name: str) -> list[int]:
    ends = onnx.load_from_string(found.content).graph.input
    return [d.dim_value for d in next(e for e in ends if e.name == name).type.tensor_type.shape.dim]


def read_twice(net: Net) -> str:
    h = net.op("MatMul", net.input("x", ["n", 6, 4]), net.weight(4, 5))
    return str(net.op("Mul", net.op("Add", h, net.weight(5)), h))


def unknown_length(net: Net) -> str:
    return str(net.op("Add", net.op("MatMul", net.input("x", ["n", "l", 4]), net.weight(4, 5)), net.weight(5)))


def both_of_many_rows(net: Net) -> str:
    product = net.op("Mul", net.input("x", ["n", 4]), net.input("u", ["n", 4]))
    return str(net.op("ReduceSum", product, net.const(np.array([1])), keepdims=0))


def over_the_rows(net: Net) -> str:
    product = net.op("Mul", net.input("x", ["n", 4]), net.input("u", [1, 4]))
    return str(net.op("ReduceSum", product, net.const(np.array([0])), keepdims=0))


@pytest.mark.parametrize("build", [read_twice, unknown_length, both_of_many_rows, over_the_rows])
def test_what_does_not_fit_stays_as_it_was(build: Callable[[Net], str]) -> None:
    net = Net()
    before = piece(net, build(net))
    assert ops(tidy(before)) == ops(before)


def test_an_output_is_not_taken_away() -> None:
    net = Net()
    h = net.op("MatMul", net.input("x", ["n", 6, 4]), net.weight(4, 5))
    before = piece(net, h, net.op("Add", h, net.weight(5)))
    assert ops(tidy(before)) == ["MatMul", "Add"]


def test_what_a_body_reads_is_left_alone() -> None:
    net = Net()
    h = net.op("MatMul", net.input("x", ["n", 6, 4]), net.weight(4, 5))
    out = net.op("Add", h, net.weight(5))
    end = helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)
    body = helper.make_graph([helper.make_node("Neg", [h], ["inner"])], "body", [], [end])
    chosen = net.op("If", net.const(np.array(True)), then_branch=body, else_branch=body)
    before = piece(net, net.op("Mul", out, chosen))
    after = tidy(before)
    feeds = {"x": np.ones((2, 6, 4), np.float32)}
    assert ops(after) == ops(before)
    for one, other in zip(
        Runner(before.content).run(feeds).values(), Runner(after.content).run(feeds).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
