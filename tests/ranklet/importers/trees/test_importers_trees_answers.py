"""Every model gives its library's own predictions: from the archives beside this file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from trees_kit import HERE, Case, check, read

from ranklet.importers.lightgbm.model import OBJECTIVES as LIGHTGBM_OBJECTIVES
from ranklet.importers.xgboost.model import OBJECTIVES as XGBOOST_OBJECTIVES

XGBOOST, LIGHTGBM = read(HERE / "xgboost.zip"), read(HERE / "lightgbm.zip")
OLD = [(path.stem, case) for path in sorted(HERE.glob("old/*.zip")) for case in read(path)]

FEW = ("no rounds", "single leaves", "linear, single leaves", "binary:hinge", "multi:softmax", "poisson forest")
"""Models that predict a few different numbers only."""


@pytest.mark.parametrize("case", XGBOOST, ids=lambda case: case.name)
def test_xgboosts_own_predictions_of_json_and_ubj(case: Case, tmp_path: Path) -> None:
    check("xgboost", case, tmp_path)


@pytest.mark.parametrize("case", LIGHTGBM, ids=lambda case: case.name)
def test_lightgbms_own_predictions(case: Case, tmp_path: Path) -> None:
    check("lightgbm", case, tmp_path)


@pytest.mark.parametrize(("version", "case"), OLD, ids=[f"{version} {case.name}" for version, case in OLD])
def test_files_and_predictions_of_older_versions(version: str, case: Case, tmp_path: Path) -> None:
    check(version.partition("-")[0], case, tmp_path)


def test_every_objective_that_is_served_has_a_model() -> None:
    """As the libraries name them (src/objective of XGBoost 3.4.1 and LightGBM 4.7.0), beside older spellings."""
    xgboost = {case.name.removesuffix(" normal") for case in XGBOOST}
    assert sorted(set(XGBOOST_OBJECTIVES) - xgboost) == []
    spellings = {"xentropy", "xentlambda", "mean_absolute_percentage_error", "custom", "none", "null", "na"}
    assert sorted(set(LIGHTGBM_OBJECTIVES) - spellings - {case.name for case in LIGHTGBM}) == []


def test_there_are_models_of_every_objective_and_option() -> None:
    assert len(XGBOOST) >= 70
    assert len(LIGHTGBM) >= 50


def test_the_rows_tell_models_apart() -> None:
    """Or predictions could agree by chance."""
    for case in [*XGBOOST, *LIGHTGBM]:
        if case.name not in FEW:
            assert len(np.unique(case.answers.reshape(len(case.answers), -1)[:, 0])) >= 6, case.name
