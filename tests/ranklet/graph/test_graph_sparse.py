"""TensorFlow's sparse lookup, by its ops, becomes a masked reduction of a Gather, and its table can leave the graph."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_hand import Net, load, ops, three

from ranklet.graph import sparse
from ranklet.graph.compiler import compile
from ranklet.graph.feeds import input_kinds
from ranklet.graph.records import Options
from ranklet.graph.running import Runner, serialise

ROWS, LENGTH, DIM = 40, 5, 4


def lookup(net: Net, table: str, ids: str, way: str, *, reduction: str = "add") -> str:
    """The ids that are there are listed for the whole batch, made distinct, looked up once each, put back in their rows
    and summed: in the order in which `tf.nn.safe_embedding_lookup_sparse` comes out of tf2onnx."""
    places = net.op("Transpose", net.op("NonZero", net.op("GreaterOrEqual", ids, net.const(0))), perm=[1, 0])
    listed = net.op("GatherND", ids, places)
    distinct, _, inverse, _ = net.op("Unique", listed, outputs=4)
    rows = net.op("Gather", net.op("Gather", table, distinct, axis=0), inverse, axis=0)
    row = net.op("Slice", places, *(net.const(np.array([n])) for n in (0, 1, 1)))  # [there, 1]
    batch = net.op("Slice", net.op("Shape", ids), *(net.const(np.array([n])) for n in (0, 1)))
    empty = net.op("Expand", net.const(np.float32(0)), net.op("Concat", batch, net.const(np.array([DIM])), axis=0))
    total = net.op("ScatterND", empty, row, rows, reduction=reduction)
    if way == "sum":
        return str(total)
    there = net.op("Cast", net.op("GreaterOrEqual", ids, net.const(0)), to=1)
    count = net.op("Max", net.op("ReduceSum", there, net.const(np.array([1])), keepdims=1), net.const(np.float32(1)))
    return str(net.op("Div", total, net.op("Sqrt", count) if way == "sqrtn" else count))


def feeds(rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(rows)
    ids = random.integers(-2, ROWS, (rows, LENGTH))
    ids[0] = -1
    return {"ids": ids}


@pytest.mark.parametrize("way", sparse.WAYS)
def test_lookup_becomes_a_masked_reduction(way: str) -> None:
    net = Net()
    ids = net.input("ids", ["n", LENGTH], np.int64)
    content = net.bytes(lookup(net, net.weight(ROWS, DIM), ids, way))
    model = load(content)
    assert sparse.collapse(model, input_kinds(model, {}, {})) == ("w0",)
    after = serialise(model)
    left = [node.op_type for node in onnx.load_from_string(after).graph.node]
    assert left.count("Gather") == 1 and not {"Unique", "NonZero", "GatherND", "ScatterND"} & set(left)
    for rows in (1, 2, 9):
        wanted, found = (next(iter(Runner(c).run(feeds(rows)).values())) for c in (content, after))
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def model(way: str = "mean") -> bytes:
    net = Net()
    ids, item = net.input("ids", ["n", LENGTH], np.int64), net.input("item", ["n"], np.int64)
    table = net.weight(ROWS, DIM)
    both = net.op("Concat", lookup(net, table, ids, way), net.op("Gather", table, item, axis=0), axis=1)
    return net.bytes(net.dense(both, 2 * DIM, 3))


SIDES = {"ids": "user", "item": "item"}
FAST = Options(mode="force", candidates=(3,), cut_rows=10)


def test_table_behind_it_leaves_the_graph() -> None:
    done = compile(load(model()), SIDES, FAST)
    assert done.report.shipped != "uncut", done.report.reason
    assert {(use.side, use.direct) for use in done.lookups} == {("user", False), ("item", True)}
    assert not done.report.kept and done.tables[0].shape == (ROWS, DIM)
    assert not any("random" in name or "minus one" in name for name in done.report.skipped)


def test_what_it_is_not_stays_and_so_does_its_table() -> None:
    """A maximum is none of the three ways: ids from Unique are of the whole batch, and no side can look them up."""
    net = Net()
    ids, item = net.input("ids", ["n", LENGTH], np.int64), net.input("item", ["n"], np.int64)
    table = net.weight(ROWS, DIM)
    highest = lookup(net, table, ids, "sum", reduction="max")
    content = net.bytes(net.op("Mul", highest, net.op("Gather", table, item, axis=0)))
    done = compile(load(content), SIDES, FAST)
    assert list(done.report.kept.values()) == ["its ids come out of Unique, which mixes the rows of a batch"]
    assert not done.tables


def test_uncollapsed_lookup_passes_its_trial_as_a_region() -> None:
    found = three(model(), SIDES)
    assert "Unique" in ops(found.user) and "Unique" not in ops(found.cross)
    assert found.notes.dynamic
