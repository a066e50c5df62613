"""The linear engine against scikit-learn's own probabilities, and against a sum written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines_kit import OpenArrays
from scipy import sparse
from sklearn.linear_model import LogisticRegression, PoissonRegressor, SGDClassifier

from ranklet_runtime.engines.links import LINKS
from ranklet_runtime.engines.terms import quiet
from ranklet_runtime.errors import ManifestError


def rows(seed: int, n: int = 400) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {
        "x": random.normal(size=(n, 4)).astype(np.float32),
        "user": random.integers(0, 7, n),
        "bag": random.integers(-1, 5, (n, 3)),
    }


def one_hot(columns: dict[str, Any]) -> sparse.csr_matrix:
    """x, then the user, then the bag's counts: what scikit-learn reads."""
    n = len(columns["x"])
    user = np.eye(7)[columns["user"]]
    bag = np.array([np.bincount(row[row >= 0], minlength=5) for row in columns["bag"]])
    return sparse.csr_matrix(np.hstack([columns["x"].astype(np.float64), user, bag.reshape(n, 5)]))


def labels(columns: dict[str, Any]) -> Any:
    return (columns["x"][:, 0] + (columns["user"] > 3) - 0.5 * (columns["bag"] == 2).sum(axis=1) > 0.3).astype(int)


def split(coefficients: Any, intercept: Any) -> dict[str, Any]:
    w = np.ravel(coefficients)
    return {"bias": np.ravel(intercept), "w.x": w[:4], "w.user": w[4:11], "w.bag": w[11:]}


@pytest.mark.parametrize("trained", [LogisticRegression(), SGDClassifier(loss="log_loss", random_state=0)])
def test_probabilities_are_those_of_scikit_learn(trained: Any, open_arrays: OpenArrays) -> None:
    columns = rows(1)
    model = trained.fit(one_hot(columns), labels(columns))
    engine = open_arrays("linear", split(model.coef_, model.intercept_), ["x", "user", "bag"])
    unseen = rows(2)
    outputs = engine.run(unseen)
    np.testing.assert_allclose(outputs["score"], model.predict_proba(one_hot(unseen))[:, 1], atol=1e-7)
    np.testing.assert_allclose(outputs["logit"], model.decision_function(one_hot(unseen)), rtol=1e-6, atol=1e-6)


def test_dense_probabilities_are_those_of_scikit_learn(open_arrays: OpenArrays) -> None:
    columns = rows(3)
    model = LogisticRegression().fit(columns["x"], labels(columns))
    engine = open_arrays("linear", {"bias": model.intercept_, "w.x": model.coef_[0]}, ["x"])
    np.testing.assert_allclose(engine.run(columns)["score"], model.predict_proba(columns["x"])[:, 1], atol=1e-6)


def test_the_exponential_link_is_that_of_a_poisson_regression(open_arrays: OpenArrays) -> None:
    columns = rows(4)
    model = PoissonRegressor().fit(one_hot(columns).toarray(), labels(columns))
    engine = open_arrays("linear", split(model.coef_, model.intercept_), ["x", "user", "bag"], link="exp")
    np.testing.assert_allclose(engine.run(columns)["score"], model.predict(one_hot(columns).toarray()), rtol=1e-6)


def test_float32_sums_stay_within_the_rounding_of_float32(open_arrays: OpenArrays) -> None:
    columns = rows(5)
    model = LogisticRegression().fit(one_hot(columns), labels(columns))
    arrays = {name: array.astype(np.float32) for name, array in split(model.coef_, model.intercept_).items()}
    engine = open_arrays("linear", arrays, ["x", "user", "bag"], precision="float32")
    np.testing.assert_allclose(engine.run(columns)["score"], model.predict_proba(one_hot(columns))[:, 1], atol=1e-6)


def test_values_weigh_ids(open_arrays: OpenArrays) -> None:
    w = np.array([0.5, -1.0, 2.0])
    arrays = {"bias": np.array([0.25]), "w.genre": w, "w.tag": w}
    values = {"genre": "how_much", "tag": "relevance"}
    engine = open_arrays("linear", arrays, ["genre", "how_much", "tag", "relevance"], values=values)
    ids, weights = np.array([[0, 2, -1], [1, 1, 2]]), np.array([[0.5, 2.0, 9.0], [1.0, 3.0, 0.1]], np.float32)
    tag, relevance = np.array([2, -1]), np.array([0.5, 7.0], np.float32)
    outputs = engine.run({"genre": ids, "how_much": weights, "tag": tag, "relevance": relevance})
    expected = [0.25 + 0.5 * 0.5 + 2.0 * 2.0 + 2.0 * 0.5, 0.25 - 1.0 - 3.0 + 0.2]
    np.testing.assert_allclose(outputs["logit"], expected, rtol=1e-6)


@pytest.mark.parametrize(("engine", "table"), [("linear", "w.x"), ("fm", "v.x")])
def test_scores_are_clipped_to_the_ends_that_are_given(engine: str, table: str, open_arrays: OpenArrays) -> None:
    w = {"linear": np.array([1.0, 1.0]), "fm": np.array([[1.0], [1.0]])}[engine]
    given = {"x": np.array([[1, 1], [-5, 1], [2, 9]], np.float32)}
    arrays = {"bias": np.array([3.0]), table: w}
    free = open_arrays(engine, arrays, ["x"], link="identity").run(given)["score"]
    held = open_arrays(engine, arrays, ["x"], link="identity", low=1.0, high=5.0).run(given)["score"]
    above = open_arrays(engine, arrays, ["x"], link="identity", low=1.0).run(given)["score"]
    assert (free < 1).any()
    assert (free > 5).any()
    assert held.tolist() == np.clip(free, 1, 5).tolist()
    assert above.tolist() == np.maximum(free, 1).tolist()


def test_a_vector_of_numbers_is_one_column(open_arrays: OpenArrays) -> None:
    engine = open_arrays("linear", {"bias": np.zeros(1), "w.logit": np.array([2.0])}, ["logit"], link="identity")
    np.testing.assert_array_equal(engine.run({"logit": np.array([1, -3], np.float32)})["score"], [2, -6])


def test_one_context_row_alone_gives_one_score(open_arrays: OpenArrays) -> None:
    engine = open_arrays("linear", {"bias": np.zeros(1), "w.hour": np.arange(24.0)}, ["hour"], link="identity")
    np.testing.assert_array_equal(engine.run({"hour": np.array([7])})["score"], [7])


def test_an_id_beyond_its_table_is_never_read(open_arrays: OpenArrays) -> None:
    engine = open_arrays("linear", {"bias": np.zeros(1), "w.hour": np.arange(24.0)}, ["hour"])
    with pytest.raises(IndexError):
        engine.run({"hour": np.array([3, 25])})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sigmoid_keeps_both_tails(dtype: Any) -> None:
    x = np.array([-1e30, -80, -20, 0, 20, 80, 1e30, np.inf, -np.inf], dtype)
    found = quiet(LINKS["sigmoid"])(x)
    assert found.dtype == dtype
    expected = [0, 1.8048513878454153e-35, 2.0611536181902037e-09, 0.5, 1 - 2.0611536e-09, 1, 1, 1, 0]
    np.testing.assert_allclose(found, np.array(expected, dtype), rtol=1e-6)
    assert np.isnan(LINKS["sigmoid"](np.array([np.nan], dtype)))


def test_cloglog_is_its_own_definition() -> None:
    x = np.array([-700.0, -5.0, 0.0, 2.0])
    np.testing.assert_allclose(LINKS["cloglog"](x), [np.exp(-700.0), 0.006715302, 0.632120559, 0.999382021], rtol=1e-6)


BIAS, W = np.zeros(1), np.ones(3)


@pytest.mark.parametrize(
    ("arrays", "inputs", "options", "message"),
    [
        ({"w.x": W}, ["x"], {}, r"no array 'bias', they have \['w.x'\]"),
        ({"bias": np.zeros(2), "w.x": W}, ["x"], {}, r"'bias' has shape \[2\], wanted \[1\]"),
        ({"bias": BIAS, "w.x": np.ones((3, 1))}, ["x"], {}, r"'w.x' has shape \[3, 1\], wanted \[any\]"),
        ({"bias": BIAS, "w.x": W, "W.y": W}, ["x"], {}, r"nothing reads the arrays \['W.y'\]"),
        ({"bias": BIAS, "w.x": W}, ["x", "y"], {}, r"no weights for the inputs \['y'\]; its inputs are \['x'\]"),
        ({"bias": BIAS, "w.x": W}, [], {}, r"nothing feeds the inputs \['x'\]; list them in steps.inputs"),
        ({"bias": BIAS}, [], {}, "at least one input"),
        ({}, ["x"], {}, "steps.source must name an .npz file"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"link": "logit"}, "options.link is 'logit'; allowed"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"precision": "float16"}, r"allowed: \['float32', 'float64'\]"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"lnk": "sigmoid"}, r"unknown options \['lnk'\]; allowed: \['high', 'link'"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"link": 3}, "options.link is 3, a int; wanted a str"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"values": {"z": "x"}}, r"options.values names the inputs \['z'\]"),
        ({"bias": BIAS, "w.x": W}, ["x"], {"values": {"x": "x"}}, r"reads \['x'\], which have weights of their own"),
    ],
)
def test_what_does_not_fit_is_named(
    arrays: Any, inputs: Any, options: Any, message: str, open_arrays: OpenArrays
) -> None:
    with pytest.raises(ManifestError, match=message):
        open_arrays("linear", arrays, inputs, **options)
