"""Trains the models and stores them with CatBoost's answers: catboost.zip, a folder a model.

python tests/oracles.py catboost --make
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402
from catboost_zoo import QUIET, TEXTS, Case, asked, cases, trained  # noqa: E402
from lines_kit import Row, store  # noqa: E402


def main() -> None:
    """Write the archive; the same library writes the same bytes."""
    models = {}
    given, labels = trained()
    for case in cases():
        models[case.name] = made(case, given, labels)
        print(case.name, {name: len(content) for name, content in models[case.name].items()}, flush=True)
    models |= summed(given, labels)
    store(HERE / "catboost.zip", models)


def made(case: Case, given: list[Row], labels: dict[str, Any]) -> dict[str, bytes]:
    """One model, its JSON, and its answers."""
    from catboost import CatBoost

    pool = pool_of(case, given, labels)
    model = CatBoost({**QUIET, "iterations": case.rounds, "depth": 4, "loss_function": "RMSE", **case.params}).fit(pool)
    return files(case, model, pool)


def files(case: Case, model: Any, pool: Any) -> dict[str, bytes]:
    """The model in its forms, and case.json."""
    metadata = model.get_metadata()
    for name in set(metadata.keys()) - set(KEPT):
        del metadata[name]
    found = {f"model.{form}": saved(model, form, pool if case.pool else None) for form in case.forms}
    rows = turned(case, saved(model, "json", None))
    asking = pool_of(case, rows, None)
    scores = {options: np.asarray(given(model, asking)).tolist() for options, given in case.scores.items()}
    columns = {name: [row[name] for row in rows] for name in case.features}
    if not case.named:
        columns = {f"feature_{at}": column for at, column in enumerate(columns.values())}
    return found | {"case.json": json.dumps({"columns": columns, "scores": scores}).encode()}


KEPT = ("class_params", "loss_function", "params")
"""Of the metadata: the rest has a time, and an identifier of the run."""


def saved(model: Any, form: str, pool: Any) -> bytes:
    """As CatBoost writes it; JSON without its blanks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model.{form}"
        model.save_model(str(path), format=form, pool=pool)
        content = path.read_bytes()
    return content if form == "cbm" else json.dumps(json.loads(content)).encode()


def pool_of(case: Case, rows: list[Row], labels: dict[str, Any] | None) -> Any:
    """Rows as CatBoost takes them."""
    from catboost import Pool

    data = [[missing(row[name]) for name in case.features] for row in rows]
    categories = [name for name in case.features if name in (*TEXTS, "user_id", "movie_id")]
    more: dict[str, Any] = {} if labels is None else {"label": labels[case.label]}
    if case.grouped and labels is not None:
        more["group_id"] = np.arange(len(rows)) // 20
    if not case.named:
        return Pool(np.array(data, np.float32), **more)
    return Pool(data, cat_features=categories, feature_names=case.features, **more)


def missing(value: Any) -> Any:
    """As CatBoost has it, numbers in 32 bits."""
    return np.nan if value is None else float(np.float32(value)) if isinstance(value, float) else value


def turned(case: Case, content: bytes) -> list[Row]:
    """Rows to ask, a part of them with numbers at and next to the model's borders."""
    random, rows = np.random.default_rng(5), asked()
    for feature, name in zip(
        json.loads(content)["features_info"].get("float_features", []),
        [name for name in case.features if name in ("age", "year", "tags", "day")],
        strict=True,
    ):
        borders = np.array(feature["borders"], np.float32)
        borders = borders[np.abs(borders) < 1e30]  # beyond lies what parts missing ones from the others
        for row in rows:
            row[name] = None if row[name] is None else float(np.float32(row[name]))
            if len(borders) and random.random() < 0.4:
                at = random.choice(borders)
                row[name] = float(np.nextafter(at, random.choice(np.array([-np.inf, at, np.inf], np.float32))))
    return rows


def summed(given: list[Row], labels: dict[str, Any]) -> dict[str, dict[str, bytes]]:
    """A sum of two models, with weights: its trees are scaled."""
    from catboost import CatBoost, sum_models

    case = next(case for case in cases() if case.name == "numbers")._replace(name="sum")
    pool = pool_of(case, given, labels)
    parts = [CatBoost({**QUIET, "iterations": 4, "depth": depth}).fit(pool) for depth in (3, 5)]
    return {"sum": files(case, sum_models(parts, weights=[0.5, 0.25]), pool)}


if __name__ == "__main__":
    main()
