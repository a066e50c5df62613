"""What the tests of scikit-learn share: a model saved as skops, its rows as callers send them, and a draft's scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray
from sklearn_rows import Sample

from ranklet.importers import sklearn
from ranklet.importers.proposal import Proposal, Wishes
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.spec import Feature, Input
from ranklet_runtime.engines.ort import open_session


def save(model: Any, path: Path) -> Path:
    """As a trainer does."""
    skops.io.dump(model, path)
    return path


def proposed(model: Any, folder: Path, **options: str) -> Proposal:
    """The import of a model that is saved in `folder`."""
    return sklearn.propose(save(model, folder / "model.skops"), Wishes(options=options))


def sent(model: Any, rows: Any) -> dict[str, list[Any]]:
    """The rows that a model was trained on, as callers send them: columns, None for what is missing."""
    if isinstance(rows, np.ndarray):
        return {"features": [[None if value != value else value for value in row] for row in rows.tolist()]}
    if isinstance(rows, pd.DataFrame):
        found = {str(name): rows[name].tolist() for name in rows}
        found |= {name: list(map(_analyzer(model, "tags"), found[name])) for name in found if name == "tags"}
        return {name: [None if _missing(value) else value for value in values] for name, values in found.items()}
    if isinstance(rows, pd.Series):
        return {"terms": list(map(_analyzer(model, None), rows))}
    if isinstance(rows[0], dict):
        return {name: [row.get(name) for row in rows] for name in rows[0]}
    return {"terms": rows}


def own(model: Any, rows: Any, options: Mapping[str, str]) -> NDArray[np.float64]:
    """The model's own predictions of those rows, the output that ranks."""
    has = ("predict_proba", "decision_function", "predict")
    regressor = not hasattr(model, "classes_") and not hasattr(model, "decision_function")
    method = options.get("method") or ("predict" if regressor else next(name for name in has if hasattr(model, name)))
    found = np.asarray(getattr(model, method)(rows), np.float64)
    if found.ndim == 1:
        return found
    names = [str(name) for name in model.classes_]
    return found[:, names.index(options["class"]) if "class" in options else 1]


def scores(proposal: Proposal, columns: Mapping[str, Sequence[Any]], folder: Path) -> NDArray[np.float64]:
    """What the draft scores: its features, then its graph."""
    for name, content in proposal.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    inputs = {name: Input(side="item", **one.fields) for name, one in proposal.inputs.items()}
    features = {name: _feature(fields) for name, fields in proposal.features.items()}
    plan = FeaturePlan.compile(FeatureSpec(inputs, features), folder, {})
    session = open_session(proposal.files["export/model.onnx"], threads=1)
    tensors = plan.assemble_columns({name: columns[name] for name in inputs}).tensors
    (found,) = session.run(None, {one.name: tensors[one.name] for one in session.get_inputs()})
    return np.asarray(found, np.float64)


def trained(sample: Sample) -> tuple[Any, Any]:
    """The fitted model and its rows."""
    from sklearn_rows import ON

    return sample.train(), ON[sample.on]()


def _feature(fields: Mapping[str, Any]) -> Feature:
    of = fields["of"]
    options = {name: value for name, value in fields.items() if name not in ("kind", "of")}
    return Feature(fields["kind"], (of,) if isinstance(of, str) else tuple(of), options)


def _analyzer(model: Any, column: str | None) -> Any:
    """Of a pipeline's first vectorizer."""
    first = model.steps[0][1]
    if column is None:
        first = first.steps[0][1] if hasattr(first, "steps") else first
        return first.build_analyzer()
    return next(one for _, one, of in first.transformers_ if of == column).build_analyzer()


def _missing(value: Any) -> bool:
    return isinstance(value, float) and value != value
