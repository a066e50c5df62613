"""Item records: layout, precision, and how the cross graph reads them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_hand import Net, load, three

from ranklet.graph.compiler import compile
from ranklet.graph.packing import Unpackable, layout, pack, reading
from ranklet.graph.records import Options, Piece, Port
from ranklet.graph.running import Runner

SIDES = {"u": "user", "i": "item"}


def model() -> bytes:
    net = Net()
    u, i = net.input("u", ["n", 6]), net.input("i", ["n", 8])
    layer = net.op("Relu", net.dense(net.op("Concat", u, i, axis=1), 14, 16))
    product = net.op("ReduceSum", net.op("Mul", i, net.dense(u, 6, 8)), net.const(np.array([1])), keepdims=1)
    return net.bytes(net.op("Sigmoid", net.op("Add", net.dense(layer, 16, 1), product)))


def item(*shapes: tuple[int, ...], dtype: str = "float32") -> Piece:
    return Piece(b"", (), tuple(Port(f"f{n}", dtype, (None, *shape)) for n, shape in enumerate(shapes)))


def test_fields_lie_end_to_end():
    found = layout(item((4,), (2, 3), ()), "float32")
    assert [(f.offset, f.size, f.shape) for f in found.fields] == [(0, 4, (4,)), (4, 6, (2, 3)), (10, 1, ())]
    assert (found.width, found.nbytes) == (11, 44)


@pytest.mark.parametrize(("dtype", "nbytes", "bound"), [("float32", 96, 0), ("float16", 48, 2e-3), ("int8", 32, 2e-2)])
def test_cross_graph_reads_packed_records(dtype, nbytes, bound):
    found = three(model(), SIDES, "A")
    record = layout(found.item, dtype)
    assert record.nbytes == nbytes
    random = np.random.default_rng(0)
    feeds = {"u": random.standard_normal((1, 6), np.float32), "i": random.standard_normal((9, 8), np.float32)}
    user, rows = Runner(found.user.content).run(feeds), Runner(found.item.content).run(feeds)
    plain = Runner(found.cross.content).run({**user, **rows})
    packed = Runner(reading(found.cross, record).content).run({**user, **pack(rows, record)})
    for name, wanted in plain.items():
        assert np.abs(packed[name] - wanted).max() <= bound


def test_int8_is_off_by_half_a_step_at_most():
    random = np.random.default_rng(0)
    rows = {"f0": random.standard_normal((50, 4)).astype(np.float32), "f1": np.zeros((50, 2), np.float32)}
    record = layout(item((4,), (2,)), "int8")
    packed = pack(rows, record)
    back = packed["item_record"][:, :4] * packed["item_scale"][:, :1]
    assert (np.abs(back - rows["f0"]) <= packed["item_scale"][:, :1] / 2 * 1.0001).all()
    assert not packed["item_record"][:, 4:].any()


def test_ids_are_stored_only_where_they_stay_exact():
    record = layout(item((1,), dtype="int64"), "float32")
    assert pack({"f0": np.array([[2**24 - 1]])}, record)["item_record"].item() == 2**24 - 1
    with pytest.raises(Unpackable, match="does not fit"):
        pack({"f0": np.array([[2**24]])}, record)
    with pytest.raises(Unpackable, match="holds int64"):
        layout(item((1,), dtype="int64"), "float16")


def test_value_above_float16_is_refused():
    with pytest.raises(Unpackable, match="65504"):
        pack({"f0": np.full((1, 2), 1e6, np.float32)}, layout(item((2,)), "float16"))


def test_smaller_rows_ship_with_their_measured_error():
    options = Options(mode="force", candidates=(3,), row_types=("int8", "float16", "float32"), row_error=5e-3)
    done = compile(load(model()), SIDES, options)
    assert done.record.dtype in ("int8", "float16")
    assert 0 < done.record.error <= 5e-3


def test_row_type_that_errs_too_much_is_passed_over():
    options = Options(mode="force", candidates=(3,), row_types=("int8", "float32"), row_error=1e-7)
    assert compile(load(model()), SIDES, options).record.dtype == "float32"


def test_byte_budget_refuses_wide_records():
    done = compile(load(model()), SIDES, Options(mode="force", candidates=(3,), row_bytes=40))
    assert done.record.nbytes == 32 and done.report.shipped.startswith("B")
    assert "above the budget of 40" in done.report.declined["A"]
    none = compile(load(model()), SIDES, Options(mode="force", candidates=(3,), row_bytes=8))
    assert none.report.shipped == "uncut"


def test_fused_graph_takes_user_inputs_and_records():
    done = compile(load(model()), SIDES, Options(mode="force", candidates=(3,)))
    from ranklet.graph.builder import joined

    fused = joined(done.user, done.cross)
    onnx.checker.check_model(onnx.load_from_string(fused.content))
    assert {port.name for port in fused.inputs} == {"u", "item_record"}
    random = np.random.default_rng(1)
    feeds = {"u": random.standard_normal((1, 6), np.float32), "i": random.standard_normal((4, 8), np.float32)}
    rows = pack(Runner(done.item.content).run(feeds), done.record)
    whole = Runner(done.whole.content).run({"u": np.repeat(feeds["u"], 4, 0), "i": feeds["i"]})
    for name, value in Runner(fused.content).run({**feeds, **rows}).items():
        np.testing.assert_allclose(value, whole[name], atol=1e-6)


@pytest.mark.parametrize("kind", ["whole", "user", "item", "cross"])
def test_every_piece_is_valid_onnx_and_names_its_ends(kind):
    piece = getattr(compile(load(model()), SIDES, Options(mode="force", candidates=(3,))), kind)
    graph = onnx.load_from_string(piece.content)
    if kind != "whole":
        onnx.checker.check_model(graph)
    assert [end.name for end in graph.graph.input] == [port.name for port in piece.inputs]
    assert [end.name for end in graph.graph.output] == [port.name for port in piece.outputs]
