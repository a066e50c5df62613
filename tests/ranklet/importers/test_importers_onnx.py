"""ONNX graphs: what comes out, what the author is told, and the limits of the pinned onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx_kit import RELU, Load, W, graph, linear, node

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec
from ranklet.importers.onnx import reading
from ranklet.model import StepSource

FLOAT, DOUBLE, INT64, INT32 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32
REPOSITORY = Path(__file__).parents[3]


def run(exported: Exported, **feeds: Any) -> list[Any]:
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, feeds)
    return found


# What comes out


def test_a_graph_comes_whole(load: Load) -> None:
    exported = load(linear())
    assert (exported.engine, exported.artefact, exported.options, exported.notes) == ("onnx", "model.onnx", {}, ())
    assert exported.inputs == (TensorSpec("x", "float32", (None, 3)),)
    assert exported.outputs == (TensorSpec("score", "float32", (None, 2)),)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(run(exported, x=x)[0], x @ W, rtol=1e-6)


def test_the_bytes_hold_nothing_of_the_exporting_machine(load: Load) -> None:
    model = linear()
    model.doc_string = model.graph.node[0].doc_string = "/home/trainer/model.py line 3"
    for holder in (model, model.graph.node[0], model.graph):
        holder.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/trainer/model.py")
    exported = load(model)
    assert exported.content is not None and b"trainer" not in exported.content
    assert exported.content == load(linear()).content


def test_ids_are_limited_by_the_table_they_index(load: Load) -> None:
    nodes = [
        node("Cast", ["movie"], ["narrow"], to=INT32),
        node("Gather", ["few", "narrow"], ["a"]),
        node("Gather", ["many", "movie"], ["b"]),
        node("Mod", ["user", "seven"], ["folded"]),
        node("Gather", ["many", "folded"], ["c"]),
        node("Sum", ["a", "b", "c"], ["y"]),
    ]
    tables = {"few": np.ones((5, 3), np.float32), "many": np.ones((9, 3), np.float32), "seven": np.array(7)}
    exported = load(graph(nodes, {"movie": (INT64, ["n"]), "user": (INT64, ["n"])}, **tables))
    assert exported.inputs == (TensorSpec("movie", "int64", (None,), 5), TensorSpec("user", "int64", (None,)))


def test_inputs_with_a_value_of_their_own_are_not_fed(load: Load) -> None:
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("W", FLOAT, [3, 2]))
    assert [spec.name for spec in load(model).inputs] == ["x"]


def test_only_the_outputs_that_are_named_come(load: Load) -> None:
    nodes = [RELU, node("Cast", ["x"], ["label"], to=TensorProto.STRING)]
    outputs = {"y": (FLOAT, ["n", 3]), "label": (TensorProto.STRING, ["n", 3])}
    exported = load(graph(nodes, outputs=outputs), outputs={"y": "score"})
    assert [spec.name for spec in exported.outputs] == ["y"]


def test_external_data_is_taken_in(load: Load, tmp_path: Path) -> None:
    expected = load(linear()).content
    onnx.save_model(
        linear(), tmp_path / "export" / "model.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    source = StepSource(format="onnx", source="export/model.onnx")
    assert importers.load(source, tmp_path).content == expected


def test_functions_of_the_model_itself_are_served(load: Load) -> None:
    double = helper.make_function(
        "my.own", "Double", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    model = graph([node("Double", ["x"], ["y"], domain="my.own")], opsets={"my.own": 1}, functions=[double])
    (y,) = run(load(model), x=np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(y, [[2, 2, 2]])


def test_dropout_that_is_switched_off_is_served(load: Load) -> None:
    model = graph([node("Dropout", ["x", "ratio", "off"], ["y"])], ratio=np.float32(0.5), off=np.array(False))
    assert load(model).engine == "onnx"
    constant = node("Constant", [], ["off"], value=onnx.numpy_helper.from_array(np.array(False)))
    assert load(graph([constant, node("Dropout", ["x", "", "off"], ["y"])])).engine == "onnx"


# Notes


def test_double_inputs_are_served(load: Load) -> None:
    exported = load(graph([RELU], {"x": (DOUBLE, ["n", 3])}, {"y": (DOUBLE, ["n", 3])}))
    assert exported.inputs[0].dtype == "float64"


def test_candidates_that_depend_on_each_other_are_noted(load: Load) -> None:
    exported = load(graph([node("Softmax", ["x"], ["y"], axis=0)]))
    (note,) = exported.notes
    assert note == "outputs ['y'] of a candidate depend on the other candidates of the request (a listwise model)"


def test_users_that_depend_on_each_other_are_refused(load: Load) -> None:
    with pytest.raises(ImportRefused, match=r"outputs \['y'\] of one user depend on other users"):
        load(graph([node("Softmax", ["x"], ["y"], axis=0)]), rows="user")


def test_another_onnxruntime_than_the_layers_is_noted(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranklet.importers.onnx.trial.ONNXRUNTIME", "1.99.0")
    (note,) = load(linear()).notes
    assert "the layer has 1.99.0; pip install onnxruntime==1.99.0" in note


# The limits of the pinned onnxruntime


def test_the_limits_are_those_of_the_layers_pin() -> None:
    pins = (REPOSITORY / "layers" / "onnx" / "requirements.txt").read_text().splitlines()
    assert f"onnxruntime=={reading.ONNXRUNTIME}" in pins


def accepted(model: onnx.ModelProto) -> bool:
    try:
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception:
        return False
    return True


@pytest.mark.skipif(onnxruntime.__version__ != reading.ONNXRUNTIME, reason="another onnxruntime than the layer's")
def test_the_limits_are_those_of_onnxruntime() -> None:
    model = linear()
    model.ir_version = reading.MAX_IR
    assert accepted(model)
    model.ir_version = reading.MAX_IR + 1
    assert not accepted(model)
    newest = {domain: reading.OPSETS[domain][1] for domain in ("", "ai.onnx.ml")}
    assert accepted(graph([RELU], opsets=newest))
    assert not accepted(graph([RELU], opsets=newest | {"ai.onnx.ml": newest["ai.onnx.ml"] + 1}))
