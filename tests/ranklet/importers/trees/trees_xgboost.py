"""Small models of XGBoost over its objectives, boosters and options."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from trees_kit import CATEGORICAL, NAMES, TRAINED, WIDTH, WORDS, Array, Case, Data, coded, data, frame, rows


def xgboost_cases() -> Iterator[Case]:
    """Models of the XGBoost that is installed."""
    import xgboost

    xgboost.set_config(verbosity=0)
    warnings.filterwarnings("ignore", message=".*gblinear", category=UserWarning)
    d = data()
    kinds = ["c" if at in CATEGORICAL else "q" for at in range(WIDTH)]

    def case(name: str, params: dict[str, Any], label: Array | None, *, rounds: int = 4, **given: Any) -> Case:
        fields = given.pop("fields", {})
        cat = {"feature_types": kinds, "enable_categorical": True} if given.pop("cat", False) else {}
        matrix = xgboost.DMatrix(d.x, label, **cat)
        for field, value in fields.items():
            matrix.set_info(**{field: value})
        booster = xgboost.train({"max_depth": 3, "nthread": 1, **params}, matrix, rounds, **given)
        return saved(name, booster, lambda x: booster.predict(xgboost.DMatrix(x, **cat)))

    def saved(
        name: str,
        model: Any,
        predict: Callable[[Array], Array],
        options: dict[str, Any] | None = None,
        fit: Callable[[Array], Array] = np.array,
    ) -> Case:
        files = {}
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("json", "ubj"):
                model.save_model(Path(folder, f"m.{ending}"))
                files[ending] = Path(folder, f"m.{ending}").read_bytes()
        x = fit(rows(thresholds(files["json"]), infinite=False))
        return Case(name, files, x, predict(x), options or {})

    labels = {
        "reg:squarederror": d.y,
        "reg:squaredlogerror": d.above,
        "reg:pseudohubererror": d.y,
        "reg:absoluteerror": d.y,
        "reg:linear": d.y,
        "reg:expectileerror": d.y,
        "reg:quantileerror": d.y,
        "reg:logistic": d.binary,
        "binary:logistic": d.binary,
        "binary:logitraw": d.binary,
        "binary:hinge": d.binary,
        "count:poisson": np.round(d.above),
        "reg:gamma": d.above,
        "reg:tweedie": d.above,
        "survival:cox": d.above,
        "multi:softprob": d.classes,
        "multi:softmax": d.classes,
    }
    own = {"reg:expectileerror": {"expectile_alpha": 0.8}, "reg:quantileerror": {"quantile_alpha": 0.3}}
    for objective, label in labels.items():
        more = {"num_class": 3} if objective.startswith("multi") else own.get(objective, {})
        yield case(objective, {"objective": objective, **more}, label)
        if objective.split(":")[1] in ("squarederror", "logistic", "logitraw", "poisson", "gamma", "cox", "softprob"):
            yield case(f"{objective} base", {"objective": objective, "base_score": 0.3, **more}, label)
    for objective in ("rank:ndcg", "rank:pairwise", "rank:map"):
        label = d.binary if objective == "rank:map" else d.classes
        yield case(objective, {"objective": objective}, label, fields={"group": [20] * (TRAINED // 20)})
    for name in ("normal", "logistic", "extreme"):
        bounds = {"label_lower_bound": d.above, "label_upper_bound": d.above * 1.5}
        params = {"objective": "survival:aft", "aft_loss_distribution": name}
        yield case(f"survival:aft {name}", params, None, fields=bounds)
    quantiles = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}
    yield case("quantiles", quantiles, d.y)
    yield case("expectiles", {"objective": "reg:expectileerror", "expectile_alpha": [0.1, 0.5, 0.9]}, d.y)
    yield case("dart", {"rate_drop": 0.4, "one_drop": 1}, d.y, rounds=8)
    yield case("dart classes", {"rate_drop": 0.4, "objective": "multi:softprob", "num_class": 3}, d.classes)
    yield case("forest", {"num_parallel_tree": 6, "subsample": 0.6, "learning_rate": 1}, d.y, rounds=1)
    yield case("boosted forest", {"num_parallel_tree": 3, "subsample": 0.6, "objective": "binary:logistic"}, d.binary)
    yield case("targets", {}, np.stack([d.y, d.above], axis=1))
    yield case("labels", {"objective": "binary:logistic"}, np.stack([d.binary, d.classes > 1], axis=1))
    yield case("deep", {"max_depth": 7}, d.y)
    yield case("no rounds", {}, d.y, rounds=0)
    yield case("single leaves", {"gamma": 1e9}, d.y)
    yield case("lossguide", {"grow_policy": "lossguide", "max_leaves": 12, "max_depth": 0}, d.y)
    for method in ("exact", "approx"):
        yield case(method, {"tree_method": method}, d.y)
    yield case("custom", {}, d.y, obj=lambda p, m: (p - m.get_label(), np.ones_like(p)))
    yield case("categories", {}, d.y, cat=True)
    yield case("categories one by one", {"max_cat_to_onehot": 99}, d.y, cat=True)
    yield case("categories in sets", {"max_cat_to_onehot": 1, "max_depth": 5}, d.y, cat=True)
    yield case("categories approx", {"tree_method": "approx", "objective": "binary:logistic"}, d.binary, cat=True)
    yield from _vectors(case, d)
    yield from _linear(case, d)
    yield from _frames(xgboost, d, saved)
    yield from _stopped(xgboost, d, saved)


def _vectors(case: Callable[..., Case], d: Data) -> Iterator[Case]:
    """Trees whose leaves are vectors."""
    several, binary = np.stack([d.y, d.above], axis=1), np.stack([d.binary, d.classes > 1], axis=1)
    classes = {"objective": "multi:softprob", "num_class": 3}
    for name, params, label in (
        ("vectors", {}, several),
        ("vectors of labels", {"objective": "binary:logistic"}, binary),
        ("vectors of classes", classes, d.classes),
        ("vectors of quantiles", {"objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.8]}, d.y),
        ("vectors, forest", {"num_parallel_tree": 3, "subsample": 0.6}, several),
        ("vectors, dart", {"rate_drop": 0.4, "booster": "dart"}, several),
        ("vectors, deep", {"max_depth": 6}, several),
    ):
        yield case(name, {"multi_strategy": "multi_output_tree", **params}, label)


def _linear(case: Callable[..., Case], d: Data) -> Iterator[Case]:
    """gblinear."""
    several = np.stack([d.y, d.above], axis=1)
    for name, params, label in (
        ("gblinear", {}, d.y),
        ("gblinear binary", {"objective": "binary:logistic"}, d.binary),
        ("gblinear classes", {"objective": "multi:softprob", "num_class": 3}, d.classes),
        ("gblinear targets", {}, several),
        ("gblinear poisson", {"objective": "count:poisson"}, np.round(d.above)),
    ):
        yield case(name, {"booster": "gblinear", "updater": "coord_descent", **params}, label)


def _frames(xgboost: Any, d: Data, saved: Callable[..., Case]) -> Iterator[Case]:
    """Trained on a data frame, whose categories the file then has."""
    options = {"categories": [NAMES[at] for at in WORDS]}
    for name, params, label in (
        ("frame", {"max_cat_to_onehot": 1}, d.y),
        ("frame, one by one", {"max_cat_to_onehot": 99}, d.y),
        ("frame, binary", {"max_cat_to_onehot": 1, "objective": "binary:logistic"}, d.binary),
    ):
        matrix = xgboost.DMatrix(frame(coded(d.x)), label, enable_categorical=True)
        booster = xgboost.train({"max_depth": 5, "nthread": 1, **params}, matrix, 4)
        yield saved(
            name,
            booster,
            lambda x, booster=booster: booster.predict(xgboost.DMatrix(frame(x), enable_categorical=True)),
            options,
            coded,
        )


def _stopped(xgboost: Any, d: Data, saved: Callable[..., Case]) -> Iterator[Case]:
    """Early stopping, with a validation set of shuffled labels so that it does stop."""
    shuffled = np.random.default_rng(3).permutation(d.y[300:])
    train, valid = xgboost.DMatrix(d.x[:300], d.y[:300]), xgboost.DMatrix(d.x[300:], shuffled)
    stop = {"evals": [(valid, "valid")], "early_stopping_rounds": 3, "verbose_eval": False}
    booster = xgboost.train({"max_depth": 3, "nthread": 1, "eta": 0.1}, train, 40, **stop)
    best = booster.best_iteration + 1
    yield saved("stopped", booster, lambda x: booster.predict(xgboost.DMatrix(x)))
    for name, given in (("best", "best"), ("two", 2)):
        end = best if given == "best" else 2
        yield saved(
            f"stopped {name}",
            booster,
            lambda x, end=end: booster.predict(xgboost.DMatrix(x), iteration_range=(0, end)),
            {"iterations": given},
        )
    sk = xgboost.XGBRegressor(n_estimators=40, max_depth=3, n_jobs=1, early_stopping_rounds=3)
    sk.fit(d.x[:300], d.y[:300], eval_set=[(d.x[300:], shuffled)], verbose=False)
    yield saved("stopped, scikit-learn", sk, sk.predict)
    forest = xgboost.XGBClassifier(n_estimators=1, num_parallel_tree=5, subsample=0.6, max_depth=3, n_jobs=1)
    forest.fit(d.x, d.binary)
    yield saved("forest, scikit-learn", forest, lambda x: forest.predict_proba(x)[:, 1])
    classes = xgboost.XGBClassifier(n_estimators=3, max_depth=3, n_jobs=1).fit(d.x, d.classes)
    yield saved("one class", classes, lambda x: classes.predict_proba(x)[:, 2], {"column": 2})


def thresholds(content: bytes) -> list[tuple[int, float]]:
    """(feature, threshold) of all splits that compare."""
    booster = json.loads(content)["learner"]["gradient_booster"]
    return [
        (feature, threshold)
        for tree in booster.get("gbtree", booster)["model"].get("trees", [])
        for feature, threshold, left, kind in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], tree["split_type"], strict=True
        )
        if left >= 0 and kind == 0
    ]
