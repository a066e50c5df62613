"""XGBoost's and LightGBM's estimators at the end of a pipeline: their own files, read by our own readers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, width
from ranklet.model import StepSource

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

SERVED = {
    "xgboost.sklearn": ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"),
    "lightgbm.sklearn": ("LGBMClassifier", "LGBMRegressor", "LGBMRanker"),
}


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    kind = type(estimator)
    if kind.__name__ not in SERVED.get(kind.__module__, ()):
        raise ImportRefused(f"is {kind.__module__}.{kind.__name__}, which is not served")
    module = kind.__module__.split(".")[0]
    classes = getattr(estimator, "classes_", None)
    if method == "decision_function" or (classes is not None and method != "predict_proba"):
        raise ImportRefused(f"{method} is not served of it; -o method=predict_proba is")
    exported = _exported(module, _saved(module, estimator))
    if exported.inputs[0].limit not in (None, width(frame)):
        raise ImportRefused(f"reads {exported.inputs[0].limit} columns and gets {width(frame)}; save the model again")
    graph = onnx.load_from_string(exported.content or b"").graph
    values = walk.dense(frame)
    values = walk.tape.op("Cast", values, to=1) if module == "xgboost" else values
    found = walk.tape.doubles(walk.tape.inline(graph, [values])[0])
    if exported.outputs[0].shape == (None,):
        found = walk.tape.op("Unsqueeze", found, [1])
    if classes is None or len(classes) > 2:
        return found
    return walk.tape.joined([walk.tape.op("Sub", 1.0, found), found])


def _saved(module: str, estimator: Any) -> bytes:
    if module == "lightgbm":
        best = getattr(estimator, "best_iteration_", None) or -1
        text: str = estimator.booster_.model_to_string(num_iteration=best)
        return text.encode()
    missing = estimator.missing
    if missing is not None and missing == missing:
        raise ImportRefused(f"takes {missing!r} for missing; served is NaN")
    if getattr(estimator, "best_iteration", None) is not None and estimator.get_params().get("early_stopping_rounds"):
        return bytes(estimator.get_booster()[: estimator.best_iteration + 1].save_raw("ubj"))
    return bytes(estimator.get_booster().save_raw("ubj"))


def _exported(module: str, content: bytes) -> Any:
    """Through the table of formats, which knows the reader."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model").write_bytes(content)
        return importers.load(StepSource(format=module, source="model", engine="onnx"), Path(folder))
