"""The hashed engine against its definition, feature by feature; the importer's tests hold it to Vowpal Wabbit."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from engines_kit import OpenArrays

from ranklet_runtime.engines import hashed
from ranklet_runtime.errors import ManifestError, PayloadTooLarge

BITS, N = 6, 9
OPTIONS: dict[str, Any] = {
    "bits": BITS,
    "namespaces": {"user": "u", "age": "u", "movie": "m", "tags": "t"},
    "at": {"age": 5},
    "linear": ["u", "t"],
    "interactions": [["u", "m"], ["t", "t"], ["u", "t", "t"], ["m", "u"]],
    "values": {"tags": "weights"},
    "scales": {"movie": 0.5},
    "link": "identity",
    "low": -4.0,
    "high": 4.0,
}
NAMES = ["user", "age", "movie", "tags", "weights"]


def tensors() -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {
        "user": random.integers(0, 64, 1),
        "age": random.normal(size=(1, 1)).astype(np.float32),
        "movie": random.integers(-1, 64, N),
        "tags": random.integers(-1, 64, (N, 3)),
        "weights": random.normal(size=(N, 3)).astype(np.float32),
    }


def score(w: Any, bias: float, given: dict[str, Any], row: int) -> float:
    """As the docstring of the engine defines it."""
    tags = [(int(at), float(x)) for at, x in zip(given["tags"][row], given["weights"][row], strict=True) if at >= 0]
    movie = [(int(given["movie"][row]), 0.5)] if given["movie"][row] >= 0 else []
    spaces = {"u": [(int(given["user"][0]), 1.0), (5, float(given["age"][0, 0]))], "m": movie, "t": tags}
    logit = bias + sum(w[at] * x for name in OPTIONS["linear"] for at, x in spaces[name])
    for names in OPTIONS["interactions"]:
        for places in product(*(range(len(spaces[name])) for name in names)):
            steps = zip(names, names[1:], places, places[1:], strict=False)
            if any(one == other and left > right for one, other, left, right in steps):
                continue
            index, x = 0, 1.0
            for name, place in zip(names, places, strict=True):
                at, value = spaces[name][place]
                index, x = (index * hashed.PRIME ^ at) % (1 << BITS), x * value
            logit += w[index] * x
    return min(max(logit, -4.0), 4.0)


def test_a_score_is_the_sum_over_all_interactions(open_arrays: OpenArrays) -> None:
    w, given = np.random.default_rng(4).normal(size=1 << BITS), tensors()
    opened = open_arrays("hashed", {"bias": np.array([0.3]), "w": w}, NAMES, **OPTIONS)
    expected = [score(w, 0.3, given, row) for row in range(N)]
    np.testing.assert_allclose(opened.run(given)["score"], expected, rtol=1e-6, atol=1e-6)


def test_weights_by_index_are_those_of_the_whole_array(open_arrays: OpenArrays) -> None:
    w = np.random.default_rng(5).normal(size=1 << BITS)
    w[np.random.default_rng(6).permutation(1 << BITS)[:50]] = 0
    index = np.flatnonzero(w)
    whole = open_arrays("hashed", {"bias": np.zeros(1), "w": w}, NAMES, **OPTIONS)
    few = open_arrays("hashed", {"bias": np.zeros(1), "index": index.astype(float), "w": w[index]}, NAMES, **OPTIONS)
    assert few.run(tensors())["score"].tolist() == whole.run(tensors())["score"].tolist()


def test_lists_whose_combinations_no_function_holds_are_the_callers_fault(open_arrays: OpenArrays) -> None:
    options = {"bits": BITS, "namespaces": {"tags": "t"}, "interactions": [["t", "t", "t"]]}
    opened = open_arrays("hashed", {"bias": np.zeros(1), "w": np.zeros(1 << BITS)}, ["tags"], **options)
    with pytest.raises(PayloadTooLarge, match=r"the interaction t×t×t has 27000000 features here"):
        opened.run({"tags": np.zeros((1, 300), np.int64)})


W = {"bias": np.zeros(1), "w": np.zeros(64)}
SPARSE = {"bias": np.zeros(1), "w": np.zeros(2)}
ONE: dict[str, Any] = {"bits": 6, "namespaces": {"x": "n"}, "linear": ["n"]}


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (W, {**ONE, "bits": 0}, "options.bits is 0"),
        (W, {**ONE, "bits": 7}, r"'w' has shape \[64\], wanted \[128\]"),
        (W, {**ONE, "linear": ["m"]}, "namespace 'm' has no inputs"),
        (W, {**ONE, "linear": []}, "nothing reads the input 'x'"),
        (W, {**ONE, "at": {"y": 3}}, "name 'y', which is in no namespace"),
        (W, {**ONE, "at": {"x": 64}}, "options.at.x is 64"),
        (W, {**ONE, "link": "x"}, "options.link is 'x'"),
        (SPARSE | {"index": np.array([5.0, 5.0])}, ONE, "ascending whole numbers"),
        (SPARSE | {"index": np.array([5.0, 64.0])}, ONE, "ascending whole numbers"),
        (SPARSE | {"index": np.array([0.5, 6.0])}, ONE, "ascending whole numbers"),
        (SPARSE | {"index": np.array([5.0])}, ONE, "has shape"),
    ],
)
def test_what_does_not_fit_is_named(arrays: Any, options: Any, message: str, open_arrays: OpenArrays) -> None:
    with pytest.raises(ManifestError, match=message):
        open_arrays("hashed", arrays, ["x"], **options)
