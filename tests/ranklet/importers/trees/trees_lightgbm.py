"""Small models of LightGBM over its objectives, boostings and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from trees_kit import CATEGORICAL, NAMES, TRAINED, WORDS, Array, Case, Data, coded, data, frame, rows


def lightgbm_cases() -> Iterator[Case]:
    """Models of the LightGBM that is installed."""
    import lightgbm

    d = data()

    def case(name: str, params: dict[str, Any], label: Array, *, rounds: int = 4, **given: Any) -> Case:
        cat = list(CATEGORICAL) if given.pop("cat", False) else []
        params = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 5, "seed": 1, **params}
        made = lightgbm.Dataset(d.x.astype(float), label, categorical_feature=cat, params=params, **given)
        text = lightgbm.train(params, made, rounds).model_to_string().encode()
        booster = lightgbm.Booster(model_str=text.decode())
        x = _between(rows(thresholds(text), infinite=True), thresholds(text))
        return Case(name, {"txt": text}, x, booster.predict(x))

    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
    labels = {
        "regression": d.y,
        "regression_l1": d.y,
        "huber": d.y,
        "fair": d.y,
        "quantile": d.y,
        "mape": d.above,
        "poisson": np.round(d.above),
        "gamma": d.above,
        "tweedie": d.above,
        "binary": d.binary,
        "cross_entropy": d.binary * 0.9,
        "cross_entropy_lambda": d.binary * 0.9,
        "multiclass": d.classes,
        "multiclassova": d.classes,
    }
    for objective, label in labels.items():
        more = {"num_class": 3} if objective.startswith("multi") else {}
        yield case(objective, {"objective": objective, **more}, label)
        if objective in ("regression", "binary", "poisson", "multiclass", "multiclassova", "cross_entropy_lambda"):
            yield case(f"{objective} forest", {"objective": objective, **more, **forest}, label)
    for objective in ("lambdarank", "rank_xendcg"):
        yield case(objective, {"objective": objective}, d.classes.astype(int), group=[20] * (TRAINED // 20))
    yield case("square root", {"objective": "regression", "reg_sqrt": True}, d.y)
    yield case("sigmoid", {"objective": "binary", "sigmoid": 0.4}, d.binary)
    yield case("sigmoid of each", {"objective": "multiclassova", "num_class": 3, "sigmoid": 2.0}, d.classes)
    yield case("dart", {"boosting": "dart", "drop_rate": 0.5}, d.y, rounds=8)
    yield case("goss", {"data_sample_strategy": "goss"}, d.y)
    yield case("single leaves", {"min_data_in_leaf": 10000}, d.y)
    yield case("custom", {"objective": lambda p, m: (p - m.get_label(), np.ones_like(p))}, d.y)
    sets = {"cat_smooth": 1, "min_data_per_group": 5}
    for name, missing in (
        ("missing", {}),
        ("zero as missing", {"zero_as_missing": True}),
        ("nothing missing", {"use_missing": False}),
    ):
        yield case(name, missing, d.y)
        yield case(f"{name}, categories", {**missing, **sets}, d.y, cat=True)
        yield case(f"{name}, categories one by one", {**missing, "max_cat_to_onehot": 99}, d.y, cat=True)
    for name, linear, label in (
        ("linear", {}, d.y),
        ("linear, binary", {"objective": "binary"}, d.binary),
        ("linear, classes", {"objective": "multiclass", "num_class": 3}, d.classes),
        ("linear, dart", {"boosting": "dart", "drop_rate": 0.5}, d.y),
        ("linear, forest", forest, d.y),
        ("linear, nothing missing", {"use_missing": False}, d.y),
        ("linear, poisson", {"objective": "poisson", "linear_lambda": 1.0}, np.round(d.above)),
        ("linear, single leaves", {"min_data_in_leaf": 10000}, d.y),
    ):
        yield case(name, {"linear_tree": True, **linear}, label)
    yield case("linear, categories", {"linear_tree": True, **sets}, d.y, cat=True)
    yield from _rounds(lightgbm, d)
    yield from _frames(lightgbm, d)


def _rounds(lightgbm: Any, d: Data) -> Iterator[Case]:
    """The first of several rounds, of a sum and of an average."""
    params = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 5, "seed": 1}
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}
    for name, more in (("two rounds", {}), ("two rounds of a forest", forest)):
        text = lightgbm.train({**params, **more}, lightgbm.Dataset(d.x.astype(float), d.y), 5).model_to_string()
        booster, x = lightgbm.Booster(model_str=text), rows(thresholds(text.encode()), infinite=True).astype(float)
        yield Case(name, {"txt": text.encode()}, x, booster.predict(x, num_iteration=2), {"iterations": 2})


def _frames(lightgbm: Any, d: Data) -> Iterator[Case]:
    """Trained on a data frame, whose categories the file then has."""
    params = {"verbose": -1, "num_threads": 1, "num_leaves": 9, "min_data_in_leaf": 5, "min_data_per_group": 5}
    for name, more, label in (
        ("frame", {"cat_smooth": 1}, d.y),
        ("frame, binary", {"objective": "binary", "cat_smooth": 1}, d.binary),
        ("frame, linear", {"linear_tree": True, "cat_smooth": 1}, d.y),
    ):
        made = lightgbm.Dataset(frame(coded(d.x.astype(float))), label)
        text = lightgbm.train({**params, **more}, made, 4).model_to_string()
        x = coded(rows(thresholds(text.encode()), infinite=True).astype(float))
        found = lightgbm.Booster(model_str=text).predict(frame(x))
        yield Case(name, {"txt": text.encode()}, x, found, {"categories": [NAMES[at] for at in WORDS]})


def thresholds(text: bytes) -> list[tuple[int, float]]:
    """(feature, threshold) of all splits that compare."""
    found: list[tuple[int, float]] = []
    fields: dict[str, list[str]] = {}
    for line in text.decode().splitlines():
        name, _, value = line.partition("=")
        fields[name] = value.split()
        if name == "decision_type":
            found += [
                (int(feature), float(threshold))
                for feature, threshold, kind in zip(
                    fields["split_feature"], fields["threshold"], fields["decision_type"], strict=True
                )
                if not int(kind) & 1
            ]
    return found


def _between(x: Array, turns: list[tuple[int, float]]) -> Array:
    """Rows in doubles, a quarter of them at thresholds and at the doubles next to them, which no float is."""
    random, x = np.random.default_rng(7), x.astype(float)
    for row in x[: len(x) // 4]:
        for feature, threshold in random.permutation(np.array(turns))[:4] if turns else ():
            row[int(feature)] = np.nextafter(threshold, random.choice([-np.inf, threshold, np.inf]))
    return x
