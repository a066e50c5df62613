"""What is not written here is asked of skl2onnx, in doubles; the trial decides whether it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Numbers, width
from ranklet.importers.sklearn.loading import need
from ranklet.importers.tape import OPSET

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

_FAULTS = (AttributeError, IndexError, KeyError, NameError, NotImplementedError, RuntimeError, TypeError, ValueError)


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """The first output of the conversion."""
    graph = _convert(estimator, width(frame), {})
    (found, *_) = walk.tape.inline(graph, [walk.dense(frame)])
    made = np.asarray(estimator.transform(np.zeros((1, width(frame))))).shape[1]
    return (Numbers(walk.tape.doubles(found), int(made)),)


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """The output that `method` is."""
    options: dict[str, Any] = {}
    if hasattr(estimator, "classes_"):
        if method not in ("predict_proba", "decision_function"):
            raise ImportRefused(f"{method} is not served of it; -o method=predict_proba is")
        options = {"zipmap": False} | ({"raw_scores": True} if method == "decision_function" else {})
    graph = _convert(estimator, width(frame), options)
    found = walk.tape.inline(graph, [walk.dense(frame)])
    return walk.tape.doubles(found[1 if options else 0])


def _convert(estimator: Any, columns: int, options: dict[str, Any]) -> onnx.GraphProto:
    library = need("skl2onnx")
    types = need("skl2onnx.common.data_types")
    exceptions = need("skl2onnx.common.exceptions")
    try:
        model = library.to_onnx(
            estimator,
            initial_types=[("X", types.DoubleTensorType([None, columns]))],
            options={id(estimator): options} if options else None,
            target_opset={"": OPSET, "ai.onnx.ml": 3},
        )
    except (exceptions.MissingShapeCalculator, exceptions.MissingConverter, *_FAULTS) as error:
        said = str(error).split("\n")[0][:160]
        raise ImportRefused(
            f"is not served, and skl2onnx does not convert it ({said}); export another model"
        ) from error
    if model.functions:
        raise ImportRefused("is not served: skl2onnx converts it to functions of its own")
    graph: onnx.GraphProto = model.graph
    return graph
