"""Each push-down on a graph written by hand: where the work goes, and that the outputs stay equal."""

from __future__ import annotations

import numpy as np
import pytest
from graph_hand import Net, accepted, ops, three

from ranklet.graph.records import Columns
from ranklet.graph.split import Declined

BOTH = ("A", "B")


def tower(net: Net) -> tuple[str, str]:
    return net.input("u", ["n", 6]), net.input("i", ["n", 4])


@pytest.mark.parametrize("variant", BOTH)
def test_dense_layer_over_both_sides_leaves_one_add_or_one_gemm(variant):
    net = Net()
    u, i = tower(net)
    content = net.bytes(net.op("Relu", net.dense(net.op("Concat", u, i, axis=1), 10, 8)))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides, variant)
    assert accepted(content, sides, found).trials >= 6
    assert ops(found.cross) == (["Add", "Relu"] if variant == "A" else ["Gemm", "Relu"])
    assert [p.shape for p in found.item.outputs] == [(None, 8 if variant == "A" else 4)] if found.item else True


def test_variant_b_stores_the_raw_item_vector():
    net = Net()
    u, i = tower(net)
    content = net.bytes(net.dense(net.op("Concat", u, i, axis=1), 10, 8))
    assert three(content, {"u": "user", "i": "item"}, "B").item.outputs[0].shape == (None, 4)


@pytest.mark.parametrize("variant", BOTH)
def test_factorisation_machine_sums_each_side_alone(variant):
    net = Net()
    u, i = net.input("u", ["n", 5, 3]), net.input("i", ["n", 2, 3])
    x = net.op("Concat", i, u, axis=1)
    axis = net.const(np.array([1]))
    total = net.op("ReduceSum", x, axis, keepdims=0)
    squares = net.op("ReduceSum", net.op("Mul", x, x), axis, keepdims=0)
    content = net.bytes(net.op("ReduceSum", net.op("Sub", net.op("Mul", total, total), squares), axis, keepdims=1))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides, variant)
    accepted(content, sides, found)
    assert "Concat" not in ops(found.cross)
    assert sorted(p.shape for p in found.item.outputs) == [(None, 1), (None, 3)]


@pytest.mark.parametrize("variant", BOTH)
def test_inference_batch_norm_is_folded_per_side(variant):
    net = Net()
    u, i = tower(net)
    h = net.op("MatMul", net.op("Concat", u, i, axis=1), net.weight(10, 8))
    parameters = [net.weight(8) for _ in range(3)] + [net.const(np.linspace(0.5, 2, 8))]
    content = net.bytes(net.op("BatchNormalization", h, *parameters))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides, variant)
    accepted(content, sides, found)
    assert "BatchNormalization" not in ops(found.cross)
    assert len(ops(found.cross)) <= 2


@pytest.mark.parametrize("variant", BOTH)
def test_pairwise_interaction_is_cut_into_blocks(variant):
    net = Net()
    u, i = net.input("u", ["n", 4, 8]), net.input("i", ["n", 3, 8])
    x = net.op("Concat", u, i, axis=1)
    z = net.op("MatMul", x, net.op("Transpose", x, perm=[0, 2, 1]))
    flat = net.op("Reshape", z, net.const(np.array([-1, 49])))
    pairs = net.op("Gather", flat, net.const(np.array([a * 7 + b for a in range(7) for b in range(a)])), axis=1)
    content = net.bytes(net.dense(pairs, 21, 5))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides, variant)
    accepted(content, sides, found)
    assert ops(found.cross).count("MatMul") + ops(found.cross).count("Gemm") == 2
    assert "Gather" not in ops(found.cross)


@pytest.mark.parametrize("variant", BOTH)
def test_attention_over_a_history_of_any_length_is_one_product(variant):
    net = Net()
    k, q = net.input("k", ["n", "length", 8]), net.input("q", ["n", 8])
    wide = net.op("Unsqueeze", q, net.const(np.array([1])))
    shape = net.op("Shape", k)
    wide = net.op("Expand", wide, shape)
    x = net.op("Concat", wide, k, net.op("Sub", wide, k), net.op("Mul", wide, k), axis=2)
    h = net.op("Relu", net.op("Add", net.op("MatMul", x, net.weight(32, 6)), net.weight(6)))
    w = net.op("Softmax", net.op("MatMul", h, net.weight(6, 1)), axis=1)
    pooled = net.op("ReduceSum", net.op("Mul", w, k), net.const(np.array([1])), keepdims=0)
    content = net.bytes(net.dense(net.op("Concat", pooled, q, axis=1), 16, 1))
    sides = {"k": "user", "q": "item"}
    found = three(content, sides, variant)
    assert accepted(content, sides, found).worst <= 1e-5
    assert "Concat" not in ops(found.cross)[:3]
    assert all(None not in port.shape[1:] for port in found.item.outputs)


def test_recurrent_encoder_of_a_history_of_any_length_runs_once():
    net = Net()
    ids, q = net.input("history", ["n", "length"], np.int64), net.input("q", ["n", 4])
    steps = net.op("Transpose", net.op("Gather", net.weight(30, 5), ids, axis=0), perm=[1, 0, 2])
    states = net.op("GRU", steps, net.weight(1, 12, 5), net.weight(1, 12, 4), hidden_size=4)
    last = net.op("Gather", net.op("Squeeze", states, net.const(np.array([1]))), net.const(np.array(-1)), axis=0)
    content = net.bytes(net.dense(net.op("Concat", last, q, axis=1), 8, 3))
    sides = {"history": "user", "q": "item"}
    found = three(content, sides)
    assert accepted(content, sides, found).trials >= 12  # two lengths each
    assert ops(found.cross) == ["Add"] and "GRU" in ops(found.user)
    assert found.user.inputs[0].shape == (1, None)


def test_one_matrix_of_both_sides_columns_is_a_concatenation():
    net = Net()
    content = net.bytes(net.op("Sigmoid", net.dense(net.input("x", ["n", 7]), 7, 3)))
    sides = {"x": (Columns("item", 0, 2), Columns("user", 2, 6), Columns("item", 6, 7))}
    found = three(content, sides)
    accepted(content, sides, found)
    assert found.item.sources["x.item"].columns == (0, 1, 6)
    assert found.user.inputs[0].shape == (1, 4)


def test_column_ranges_that_leave_a_gap_are_refused():
    net = Net()
    content = net.bytes(net.dense(net.input("x", ["n", 7]), 7, 3))
    with pytest.raises(Declined, match="must cover its 7 columns once each"):
        three(content, {"x": (Columns("item", 0, 2), Columns("user", 3, 7))})


def test_softmax_over_the_batch_stays_in_the_cross_graph_and_is_exact():
    net = Net()
    u, i = tower(net)
    s = net.dense(net.op("Concat", u, i, axis=1), 10, 1)
    content = net.bytes(net.op("Softmax", s, axis=0))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides)
    accepted(content, sides, found)
    assert ops(found.cross) == ["Add", "Softmax"]


def test_statistics_over_the_users_batch_see_the_tiled_user():
    """Cumulative sums of the user's rows are not the same for every candidate: they must be made from N rows."""
    net = Net()
    u, i = net.input("u", ["n", 4]), net.input("i", ["n", 4])
    content = net.bytes(net.op("Add", net.op("CumSum", u, net.const(np.array(0))), i))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides)
    accepted(content, sides, found)
    assert "Expand" in ops(found.cross) and "CumSum" in ops(found.cross)


def test_opaque_region_is_freed_by_its_trial_only():
    net = Net()
    u, i = net.input("u", ["n", 4]), net.input("i", ["n", 4])
    positive = net.op("NonZero", net.op("Greater", i, net.const(np.float32(0))))
    kept = net.op("ScatterND", net.op("Mul", i, net.const(np.float32(0))), net.op("Transpose", positive, perm=[1, 0]),
                  net.op("GatherND", i, net.op("Transpose", positive, perm=[1, 0])))  # fmt: skip
    content = net.bytes(net.op("Mul", kept, u))
    sides = {"u": "user", "i": "item"}
    without, freed = three(content, sides, trial=False), three(content, sides)
    accepted(content, sides, without)
    accepted(content, sides, freed)
    assert "NonZero" in ops(without.cross)
    assert ops(freed.cross) == ["Mul"] and "NonZero" in ops(freed.item)
    assert freed.notes.dynamic and not without.notes.dynamic


def test_folded_batch_is_followed_through_reshapes():
    net = Net()
    u, i = net.input("u", ["n", 3, 4]), net.input("i", ["n", 12])
    rows = net.op("Reshape", u, net.const(np.array([-1, 4])))
    h = net.op("Relu", net.dense(rows, 4, 4))
    back = net.op("Reshape", h, net.const(np.array([-1, 12])))
    content = net.bytes(net.op("Mul", back, i))
    sides = {"u": "user", "i": "item"}
    found = three(content, sides)
    accepted(content, sides, found)
    assert ops(found.cross) == ["Mul"]


def test_outputs_without_items_are_declined():
    net = Net()
    u, _ = tower(net)
    with pytest.raises(Declined, match=r"carries rows|do not depend on the items"):
        three(net.bytes(net.op("Relu", u)), {"u": "user", "i": "item"})


def test_pair_features_stay_with_the_candidates():
    net = Net()
    u, i, p = net.input("u", ["n", 3]), net.input("i", ["n", 3]), net.input("p", ["n", 2])
    content = net.bytes(net.dense(net.op("Concat", u, i, p, axis=1), 8, 4))
    sides = {"u": "context", "i": "item", "p": "pair"}
    found = three(content, sides)
    accepted(content, sides, found)
    assert "p" in [port.name for port in found.cross.inputs]
    assert [port.name for port in found.item.inputs] == ["i"]
