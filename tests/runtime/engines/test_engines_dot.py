"""The two towers' head against scikit-learn's kernels, PyTorch's similarity, and a net written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines_kit import OpenArrays
from sklearn.metrics import pairwise

from ranklet_runtime.errors import ManifestError

RANDOM = np.random.default_rng(0)
USER = RANDOM.normal(size=(1, 24)).astype(np.float32)
USERS = RANDOM.normal(size=(50, 24)).astype(np.float32)
ITEMS = RANDOM.normal(size=(50, 24)).astype(np.float32)
NAMES = ["user", "item"]


def test_dot_is_the_linear_kernel(open_arrays: OpenArrays) -> None:
    scores = open_arrays("dot", {}, NAMES).run({"user": USER, "item": ITEMS})["score"]
    np.testing.assert_allclose(scores, pairwise.linear_kernel(USER, ITEMS)[0], rtol=1e-5, atol=1e-5)


def test_cosine_is_that_of_scikit_learn(open_arrays: OpenArrays) -> None:
    scores = open_arrays("dot", {}, NAMES, metric="cosine").run({"user": USER, "item": ITEMS})["score"]
    np.testing.assert_allclose(scores, pairwise.cosine_similarity(USER, ITEMS)[0], atol=1e-6)


def test_a_row_for_each_user_is_the_diagonal(open_arrays: OpenArrays) -> None:
    scores = open_arrays("dot", {}, NAMES, metric="cosine").run({"user": USERS, "item": ITEMS})["score"]
    np.testing.assert_allclose(scores, np.diag(pairwise.cosine_similarity(USERS, ITEMS)), atol=1e-6)


def test_many_users_and_one_item_score_per_user(open_arrays: OpenArrays) -> None:
    scores = open_arrays("dot", {}, NAMES, metric="cosine").run({"user": USERS, "item": ITEMS[:1]})["score"]
    np.testing.assert_allclose(scores, pairwise.cosine_similarity(USERS, ITEMS[:1])[:, 0], atol=1e-6)


def test_cosine_is_that_of_torch(open_arrays: OpenArrays) -> None:
    torch = pytest.importorskip("torch.nn") and pytest.importorskip("torch")  # a folder of tests has its name
    expected = torch.nn.functional.cosine_similarity(torch.from_numpy(USER), torch.from_numpy(ITEMS)).numpy()
    scores = open_arrays("dot", {}, NAMES, metric="cosine").run({"user": USER, "item": ITEMS})["score"]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_vector_of_zeros_has_cosine_zero(precision: str, open_arrays: OpenArrays) -> None:
    engine = open_arrays("dot", {}, NAMES, metric="cosine", bias=0.5, precision=precision)
    items = np.stack([np.zeros(24), ITEMS[0]]).astype(np.float32)
    scores = engine.run({"user": USER, "item": items})["score"]
    assert scores[0] == 0.5
    assert np.isfinite(scores[1])
    np.testing.assert_array_equal(engine.run({"user": 0 * USER, "item": items})["score"], [0.5, 0.5])


def test_every_part_of_the_logit(open_arrays: OpenArrays) -> None:
    engine = open_arrays(
        "dot",
        {},
        ["user", "item", "item_bias", "user_bias"],
        scale=3,
        temperature=0.5,
        bias=-0.25,
        link="sigmoid",
    )
    item_bias, user_bias = RANDOM.normal(size=50).astype(np.float32), np.array([[0.75]], np.float32)
    outputs = engine.run({"user": USER, "item": ITEMS, "item_bias": item_bias, "user_bias": user_bias})
    logit = (ITEMS @ USER[0]).astype(np.float64) * 3 / 0.5 - 0.25 + item_bias + 0.75
    np.testing.assert_allclose(outputs["logit"], logit, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(outputs["score"], 1 / (1 + np.exp(-logit)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("metric", ["dot", "cosine"])
def test_the_bias_may_be_the_last_number_of_the_items_vector(metric: str, open_arrays: OpenArrays) -> None:
    bias = RANDOM.normal(size=50).astype(np.float32)
    apart = open_arrays("dot", {}, ["user", "item", "item_bias"], metric=metric)
    joined = open_arrays("dot", {}, NAMES, metric=metric, bias_column=True)
    expected = apart.run({"user": USER, "item": ITEMS, "item_bias": bias})["score"]
    found = joined.run({"user": USER, "item": np.column_stack([ITEMS, bias])})["score"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_float64_products_are_exact_to_float32(open_arrays: OpenArrays) -> None:
    engine = open_arrays("dot", {}, NAMES, precision="float64")
    exact = ITEMS.astype(np.float64) @ USER[0].astype(np.float64)
    np.testing.assert_array_equal(engine.run({"user": USER, "item": ITEMS})["score"], exact.astype(np.float32))


@pytest.mark.parametrize("users", [USER, USERS])
def test_a_net_takes_the_blocks_in_order(users: Any, open_arrays: OpenArrays) -> None:
    w0, b0 = RANDOM.normal(size=(72, 6)), RANDOM.normal(size=6)
    w1, b1 = RANDOM.normal(size=(6, 1)), RANDOM.normal(size=1)
    engine = open_arrays(
        "dot",
        {"w0": w0, "b0": b0, "w1": w1, "b1": b1},
        NAMES,
        interaction=["product", "user", "difference"],
        activation="tanh",
        precision="float64",
        scale=2,
    )
    user = np.broadcast_to(users, ITEMS.shape).astype(np.float64)
    x = np.hstack([user * ITEMS, user, np.abs(user - ITEMS)])
    expected = 2 * (np.tanh(x @ w0 + b0) @ w1 + b1)[:, 0]
    found = engine.run({"user": users, "item": ITEMS})["score"]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_vectors_of_two_lengths_are_named(open_arrays: OpenArrays) -> None:
    with pytest.raises(ValueError, match="the user's vector has 24 numbers, the item's 23"):
        open_arrays("dot", {}, NAMES).run({"user": USER, "item": ITEMS[:, :-1]})


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (["user"], {}, r"nothing feeds the inputs \['item'\]"),
        (["user", "item", "bias"], {}, r"no weights for the inputs \['bias'\]"),
        (NAMES, {"metric": "euclid"}, r"options.metric is 'euclid'; allowed: \['dot', 'cosine'\]"),
        (NAMES, {"temperature": 0}, "options.temperature is 0.0; it must be a number above 0"),
        (NAMES, {"temperature": float("nan")}, "options.temperature is nan"),
        (NAMES, {"temperature": "1"}, "options.temperature is '1', a str; wanted a float"),
        (NAMES, {"bias": True}, "options.bias is True, a bool; wanted a float"),
        (NAMES, {"interaction": ["sum"]}, "options.interaction is"),
        (NAMES, {"interaction": ["user"]}, "the step has no artefact"),
        (["user", "item", "item_bias"], {"bias_column": True}, "both the item's bias; keep one"),
    ],
)
def test_what_does_not_fit_is_named(inputs: Any, options: Any, message: str, open_arrays: OpenArrays) -> None:
    with pytest.raises(ManifestError, match=message):
        open_arrays("dot", {}, inputs, **options)


def test_an_array_that_is_no_layer_is_named(open_arrays: OpenArrays) -> None:
    with pytest.raises(ManifestError, match=r"nothing reads the arrays \['users'\]"):
        open_arrays("dot", {"w0": np.ones((4, 1)), "b0": np.zeros(1), "users": np.ones(3)}, NAMES)
