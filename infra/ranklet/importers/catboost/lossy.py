"""What CatBoost's JSON, unlike a .cbm, cannot tell apart, and CatBoost itself gets wrong when it loads it.

Statistics of one feature against several targets, or against one target cut in several ways: their tables have one name
and overwrite each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.ctrs import COUNTS
from ranklet.importers.catboost.document import Document

TARGETS = (
    "MultiRMSE",
    "MultiRMSEWithMissingValues",
    "MultiLogloss",
    "MultiCrossEntropy",
    "PythonUserDefinedMultiTarget",
    "SurvivalAft",
)
"""Losses over several targets."""


def check(document: Document) -> None:
    """Raises ImportRefused where tables were lost, or may have been."""
    used = {ctr.ctr_type for ctr in document.features_info.ctrs or []} - set(COUNTS)
    for params in _params(document.model_info) if used else ():
        loss = _map(params.get("loss_function")).get("type")
        if loss in TARGETS:
            raise ImportRefused(f"{_LOST} of {loss}'s targets; {_CBM}, or train with one_hot_max_size above all sizes")
        for place, found in _lists(_map(params.get("cat_feature_params"))):
            for kind in used:
                cuts = {orjson.dumps(one.get("target_binarization")) for one in found if one.get("ctr_type") == kind}
                if len(cuts) > 1:
                    raise ImportRefused(f"{_LOST} of {place}, {kind} with several TargetBorderCount; {_CBM}")


_LOST = "CatBoost's JSON holds one table for several statistics (features_info.ctrs)"
_CBM = 'give the .cbm that model.save_model("model.cbm") writes'


def _params(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of the training, or of each model of a sum."""
    for name, value in info.items():
        if name == "params" or name.endswith(":params"):
            yield _map(value)


def _lists(params: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Place → the kinds of statistics that one feature has."""
    lists = {name: params.get(name) for name in ("simple_ctrs", "combinations_ctrs")}
    lists |= _map(params.get("per_feature_ctrs"))
    for name, found in lists.items():
        if isinstance(found, list):
            yield str(name)[:40], [one for one in found if isinstance(one, dict)]


def _map(value: Any) -> Mapping[str, Any]:
    """A map, or the map that a text holds."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            value = None
    return value if isinstance(value, dict) else {}
