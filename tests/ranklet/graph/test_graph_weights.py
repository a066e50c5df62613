"""Weights that graphs share lie in one file, once; values of a row that are views of others lie where those do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from ranklet.graph.records import Field
from ranklet.graph.views import laid
from ranklet.graph.weights import shared


def graph(*weights: np.ndarray) -> bytes:
    """x [n, 16] through one product after another."""
    nodes, tensors, value = [], [], "x"
    for number, weight in enumerate(weights):
        tensors.append(numpy_helper.from_array(weight, f"w{number}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{number}"], [f"v{number}"]))
        value = f"v{number}"
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 16]) for name in ("x", value)]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())


def square(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((16, 16)).astype(np.float32)


def run(path: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.ones((3, 16), np.float32)})[0]


def test_graphs_compute_the_same_from_the_file_beside_them(tmp_path: Path) -> None:
    contents = [graph(square(1), square(2)), graph(square(2), square(1), square(3)), graph(square(4))]
    found, beside = shared(contents, "w.bin")
    assert len(beside) == 2 * 16 * 16 * 4  # the third's own stays in it, as the second's third does
    assert sum(map(len, found)) < sum(map(len, contents)) - 3 * 16 * 16 * 4
    (tmp_path / "w.bin").write_bytes(beside)
    for number, (before, after) in enumerate(zip(contents, found, strict=True)):
        (tmp_path / f"{number}.onnx").write_bytes(after)
        (tmp_path / f"{number}-before.onnx").write_bytes(before)
        np.testing.assert_array_equal(run(tmp_path / f"{number}.onnx"), run(tmp_path / f"{number}-before.onnx"))


def test_graphs_with_nothing_in_common_stay_as_they_are() -> None:
    contents = [graph(square(1)), graph(square(2))]
    assert shared(contents, "w.bin") == (contents, b"")


def test_equal_numbers_of_another_shape_are_another_weight() -> None:
    flat = square(1).reshape(8, 32)
    model = onnx.load_from_string(graph(square(1)))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(flat, "w0"))
    assert shared([graph(square(1)), model.SerializeToString()], "w.bin")[1] == b""


def items(*nodes: onnx.NodeProto) -> bytes:
    return bytes(helper.make_model(helper.make_graph(list(nodes), "item", [], [])).SerializeToString())


def fields(**sizes: int) -> list[Field]:
    return [Field(name, (size,), 0, size) for name, size in sizes.items()]


def places(content: bytes, **sizes: int) -> tuple[int, dict[str, int]]:
    width, found = laid(fields(**sizes), content)
    return width, {field.name: field.offset for field in found}


def test_a_reshaped_value_lies_where_the_value_does() -> None:
    content = items(
        helper.make_node("Gather", ["t", "i"], ["a"]),
        helper.make_node("Unsqueeze", ["a", "axis"], ["b"]),
        helper.make_node("Relu", ["a"], ["c"]),
    )
    assert places(content, b=8, c=8, a=8) == (16, {"b": 0, "c": 8, "a": 0})


def test_what_is_joined_holds_its_parts() -> None:
    content = items(
        helper.make_node("Concat", ["p", "q", "r"], ["all"], axis=1),
        helper.make_node("Concat", ["q", "r"], ["some"], axis=1),
        helper.make_node("Concat", ["r", "q"], ["turned"], axis=1),
    )
    width, found = places(content, q=3, all=9, p=2, r=4, some=7, turned=7)
    assert width == 9 + 7
    assert found == {"all": 0, "p": 0, "q": 2, "r": 5, "some": 2, "turned": 9}


def test_a_part_of_unknown_size_or_along_another_axis_is_stored_by_itself() -> None:
    joined = helper.make_node("Concat", ["p", "q", "r"], ["all"], axis=1)
    assert places(items(joined), all=9, q=3)[0] == 12  # how wide p is, nobody says
    two = helper.make_node("Concat", ["p", "q"], ["two"], axis=1)
    assert places(items(joined, two), all=9, two=5, r=4) == (9, {"all": 0, "two": 0, "r": 5})
    other = helper.make_node("Concat", ["p", "q"], ["all"], axis=2)
    assert places(items(other), all=5, p=2, q=3)[0] == 10
