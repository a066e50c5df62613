"""Small models of XGBoost and LightGBM over their objectives and options, with the libraries' own predictions.

`python tests/ranklet/importers/trees/trees_models.py` writes xgboost.zip and lightgbm.zip beside this file, so that the
default tests need neither library: of each model the files that the library saved, the rows (features.npy, float32) and
its predictions of them (answers.npy). The rows have missing and extreme values, unseen and fractional categories, and
values on and right next to the thresholds of the model itself.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
WIDTH, ROWS, TRAINED = 6, 120, 400
CATEGORICAL = (3, 4)
EPOCH = (1980, 1, 1, 0, 0, 0)

Array = NDArray[Any]


class Case(NamedTuple):
    """One model as the library saved it. files: ending → bytes. options: for the import."""

    name: str
    files: dict[str, bytes]
    features: Array
    answers: Array
    options: dict[str, Any] = {}  # noqa: RUF012 - never written to


class Data(NamedTuple):
    """What all models are trained on: features [n, WIDTH] with missing values, and labels of several kinds."""

    x: Array
    y: Array
    above: Array
    binary: Array
    classes: Array


def data() -> Data:
    """The same at every call."""
    random = np.random.default_rng(5)
    x = random.normal(size=(TRAINED, WIDTH)).astype(np.float32)
    x[:, 3], x[:, 4] = random.integers(0, 8, TRAINED), random.integers(0, 70, TRAINED)
    x[:, 5] = np.where(random.random(TRAINED) < 0.4, 0, x[:, 5])
    x[random.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x) @ np.array([1, -1, 0.5, 0.2, 0.02, 1]) + np.sin(np.nan_to_num(x[:, 4]) * 3)
    return Data(x, y, np.exp(y / 3) + 0.1, (y > 0.5).astype(float), np.digitize(y, [0, 2]).astype(float))


def rows(thresholds: list[tuple[int, float]], *, infinite: bool) -> Array:
    """[ROWS, WIDTH] of values that a reader may get wrong. infinite: with infinities, which XGBoost refuses."""
    random = np.random.default_rng(6)
    x = (random.normal(size=(ROWS, WIDTH)) * 2).astype(np.float32)
    x[:, 3] = random.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 0.5, 1.9, -0.5, -1, np.nan], ROWS)
    x[:, 4] = random.choice([*range(70), 31.9, 32.5, 1e6, 2.0**24, -3, np.nan], ROWS)
    for row in x[: ROWS // 2]:
        for feature, threshold in random.permutation(np.array(thresholds))[:4] if thresholds else ():
            turn = np.float32(threshold)
            row[int(feature)] = np.nextafter(turn, random.choice(np.array([-np.inf, turn, np.inf], np.float32)))
    special = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-35, 1e30, -1e30, *([np.inf, -np.inf] * infinite)])
    x[80:] = np.where(random.random(x[80:].shape) < 0.5, random.choice(special, x[80:].shape), x[80:])
    x[-1] = np.nan
    return x


def xgboost_cases() -> Iterator[Case]:
    """Models of the XGBoost that is installed."""
    import xgboost

    xgboost.set_config(verbosity=0)
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

    def saved(name: str, model: Any, predict: Callable[[Array], Array], options: dict[str, Any] | None = None) -> Case:
        files = {}
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("json", "ubj"):
                model.save_model(Path(folder, f"m.{ending}"))
                files[ending] = Path(folder, f"m.{ending}").read_bytes()
        x = rows(_xgboost_thresholds(files["json"]), infinite=False)
        return Case(name, files, x, predict(x), options or {})

    labels = {
        "reg:squarederror": d.y,
        "reg:squaredlogerror": d.above,
        "reg:pseudohubererror": d.y,
        "reg:absoluteerror": d.y,
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
    for objective, label in labels.items():
        more = {"num_class": 3} if objective.startswith("multi") else {}
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
    yield from _stopped(xgboost, d, saved)


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


def _xgboost_thresholds(content: bytes) -> list[tuple[int, float]]:
    trees = json.loads(content)["learner"]["gradient_booster"]["model"]["trees"]
    return [
        (feature, threshold)
        for tree in trees
        for feature, threshold, left, kind in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], tree["split_type"], strict=True
        )
        if left >= 0 and kind == 0
    ]


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
        x = rows(_lightgbm_thresholds(text), infinite=True)
        return Case(name, {"txt": text}, x, booster.predict(x.astype(float)))

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


def _lightgbm_thresholds(text: bytes) -> list[tuple[int, float]]:
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


def write(path: Path, cases: Iterator[Case]) -> None:
    """One zip of all cases; the same models give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for case in cases:
            stream = {**{f"model.{ending}": content for ending, content in case.files.items()}}
            stream |= {"features.npy": _npy(case.features), "answers.npy": _npy(case.answers)}
            stream["options.json"] = json.dumps(case.options).encode()
            for name, content in stream.items():
                info = zipfile.ZipInfo(f"{case.name}/{name}", EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, content)


def read(path: Path) -> list[Case]:
    """What `write` wrote."""
    with zipfile.ZipFile(path) as archive:
        folders: dict[str, dict[str, bytes]] = {}
        for member in archive.namelist():
            folder, _, name = member.rpartition("/")
            folders.setdefault(folder, {})[name] = archive.read(member)
    return [
        Case(
            folder,
            {name.removeprefix("model."): content for name, content in files.items() if name.startswith("model.")},
            np.load(io.BytesIO(files["features.npy"])),
            np.load(io.BytesIO(files["answers.npy"])),
            json.loads(files["options.json"]),
        )
        for folder, files in folders.items()
    ]


def _npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


if __name__ == "__main__":
    write(HERE / "xgboost.zip", xgboost_cases())
    write(HERE / "lightgbm.zip", lightgbm_cases())
