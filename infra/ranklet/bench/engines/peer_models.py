"""A library's side of the bench: trains its model once, saves it, and predicts with it as a Python server would.

    python peer_models.py '{"model": …, "folder": …, "rows": {kind: "….npy", …}}'

It runs in any environment that has the library, as a script: nothing of ranklet is there. One JSON document a line.
Out, first: {"name": with version, "file": the saved model, "ways": [name, …]}. In: {"way": …, "kind": …, "n": rows},
and "answer": "….npy" where the answer, float64 [n], is to be written. Out: {"cpu": seconds of this process's CPU time
in a call with a new matrix, after one that is not timed, or as many as "warm" says}.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TREES, WIDTH, TRAINED = 1000, 200, 4000
SEED = 7


def data() -> Any:
    """float32 [TRAINED, WIDTH] and classes: some features matter by themselves, some in pairs."""
    random = np.random.default_rng(SEED)
    x = random.standard_normal((TRAINED, WIDTH)).astype(np.float32)
    z = x[:, :60] @ random.normal(size=60) / 4 + np.sin(2 * x[:, 60:90]).sum(axis=1)
    z += (x[:, 90:110] * x[:, 110:130]).sum(axis=1) / 2
    return x, (z + random.normal(size=TRAINED) > 0).astype(int)


def xgboost(folder: Path) -> Any:
    import xgboost as library

    file = folder / "xgboost.json"
    if not file.exists():
        x, y = data()
        settings = {"max_depth": 6, "eta": 0.05, "objective": "binary:logistic", "colsample_bytree": 0.2, "nthread": 1}
        library.train(settings, library.DMatrix(x, y), TREES).save_model(file)
    booster = library.Booster(model_file=file)
    booster.set_param({"nthread": 1})
    ways = {
        "predict": lambda rows: booster.predict(library.DMatrix(rows, nthread=1)),
        "inplace": booster.inplace_predict,
    }
    return _named(library), file, ways


def lightgbm(folder: Path, **more: Any) -> Any:
    import lightgbm as library

    file = folder / ("lightgbm-flat.txt" if more else "lightgbm.txt")
    if not file.exists():
        x, y = data()
        settings = {"num_leaves": 63, "learning_rate": 0.05, "objective": "binary", "feature_fraction": 0.2}
        settings |= {"num_threads": 1, "verbose": -1, "min_data_in_leaf": 5, **more}
        library.train(settings, library.Dataset(x, y), TREES).save_model(file)
    booster = library.Booster(model_file=file)
    return _named(library), file, {"predict": lambda rows: booster.predict(rows, num_threads=1)}


def catboost(folder: Path) -> Any:
    import catboost as library

    file = folder / "catboost.cbm"
    if not file.exists():
        x, y = data()
        model = library.CatBoostClassifier(
            iterations=TREES, depth=6, rsm=0.2, thread_count=1, verbose=False, allow_writing_files=False
        )
        model.fit(x, y)
        model.save_model(str(file))
    model = library.CatBoostClassifier().load_model(str(file))
    return _named(library), file, {"predict": lambda rows: model.predict_proba(rows, thread_count=1)[:, 1]}


def scikit(folder: Path, name: str) -> Any:
    import sklearn
    import skops.io
    from sklearn import ensemble, linear_model

    file = folder / f"{name}.skops"
    made: dict[str, Any] = {
        "hist-gradient-boosting": lambda: ensemble.HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False),
        "random-forest": lambda: ensemble.RandomForestClassifier(200, max_depth=10, random_state=SEED, n_jobs=1),
        "logistic-regression": lambda: linear_model.LogisticRegression(),
    }
    if not file.exists():
        x, y = data()
        skops.io.dump(made[name]().fit(x, y), file)
    model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    return _named(sklearn), file, {"predict": lambda rows: model.predict_proba(rows)[:, 1]}


def _named(library: Any) -> str:
    return f"{library.__name__} {library.__version__}"


MODELS: dict[str, Any] = {
    "xgboost": xgboost,
    "lightgbm": lightgbm,
    "lightgbm-flat": lambda folder: lightgbm(folder, max_depth=7),
    "catboost": catboost,
    "hist-gradient-boosting": lambda folder: scikit(folder, "hist-gradient-boosting"),
    "random-forest": lambda folder: scikit(folder, "random-forest"),
    "logistic-regression": lambda folder: scikit(folder, "logistic-regression"),
}


def matrix(path: str) -> Callable[[int], Any]:
    """A new matrix of a file's first n rows."""
    whole = np.load(path)
    return lambda n: whole[:n].copy()


def serve(models: dict[str, Any], read: Callable[[str], Callable[[int], Any]]) -> None:
    """Answer questions until there are no more. read: a file of rows, as what gives the first n of them anew."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is for people
    given = json.loads(sys.argv[1])
    name, file, ways = models[given["model"]](Path(given["folder"]))
    print(json.dumps({"name": name, "file": str(file), "ways": list(ways)}), file=out)
    kinds = {kind: read(path) for kind, path in given["rows"].items()}
    for line in sys.stdin:
        asked = json.loads(line)
        run, rows = ways[asked["way"]], kinds[asked["kind"]]
        for _ in range(asked.get("warm", 1)):
            run(rows(asked["n"]))
        fresh = rows(asked["n"])
        start = time.process_time_ns()
        answer = run(fresh)
        cpu = (time.process_time_ns() - start) / 1e9
        if "answer" in asked:
            np.save(asked["answer"], np.asarray(answer, np.float64).reshape(-1))
        print(json.dumps({"cpu": cpu}), file=out)


if __name__ == "__main__":
    serve(MODELS, matrix)
