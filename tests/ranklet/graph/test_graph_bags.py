"""Embedding bags as the exporters write them: a Loop over the batch becomes a Gather and a reduction."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_hand import Net, load, ops, three
from onnx import TensorProto, helper

from ranklet.graph import bags, shrink
from ranklet.graph.bags import collapse
from ranklet.graph.compiler import compile
from ranklet.graph.feeds import input_kinds
from ranklet.graph.records import Options
from ranklet.graph.running import Runner, serialise
from ranklet.graph.trace import exposed


def bag(net: Net, table: str, ids: str, length: int, way: str) -> str:
    """What torch's older exporter makes of `nn.EmbeddingBag` over ids [batch, length]."""
    flat = net.op("Reshape", ids, net.const(np.array([-1])))
    rows = net.op("Gather", net.op("Shape", ids), net.const(np.array(0)), axis=0)
    one, steps, zero = net.const(np.array([1])), net.const(np.array([length])), net.const(np.array([0]))
    body = [
        helper.make_node("Unsqueeze", ["step", zero], ["at"]),
        helper.make_node("Mul", ["at", steps], ["start"]),
        helper.make_node("Add", ["start", steps], ["stop"]),
        helper.make_node("Slice", [flat, "start", "stop", zero, one], ["mine"]),
        helper.make_node("Gather", [table, "mine"], ["found"], axis=0),
        helper.make_node(way, ["found", zero], ["pooled"], keepdims=0),
        helper.make_node("Identity", ["go"], ["on"]),
    ]
    ends = [
        helper.make_tensor_value_info("step", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
    ]
    outs = [
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(body, "bag", ends, outs)
    return str(net.op("Loop", rows, net.const(np.array(True)), body=graph))


@pytest.mark.parametrize("way", ["ReduceSum", "ReduceMean", "ReduceMax"])
def test_bag_becomes_a_gather_and_the_right_reduction(way):
    net = Net()
    ids = net.input("ids", ["n", 3], np.int64)
    content = net.bytes(bag(net, net.weight(9, 4), ids, 3, way))
    model = load(content)
    assert collapse(model, input_kinds(model, {"ids": 9}, {})) == ("w0",)
    after = serialise(model)
    assert [node.op_type for node in onnx.load_from_string(after).graph.node] == ["Gather", way]
    feeds = {"ids": np.random.default_rng(0).integers(-9, 9, (5, 3))}
    for wanted, found in zip(Runner(content).run(feeds).values(), Runner(after).run(feeds).values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_table_of_a_bag_leaves_the_graph():
    net = Net()
    ids, i = net.input("ids", ["n", 3], np.int64), net.input("i", ["n", 4])
    out = net.dense(net.op("Concat", bag(net, net.weight(90, 4), ids, 3, "ReduceMean"), i, axis=1), 8, 2)
    options = Options(mode="force", candidates=(3,), cut_rows=50, limits={"ids": 90})
    done = compile(load(net.bytes(out)), {"ids": "user", "i": "item"}, options)
    assert done.report.shipped != "uncut", done.report.reason
    assert [(table.shape, use.ids) for table, use in zip(done.tables, done.lookups, strict=True)] == [((90, 4), "ids")]


def test_bag_of_a_model_too_large_to_run_is_looked_at_by_its_first_rows(monkeypatch):
    monkeypatch.setattr(shrink, "SMALL", 0)
    monkeypatch.setattr(shrink, "ROWS", 6)
    net = Net()
    ids = net.input("ids", ["n", 3], np.int64)
    content = net.bytes(bag(net, net.weight(9, 4), ids, 3, "ReduceSum"))
    model = load(content)
    seen = []
    monkeypatch.setattr(bags, "exposed", lambda shown, names: seen.append(shown) or exposed(shown, names))
    assert collapse(model, input_kinds(model, {"ids": 9}, {})) == ("w0",)
    assert tuple(seen[0].graph.initializers["w0"].shape.numpy()) == (6, 4)
    assert tuple(model.graph.initializers["w0"].shape.numpy()) == (9, 4)
    feeds = {"ids": np.full((2, 3), 8)}
    for wanted, found in zip(
        Runner(content).run(feeds).values(), Runner(serialise(model)).run(feeds).values(), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_loop_that_is_no_bag_is_left_alone():
    net = Net()
    ids = net.input("ids", ["n", 3], np.int64)
    content = net.bytes(bag(net, net.weight(9, 4), ids, 3, "ReduceProd"))
    model = load(content)
    assert collapse(model, input_kinds(model, {"ids": 9}, {})) == ()


def test_uncollapsed_bag_passes_its_trial_as_a_region():
    net = Net()
    ids, u = net.input("ids", ["n", 3], np.int64), net.input("u", ["n", 4])
    content = net.bytes(net.op("Mul", bag(net, net.weight(9, 4), ids, 3, "ReduceProd"), u))
    found = three(content, {"ids": "item", "u": "user"})
    assert ops(found.cross) == ["Mul"] and "Loop" in ops(found.item)
    assert found.notes.dynamic
