"""XGBoost's and LightGBM's own estimators at the end of scikit-learn's pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightgbm
import xgboost
from sklearn import calibration, compose, ensemble, linear_model, pipeline, preprocessing
from sklearn_rows import NUMBERS, TEXTS, Sample

THREE = {"class": "2"}
FEW = {"n_estimators": 12, "max_depth": 4}


def _columns(end: Any) -> Callable[[], Any]:
    """Text as numbers, numbers as they are, missing ones too."""
    text = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    steps = [("text", text, TEXTS), ("number", "passthrough", NUMBERS)]
    return lambda: pipeline.make_pipeline(compose.ColumnTransformer(steps), end())


def _xgb(**options: Any) -> Callable[[], Any]:
    return _columns(lambda: xgboost.XGBClassifier(**FEW, **options))


def _light(**options: Any) -> Callable[[], Any]:
    return _columns(lambda: lightgbm.LGBMClassifier(**FEW, verbose=-1, **options))


def _quiet() -> Any:
    return lightgbm.LGBMRegressor(**FEW, verbose=-1)


SAMPLES: Mapping[str, Sample] = {
    "xgboost_classifier": Sample(_xgb(), on="frame"),
    "xgboost_three": Sample(_xgb(), on="frame", target="three", options=THREE),
    "xgboost_regressor": Sample(lambda: xgboost.XGBRegressor(**FEW), on="holes", target="value"),
    "xgboost_forest": Sample(lambda: xgboost.XGBRFRegressor(**FEW), on="holes", target="value"),
    "xgboost_poisson": Sample(
        lambda: xgboost.XGBRegressor(**FEW, objective="count:poisson"), on="holes", target="count"
    ),
    "lightgbm_classifier": Sample(_light(), on="frame"),
    "lightgbm_three": Sample(_light(), on="frame", target="three", options=THREE),
    "lightgbm_regressor": Sample(lambda: lightgbm.LGBMRegressor(**FEW, verbose=-1), on="holes", target="value"),
    "calibrated_boosters": Sample(
        lambda: calibration.CalibratedClassifierCV(xgboost.XGBClassifier(**FEW), cv=2), on="holes"
    ),
    "stacked_boosters": Sample(
        lambda: ensemble.StackingRegressor(
            [("light", _quiet()), ("extreme", xgboost.XGBRegressor(**FEW))], linear_model.Ridge(), cv=2
        ),
        on="holes",
        target="value",
    ),
}
