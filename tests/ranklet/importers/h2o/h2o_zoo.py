"""What is trained: a frame with all that H2O treats in a way of its own, and each algorithm's models on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

NUMBERS, WORDS = ("x1", "x2", "x3", "count"), ("colour", "town", "code")
ALL = [*NUMBERS, *WORDS]
COLOURS = ("red", "green", "blue", "a, b", "Żółw")
TOWNS = tuple(f"t{number}" for number in range(40))
CODES = ("3", "10", "7")
FACTORS = ("yes", "kind", "grade", *WORDS)

Columns = dict[str, list[Any]]

REFUSED = {
    "autoencoder": "autoencoder",
    "isolation_extended": "extendedisolationforest",
    "pca": "pca",
    "rulefit": "rulefit",
}
"""Models that are not served, and what their refusal names; they need no answers."""


class Case(NamedTuple):
    """One model. estimator: its class in h2o.estimators. y: the target, None without one. x: its columns."""

    name: str
    estimator: str
    y: str | None
    options: dict[str, Any]
    x: list[str] = ALL


def rows(count: int, *, seed: int, strange: bool) -> Columns:
    """Raw columns, None where a value is missing; strange: with unseen words and extreme numbers besides."""
    chance = np.random.default_rng(seed)
    numbers = {name: chance.normal(size=count).round(3) for name in ("x1", "x2")}
    numbers["x3"] = (chance.gamma(1.5, 20, count)).round(2)
    numbers["count"] = chance.poisson(3, count).astype(float)
    if strange:
        for values in numbers.values():
            far = chance.random(count) < 0.06
            values[far] = chance.choice([-1e6, 1e9, 0.0, -0.0, 1e-20], far.sum())
    found: Columns = {name: _gone(values.tolist(), chance) for name, values in numbers.items()}
    for name, words in zip(WORDS, (COLOURS, TOWNS, CODES), strict=True):
        known = chance.choice(words, count).tolist()
        odd = chance.random(count) < (0.08 if strange else 0)
        found[name] = _gone(["never seen" if yes else word for word, yes in zip(known, odd, strict=True)], chance)
    found["offset"] = chance.normal(0, 0.3, count).round(3).tolist()
    return found


def _gone(values: list[Any], chance: np.random.Generator) -> list[Any]:
    lost = chance.random(len(values)) < 0.07
    return [None if none else value for value, none in zip(values, lost, strict=True)]


def targets(columns: Columns, *, seed: int) -> Columns:
    """What is learned, of rows."""
    chance = np.random.default_rng(seed)
    number = {
        name: np.array([0.0 if value is None else value for value in columns[name]]) for name in (*NUMBERS, "offset")
    }
    town = np.array([0.0 if word is None else int(word[1:]) % 7 for word in columns["town"]])
    red = np.array([word in ("red", "blue") for word in columns["colour"]])
    signal = 0.8 * number["x1"] - 0.4 * number["x2"] ** 2 + 0.01 * number["x3"] + 0.3 * town * red + number["offset"]
    signal += chance.normal(0, 0.3, len(signal))
    rate = np.exp(np.clip(signal / 3, -4, 3))
    return {
        "number": signal.tolist(),
        "positive": (rate * chance.gamma(4, 0.25, len(rate)) + 1e-3).tolist(),
        "events": chance.poisson(rate).tolist(),
        "heavy": (chance.poisson(rate) * chance.gamma(2, 0.5, len(rate))).tolist(),
        "share": (1 / (1 + np.exp(-signal))).tolist(),
        "flag": np.where(signal > 0.6, 1.0, 0.0).tolist(),
        "yes": np.where(signal > 0.6, "yes", "no").tolist(),
        "kind": np.array(["a", "b", "c", "d"])[np.digitize(signal, [-0.5, 0.4, 1.2])].tolist(),
        "grade": np.array(["0", "1", "2"])[np.digitize(signal, [0, 1])].tolist(),
        "weight": chance.uniform(0.5, 2, len(signal)).tolist(),
    }


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _linear()
    yield from _forests()
    yield from _boosters()
    yield from _networks()
    yield from _others()


def _linear() -> Iterator[Case]:
    def glm(name: str, y: str, **options: Any) -> Case:
        return Case(f"glm_{name}", "H2OGeneralizedLinearEstimator", y, {"lambda_": 1e-4, **options})

    yield glm("gaussian", "number", family="gaussian")
    yield glm("gaussian_log", "positive", family="gaussian", link="log")
    yield glm("gaussian_inverse", "positive", family="gaussian", link="inverse", max_iterations=5)
    yield glm("binomial", "yes", family="binomial")
    yield glm("binomial_offset", "yes", family="binomial", offset_column="offset")
    yield glm("binomial_all_levels", "yes", family="binomial", lambda_=0.01, alpha=0, lambda_search=True, nlambdas=5)
    skip = glm("binomial_skip", "yes", family="binomial", missing_values_handling="Skip")
    yield skip._replace(x=list(NUMBERS))
    yield glm("plugged", "number", family="gaussian", missing_values_handling="PlugValues", plug_values=True)
    yield glm("fractional", "share", family="fractionalbinomial")
    yield glm("quasi", "flag", family="quasibinomial")
    yield glm("poisson", "events", family="poisson")
    yield glm("poisson_offset", "events", family="poisson", offset_column="offset")
    yield glm("poisson_identity", "events", family="poisson", link="identity", lambda_=0.5)
    yield glm("negative_binomial", "events", family="negativebinomial", theta=0.5)
    yield glm("gamma", "positive", family="gamma", link="log")
    yield glm("gamma_inverse", "positive", family="gamma", link="inverse", lambda_=0.5)
    yield glm("tweedie", "heavy", family="tweedie", tweedie_variance_power=1.5, tweedie_link_power=0)
    yield glm("tweedie_power", "heavy", family="tweedie", tweedie_variance_power=1.5, tweedie_link_power=0.5)
    yield glm("multinomial", "kind", family="multinomial")
    yield glm("ordinal", "grade", family="ordinal", max_iterations=50)
    yield glm("plain", "number", family="gaussian", standardize=False, intercept=False)
    yield glm("numbers_only", "yes", family="binomial")._replace(x=list(NUMBERS))
    yield glm("words_only", "number", family="gaussian")._replace(x=list(WORDS))


TREES = {"ntrees": 12, "max_depth": 4, "seed": 7, "min_rows": 5}


def _forests() -> Iterator[Case]:
    def drf(name: str, y: str, **options: Any) -> Case:
        return Case(f"drf_{name}", "H2ORandomForestEstimator", y, {**TREES, **options})

    yield drf("regression", "number")
    yield drf("binomial", "yes")
    yield drf("binomial_double", "yes", binomial_double_trees=True)
    yield drf("multinomial", "kind", max_depth=3)
    yield drf("balanced", "kind", balance_classes=True, class_sampling_factors=[1.0, 2.0, 1.0, 0.5], max_depth=3)
    yield drf("encoded_binary", "kind", categorical_encoding="Binary", max_depth=3)
    yield drf("platt", "yes", calibrate_model=True, calibration_frame=True)
    yield drf("deep", "number", ntrees=3, max_depth=14, min_rows=1, nbins_cats=8)
    yield Case("isolation", "H2OIsolationForestEstimator", None, {"ntrees": 10, "max_depth": 6, "seed": 7})
    yield Case(
        "isolation_flag",
        "H2OIsolationForestEstimator",
        None,
        {"ntrees": 10, "max_depth": 6, "seed": 7, "contamination": 0.1},
    )
    yield Case(
        "isolation_extended", "H2OExtendedIsolationForestEstimator", None, {"ntrees": 10, "seed": 7}, list(NUMBERS)
    )


def _boosters() -> Iterator[Case]:
    def gbm(name: str, y: str, **options: Any) -> Case:
        return Case(f"gbm_{name}", "H2OGradientBoostingEstimator", y, {**TREES, "learn_rate": 0.2, **options})

    yield gbm("gaussian", "number")
    yield gbm("bernoulli", "yes", distribution="bernoulli")
    yield gbm("quasi", "flag", distribution="quasibinomial")
    yield gbm("multinomial", "kind", distribution="multinomial", max_depth=3)
    yield gbm("poisson", "events", distribution="poisson")
    yield gbm("gamma", "positive", distribution="gamma")
    yield gbm("tweedie", "heavy", distribution="tweedie", tweedie_power=1.4)
    yield gbm("laplace", "number", distribution="laplace")
    yield gbm("quantile", "number", distribution="quantile", quantile_alpha=0.8)
    yield gbm("huber", "number", distribution="huber", huber_alpha=0.8)
    yield gbm("offset", "yes", distribution="bernoulli", offset_column="offset")
    yield gbm("poisson_offset", "events", distribution="poisson", offset_column="offset")
    yield gbm("weights", "yes", distribution="bernoulli", weights_column="weight")
    yield gbm("balanced", "yes", balance_classes=True, class_sampling_factors=[1.0, 3.0])
    yield gbm("balanced_kinds", "kind", balance_classes=True, class_sampling_factors=[1.0, 2.0, 1.0, 0.5], max_depth=2)
    yield gbm("platt", "yes", calibrate_model=True, calibration_frame=True)
    yield gbm("isotonic", "yes", calibrate_model=True, calibration_frame=True, calibration_method="IsotonicRegression")
    yield gbm("random_bins", "number", histogram_type="Random", nbins_cats=4)
    yield gbm("one_tree", "number", ntrees=1, max_depth=1)
    yield gbm("numbers_only", "yes")._replace(x=list(NUMBERS))
    for encoding in ("LabelEncoder", "OneHotExplicit", "Binary", "Eigen", "EnumLimited", "SortByResponse"):
        yield gbm(f"encoded_{encoding}", "yes", categorical_encoding=encoding)

    def xgboost(name: str, y: str, **options: Any) -> Case:
        options = {"ntrees": 12, "max_depth": 4, "seed": 7, **options}
        return Case(f"xgboost_{name}", "H2OXGBoostEstimator", y, options)

    yield xgboost("gaussian", "number")
    yield xgboost("bernoulli", "yes")
    yield xgboost("multinomial", "kind", max_depth=3)
    yield xgboost("poisson", "events", distribution="poisson")
    yield xgboost("gamma", "positive", distribution="gamma")
    yield xgboost("tweedie", "heavy", distribution="tweedie", tweedie_power=1.4)
    yield xgboost("dart", "number", booster="dart", rate_drop=0.3, one_drop=True)
    yield xgboost("linear", "yes", booster="gblinear")
    yield xgboost("offset", "yes", offset_column="offset")
    yield xgboost("platt", "yes", calibrate_model=True, calibration_frame=True)
    yield xgboost(
        "isotonic", "yes", calibrate_model=True, calibration_frame=True, calibration_method="IsotonicRegression"
    )
    yield xgboost("sparse_multinomial", "kind", dmatrix_type="sparse", max_depth=3)
    yield xgboost("linear_multinomial", "kind", booster="gblinear")
    yield xgboost("dart_sparse", "yes", booster="dart", dmatrix_type="sparse")
    yield xgboost("sparse", "yes", dmatrix_type="sparse")
    yield xgboost("numbers_only", "number")._replace(x=list(NUMBERS))


def _networks() -> Iterator[Case]:
    def net(name: str, y: str | None, **options: Any) -> Case:
        options = {"hidden": [9, 6], "epochs": 4, "seed": 7, "reproducible": True, **options}
        return Case(f"net_{name}", "H2ODeepLearningEstimator", y, options)

    yield net("rectifier", "yes")
    yield net("tanh", "number", activation="Tanh")
    yield net("maxout", "kind", activation="Maxout", max_w2=10.0)
    yield net("rectifier_dropout", "kind", activation="RectifierWithDropout", input_dropout_ratio=0.1)
    yield net("tanh_dropout", "yes", activation="TanhWithDropout", hidden_dropout_ratios=[0.3, 0.2])
    yield net("maxout_dropout", "yes", activation="MaxoutWithDropout", max_w2=10.0)
    yield net("poisson", "events", distribution="poisson")
    yield net("gamma", "positive", distribution="gamma")
    yield net("tweedie", "heavy", distribution="tweedie")
    yield net("laplace", "number", distribution="laplace")
    yield net("quantile", "number", distribution="quantile", quantile_alpha=0.7)
    yield net("huber", "number", distribution="huber")
    yield net("plain", "yes", standardize=False, use_all_factor_levels=False, activation="Tanh")
    yield net("skip", "number", missing_values_handling="Skip")
    yield net("balanced", "yes", balance_classes=True, class_sampling_factors=[1.0, 3.0])
    yield net("encoded_binary", "yes", categorical_encoding="Binary")
    yield net("encoded_eigen", "number", categorical_encoding="Eigen")
    auto = {"hidden": [3], "epochs": 2, "seed": 7, "activation": "Tanh"}
    yield Case("autoencoder", "H2OAutoEncoderEstimator", None, auto)
    yield net("offset", "number", offset_column="offset")


def _others() -> Iterator[Case]:
    def kmeans(name: str, x: list[str], **options: Any) -> Case:
        return Case(f"kmeans_{name}", "H2OKMeansEstimator", None, {"k": 4, "seed": 7, **options}, x)

    yield kmeans("standardized", ALL)
    yield kmeans("plain", list(NUMBERS), standardize=False)
    yield kmeans("words", list(WORDS))
    yield Case("pca", "H2OPrincipalComponentAnalysisEstimator", None, {"k": 2, "impute_missing": True}, list(NUMBERS))
    yield Case("rulefit", "H2ORuleFitEstimator", "yes", {"max_num_rules": 10, "seed": 7})
    for name, y, learner in (
        ("binomial", "yes", "glm"), ("regression", "number", "glm"), ("multinomial", "kind", "glm"),
        ("deep", "yes", "gbm"), ("logit", "yes", "glm"),
    ):  # fmt: skip
        yield Case(f"ensemble_{name}", "H2OStackedEnsembleEstimator", y, {"metalearner_algorithm": learner, "seed": 7})
