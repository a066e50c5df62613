"""Large tables leave the graph, bit for bit, without being read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graph_hand import Net, load

from ranklet.graph.compiler import compile
from ranklet.graph.embeddings import Use, cut, look_up
from ranklet.graph.records import Columns, Options
from ranklet.graph.running import Runner, serialise

FAST = Options(mode="force", candidates=(3,), cut_rows=100)


def shared() -> tuple[Net, str]:
    """One table of items read by the candidate and by the user's history; another reached through arithmetic."""
    net = Net()
    user, item = net.input("user", ["n"], np.int64), net.input("item", ["n"], np.int64)
    history = net.input("history", ["n", 5], np.int64)
    table, other = net.weight(200, 4), net.weight(150, 3)
    k, q = net.op("Gather", table, history), net.op("Gather", table, item)
    pooled = net.op("ReduceMean", k, net.const(np.array([1])), keepdims=0)
    moved = net.op("Mod", net.op("Add", user, net.const(np.array(7))), net.const(np.array(150)))
    u = net.op("Gather", other, moved)
    return net, net.dense(net.op("Concat", u, pooled, q, axis=1), 11, 2)


def test_cut_graph_gives_the_same_bits():
    net, out = shared()
    content = net.bytes(out)
    parts = cut(load(content), 100)
    assert sorted(t.shape for t in parts.tables) == [(150, 3), (200, 4)]
    assert sorted(use.direct for use in parts.uses) == [False, True, True]
    random = np.random.default_rng(0)
    feeds = {
        "user": random.integers(0, 99, 9),
        "history": random.integers(-200, 200, (9, 5)),
        "item": random.integers(0, 200, 9),
    }
    ids = {**feeds, **Runner(serialise(parts.keys)).run(feeds)}
    tables = {t.name: t.values for t in parts.tables}
    rows = look_up(ids, parts.uses, lambda name, which: tables[name][which], {n: len(t) for n, t in tables.items()})
    found = Runner(serialise(parts.model)).run({**feeds, **rows})
    wanted = Runner(content).run(feeds)
    np.testing.assert_array_equal(found[out], wanted[out])


def test_every_row_is_read_once():
    seen = []

    def read(table, which):
        seen.append((table, which.tolist()))
        return np.zeros((len(which), 2), np.float32)

    uses = (Use("t", "a", "x", True), Use("t", "b", "y", True))
    ids = {"a": np.array([[3, 3, -1]]), "b": np.array([9, 0, 3])}
    found = look_up(ids, uses, read, {"t": 10})
    assert seen == [("t", [0, 3, 9])]
    assert found["x"].shape == (1, 3, 2) and found["y"].shape == (3, 2)


def test_id_outside_its_table_is_an_error():
    with pytest.raises(IndexError, match="outside table 't' of 10 rows"):
        look_up({"a": np.array([10])}, (Use("t", "a", "x", True),), lambda t, w: w, {"t": 10})


def test_tables_and_split_go_together():
    net, out = shared()
    sides = {"user": "user", "history": "user", "item": "item"}
    done = compile(load(net.bytes(out)), sides, FAST)
    assert done.report.shipped != "uncut"
    assert {(u.side, u.direct) for u in done.lookups} == {("user", True), ("item", True), ("user", False)}
    assert list(done.keys) == ["user"]
    assert done.keys["user"].outputs[0].shape == (1,)
    assert not any("item" in source.name for source in done.cross.sources.values())


def test_ids_in_columns_of_one_matrix_keep_their_sides():
    net = Net()
    x = net.input("x", ["n", 3], np.int64)
    rows = [net.op("Gather", net.weight(120, 4), net.op("Gather", x, net.const(np.array(k)), axis=1)) for k in range(3)]
    out = net.dense(net.op("Concat", *rows, axis=1), 12, 2)
    sides = {"x": (Columns("user", 0, 2), Columns("item", 2, 3))}
    done = compile(load(net.bytes(out)), sides, FAST)
    assert sorted(use.side for use in done.lookups) == ["item", "user", "user"]
    assert done.report.shipped != "uncut"


def test_table_that_is_not_only_gathered_stays_and_says_so():
    net = Net()
    u, i = net.input("u", ["n"], np.int64), net.input("i", ["n"], np.int64)
    table = net.weight(120, 4)
    scores = net.op("MatMul", net.op("Gather", table, u), net.op("Transpose", table, perm=[1, 0]))
    out = net.op("GatherElements", scores, net.op("Unsqueeze", i, net.const(np.array([1]))), axis=1)
    done = compile(load(net.bytes(out)), {"u": "user", "i": "item"}, FAST)
    assert list(done.report.kept.values()) == ["Transpose reads it, not a Gather along its rows alone"]
    assert not done.tables


ROWS, DIM = 40_000_000, 64
CHILD = r"""
import re, sys
from pathlib import Path
import onnx_ir as ir
from ranklet.graph.compiler import compile
from ranklet.graph.records import Options
done = compile(ir.load(sys.argv[1]), {"u": "user", "i": "item"}, Options(mode="force", candidates=(3,)))
# Not ru_maxrss, which a child takes over from its parent.
peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
size = sum(len(p.content) for p in (done.whole, done.user, done.item, done.cross) if p is not None)
print(done.report.shipped, len(done.tables), done.tables[0].shape[0], size, peak)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_ten_gigabytes_are_cut_without_being_read(tmp_path: Path):
    """The table's file is sparse: 10.24 GB long, no block of it on the disk."""
    net = Net()
    u, i = net.input("u", ["n"], np.int64), net.input("i", ["n"], np.int64)
    rows = [net.op("Gather", "big", ids) for ids in (u, i)]
    content = net.bytes(net.dense(net.op("Concat", *rows, axis=1), 2 * DIM, 4))
    model = onnx.load_from_string(content)
    big = model.graph.initializer.add(name="big", data_type=onnx.TensorProto.FLOAT, dims=[ROWS, DIM])
    big.data_location = onnx.TensorProto.EXTERNAL
    length = ROWS * DIM * 4
    for key, value in (("location", "big.bin"), ("offset", "0"), ("length", str(length))):
        big.external_data.add(key=key, value=value)
    with (tmp_path / "big.bin").open("wb") as file:
        file.truncate(length)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "model.onnx")], capture_output=True, text=True, check=True
    )
    shipped, tables, rows_, size, peak = run.stdout.split()
    assert (shipped != "uncut", tables, int(rows_)) == (True, "1", ROWS)
    assert int(size) < 1_000_000
    assert int(peak) < 300_000_000


def test_ids_joined_from_both_sides_are_looked_up_apart():
    net = Net()
    history, item = net.input("history", ["n", 3], np.int64), net.input("item", ["n"], np.int64)
    ids = net.op("Concat", history, net.op("Unsqueeze", item, net.const(np.array([1]))), axis=1)
    tokens = net.op("Gather", net.weight(120, 4), ids)
    out = net.dense(net.op("Reshape", tokens, net.const(np.array([-1, 16]))), 16, 2)
    done = compile(load(net.bytes(out)), {"history": "user", "item": "item"}, FAST)
    assert sorted(use.side for use in done.lookups) == ["item", "user"]
    assert done.report.shipped != "uncut"


def test_ids_crossed_from_both_sides_belong_to_the_pair():
    net = Net()
    u, i = net.input("u", ["n"], np.int64), net.input("i", ["n"], np.int64)
    crossed = net.op("Mod", net.op("Add", net.op("Mul", u, net.const(np.array(31))), i), net.const(np.array(120)))
    own = net.op("Gather", net.weight(120, 3), i)
    out = net.dense(net.op("Concat", net.op("Gather", net.weight(120, 4), crossed), own, axis=1), 7, 2)
    done = compile(load(net.bytes(out)), {"u": "user", "i": "item"}, FAST)
    assert {use.side for use in done.lookups} == {"cross", "item"}
    assert [port.shape for port in done.keys["cross"].inputs] == [(None,), (None,)]
    assert done.report.shipped != "uncut"
