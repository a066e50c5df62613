"""The perceptron against scikit-learn's predictions and against onnxruntime on the same weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from engines_kit import OpenArrays
from onnx import TensorProto, helper
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.layers import ACTIVATIONS
from ranklet_runtime.engines.ort import open_session
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 6)).astype(np.float32)
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 2])


def arrays_of(model: Any) -> dict[str, Any]:
    """scikit-learn's coefs_ are [inputs, outputs], as ours."""
    return {f"w{i}": w for i, w in enumerate(model.coefs_)} | {f"b{i}": b for i, b in enumerate(model.intercepts_)}


def fitted(model: Any, target: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: the weights are what matters
        return model.fit(X.astype(np.float64), target)


@pytest.mark.parametrize(("theirs", "ours"), [("relu", "relu"), ("tanh", "tanh"), ("logistic", "sigmoid")])
def test_probabilities_are_those_of_scikit_learn(theirs: Any, ours: str, open_arrays: OpenArrays) -> None:
    model = fitted(MLPClassifier(hidden_layer_sizes=(16, 8), activation=theirs, max_iter=30, random_state=1), Y > 0)
    engine = open_arrays("mlp", arrays_of(model), ["x"], activation=ours)
    np.testing.assert_allclose(
        engine.run({"x": X})["score"], model.predict_proba(X.astype(np.float64))[:, 1], atol=1e-6
    )


def test_predictions_are_those_of_scikit_learn(open_arrays: OpenArrays) -> None:
    model = fitted(MLPRegressor(hidden_layer_sizes=(16,), max_iter=30, random_state=1), Y)
    engine = open_arrays("mlp", arrays_of(model), ["x"], link="identity", precision="float64")
    np.testing.assert_allclose(engine.run({"x": X})["score"], model.predict(X.astype(np.float64)), rtol=1e-6, atol=1e-6)


def test_one_layer_is_a_linear_model(open_arrays: OpenArrays) -> None:
    w = RANDOM.normal(size=(6, 1))
    engine = open_arrays("mlp", {"w0": w, "b0": np.array([0.5])}, ["x"], link="identity")
    np.testing.assert_allclose(engine.run({"x": X})["score"], X @ w[:, 0] + 0.5, rtol=1e-5, atol=1e-5)


def net(random: np.random.Generator) -> dict[str, Any]:
    shapes = {"w0": (10, 7), "b0": (7,), "w1": (7, 1), "b1": (1,), "e.movie": (9, 3), "e.genres": (5, 4)}
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def graph(arrays: dict[str, Any]) -> onnx.ModelProto:
    """The net over movie, price and genres in that order, in onnx's own operators; bags have no padding."""
    nodes = [
        helper.make_node("Gather", ["e.movie", "movie"], ["movie_rows"]),
        helper.make_node("Gather", ["e.genres", "genres"], ["genre_rows"]),
        helper.make_node("ReduceMean", ["genre_rows"], ["genre_mean"], axes=[1], keepdims=0),
        helper.make_node("Concat", ["movie_rows", "price", "genre_mean"], ["x"], axis=1),
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]),
        helper.make_node("Elu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "w1", "b1"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [
        value("movie", TensorProto.INT64, ["n"]),
        value("price", TensorProto.FLOAT, ["n", 3]),
        value("genres", TensorProto.INT64, ["n", 2]),
    ]
    weights = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    made = helper.make_graph(nodes, "g", inputs, [value("score", TensorProto.FLOAT, ["n", 1])], weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_scores_are_those_of_onnxruntime_on_the_same_weights(open_arrays: OpenArrays, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    arrays = net(random)
    (tmp_path / "net.onnx").write_bytes(graph(arrays).SerializeToString())
    names = {name: name for name in ("movie", "price", "genres")}
    reference = open_engine(Step("onnx", "item", names, {"score": "score"}, "net.onnx"), tmp_path, threads=1)
    engine = open_arrays("mlp", arrays, [*names], activation="elu")
    tensors = {
        "movie": random.integers(0, 9, 64),
        "price": random.normal(size=(64, 3)).astype(np.float32),
        "genres": random.integers(0, 5, (64, 2)),
    }
    np.testing.assert_allclose(engine.run(tensors)["score"], reference.run(tensors)["score"][:, 0], atol=1e-6)


def test_a_bag_is_pooled_over_those_present(open_arrays: OpenArrays) -> None:
    rows = np.array([[1.0], [10.0], [100.0]])
    arrays = {"e.bag": rows, "w0": np.ones((1, 1)), "b0": np.zeros(1)}
    bags = {"bag": np.array([[0, 2, -1], [1, 1, 0], [-1, -1, -1]])}
    mean = open_arrays("mlp", arrays, ["bag"], link="identity").run(bags)["score"]
    np.testing.assert_allclose(mean, [50.5, 7, 0], rtol=1e-6)
    added = open_arrays("mlp", arrays, ["bag"], link="identity", pooling={"bag": "sum"}).run(bags)["score"]
    np.testing.assert_allclose(added, [101, 21, 0], rtol=1e-6)


def test_rows_of_vectors_are_flattened(open_arrays: OpenArrays) -> None:
    w = RANDOM.normal(size=(6, 1))
    engine = open_arrays("mlp", {"w0": w, "b0": np.zeros(1)}, ["history"], link="identity", precision="float64")
    scores = engine.run({"history": X.reshape(300, 2, 3)})["score"]
    np.testing.assert_allclose(scores, X @ w[:, 0], rtol=1e-5, atol=1e-6)


OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "softplus": ("Softplus", {}),
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "silu": ("Swish", {}),
    "identity": ("Identity", {}),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_onnxruntime(name: str) -> None:
    operator, attributes = OPERATORS[name]
    x = np.linspace(-12, 12, 97, dtype=np.float32)
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n"]) for end in ("x", "y")]
    made = helper.make_graph([helper.make_node(operator, ["x"], ["y"], **attributes)], "g", ends[:1], ends[1:])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 24)], ir_version=10)
    (expected,) = open_session(model.SerializeToString(), threads=1).run(None, {"x": x})
    found = ACTIVATIONS[name](x.copy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


LAYER = {"w0": np.ones((4, 1)), "b0": np.zeros(1)}
TABLE = {"e.a": np.ones((3, 2))}


@pytest.mark.parametrize(
    ("arrays", "inputs", "options", "message"),
    [
        ({"w0": np.ones((4, 2)), "b0": np.zeros(2)}, ["x"], {}, r"'w0' has shape \[4, 2\], wanted \[any, 1\]"),
        ({"w0": np.ones((4, 1))}, ["x"], {}, "no array 'b0'"),
        (LAYER | {"w2": np.ones((1, 1)), "b2": np.zeros(1)}, ["x"], {}, "no array 'w1'|wanted"),
        (LAYER | {"b0": np.zeros(2)}, ["x"], {}, r"'b0' has shape \[2\], wanted \[1\]"),
        (LAYER | {"running_mean": np.zeros(4)}, ["x"], {}, r"nothing reads the arrays \['running_mean'\]"),
        (LAYER, ["x"], {"activation": "gelu"}, "options.activation is 'gelu'; allowed"),
        (LAYER, ["x"], {"pooling": {"x": "mean"}}, "options.pooling.x is 'mean'"),
        (LAYER | TABLE, ["a", "x"], {"pooling": {"a": "max"}}, "options.pooling.a is 'max'; allowed: mean, sum"),
        (LAYER | TABLE, ["x"], {}, r"inputs' order is \['x'\]; options.inputs_order must list \['a', 'x'\]"),
        (LAYER | TABLE, ["a", "x"], {"inputs_order": ["a"]}, r"must list \['a', 'x'\]"),
        (LAYER | TABLE, ["a", "x"], {"inputs_order": ["a", "x", "x"]}, r"must list \['a', 'x'\]"),
    ],
)
def test_what_does_not_fit_is_named(
    arrays: Any, inputs: Any, options: Any, message: str, open_arrays: OpenArrays
) -> None:
    with pytest.raises(ManifestError, match=message):
        open_arrays("mlp", arrays, inputs, **options)


def test_inputs_of_another_width_are_named(open_arrays: OpenArrays) -> None:
    engine = open_arrays("mlp", LAYER | TABLE, ["a", "x"])
    with pytest.raises(ValueError, match=r"the inputs are \[2, 3\] wide, together 5; w0 has 4 rows"):
        engine.run({"a": np.array([1]), "x": np.ones((2, 3), np.float32)})
