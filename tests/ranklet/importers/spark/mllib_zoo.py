"""Pipelines that Spark fits: what recommenders train with it, and each policy for values that it did not see."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import lines_kit

TRAINED, ASKED, RATED = 2_000, 300, 8_000
WORDS = ("gender", "occupation", "genre")
Columns = dict[str, list[Any]]


class Case(NamedTuple):
    """label: fitted to, apart where it is words. trained, asked: raw columns; asked ones have no label.

    pmml: pyspark2pmml refuses the policy `skip` of a StringIndexer.
    """

    name: str
    label: str
    stages: Callable[[], list[Any]]
    trained: Callable[[], Columns]
    asked: Callable[[], Columns]
    pmml: bool = True


def cases() -> Iterator[Case]:
    yield from _films()
    yield from _classes()
    yield from _numbers()


def _films() -> Iterator[Case]:
    from pyspark.ml import classification as k

    def logistic() -> list[Any]:
        return [*_encoded(WORDS, ("age", "year")), k.LogisticRegression(labelCol="label", regParam=0.001)]

    def boosted() -> list[Any]:
        trees = k.GBTClassifier(labelCol="label", maxIter=20, maxDepth=4, stepSize=0.2, seed=7)
        return [*_encoded(WORDS, ("age", "year")), trees]

    yield Case("films_logistic", "liked", logistic, _rated, _strangers)
    yield Case("films_boosted", "liked", boosted, _rated, _strangers)


def _encoded(words: tuple[str, ...], numbers: tuple[str, ...], policy: str = "keep") -> list[Any]:
    """Words by index and one-hot, numbers imputed, all in one vector."""
    from pyspark.ml import feature as f

    return [
        *(f.StringIndexer(inputCol=one, outputCol=f"{one}_at", handleInvalid=policy) for one in words),
        f.OneHotEncoder(inputCols=[f"{one}_at" for one in words], outputCols=[f"{one}_is" for one in words]),
        *(f.Imputer(inputCols=[one], outputCols=[f"{one}_set"], strategy="median") for one in numbers),
        _assembled([*(f"{one}_is" for one in words), *(f"{one}_set" for one in numbers)]),
    ]


def _assembled(columns: list[str], output: str = "features") -> Any:
    from pyspark.ml.feature import VectorAssembler

    return VectorAssembler(inputCols=columns, outputCol=output)


def _classes() -> Iterator[Case]:
    from pyspark.ml import classification as k
    from pyspark.ml import feature as f

    def forest() -> list[Any]:
        index = f.StringIndexer(inputCol="color", outputCol="color_at", handleInvalid="keep")
        trees = k.RandomForestClassifier(labelCol="three", numTrees=15, maxDepth=5, seed=3)
        return [index, _assembled(["color_at", "a", "b", "many"]), trees]

    def multinomial() -> list[Any]:
        scaled = f.MinMaxScaler(inputCol="numbers", outputCol="scaled")
        return [
            *_encoded(("color", "size"), (), "error")[:-1],
            _assembled(["a", "b", "many"], "numbers"),
            scaled,
            _assembled(["color_is", "size_is", "scaled"]),
            k.LogisticRegression(labelCol="three", regParam=0.01, elasticNetParam=0.5),
        ]

    yield Case("forest", "three", forest, lambda: _drawn(True), lambda: _drawn(False, numbers=False))
    yield Case("multinomial_error", "three", multinomial, lambda: _drawn(True), _few_odd)


def _numbers() -> Iterator[Case]:
    from pyspark.ml import feature as f
    from pyspark.ml import regression as r

    def linear() -> list[Any]:
        filled = f.Imputer(inputCols=["a"], outputCols=["a_set"], strategy="mean")
        splits = [-float("inf"), -1.0, 0.0, 1.5, float("inf")]
        return [
            filled,
            f.Bucketizer(splits=splits, inputCol="b", outputCol="b_at", handleInvalid="keep"),
            f.OneHotEncoder(inputCols=["b_at"], outputCols=["b_is"]),
            _assembled(["a_set", "many"], "numbers"),
            f.StandardScaler(inputCol="numbers", outputCol="scaled", withMean=True),
            _assembled(["scaled", "b_is"]),
            r.LinearRegression(labelCol="y", regParam=0.01),
        ]

    def boosted() -> list[Any]:
        index = f.StringIndexer(inputCols=["color", "size"], outputCols=["c", "s"], handleInvalid="skip")
        trees = r.GBTRegressor(labelCol="y", maxIter=15, maxDepth=4, stepSize=0.3, seed=5)
        return [index, _assembled(["c", "s", "a", "b", "many"]), trees]

    def poisson() -> list[Any]:
        model = r.GeneralizedLinearRegression(labelCol="times", family="poisson", link="log", linkPredictionCol="eta")
        return [*_encoded(("color",), ("a",)), model]

    yield Case("linear", "y", linear, lambda: _drawn(True), lambda: _drawn(False))
    yield Case("boosted_skip", "y", boosted, lambda: _drawn(True), lambda: _drawn(False, numbers=False), pmml=False)
    yield Case("poisson", "times", poisson, lambda: _drawn(True), lambda: _drawn(False))


def _drawn(trained: bool, *, words: bool = True, numbers: bool = True) -> Columns:
    """words, numbers: some of those asked are missing or unknown."""
    random = np.random.default_rng(1 if trained else 2)
    count = TRAINED if trained else ASKED
    found: Columns = {name: np.round(random.normal(size=count) * scale, 4).tolist() for name, scale in _SCALES.items()}
    found["many"] = random.poisson(3.0, count).astype(float).tolist()
    for name, levels in _LEVELS.items():
        found[name] = [levels[at] for at in random.integers(0, len(levels), count)]
    if trained:
        return found | _labels(found, random)
    for at in range(count):
        if words and random.random() < 0.15:
            found["color"][at] = [None, "violet", ""][at % 3]
        if numbers and random.random() < 0.15:
            found["a"][at] = None
        if random.random() < 0.1:
            found["a"][at] = [99.0, -99.0][at % 2]
    return found


_SCALES = {"a": 1.0, "b": 2.0}
_LEVELS = {"color": ["red", "green", "blue", "grey", "Łódź"], "size": ["s", "m", "l"]}


def _labels(found: Columns, random: np.random.Generator) -> Columns:
    red = np.array([word == "red" for word in found["color"]])
    small = np.array([word == "s" for word in found["size"]])
    a, b, many = (np.array(found[name]) for name in ("a", "b", "many"))
    signal = a - 0.5 * b + 1.5 * red - 0.7 * small + 0.2 * many + random.normal(size=len(a)) / 2
    three = np.digitize(signal, [-0.5, 1.5]).astype(float)
    times = random.poisson(np.exp(np.clip(signal / 3, -3, 3))).astype(float)
    return {"y": signal.tolist(), "three": three.tolist(), "times": times.tolist()}


def _few_odd() -> Columns:
    """Spark raises for the last rows."""
    found = _drawn(False, words=False, numbers=False)
    found["color"][-3:] = ["violet", None, ""]
    found["size"][-4] = "xxl"
    return found


def _rated() -> Columns:
    rated = list(lines_kit.ratings(RATED))
    found = _people([row for row, _ in rated])
    return found | {"liked": ["yes" if rating >= lines_kit.LIKED else "no" for _, rating in rated]}


def _strangers() -> Columns:
    return _people(lines_kit.strangers(ASKED))


def _people(rows: list[dict[str, Any]]) -> Columns:
    found = {name: [row[name] for row in rows] for name in ("gender", "occupation", "age", "year")}
    return found | {"genre": [row["genres"][0] if row["genres"] else None for row in rows]}
