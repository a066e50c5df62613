"""The onnx engine against onnxruntime called directly, and its rules for rows, ranks and types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Array, Engine
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.errors import BadRequest, ManifestError
from ranklet_runtime.manifest import Step

FLOAT, DOUBLE, INT64, INT32 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32
W = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


def model(nodes: Sequence[Any], inputs: Any, outputs: Any, **constants: Array) -> bytes:
    """A graph's bytes; inputs and outputs: name → (type, shape)."""
    ends = [[helper.make_tensor_value_info(n, *end) for n, end in given.items()] for given in (inputs, outputs)]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    made = helper.make_graph(list(nodes), "g", *ends, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    return content


def pairing(user_rows: Any) -> bytes:
    """score = item @ w · user, the user's rows as given."""
    nodes = [
        helper.make_node("MatMul", ["item", "w"], ["h"]),
        helper.make_node("Mul", ["h", "user"], ["m"]),
        helper.make_node("ReduceSum", ["m", "one"], ["score"], keepdims=0),
        helper.make_node("Identity", ["user"], ["echo"]),
    ]
    inputs = {"user": (FLOAT, [user_rows, 2]), "item": (FLOAT, ["n", 3])}
    outputs = {"score": (FLOAT, ["n"]), "echo": (FLOAT, [user_rows, 2])}
    return model(nodes, inputs, outputs, w=W, one=np.array([1]))


def identity(dtype: int, shape: Sequence[Any]) -> bytes:
    return model([helper.make_node("Identity", ["x"], ["y"])], {"x": (dtype, shape)}, {"y": (dtype, shape)})


def opened(folder: Path, content: bytes, inputs: Sequence[str], outputs: Sequence[str], **step: Any) -> Engine:
    (folder / "m.onnx").write_bytes(content)
    wired = {name: name for name in inputs}
    given = {"rows": "item", "artefact": "m.onnx"} | step
    return open_engine(Step("onnx", inputs=wired, outputs={n: n for n in outputs}, **given), folder, threads=1)


def tensors(users: int, items: int) -> dict[str, Array]:
    random = np.random.default_rng(users * 100 + items)
    made = {"user": random.normal(size=(users, 2)), "item": random.normal(size=(items, 3))}
    return {name: value.astype(np.float32) for name, value in made.items()}


def test_scores_are_those_of_onnxruntime(tmp_path: Path) -> None:
    engine = opened(tmp_path, pairing("n"), ["user", "item"], ["score"])
    given = tensors(1, 40)
    session = onnxruntime.InferenceSession(pairing("n"), providers=["CPUExecutionProvider"])
    copied = given | {"user": np.repeat(given["user"], 40, axis=0)}
    np.testing.assert_allclose(engine.run(given)["score"], session.run(["score"], copied)[0], rtol=1e-6)


def test_one_row_is_expanded_unless_it_is_listed_in_once(tmp_path: Path) -> None:
    expanded = opened(tmp_path, pairing("n"), ["user", "item"], ["echo"])
    assert expanded.run(tensors(1, 5))["echo"].shape == (5, 2)
    kept = opened(tmp_path, pairing("u"), ["user", "item"], ["echo"], once=("user",))
    assert kept.run(tensors(1, 5))["echo"].shape == (1, 2)


@pytest.mark.parametrize("user_rows", [1, "u"])
def test_many_users_run_a_once_graph_once_per_user(user_rows: Any, tmp_path: Path) -> None:
    engine = opened(tmp_path, pairing(user_rows), ["user", "item"], ["score", "echo"], once=("user",))
    given = tensors(6, 6)
    given["user"][4] = given["user"][1]  # one user twice
    outputs = engine.run(given)
    np.testing.assert_allclose(
        outputs["score"], ((given["item"] @ W) * given["user"]).sum(axis=1), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(outputs["echo"], given["user"])


def test_a_user_step_fixed_at_one_row_serves_many_users(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    content = model(nodes, {"x": (FLOAT, [1, 3])}, {"y": (FLOAT, [1, 2])}, w=W)
    engine = opened(tmp_path, content, ["x"], ["y"], rows="user")
    x = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(engine.run({"x": x})["y"], x @ W, rtol=1e-6)


def test_no_candidate_needs_no_run(tmp_path: Path) -> None:
    breaks = model(
        [helper.make_node("ReduceMax", ["x"], ["y"], axes=[0], keepdims=1)],
        {"x": (FLOAT, ["n", 3])},
        {"y": (FLOAT, ["n", 3])},
    )
    engine = opened(tmp_path, breaks, ["x"], ["y"])
    found = engine.run({"x": np.zeros((0, 3), np.float32)})["y"]
    assert (found.shape, found.dtype) == ((0, 3), np.float32)


@pytest.mark.parametrize(
    ("sent", "shape", "received"),
    [((4,), ["n", 1], (4, 1)), ((4, 1), ["n"], (4,)), ((4, 2), ["n", 2, 1], (4, 2, 1)), ((4, 2), ["n", 2], (4, 2))],
)
def test_a_last_dimension_of_one_comes_and_goes(sent: Any, shape: Any, received: Any, tmp_path: Path) -> None:
    engine = opened(tmp_path, identity(INT64, shape), ["x"], ["y"])
    assert engine.run({"x": np.ones(sent, np.int64)})["y"].shape == received


@pytest.mark.parametrize(("dtype", "sent"), [(DOUBLE, np.float32), (INT32, np.int64)])
def test_exact_casts_are_made(dtype: int, sent: Any, tmp_path: Path) -> None:
    engine = opened(tmp_path, identity(dtype, ["n", 2]), ["x"], ["y"])
    x = np.array([[1, -1], [16777217, 3]], sent)
    found = engine.run({"x": x})["y"]
    assert found.dtype == helper.tensor_dtype_to_np_dtype(dtype)
    np.testing.assert_array_equal(found, x)


def test_an_id_beyond_32_bits_is_the_callers_fault(tmp_path: Path) -> None:
    engine = opened(tmp_path, identity(INT32, ["n"]), ["x"], ["y"])
    with pytest.raises(BadRequest, match="x holds 2147483648, outside the 32 bits"):
        engine.run({"x": np.array([1, 2**31])})


@pytest.mark.parametrize(("dtype", "sent"), [(FLOAT, np.int64), (INT64, np.float32), (FLOAT, np.float64)])
def test_other_casts_are_refused(dtype: int, sent: Any, tmp_path: Path) -> None:
    engine = opened(tmp_path, identity(dtype, ["n"]), ["x"], ["y"])
    with pytest.raises(ValueError, match=f"x is {np.dtype(sent).name}, the graph's x takes"):
        engine.run({"x": np.ones(3, sent)})


def zipmap() -> bytes:
    nodes = [helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 2])],
        [
            helper.make_value_info(
                "y",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, None))
                ),
            )
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    return content


@pytest.mark.parametrize(
    ("content", "step", "message"),
    [
        (identity(FLOAT, ["n"]), {"inputs": ["x", "z"]}, r"the graph has no input \['z'\]; its inputs are \['x'\]"),
        (identity(FLOAT, ["n"]), {"inputs": []}, r"nothing feeds the inputs \['x'\]"),
        (identity(FLOAT, ["n"]), {"outputs": ["z"]}, r"the graph has no output \['z'\]; its outputs are \['y'\]"),
        (identity(TensorProto.STRING, ["n"]), {}, r"'x' is a tensor\(string\); served are"),
        (identity(TensorProto.FLOAT16, ["n"]), {}, r"'x' is a tensor\(float16\)"),
        (identity(FLOAT, []), {}, "'x' has no dimension for its rows"),
        (identity(FLOAT, [1, 2]), {}, "'x' takes 1 rows only; export it with a dynamic batch"),
        (identity(FLOAT, [8, 2]), {"rows": "user"}, "'x' takes 8 rows only"),
        (zipmap(), {}, r"'y' is a seq\(map"),
        (b"not a model", {}, "onnxruntime .* cannot load the graph"),
        (identity(FLOAT, ["n"]), {"options": {"threads": 4}}, r"unknown options \['threads'\]"),
        (identity(FLOAT, ["n"]), {"artefact": None}, "the step has no artefact"),
        (identity(FLOAT, ["n"]), {"artefact": "other.onnx"}, "cannot load the graph"),
    ],
)
def test_what_does_not_fit_is_named(content: bytes, step: Any, message: str, tmp_path: Path) -> None:
    given = {"inputs": ["x"], "outputs": ["y"]} | step
    with pytest.raises(ManifestError, match=message):
        opened(tmp_path, content, given.pop("inputs"), given.pop("outputs"), **given)


def test_a_session_is_set_up_for_one_small_request() -> None:
    options = open_session(identity(FLOAT, ["n"]), threads=2).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.get_session_config_entry("session.inter_op.allow_spinning") == "0"
    assert options.log_severity_level == 3


def test_an_absent_onnxruntime_names_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ManifestError, match="attach the onnx layer"):
        opened(tmp_path, identity(FLOAT, ["n"]), ["x"], ["y"])


def test_numpy_engines_do_not_import_onnxruntime() -> None:
    program = (
        "import sys; from ranklet_runtime.engines import ENGINES, find_engine; "
        "[find_engine(name) for name in ENGINES]; print('onnxruntime' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_an_unknown_engine_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"unknown engine 'torch'; allowed: \['dot', 'ffm'"):
        open_engine(Step("torch", "item", {}, {}), tmp_path, threads=1)
