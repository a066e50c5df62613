"""The rest graph: the uncut one over stored rows, for few candidates and for rows of several users."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from graph_hand import Net, load
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.graph.compiler import compile
from ranklet.graph.packing import RECORD, pack
from ranklet.graph.records import Columns, Compiled, Options, Sides
from ranklet.graph.running import Runner
from ranklet.graph.verify import arranged

CLOSE = 1e-5


def rest_scores(done: Compiled, feeds: dict[str, np.ndarray], sides: Sides) -> np.ndarray:
    """What the rest graph gives, its rows computed beforehand."""
    assert done.rest is not None
    inputs = arranged(feeds, (done.item, done.rest), sides)
    if done.item is not None and done.record is not None:
        inputs |= pack(Runner(done.item.content).run(inputs), done.record)
    return next(iter(Runner(done.rest.content).run(inputs).values()))


def split_scores(done: Compiled, feeds: dict[str, np.ndarray], sides: Sides) -> np.ndarray:
    """What user and cross graph give."""
    inputs = arranged(feeds, (done.user, done.item, done.cross), sides)
    if done.item is not None and done.record is not None:
        inputs |= pack(Runner(done.item.content).run(inputs), done.record)
    if done.user is not None:
        inputs |= Runner(done.user.content).run(inputs)
    assert done.cross is not None
    return next(iter(Runner(done.cross.content).run(inputs).values()))


def fields() -> tuple[bytes, Sides]:
    """Fields of both sides in turn, a history, and a matrix with columns of all three sides."""
    net = Net()
    names = {"u0": 9, "i0": 11, "i1": 5, "u1": 4, "i2": 6}
    axis = net.const(np.array([1]))
    rows = []
    for name, size in names.items():
        row = net.op("Gather", net.const(net.random.standard_normal((size, 3))), net.input(name, ["n"], np.int64))
        rows.append(net.op("Unsqueeze", row, axis))
    stack = net.op("Concat", *rows, axis=1)
    flat = net.op("Reshape", stack, net.const(np.array([-1, 15])))
    mixed = net.input("mixed", ["n", 4])
    total = net.op("ReduceSum", net.op("Mul", stack, stack), axis, keepdims=0)
    out = net.dense(net.op("Concat", flat, mixed, total, axis=1), 22, 2)
    columns = (Columns("item", 0, 1), Columns("user", 1, 2), Columns("item", 2, 3), Columns("pair", 3, 4))
    return net.bytes(net.op("Sigmoid", out)), {
        **{name: "user" if name.startswith("u") else "item" for name in names},
        "mixed": columns,
    }


def drawn(n: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows of n different users."""
    sizes = {"u0": 9, "i0": 11, "i1": 5, "u1": 4, "i2": 6}
    found = {name: random.integers(0, size, n) for name, size in sizes.items()}
    return {**found, "mixed": random.standard_normal((n, 4)).astype(np.float32)}


def uncut(content: bytes, feeds: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


@pytest.fixture(scope="module", params=["A", "B"])
def compiled(request: pytest.FixtureRequest) -> tuple[bytes, Compiled, Sides]:
    content, sides = fields()
    done = compile(load(content), sides, Options(only=request.param, below=8))
    assert done.report.shipped == request.param, done.report.reason
    return content, done, sides


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_rows_of_many_users_score_as_the_uncut_graph_scores_them(compiled, n: int, seed: int) -> None:
    content, done, sides = compiled
    feeds = drawn(n, np.random.default_rng(seed))
    np.testing.assert_allclose(rest_scores(done, feeds, sides), uncut(content, feeds), rtol=CLOSE, atol=CLOSE)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_both_ways_give_the_same_scores(compiled, n: int, seed: int) -> None:
    _, done, sides = compiled
    feeds = drawn(n, np.random.default_rng(seed))
    for name in ("u0", "u1"):
        feeds[name][:] = feeds[name][0]
    feeds["mixed"][:, 1] = feeds["mixed"][0, 1]
    one, other = (way(done, feeds, sides) for way in (rest_scores, split_scores))
    np.testing.assert_allclose(one, other, rtol=CLOSE, atol=CLOSE)


def test_it_holds_nothing_of_the_items_but_their_row(compiled) -> None:
    _, done, _ = compiled
    assert {port.name for port in done.rest.inputs} == {"u0", "u1", "mixed.user", "mixed.cross", RECORD}
    assert all(port.shape[0] is None for port in done.rest.inputs)
    graph = onnx.load_from_string(done.rest.content).graph
    assert Counter(node.op_type for node in graph.node)["Gather"] == 3  # two users' rows, and the matrix's columns


def test_what_both_graphs_read_is_stored_once(compiled) -> None:
    """B stores vectors, and so does the rest graph: the record is as wide as without it."""
    content, done, sides = compiled
    plain = compile(load(content), sides, Options(only=done.report.shipped))
    assert done.report.grown == done.record.width - plain.record.width
    fields = sorted((field.offset, field.offset + field.size) for field in done.record.fields)
    assert fields[0][0] == 0 and max(end for _, end in fields) == done.record.width
    if done.report.shipped == "B":
        assert done.report.grown == 0


def test_a_row_above_the_budget_leaves_the_graph_uncut_and_says_so() -> None:
    content, sides = fields()
    plain = compile(load(content), sides, Options(only="A"))
    most = plain.record.nbytes + 4
    done = compile(load(content), sides, Options(only="A", below=8, row_bytes=most))
    assert done.report.shipped == "uncut" and done.rest is None
    assert "no uncut graph can stand in below 8 candidates" in done.report.reason
    assert f"above the budget of {most}" in done.report.reason


def test_an_input_with_its_rows_elsewhere_has_no_rest_graph() -> None:
    net = Net()
    u, i = net.input("u", [1, 5]), net.input("i", ["n", 4])
    total = net.op("Add", net.dense(u, 5, 2), net.op("Relu", net.dense(i, 4, 2)))
    done = compile(load(net.bytes(total)), {"u": "user", "i": "item"}, Options(only="A", below=8))
    assert "input 'u' has no rows in its first dimension" in done.report.reason


def test_statistics_over_the_batch_are_those_of_the_request() -> None:
    """What no split may touch stays as it was in the rest graph too."""
    net = Net()
    u, i = net.input("u", ["n", 5]), net.input("i", ["n", 4])
    mean = net.op("ReduceMean", u, net.const(np.array([0])), keepdims=1)
    out = net.dense(net.op("Concat", net.op("Sub", u, mean), i, axis=1), 9, 2)
    content, sides = net.bytes(out), {"u": "user", "i": "item"}
    done = compile(load(content), sides, Options(only="B", below=8))
    assert done.rest is not None, done.report.reason
    random = np.random.default_rng(3)
    feeds = {name: random.standard_normal((7, width)).astype(np.float32) for name, width in (("u", 5), ("i", 4))}
    np.testing.assert_allclose(rest_scores(done, feeds, sides), uncut(content, feeds), rtol=CLOSE, atol=CLOSE)


def test_items_joined_along_the_batch_are_joined_per_request() -> None:
    net = Net()
    u, i, j = net.input("u", ["n", 4]), net.input("i", ["n", 4]), net.input("j", ["n", 4])
    both = net.op("ReduceMean", net.op("Concat", i, j, axis=0), net.const(np.array([0])), keepdims=1)
    content = net.bytes(net.dense(net.op("Concat", net.op("Sub", u, both), i, axis=1), 8, 2))
    sides: Sides = {"u": "user", "i": "item", "j": "item"}
    done = compile(load(content), sides, Options(only="B", below=8))
    assert done.rest is not None, done.report.reason
    random = np.random.default_rng(3)
    feeds = {name: random.standard_normal((7, 4)).astype(np.float32) for name in "uij"}
    np.testing.assert_allclose(rest_scores(done, feeds, sides), uncut(content, feeds), rtol=CLOSE, atol=CLOSE)


def test_a_planted_fault_in_the_rest_graph_is_caught(monkeypatch) -> None:
    from ranklet.graph import candidates

    right = candidates.reading

    def wrong(piece, record):
        read = right(piece, record)
        model = onnx.load_from_string(read.content)
        if "rest" not in model.graph.name:
            return read
        next(node for node in model.graph.node if node.op_type == "Sigmoid").op_type = "Tanh"
        return type(read)(model.SerializeToString(), read.inputs, read.outputs, read.sources)

    monkeypatch.setattr(candidates, "reading", wrong)
    content, sides = fields()
    done = compile(load(content), sides, Options(only="A", below=8))
    assert done.report.shipped == "uncut" and "outputs differ" in done.report.reason
