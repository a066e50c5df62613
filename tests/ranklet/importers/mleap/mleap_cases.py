"""Pipelines that Spark fits, each for the stages that it holds to Spark's own answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

TRAINED, ASKED = 400, 300
NUMBERS = ("a", "b", "c")
TEXTS = {"color": ["red", "green", "blue", "grey", "Łódź"], "size": ["s", "m", "l"]}


class Case(NamedTuple):
    """stages: as pyspark has them. asked: how rows are drawn (`plain`, `odd`, `nan`)."""

    name: str
    stages: Callable[[], list[Any]]
    asked: str = "plain"


def rows(kind: str, *, trained: bool) -> dict[str, list[Any]]:
    """Columns of raw values. kind: `odd` has unknown and missing ones, which in `nan` are NaN, not null."""
    random = np.random.default_rng(1 if trained else 2)
    count = TRAINED if trained else ASKED
    found: dict[str, list[Any]] = {
        name: np.round(random.normal(size=count) * (at + 1), 4).tolist() for at, name in enumerate(NUMBERS)
    }
    found["many"] = random.poisson(3.0, count).astype(float).tolist()
    found["bit"] = random.integers(0, 2, count).astype(float).tolist()
    found["level"] = random.integers(0, 4, count).astype(float).tolist()
    for name, words in TEXTS.items():
        found[name] = [words[at] for at in random.integers(0, len(words), count)]
    _labels(found, random)
    if kind != "plain" and not trained:
        _odd(found, random)
    if trained and kind != "plain":
        found["a"] = [None if random.random() < 0.1 else value for value in found["a"]]
    found["tags"] = _tags(count, np.random.default_rng(3 + trained))
    if kind == "nan":
        found["a"] = [math.nan if value is None else value for value in found["a"]]
    return found


def _tags(count: int, random: np.random.Generator) -> list[list[str]]:
    words = ["new", "old", "Łódź", "a tag of many bytes", ""]
    return [[words[at] for at in random.integers(0, len(words), random.integers(0, 6))] for _ in range(count)]


def _labels(found: dict[str, list[Any]], random: np.random.Generator) -> None:
    a, b, c = (np.array(found[name]) for name in NUMBERS)
    red = np.array([word == "red" for word in found["color"]])
    signal = a - 0.5 * b + 0.3 * c + 1.5 * red + 0.2 * np.array(found["many"]) + random.normal(size=len(a))
    found["y"] = signal.tolist()
    found["yes"] = (signal > 0.7).astype(float).tolist()
    found["three"] = np.digitize(signal, [-0.5, 1.5]).astype(float).tolist()
    found["plus"] = np.exp(signal / 4).tolist()
    found["times"] = random.poisson(np.exp(np.clip(signal / 3, -3, 3))).astype(float).tolist()


def _odd(found: dict[str, list[Any]], random: np.random.Generator) -> None:
    for at in range(ASKED):
        if random.random() < 0.15:
            found["color"][at] = [None, "violet", ""][at % 3]
        if random.random() < 0.15:
            found["a"][at] = [None, 99.0, -99.0][at % 3]
        if random.random() < 0.1:
            found["level"][at] = 7.0


def cases() -> Iterator[Case]:
    yield from _encoding()
    yield from _vectors()
    yield from _linear()
    yield from _trees()
    yield from _others()


def _encoding() -> Iterator[Case]:
    from pyspark.ml import classification as k
    from pyspark.ml import feature as f
    from pyspark.ml import regression as r

    def strings(policy: str, encoder: str, *, drop: bool, model: Any) -> Callable[[], list[Any]]:
        return lambda: [
            f.StringIndexer(inputCols=["color", "size"], outputCols=["ci", "si"], handleInvalid=policy),
            f.OneHotEncoder(inputCols=["ci", "si"], outputCols=["cv", "sv"], handleInvalid=encoder, dropLast=drop),
            f.VectorAssembler(inputCols=["cv", "c", "sv", "b"], outputCol="features"),
            model,
        ]

    yield Case(
        "strings_error", strings("error", "error", drop=True, model=k.LogisticRegression(labelCol="yes", threshold=0.4))
    )
    yield Case("strings_all", strings("error", "error", drop=False, model=r.LinearRegression(labelCol="y")))
    multinomial = k.LogisticRegression(labelCol="three", family="multinomial", thresholds=[0.2, 0.5, 0.3])
    yield Case("strings_keep", strings("keep", "error", drop=False, model=multinomial), "odd")
    yield Case("strings_keep_both", strings("keep", "keep", drop=True, model=r.LinearRegression(labelCol="y")), "odd")
    yield Case("strings_skip", strings("skip", "keep", drop=False, model=r.LinearRegression(labelCol="y")), "odd")
    yield Case(
        "one_string",
        lambda: [
            f.StringIndexer(inputCol="color", outputCol="ci", handleInvalid="keep"),
            f.OneHotEncoder(inputCol="ci", outputCol="cv"),
            f.VectorAssembler(inputCols=["cv", "c"], outputCol="features"),
            k.LogisticRegression(labelCol="three"),
            f.IndexToString(inputCol="prediction", outputCol="word", labels=["low", "middle", "high"]),
        ],
        "odd",
    )
    ends = [float("-inf"), -1.0, 0.0, 0.5, float("inf")]
    for policy, splits in (("keep", ends), ("skip", ends), ("keep", [-100.0, 0.0, 1.0, 99.0])):
        yield Case(
            f"buckets_{policy}_{len(splits)}",
            lambda policy=policy, splits=splits: [
                f.Bucketizer(splits=splits, inputCol="a", outputCol="bucket", handleInvalid=policy),
                f.Binarizer(inputCol="b", outputCol="above", threshold=0.25),
                f.VectorAssembler(inputCols=["bucket", "above", "c"], outputCol="features"),
                r.LinearRegression(labelCol="y"),
            ],
            "nan",
        )
    for strategy, missing in (("mean", float("nan")), ("median", 99.0)):
        yield Case(
            f"imputer_{strategy}",
            lambda strategy=strategy, missing=missing: [
                f.Imputer(inputCols=["a"], outputCols=["full"], strategy=strategy, missingValue=missing),
                f.VectorAssembler(inputCols=["full", "b"], outputCol="features"),
                r.LinearRegression(labelCol="y"),
            ],
            "odd",
        )
    for count, model in (
        (1 << 18, r.LinearRegression(labelCol="y", regParam=0.1)),
        (37, r.DecisionTreeRegressor(labelCol="y")),
    ):
        yield Case(
            f"hasher_{count}",
            lambda count=count, model=model: [
                f.FeatureHasher(inputCols=["color", "a", "size", "b"], outputCol="features", numFeatures=count),
                model,
            ],
            "odd",
        )
    for count in (1 << 16, 17):
        yield Case(
            f"terms_{count}",
            lambda count=count: [
                f.HashingTF(inputCol="tags", outputCol="terms", numFeatures=count),
                f.VectorAssembler(inputCols=["terms", "b"], outputCol="features"),
                r.LinearRegression(labelCol="y", regParam=0.1) if count > 17 else r.DecisionTreeRegressor(labelCol="y"),
            ],
        )
    for policy in ("keep", "skip"):
        yield Case(
            f"vector_indexer_{policy}",
            lambda policy=policy: [
                f.VectorAssembler(inputCols=["level", "b", "bit"], outputCol="raw"),
                f.VectorIndexer(inputCol="raw", outputCol="features", maxCategories=5, handleInvalid=policy),
                r.DecisionTreeRegressor(labelCol="y", maxDepth=4),
            ],
            "odd",
        )


def _vectors() -> Iterator[Case]:
    from pyspark.ml import feature as f
    from pyspark.ml import regression as r
    from pyspark.ml.linalg import Vectors

    ends = {"inputCol": "raw", "outputCol": "features"}
    scalers: dict[str, Callable[[], Any]] = {
        "standard": lambda: f.StandardScaler(withMean=True, withStd=True, **ends),
        "standard_mean": lambda: f.StandardScaler(withMean=True, withStd=False, **ends),
        "standard_std": lambda: f.StandardScaler(**ends),
        "min_max": lambda: f.MinMaxScaler(min=-1.0, max=2.0, **ends),
        "min_max_unit": lambda: f.MinMaxScaler(**ends),
        "max_abs": lambda: f.MaxAbsScaler(**ends),
        "normalizer_1": lambda: f.Normalizer(p=1.0, **ends),
        "normalizer_2": lambda: f.Normalizer(**ends),
        "normalizer_3": lambda: f.Normalizer(p=3.0, **ends),
        "elementwise": lambda: f.ElementwiseProduct(scalingVec=Vectors.dense([2.0, -0.5, 0.0]), **ends),
        "slicer": lambda: f.VectorSlicer(indices=[2, 0], **ends),
        "pca": lambda: f.PCA(k=2, **ends),
        "polynomial_2": lambda: f.PolynomialExpansion(degree=2, **ends),
        "polynomial_3": lambda: f.PolynomialExpansion(degree=3, **ends),
    }
    for name, scaler in scalers.items():
        yield Case(
            name,
            lambda scaler=scaler: [
                f.VectorAssembler(inputCols=list(NUMBERS), outputCol="raw"),
                scaler(),
                r.LinearRegression(labelCol="y", regParam=0.01),
            ],
        )
    yield Case(
        "interaction",
        lambda: [
            f.VectorAssembler(inputCols=["a", "b"], outputCol="left"),
            f.VectorAssembler(inputCols=["c", "many", "bit"], outputCol="right"),
            f.Interaction(inputCols=["level", "left", "right"], outputCol="features"),
            r.LinearRegression(labelCol="y", regParam=0.01),
        ],
    )


def _assembled(*models: Any, of: tuple[str, ...] = (*NUMBERS, "many")) -> Callable[[], list[Any]]:
    from pyspark.ml import feature as f

    return lambda: [f.VectorAssembler(inputCols=list(of), outputCol="features"), *models]


def _linear() -> Iterator[Case]:
    from pyspark.ml import classification as k
    from pyspark.ml import regression as r

    glms = {
        "gaussian": ("identity", "log", "inverse"), "binomial": ("logit", "cloglog"),
        "poisson": ("log", "sqrt", "identity"), "gamma": ("inverse", "log", "identity"),
    }  # fmt: skip
    labels = {"gaussian": "plus", "binomial": "yes", "poisson": "times", "gamma": "plus"}
    for family, links in glms.items():
        for link in links:
            model = r.GeneralizedLinearRegression(
                labelCol=labels[family], family=family, link=link, linkPredictionCol="eta", regParam=0.05, maxIter=8
            )
            of = ("bit", "level") if link in ("inverse", "sqrt", "identity") else (*NUMBERS, "many")
            yield Case(f"glm_{family}_{link}", _assembled(model, of=of))
    yield Case("linear_svc", _assembled(k.LinearSVC(labelCol="yes", threshold=0.1)))
    yield Case("logistic", _assembled(k.LogisticRegression(labelCol="yes")))
    yield Case("multinomial", _assembled(k.LogisticRegression(labelCol="three")))
    for kind in ("multinomial", "bernoulli"):
        of = ("bit", "many", "level") if kind == "multinomial" else ("bit",)
        model = k.NaiveBayes(labelCol="three", modelType=kind, thresholds=[0.3, 0.3, 0.4])
        yield Case(f"naive_bayes_{kind}", _assembled(model, of=of))


def _trees() -> Iterator[Case]:
    from pyspark.ml import classification as k
    from pyspark.ml import feature as f
    from pyspark.ml import regression as r

    models = {
        "tree_regression": lambda: r.DecisionTreeRegressor(labelCol="y", maxDepth=6),
        "tree_classifier": lambda: k.DecisionTreeClassifier(labelCol="three", maxDepth=5),
        "tree_thresholds": lambda: k.DecisionTreeClassifier(labelCol="three", maxDepth=5).setThresholds(
            [0.5, 0.0, 0.2]
        ),
        "forest_regression": lambda: r.RandomForestRegressor(labelCol="y", numTrees=9, seed=5),
        "forest_classifier": lambda: k.RandomForestClassifier(labelCol="three", numTrees=9, seed=5),
        "forest_binary": lambda: k.RandomForestClassifier(labelCol="yes", numTrees=8, maxDepth=7, seed=5),
        "gbt_regression": lambda: r.GBTRegressor(labelCol="y", maxIter=8, stepSize=0.3, seed=5),
        "gbt_classifier": lambda: k.GBTClassifier(labelCol="yes", maxIter=8, stepSize=0.3, seed=5),
    }
    for name, model in models.items():
        yield Case(
            name,
            lambda model=model: [
                f.StringIndexer(inputCol="color", outputCol="ci", handleInvalid="keep"),
                f.VectorAssembler(inputCols=["ci", "b", "many", "c"], outputCol="features"),
                model(),
            ],
            "odd",
        )


def _others() -> Iterator[Case]:
    from pyspark.ml import classification as k
    from pyspark.ml import clustering as u

    yield Case(
        "perceptron", _assembled(k.MultilayerPerceptronClassifier(labelCol="three", layers=[4, 6, 5, 3], seed=3))
    )
    yield Case("k_means", _assembled(u.KMeans(k=5, seed=3)))
