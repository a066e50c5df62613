"""Every reason for which an ONNX graph is refused: the element by name, and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_kit import Load, W, graph, linear, node

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.onnx import reading
from ranklet.model import StepSource

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


NEWER = linear()
NEWER.ir_version = reading.MAX_IR + 1
NO_GRAPH = onnx.ModelProto(ir_version=9, opset_import=[helper.make_opsetid("", 17)])
IN_A_BRANCH = graph(
    [
        node("ReduceMax", ["x"], ["top"], keepdims=0),
        node("Cast", ["top"], ["yes"], to=BOOL),
        node(
            "If",
            ["yes"],
            ["y"],
            then_branch=helper.make_graph(
                [node("RandomNormalLike", ["x"], ["r"], name="noise")],
                "then",
                [],
                [helper.make_tensor_value_info("r", FLOAT, ["n", 3])],
            ),
            else_branch=helper.make_graph(
                [node("Identity", ["x"], ["i"])], "else", [], [helper.make_tensor_value_info("i", FLOAT, ["n", 3])]
            ),
        ),
    ]
)
ALONE = graph([node("Constant", [], ["y"], value_floats=[1.0])], {}, {"y": (FLOAT, [1])})
NORM = {name: np.ones(3, np.float32) for name in ("scale", "shift", "mean", "var")}
MAPS = helper.make_graph(
    [node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2])],
    "g",
    [helper.make_tensor_value_info("x", FLOAT, ["n", 3])],
    [
        helper.make_value_info(
            "y",
            helper.make_sequence_type_proto(
                helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
            ),
        )
    ],
)
ZIPMAP = helper.make_model(
    MAPS, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)], ir_version=9
)


def copies(dtype: int, shape: Any = ("n", 3)) -> onnx.ModelProto:
    """y = x."""
    return graph([node("Identity", ["x"], ["y"])], {"x": (dtype, shape)}, {"y": (dtype, shape)})


def one(kind: str, *inputs: str, opsets: Any = None, constants: Any = None, **attributes: Any) -> onnx.ModelProto:
    """y = kind(x, …)."""
    return graph([node(kind, ["x", *inputs], ["y"], **attributes)], opsets=opsets, **(constants or {}))


FOREIGN = one("Foo", name="f", domain="my.own", opsets={"my.own": 1})
CONTRIB = one("Foo", domain="com.microsoft", opsets={"com.microsoft": 1})
DROPOUT = one("Dropout", "", "on", constants={"on": np.array(True)})
TRAINED = graph([node("BatchNormalization", ["x", *NORM], ["y", "m", "v"], training_mode=1)], **NORM)
SCALAR = graph([node("ReduceMean", ["x"], ["y"], keepdims=0)], outputs={"y": (FLOAT, [])})
BATCH = r"input 'x' takes 1 rows only, .*dynamic_shapes=\{'x': \{0: torch\.export\.Dim\.DYNAMIC\}\}"


@pytest.mark.parametrize(
    ("model", "source", "message"),
    [
        (b"no protobuf", {}, "export/model.onnx: no ONNX file"),
        (b"", {}, "no ONNX file: it holds no graph"),
        (NO_GRAPH, {}, "no ONNX file: it holds no graph"),
        (NEWER, {}, r"its IR version is 15, onnxruntime 1\.32\.0 reads up to 14"),
        (one("Relu", opsets={"": 29}), {}, "opset 29 of ai.onnx, .* runs 7 to 28; export with opset_version=28"),
        (one("Relu", opsets={"": 6}), {}, "it uses opset 6 of ai.onnx"),
        (one("Relu", opsets={"ai.onnx.ml": 6}), {}, "it uses opset 6 of ai.onnx.ml"),
        (one("Foo"), {}, "onnx.checker refuses it: No Op registered for Foo"),
        (graph([node("Relu", ["z"], ["y"])]), {}, "onnx.checker refuses it"),
        (FOREIGN, {}, r"node 'f' \(my\.own\.Foo\) is a custom operator"),
        (CONTRIB, {}, "cannot load the graph: .*com.microsoft:Foo"),
        (one("RandomNormalLike"), {}, r"node 'y' \(RandomNormalLike\) is random"),
        (IN_A_BRANCH, {}, r"node 'noise' \(RandomNormalLike\) is random, a score would not repeat"),
        (one("Bernoulli"), {}, r"\(Bernoulli\) is random"),
        (DROPOUT, {}, r"\(Dropout\) is in training mode; call model.eval\(\)"),
        (TRAINED, {}, r"\(BatchNormalization\) is in training mode"),
        (copies(FLOAT, [1, 3]), {}, BATCH),
        (copies(FLOAT, [8, 3]), {"rows": "user"}, "input 'x' takes 8 rows only"),
        (copies(FLOAT, []), {}, "input 'x' has no dimension for its rows"),
        (SCALAR, {}, "output 'y' has no dimension for its rows"),
        (copies(TensorProto.STRING), {}, "input 'x' is of string, .*; strings belong in feature assembly"),
        (copies(TensorProto.FLOAT16), {}, "input 'x' is of float16, .*keep_io_types=True"),
        (copies(TensorProto.BFLOAT16), {}, "input 'x' is of bfloat16, .*keep_io_types=True"),
        (copies(BOOL), {}, "input 'x' is of bool, .*; take it as float32 or int64 and cast in the graph"),
        (copies(TensorProto.UINT8), {}, "input 'x' is of uint8, served are .*; cast it in the graph"),
        (ZIPMAP, {}, r"output 'y' is a sequence_type, not a tensor; .*options=\{'zipmap': False\}"),
        (ALONE, {}, "the graph has no input; a step scores what it reads"),
        (linear(), {"outputs": {"y": "score"}}, r"it has no output \['y'\]; its outputs are \['score'\]"),
        (linear(), {"options": {"threads": 2}}, r"unknown options \['threads'\]; allowed: \['dims'\]"),
        (linear(), {"options": {"dims": {"h": 3}}}, r"options.dims is .*; the dimensions .* leaves open are \[\]"),
        (linear(), {"engine": "linear"}, "steps.engine is 'linear'; the format onnx is served by the engine onnx"),
        (linear(), {"once": ("z",)}, r"steps.once names \['z'\]; the graph's inputs are \['x'\]"),
    ],
)
def test_what_would_not_be_served_exactly_is_named(model: Any, source: Any, message: str, load: Load) -> None:
    with pytest.raises(ImportRefused, match=message):
        load(model, **source)


# Run and seen to break


def test_a_graph_that_loses_its_batch_at_one_row_is_refused(load: Load) -> None:
    model = graph([node("Squeeze", ["x"], ["y"])], {"x": (FLOAT, ["n", 1])}, {"y": (FLOAT, ["n"])})
    with pytest.raises(ImportRefused, match=r"output 'y' has shape \[\] for 1 rows, .*no squeeze\(\)"):
        load(model)


def test_an_output_without_rows_is_refused(load: Load) -> None:
    model = graph([node("Transpose", ["x"], ["y"])], outputs={"y": (FLOAT, ["a", "b"])})
    with pytest.raises(ImportRefused, match=r"output 'y' has shape \[3, 1\] for 1 rows"):
        load(model)


def test_a_graph_that_runs_on_one_row_only_is_refused(load: Load) -> None:
    model = graph(
        [node("Reshape", ["x", "shape"], ["y"])], outputs={"y": (FLOAT, ["m", 3])}, shape=np.array([1, 3], np.int64)
    )
    with pytest.raises(ImportRefused, match=r"it does not run on 3 rows: .*Reshape"):
        load(model)


def histories() -> onnx.ModelProto:
    """Takes histories of exactly 5, and says of any length."""
    nodes = [node("MatMul", ["h", "five"], ["wide"]), node("Squeeze", ["wide", "one"], ["y"])]
    constants = {"five": np.ones((5, 1), np.float32), "one": np.array([1])}
    return graph(nodes, {"h": (FLOAT, ["n", "length"])}, {"y": (FLOAT, ["n"])}, **constants)


def test_a_dimension_left_open_may_be_given_for_the_trial(load: Load) -> None:
    with pytest.raises(ImportRefused, match=r"does not run on 3 rows.*give it in steps\.options\.dims"):
        load(histories())
    assert load(histories(), options={"dims": {"length": 5}}).options == {}


@pytest.mark.parametrize("size", [0, "5", 2.0, True])
def test_a_size_that_is_none_is_refused(size: Any, load: Load) -> None:
    with pytest.raises(ImportRefused, match=r"options\.dims\.length is .*; give a whole number from 1"):
        load(histories(), options={"dims": {"length": size}})


# External data


def external(folder: Path, **place: Any) -> None:
    """export/model.onnx, whose tensor W lies where `place` says; the true bytes are in export/w.bin."""
    model = linear()
    (weights,) = model.graph.initializer
    (folder / "export").mkdir()
    (folder / "export" / "w.bin").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in place.items():
        weights.external_data.add(key=key, value=str(value))
    (folder / "export" / "model.onnx").write_bytes(model.SerializeToString())


SOURCE = StepSource(format="onnx", source="export/model.onnx")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"location": "../secret"}, "external data of tensor 'W': ../secret leads outside export/"),
        ({"location": "../../outside"}, "leads outside export/"),
        ({"location": "/etc/hostname"}, "/etc/hostname leads outside export/"),
        ({"location": "link"}, "link leads outside export/"),
        ({"location": "gone"}, "no gone below export/"),
        ({"location": ""}, "is not a regular file"),
        ({}, "is not a regular file"),
        ({"location": "w.bin", "offset": 8}, "onnx.checker refuses it: .*'W'|raw_data size"),
        ({"location": "w.bin", "length": 10_000_000_000}, r"bytes 0 to 10000000000 of w\.bin, which has 24"),
        ({"location": "w.bin", "offset": -24, "length": 24}, r"bytes -24 to 0 of w\.bin"),
        ({"location": "w.bin", "offset": 24, "length": -24}, r"bytes 24 to 0 of w\.bin"),
        ({"location": "w.bin", "offset": "start"}, "external data of tensor 'W': invalid literal"),
    ],
)
def test_external_data_is_read_from_the_models_folder_only(place: Any, message: str, tmp_path: Path) -> None:
    external(tmp_path, **place)
    (tmp_path / "secret").write_bytes(bytes(24))
    (tmp_path / "export" / "link").symlink_to("../secret")
    with pytest.raises(ImportRefused, match=message):
        importers.load(SOURCE, tmp_path)


def test_external_data_of_a_nested_tensor_is_found(tmp_path: Path) -> None:
    constant = node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(W.T.copy()))
    tensor = constant.attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../outside")
    model = graph([constant, node("Identity", ["x"], ["y"])])
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ImportRefused, match="leads outside export/"):
        importers.load(SOURCE, tmp_path)


def test_data_that_many_tensors_share_counts_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    external(tmp_path, location="w.bin")
    monkeypatch.setattr("ranklet.importers.files.MAX_BYTES", (tmp_path / "export" / "model.onnx").stat().st_size + 23)
    with pytest.raises(ImportRefused, match="with its external data it exceeds 2 GB"):
        importers.load(SOURCE, tmp_path)


def test_a_tensor_that_claims_more_than_it_holds_is_refused(load: Load) -> None:
    model = linear()
    model.graph.initializer[0].dims[:] = [10**12, 2]
    with pytest.raises(ImportRefused, match="raw_data size"):
        load(model)


def test_a_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "movie-x"
    inside.mkdir()
    (tmp_path / "model.onnx").write_bytes(linear().SerializeToString())
    with pytest.raises(ImportRefused, match="leads outside movie-x/"):
        importers.load(StepSource(format="onnx", source="../model.onnx"), inside)


def test_a_step_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"steps\.source is missing; name the \.onnx file"):
        importers.load(StepSource(format="onnx"), tmp_path)


def test_a_damaged_file_is_read_or_refused(load: Load) -> None:
    whole, random, refused = linear().SerializeToString(), np.random.default_rng(0), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 4)):
            damaged[place] = random.integers(0, 256)
        try:
            load(bytes(damaged))
        except ImportRefused:
            refused += 1
    assert refused > 75


def test_a_dimension_whose_name_is_no_text_is_refused(load: Load) -> None:
    content = linear().SerializeToString().replace(b"\x12\x01n", b"\x12\x01\xa5")
    with pytest.raises(ImportRefused, match="utf-8"):
        load(content)
