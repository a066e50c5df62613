"""From the loss that a model was trained with to what it predicts: which link, and what its outputs are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.document import Document
from ranklet.importers.trees.records import Link

RAW = "raw"


class Prediction(NamedTuple):
    """kind: how CatBoost calls it, `raw` for the sums themselves. names: of the outputs, where there are several."""

    kind: str
    link: Link
    names: tuple[str, ...] = ()


NUMBERS = """
    RMSE MAE MAPE Quantile LogLinQuantile Lq Huber Expectile LogCosh Cox SurvivalAft GroupQuantile PairLogit
    PairLogitPairwise QueryRMSE QuerySoftMax QueryCrossEntropy YetiRank YetiRankPairwise StochasticFilter StochasticRank
    LambdaMart MultiRMSE MultiRMSEWithMissingValues MultiQuantile PythonUserDefinedPerObject
    PythonUserDefinedMultiTarget UserPerObjMetric UserQuerywiseMetric
"""
UNCERTAIN = "RMSEWithUncertainty"
LOSSES: Mapping[str, tuple[str, Link]] = {
    **dict.fromkeys(NUMBERS.split(), (RAW, "identity")),
    **dict.fromkeys(("Logloss", "CrossEntropy", "Focal"), ("probability", "sigmoid")),
    **dict.fromkeys(("MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy"), ("probability", "sigmoid")),
    "MultiClass": ("probability", "softmax"),
    **dict.fromkeys(("Poisson", "Tweedie"), ("exponent", "exp")),
    UNCERTAIN: ("uncertainty", "identity"),
}
"""Loss → what `predict` gives, of a classifier `predict_proba`, and its link (libs/eval_result/eval_helpers.cpp)."""


def prediction(document: Document, outputs: int, wanted: str | None) -> Prediction:
    """wanted: of `-o output`. Raises ImportRefused for a loss that is not known, and for what it does not have."""
    loss = _loss(document.model_info)
    if wanted == RAW:
        return Prediction(RAW, "identity", _names(document, loss, outputs))
    if loss is None or loss not in LOSSES:
        shown = "not in the file" if loss is None else f"{loss[:40]!r}, which is not known here"
        raise ImportRefused(f"its loss is {shown}; -o output=raw serves the sum of its trees")
    kind, link = LOSSES[loss]
    if wanted not in (None, kind):
        raise ImportRefused(f"-o output={wanted}: a model of {loss} predicts {' or '.join(dict.fromkeys((kind, RAW)))}")
    return Prediction(kind, link, _names(document, loss, outputs))


def _loss(info: Mapping[str, Any]) -> str | None:
    """Of the training's parameters; of a sum of models, of their common loss."""
    params = _object(info.get("params"))
    found = _object(params.get("loss_function", info.get("loss_function"))).get("type")
    return found if isinstance(found, str) else None


def _names(document: Document, loss: str | None, outputs: int) -> tuple[str, ...]:
    if outputs == 1:
        return ()
    if loss == UNCERTAIN and outputs == 2:
        return ("mean", "variance")
    names = _object(document.model_info.get("class_params")).get("class_names")
    if isinstance(names, list) and len(names) == outputs and len({str(name) for name in names}) == outputs:
        return tuple(map(str, names))
    return tuple(map(str, range(outputs)))


def _object(value: Any) -> Mapping[str, Any]:
    """A map, or the map that a text holds."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            value = None
    return value if isinstance(value, dict) else {}


def column(names: tuple[str, ...], wanted: str | None) -> int | None:
    """The place of the output that ranks, None where there is but one. wanted: of `-o column`, a name or a place.

    Raises ImportRefused.
    """
    if not names:
        if wanted is not None:
            raise ImportRefused(f"-o column={wanted}: it has one output; drop the option")
        return None
    if wanted is None and names == ("mean", "variance"):
        return 0
    places = {str(place): place for place in range(len(names))} | {name: place for place, name in enumerate(names)}
    if wanted not in places:
        shown = ", ".join(names[:30])
        asked = "one of them ranks: -o column=NAME" if wanted is None else f"none is {wanted!r}"
        raise ImportRefused(f"it has {len(names)} outputs ({shown}); {asked}")
    return places[wanted]
