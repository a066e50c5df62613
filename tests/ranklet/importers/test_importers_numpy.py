"""Weights of each NumPy engine: what comes out, that it opens and scores, and what is refused."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.base import Exported, TensorSpec
from ranklet.model import StepSource
from ranklet_runtime.engines import open_engine
from ranklet_runtime.manifest import Step

LINEAR = {"bias": np.array([0.5]), "w.movie": np.arange(4.0), "w.price": np.array([1.0, 2.0])}


def load(folder: Path, arrays: dict[str, Any], engine: str = "linear", **source: Any) -> Exported:
    np.savez(folder / "weights.npz", **arrays)
    return importers.load(StepSource(format="numpy", source="weights.npz", engine=engine, **source), folder)


def test_a_linear_model_comes_whole(tmp_path: Path) -> None:
    exported = load(tmp_path, LINEAR, options={"link": "identity"})
    assert exported.engine == "linear"
    assert exported.inputs == (TensorSpec("movie", None, None, 4), TensorSpec("price", None, None, 2))
    assert exported.outputs == (TensorSpec("logit", "float32", (None,)), TensorSpec("score", "float32", (None,)))
    assert (exported.artefact, exported.options) == ("weights.npz", {"link": "identity"})


def test_the_bytes_score_as_the_file_did(tmp_path: Path) -> None:
    exported = load(tmp_path, LINEAR, options={"link": "identity"})
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    assert exported.content is not None and exported.artefact is not None
    (bundle / exported.artefact).write_bytes(exported.content)
    inputs = {spec.name: spec.name for spec in exported.inputs}
    step = Step("linear", "item", inputs, {"score": "s"}, exported.artefact, options=exported.options)
    tensors = {"movie": np.array([3, -1]), "price": np.array([[1, 1]], np.float32)}
    np.testing.assert_array_equal(open_engine(step, bundle, threads=1).run(tensors)["s"], [6.5, 3.5])


def test_the_bytes_depend_on_the_arrays_only(tmp_path: Path) -> None:
    first = load(tmp_path, LINEAR).content
    np.savez_compressed(tmp_path / "weights.npz", **dict(reversed(LINEAR.items())))
    os.utime(tmp_path / "weights.npz", (time.time() + 1e6,) * 2)
    source = StepSource(format="numpy", source="weights.npz", engine="linear")
    assert importers.load(source, tmp_path).content == first
    assert load(tmp_path, LINEAR | {"bias": np.array([0.25])}).content != first


def test_a_head_without_a_net_needs_no_file(tmp_path: Path) -> None:
    source = StepSource(format="numpy", engine="dot", inputs={"user": "u", "item_bias": "b"})
    exported = importers.load(source, tmp_path)
    assert (exported.artefact, exported.content) == (None, None)
    assert exported.inputs == (
        TensorSpec("user", "float32", None),
        TensorSpec("item", "float32", None),
        TensorSpec("item_bias", "float32", None, 1),
    )


def test_only_the_outputs_that_are_named_come(tmp_path: Path) -> None:
    exported = load(tmp_path, LINEAR, outputs={"logit": "wide"})
    assert [spec.name for spec in exported.outputs] == ["logit"]


def test_values_and_ids_are_told_apart(tmp_path: Path) -> None:
    arrays = LINEAR | {"w.genre": np.zeros(7)}
    exported = load(tmp_path, arrays, inputs={"how_much": "mask"}, options={"values": {"genre": "how_much"}})
    assert TensorSpec("how_much", "float32", None) in exported.inputs
    net = {"e.movie": np.zeros((9, 3)), "w0": np.zeros((5, 1)), "b0": np.zeros(1)}
    exported = load(tmp_path, net, "mlp", inputs={"movie": "movie", "age": "age"})
    assert exported.inputs == (TensorSpec("movie", "int64", None, 9), TensorSpec("age", "float32", None, 2))


FM = {"bias": np.zeros(1), "v.movie": np.zeros((4, 3))}
FFM = {"bias": np.zeros(1), "v.movie": np.zeros((4, 2, 3)), "v.user": np.zeros((5, 2, 3))}


@pytest.mark.parametrize(
    ("engine", "arrays", "options", "inputs"),
    [
        ("fm", FM, {}, [("movie", 4)]),
        ("ffm", FFM, {"fields": ["user", "movie"]}, [("movie", 4), ("user", 5)]),
    ],
)
def test_factor_models_come_with_their_inputs(
    engine: str, arrays: Any, options: Any, inputs: Any, tmp_path: Path
) -> None:
    exported = load(tmp_path, arrays, engine, options=options)
    assert [(spec.name, spec.limit) for spec in exported.inputs] == inputs


@pytest.mark.parametrize(
    ("engine", "arrays", "source", "message"),
    [
        ("linear", {"w.movie": np.ones(3)}, {}, "weights.npz: the weights have no array 'bias'"),
        ("linear", LINEAR | {"weights": np.ones(3)}, {}, r"nothing reads the arrays \['weights'\]"),
        ("linear", LINEAR, {"inputs": {"film": "movie"}}, r"no weights for the inputs \['film'\]; its inputs are"),
        ("linear", LINEAR, {"outputs": {"probability": "p"}}, r"has no outputs \['probability'\]; allowed"),
        ("linear", LINEAR, {"options": {"link": "probit"}}, "options.link is 'probit'"),
        ("linear", LINEAR, {"once": ("movie",)}, "steps.once is for graphs"),
        ("linear", LINEAR | {"w.movie": np.array([1, np.nan])}, {}, r"array 'w.movie' holds nan at \[1\]"),
        ("fm", FM | {"v.movie": np.full((2, 2), -np.inf)}, {}, r"array 'v.movie' holds -inf at \[0, 0\]"),
        ("mlp", {"w0": np.ones((2, 2)), "b0": np.ones(2)}, {"inputs": {"x": "x"}}, r"'w0' has shape \[2, 2\]"),
        ("mlp", {"w0": np.ones((2, 1)), "b0": np.ones(1)}, {}, "at least one input"),
        ("onnx", LINEAR, {}, "steps.engine is 'onnx'; the format numpy serves"),
        (None, LINEAR, {}, "steps.engine is None; the format numpy serves"),
        ("linear", {"bias": np.array([{}], dtype=object)}, {}, "bias.npy is of object; .* never pickled"),
        ("linear", LINEAR | {"w.movie": np.arange(4)}, {}, "w.movie.npy is of int64"),
    ],
)
def test_what_does_not_fit_is_named(engine: Any, arrays: Any, source: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=message):
        load(tmp_path, arrays, engine, **source)


def test_an_engine_with_weights_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"linear: no weights, .* steps.source must name an \.npz file"):
        importers.load(StepSource(format="numpy", engine="linear"), tmp_path)


def test_a_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "movie-x"
    inside.mkdir()
    np.savez(tmp_path / "weights.npz", **LINEAR)
    for name in ("../weights.npz", str(tmp_path / "weights.npz")):
        with pytest.raises(ImportRefused, match="leads outside movie-x/"):
            importers.load(StepSource(format="numpy", source=name, engine="linear"), inside)
    (inside / "weights.npz").symlink_to(tmp_path / "weights.npz")
    with pytest.raises(ImportRefused, match="leads outside movie-x/"):
        importers.load(StepSource(format="numpy", source="weights.npz", engine="linear"), inside)
