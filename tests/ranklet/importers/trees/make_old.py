"""Writes old/<library>-<version>.zip: models that the installed version saved, as files of that version look.

Each version wants an environment of its own (Python 3.12 with numpy, scipy, pandas and this project beside it), such as
`pip install --no-deps xgboost==1.7.6`; then `python tests/ranklet/importers/trees/make_old.py xgboost`.
Kept are xgboost 1.7.6, 2.1.4, 3.0.5, 3.3.0 and lightgbm 3.3.5, 4.0.0, 4.3.0.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from packaging.version import Version
from trees_kit import CATEGORICAL, HERE, WIDTH, Case, coded, data, frame, rows, write
from trees_lightgbm import thresholds as lightgbm_thresholds
from trees_xgboost import thresholds as xgboost_thresholds

FOREST = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7}


def xgboost_cases(library: Any) -> Iterator[Case]:
    """What files of versions differ in: base scores, dart, classes, categories, vectors, gblinear."""
    d, version = data(), Version(library.__version__)
    kinds = ["c" if at in CATEGORICAL else "q" for at in range(WIDTH)]
    several = np.stack([d.y, d.above], axis=1)
    models: list[tuple[str, dict[str, Any], Any, bool]] = [
        ("regression", {}, d.y, False),
        ("binary base", {"objective": "binary:logistic", "base_score": 0.3}, d.binary, False),
        ("raw base", {"objective": "binary:logitraw", "base_score": 0.3}, d.binary, False),
        ("poisson", {"objective": "count:poisson"}, np.round(d.above), False),
        ("classes", {"objective": "multi:softprob", "num_class": 3}, d.classes, False),
        ("dart", {"booster": "dart", "rate_drop": 0.5, "one_drop": 1}, d.y, False),
        ("forest", {"num_parallel_tree": 3, "subsample": 0.6}, d.y, False),
        ("gblinear classes", {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, d.classes, False),
    ]
    if version >= Version("1.6"):
        sets = {"tree_method": "approx", "max_cat_to_onehot": 1}
        models += [("targets", {}, several, False), ("categories", sets, d.y, True)]
    if version >= Version("2.0"):
        models.append(("vectors", {"multi_strategy": "multi_output_tree", "tree_method": "hist"}, several, False))
    for name, params, label, categories in models:
        cat = {"feature_types": kinds, "enable_categorical": True} if categories else {}
        params = {"max_depth": 3, "nthread": 1, "verbosity": 0, "seed": 1, **params}
        booster = library.train(params, library.DMatrix(d.x, label, **cat), 6)
        files = {}
        with tempfile.TemporaryDirectory() as folder:
            for ending in ("json", "ubj") if version >= Version("1.6") else ("json",):
                booster.save_model(str(Path(folder, f"m.{ending}")))
                files[ending] = Path(folder, f"m.{ending}").read_bytes()
        x = rows(xgboost_thresholds(files["json"]), infinite=False)
        yield Case(name, files, x, booster.predict(library.DMatrix(x, **cat)))


def lightgbm_cases(library: Any) -> Iterator[Case]:
    """The text of versions 3 and 4."""
    d = data()
    for name, params, label, categories in (
        ("regression", {}, d.y, False),
        ("binary", {"objective": "binary"}, d.binary, False),
        ("classes", {"objective": "multiclass", "num_class": 3}, d.classes, False),
        ("forest", FOREST, d.y, False),
        ("dart", {"boosting": "dart", "drop_rate": 0.5}, d.y, False),
        ("linear", {"linear_tree": True}, d.y, False),
        ("zero as missing, categories", {"zero_as_missing": True, "cat_smooth": 1}, d.y, True),
        ("tweedie", {"objective": "tweedie"}, d.above, False),
    ):
        params = {"verbose": -1, "num_threads": 1, "num_leaves": 7, "min_data_in_leaf": 5, "seed": 1, **params}
        made = library.Dataset(d.x.astype(float), label, categorical_feature=list(CATEGORICAL) if categories else [])
        text = library.train(params, made, 5).model_to_string()
        x = rows(lightgbm_thresholds(text.encode()), infinite=True).astype(float)
        yield Case(name, {"txt": text.encode()}, x, library.Booster(model_str=text).predict(x))
    if Version(library.__version__) < Version("4"):
        return  # its frames want a function that NumPy 2 has not
    made = library.Dataset(frame(coded(d.x.astype(float))), d.y)
    text = library.train({"verbose": -1, "num_threads": 1, "cat_smooth": 1, "seed": 1}, made, 3).model_to_string()
    x = coded(rows(lightgbm_thresholds(text.encode()), infinite=True).astype(float))
    found = library.Booster(model_str=text).predict(frame(x))
    yield Case("frame", {"txt": text.encode()}, x, found, {"categories": ["shop", "brand"]})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    chosen = importlib.import_module(sys.argv[1])
    cases = {"xgboost": xgboost_cases, "lightgbm": lightgbm_cases}[sys.argv[1]]
    (HERE / "old").mkdir(exist_ok=True)
    write(HERE / "old" / f"{sys.argv[1]}-{chosen.__version__}.zip", cases(chosen))
