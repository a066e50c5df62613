"""Trees in bits are the trees: every answer is that of walking them one row after the other, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.bits import Bits
from ranklet_runtime.engines.symmetric import Symmetric
from ranklet_runtime.engines.trees import TreesEngine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

WIDTH = 7


def forest(seed: int, *, trees: int, depth: int, symmetric: bool = False, values: int = 9) -> dict[str, Array]:
    """Random trees: some of one leaf, most with leaves above the last level. values: different thresholds a feature."""
    random = np.random.default_rng(seed)
    marks = np.round(random.normal(size=(WIDTH, values)), 3)
    nodes: list[list[float]] = []
    roots = []
    for _ in range(trees):
        roots.append(len(nodes))
        levels = int(random.integers(0, depth + 1))
        asked = [(int(random.integers(WIDTH)), int(random.integers(values)), int(random.integers(2))) for _ in range(9)]
        nodes.append([])
        open_ = [(len(nodes) - 1, 0)]
        while open_:
            node, level = open_.pop(0)
            if level == levels or (not symmetric and random.random() < 0.2):
                nodes[node] = [0, 0, random.normal(), 0]
                continue
            feature, place, missing = asked[level] if symmetric else (
                int(random.integers(WIDTH)), int(random.integers(values)), int(random.integers(2))
            )  # fmt: skip
            nodes[node] = [len(nodes), feature, marks[feature, place], missing]
            open_ += [(len(nodes), level + 1), (len(nodes) + 1, level + 1)]
            nodes += [[], []]
    columns = np.array(nodes, np.float64).T
    named = dict(zip(("child", "feature", "number", "missing"), columns, strict=True))
    return named | {"roots": np.array(roots, np.float64), "bias": np.array([0.125])}


def rows_of(arrays: dict[str, Array], seed: int, n: int) -> Array:
    """Values on thresholds, next to them, missing, infinite and zeros of both signs."""
    random = np.random.default_rng(seed)
    marks = arrays["number"][arrays["child"] > 0].astype(np.float32)
    odd = np.array([np.inf, -np.inf, 0.0, -0.0, np.nan, 1e30], np.float32)
    near = np.concatenate([marks, np.nextafter(marks, np.float32(np.inf)), odd, random.normal(size=50)])
    return random.choice(near.astype(np.float32), (n, WIDTH))


def walked(arrays: dict[str, Array], rows: Array, *, strict: bool, dtype: Any) -> Array:
    child, feature, number = arrays["child"].astype(int), arrays["feature"].astype(int), arrays["number"].astype(dtype)
    found = np.empty(len(rows), dtype)
    for place, row in enumerate(rows.astype(dtype)):
        total = dtype(arrays["bias"][0])
        for root in arrays["roots"].astype(int):
            node = root
            while child[node]:
                value = row[feature[node]]
                left = value < number[node] if strict else value <= number[node]
                left = arrays["missing"][node] == 1 if np.isnan(value) else left
                node = child[node] + (0 if left else 1)
            total = total + number[node]
        found[place] = total
    return found


def opened(arrays: dict[str, Array], **options: Any) -> TreesEngine:
    step = Step("trees", "item", {"x": "x"}, {"logit": "l"}, options={"widths": {"x": WIDTH}, **options})
    return TreesEngine(step, arrays)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape",
    [
        {"trees": 1, "depth": 0},
        {"trees": 3, "depth": 1},
        {"trees": 40, "depth": 4},
        {"trees": 12, "depth": 8},
        {"trees": 30, "depth": 6, "symmetric": True},
        {"trees": 400, "depth": 5, "values": 300},
    ],
    ids=str,
)
def test_sums_are_those_of_walking_tree_after_tree(shape: dict[str, Any], precision: str, strict: bool) -> None:
    arrays = forest(3, **shape)
    dtype = {"float32": np.float32, "float64": np.float64}[precision]
    engine = opened(arrays, strict=strict, precision=precision)
    for n in (1, 2, 64, 150):
        rows = rows_of(arrays, n, n)
        wanted = walked(arrays, rows, strict=strict, dtype=dtype).astype(np.float32)
        np.testing.assert_array_equal(engine.run({"x": rows})["l"], wanted)


def test_features_with_many_thresholds_are_looked_up() -> None:
    """Or the tests above would try comparing alone."""
    engine = opened(forest(3, trees=400, depth=5, values=300))
    assert isinstance(engine._trees, Bits) and engine._trees._thresholds._search is not None


@pytest.mark.parametrize("n", [511, 512, 513, 1100])
def test_blocks_of_rows_score_as_their_rows_alone(n: int) -> None:
    arrays = forest(5, trees=60, depth=6)
    engine, rows = opened(arrays), rows_of(arrays, 1, n)
    whole = engine.run({"x": rows})["l"]
    for place in (0, 63, 64, 510, n - 1):
        np.testing.assert_array_equal(engine.run({"x": rows[place : place + 1]})["l"], whole[place : place + 1])


def test_a_users_columns_change_nothing_but_the_time() -> None:
    arrays = forest(6, trees=400, depth=5, values=300)
    rows = rows_of(arrays, 2, 200)
    rows[:, :4] = rows[7, :4]
    wanted = walked(arrays, rows, strict=False, dtype=np.float32)
    np.testing.assert_array_equal(opened(arrays).run({"x": rows})["l"], wanted)


def test_more_trees_than_are_walked_together() -> None:
    arrays = forest(7, trees=1500, depth=2)
    rows = rows_of(arrays, 3, 5)
    np.testing.assert_array_equal(
        opened(arrays).run({"x": rows})["l"], walked(arrays, rows, strict=False, dtype=np.float32)
    )


@pytest.mark.parametrize(("trees", "depth"), [(600, 3), (300, 8)])
def test_symmetric_trees_are_found_and_summed_in_order(trees: int, depth: int) -> None:
    arrays = forest(12, trees=trees, depth=depth, symmetric=True, values=40)
    rows = rows_of(arrays, 6, 40)
    rows[:, 2:4] = rows[3, 2:4]
    engine = opened(arrays)
    assert isinstance(engine._trees, Symmetric)
    wanted = walked(arrays, rows, strict=False, dtype=np.float32)
    np.testing.assert_array_equal(engine.run({"x": rows})["l"], wanted)


@pytest.mark.parametrize("part", ["feature", "number", "missing"])
def test_one_node_that_asks_something_else_makes_a_tree_a_common_one(part: str) -> None:
    arrays = forest(13, trees=5, depth=4, symmetric=True)
    last = np.setdiff1d(np.flatnonzero(arrays["child"]), arrays["roots"])[-1]
    arrays[part][last] = {
        "feature": (arrays[part][last] + 1) % WIDTH,
        "number": 0.5,
        "missing": 1 - arrays[part][last],
    }[part]
    engine, rows = opened(arrays), rows_of(arrays, 7, 70)
    assert not isinstance(engine._trees, Symmetric)
    np.testing.assert_array_equal(engine.run({"x": rows})["l"], walked(arrays, rows, strict=False, dtype=np.float32))


def test_floats_may_be_compared_and_doubles_added() -> None:
    """As CatBoost does, whose borders are floats and whose leaves are doubles."""
    arrays = forest(11, trees=20, depth=4)
    split = arrays["child"] > 0
    arrays["number"][split] = arrays["number"][split].astype(np.float32)
    rows = rows_of(arrays, 5, 90)
    found = opened(arrays, precision="float64", compared="float32").run({"x": rows})["l"]
    wanted = walked(arrays, rows, strict=False, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(found, wanted)


def test_scale_is_of_the_sum_with_its_bias() -> None:
    arrays = forest(8, trees=3, depth=2)
    rows = rows_of(arrays, 4, 6)
    scaled = opened(arrays, scale=0.5).run({"x": rows})["l"]
    np.testing.assert_array_equal(scaled, opened(arrays).run({"x": rows})["l"] * np.float32(0.5))


def with_(name: str, place: int, value: float) -> dict[str, Array]:
    arrays = forest(9, trees=4, depth=3)
    arrays[name] = arrays[name].copy()
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        (with_("child", -1, 2), "not behind its parent"),
        (with_("child", 0, np.nan), "'child' holds what is no whole number"),
        (with_("child", 0, 1e300), "'child' holds what is no whole number"),
        (with_("child", 0, 5), "make no trees"),
        (with_("roots", 1, 1), "make no trees"),
        (with_("roots", 1, -3), "'roots' holds what is no whole number"),
        (with_("feature", 0, WIDTH), "beyond the 7 columns"),
        (with_("feature", 0, 0.5), "'feature' holds what is no whole number"),
        (with_("number", 0, np.nan), "a threshold that is NaN"),
        (with_("number", -1, np.inf), "a leaf that is not finite"),
        (with_("number", -1, 1e300), "a leaf that is not finite"),
        (forest(9, trees=4, depth=3) | {"missing": np.zeros(2)}, "'missing' has shape"),
        (forest(9, trees=4, depth=3) | {"roots": np.zeros(0)}, "make no trees"),
        (forest(9, trees=4, depth=3) | {"other": np.zeros(2)}, "nothing reads the arrays"),
    ],
)
def test_arrays_that_are_no_trees_are_refused(arrays: dict[str, Array], what: str) -> None:
    with pytest.raises(ManifestError, match=what):
        opened(arrays)


def test_deep_trees_are_refused() -> None:
    chain = [2 * level + 1 for level in range(9)]
    child = np.zeros(19)
    child[[0, *chain[:-1]]] = chain
    arrays = {name: np.zeros(19) for name in ("feature", "number", "missing")}
    with pytest.raises(ManifestError, match="more than 8 levels"):
        opened({"child": child, "roots": np.zeros(1), "bias": np.zeros(1), **arrays})


@pytest.mark.parametrize("widths", [{}, {"x": 0}, {"x": "7"}, {"x": True}])
def test_widths_are_needed(widths: Any) -> None:
    with pytest.raises(ManifestError, match=r"options.widths is .*; give each input's number of columns"):
        opened(forest(9, trees=4, depth=3), widths=widths)


@pytest.mark.parametrize("symmetric", [True, False])
def test_arrays_changed_at_random_are_refused_or_score(symmetric: bool) -> None:
    random = np.random.default_rng(10)
    whole = forest(9, trees=4, depth=3, symmetric=symmetric)
    for _ in range(300):
        arrays = {name: array.copy() for name, array in whole.items()}
        for _ in range(int(random.integers(1, 4))):
            array = arrays[str(random.choice(["child", "feature", "number", "missing", "roots"]))]
            array[random.integers(len(array))] = random.choice([-1, 0, 1, 3, 1e9, 1e300, np.nan, np.inf, 0.5])
        try:
            found = opened(arrays).run({"x": rows_of(whole, 1, 5)})["l"]
        except ManifestError:
            continue
        assert found.shape == (5,)
