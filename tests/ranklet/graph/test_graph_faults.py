"""Faults planted on purpose: each is refused before anything ships, or stays where it is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from graph_hand import Net, accepted, load, three
from onnx import numpy_helper

from ranklet.graph import candidates, rowwise
from ranklet.graph import tidy as tidying
from ranklet.graph.compiler import compile
from ranklet.graph.records import Options
from ranklet.graph.rules import linear
from ranklet.graph.running import RunFailed
from ranklet.graph.verify import Refuted

SIDES = {"u": "user", "i": "item"}
FAST = Options(mode="force", candidates=(3,))


def both() -> tuple[Net, str]:
    net = Net()
    return net, net.op("Concat", net.input("u", ["n", 5]), net.input("i", ["n", 4]), axis=1)


def test_batch_statistics_stay_with_the_candidates_and_scores_are_equal():
    net, x = both()
    h = net.dense(x, 9, 6)
    centred = net.op("Sub", h, net.op("ReduceMean", h, net.const(np.array([0])), keepdims=1))
    found = three(net.bytes(centred), SIDES)
    assert accepted(net.bytes(centred), SIDES, found).worst <= 1e-5
    assert "it reduces over the batch" in found.notes.refused.values()


def test_batch_statistics_of_items_are_not_stored():
    net = Net()
    u, i = net.input("u", ["n", 4]), net.input("i", ["n", 4])
    mean = net.op("ReduceMean", i, net.const(np.array([0])), keepdims=1)
    content = net.bytes(net.op("Mul", net.op("Sub", i, mean), u))
    found = three(content, SIDES)
    accepted(content, SIDES, found)
    assert [port.shape for port in found.item.outputs] == [(None, 4)] if found.item else True


def test_dropout_left_on_is_refused():
    net, x = both()
    on = net.op("Dropout", net.dense(x, 9, 64), net.const(np.float32(0.5)), net.const(np.array(True)))
    done = compile(load(net.bytes(on)), SIDES, FAST)
    assert done.report.shipped == "uncut"
    assert "differ" in done.report.reason
    assert done.cross is None


def test_sum_along_the_batch_keeps_scores_equal():
    net, x = both()
    content = net.bytes(net.op("CumSum", net.dense(x, 9, 3), net.const(np.array(0))))
    found = three(content, SIDES)
    accepted(content, SIDES, found)
    assert "it accumulates over the batch" in found.notes.refused.values()


def test_squeeze_of_every_axis_breaks_at_one_candidate_and_is_refused():
    net, x = both()
    content = net.bytes(net.op("Softmax", net.op("Squeeze", net.dense(x, 9, 1)), axis=-1))
    done = compile(load(content), SIDES, FAST)
    assert done.report.shipped == "uncut"
    assert done.report.reason


def test_batch_fixed_in_the_graph_is_named():
    net = Net()
    u, i = net.input("u", [8, 5]), net.input("i", [8, 4])
    content = net.bytes(net.dense(net.op("Concat", u, i, axis=1), 9, 2))
    assert "no batch in its first dimension" in compile(load(content), SIDES, FAST).report.reason


def test_wrong_push_down_is_caught(monkeypatch):
    """A rule that takes the weights' rows in the wrong order."""
    right = linear._weighted

    def wrong(work, left, weights):
        return right(work, left, weights[::-1])

    net, x = both()
    content = net.bytes(net.dense(x, 9, 3))
    monkeypatch.setattr(linear, "_weighted", wrong)
    with pytest.raises(Refuted, match="outputs differ"):
        accepted(content, SIDES, three(content, SIDES))
    done = compile(load(content), SIDES, FAST)
    assert done.report.shipped == "uncut" and set(done.report.declined) == {"A", "B"}


def test_wrong_proof_is_caught(monkeypatch):
    """A table that takes a softmax over the batch for row-wise: item rows come from batches of another composition."""
    monkeypatch.setitem(rowwise.ROWWISE, "Softmax", (rowwise.same, "planted"))  # type: ignore[arg-type]
    net = Net()
    u, i = net.input("u", ["n", 3]), net.input("i", ["n", 3])
    content = net.bytes(net.op("Mul", net.op("Softmax", i, axis=0), u))
    with pytest.raises(Refuted):
        accepted(content, SIDES, three(content, SIDES))


def test_item_count_in_a_score_is_caught_by_another_composition():
    """The number of rows is no feature of an item, even if an op hides it."""
    net = Net()
    u, i = net.input("u", ["n", 3]), net.input("i", ["n", 3])
    count = net.op("Cast", net.op("Gather", net.op("Shape", i), net.const(np.array([0])), axis=0), to=1)
    content = net.bytes(net.op("Mul", net.op("Div", i, count), u))
    found = three(content, SIDES)
    accepted(content, SIDES, found)


def test_model_that_cannot_run_raises():
    net = Net()
    u, i = net.input("u", ["n", 5]), net.input("i", ["n", 4])
    content = net.bytes(net.op("Add", u, i))
    with pytest.raises(RunFailed):
        compile(load(content), SIDES, FAST)


def test_sides_must_name_every_input():
    net, x = both()
    with pytest.raises(ValueError, match="inputs are"):
        compile(load(net.bytes(x)), {"u": "user"}, FAST)


def test_wrong_rewrite_for_onnxruntime_is_caught(monkeypatch):
    """A tidying that loses a hundredth of a weight."""

    def wrong(graph):
        name = next(name for name, shape in graph.shapes.items() if name in graph.weights and len(shape) == 2)
        graph.weights[name].CopyFrom(numpy_helper.from_array(graph.array(name) * np.float32(0.99), name))

    net, x = both()
    content = net.bytes(net.dense(net.op("Relu", net.dense(x, 9, 6)), 6, 2))
    monkeypatch.setattr(tidying, "early", wrong)
    done = compile(load(content), SIDES, FAST)
    assert done.report.shipped == "uncut" and "outputs differ" in done.report.declined["A"]


def test_wrong_join_of_two_graphs_is_caught(monkeypatch):
    """User and cross graph in one session, the user's nodes left without one of them."""
    right = candidates.joined

    def wrong(first, second):
        whole = right(first, second)
        model = onnx.load_from_string(whole.content)
        relu = next(node for node in model.graph.node if node.op_type == "Relu")
        relu.op_type = "Neg"
        return replace(whole, content=model.SerializeToString())

    net = Net()
    u, i = net.input("u", ["n", 5]), net.input("i", ["n", 4])
    content = net.bytes(net.dense(net.op("Concat", net.op("Relu", u), i, axis=1), 9, 2))
    monkeypatch.setattr(candidates, "joined", wrong)
    done = compile(load(content), SIDES, FAST)
    assert done.report.shipped == "uncut" and "in one session differ" in done.report.declined["A"]
