"""Every model gives its library's own predictions: from the archives beside this file, or of the library itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from trees_models import HERE, Case, lightgbm_cases, read, xgboost_cases

from ranklet import importers
from ranklet.importers.base import Exported
from ranklet.model import StepSource
from ranklet_runtime.engines.ort import open_session

XGBOOST, LIGHTGBM = read(HERE / "xgboost.zip"), read(HERE / "lightgbm.zip")
TOLERANCE = {"xgboost": 1e-6, "lightgbm": 1e-12}
"""Relative: of floats and doubles that are added in the library's own order; functions such as exp round otherwise."""


def loaded(library: str, case: Case, ending: str, folder: Path) -> Exported:
    (folder / f"model.{ending}").write_bytes(case.files[ending])
    return importers.load(StepSource(format=library, source=f"model.{ending}", options=case.options), folder)


def check(library: str, case: Case, folder: Path) -> None:
    for ending in case.files:
        exported = loaded(library, case, ending, folder)
        session = open_session(exported.content or b"", threads=1)
        feeds = {"features": case.features.astype(exported.inputs[0].dtype)}
        (found,) = session.run(None, feeds)
        assert found.shape == case.answers.shape
        assert exported.outputs[0].dtype == found.dtype.name
        bound = TOLERANCE[library]
        np.testing.assert_allclose(found, case.answers, rtol=bound, atol=0, err_msg=f"{case.name}.{ending}")


@pytest.mark.parametrize("case", XGBOOST, ids=lambda case: case.name)
def test_xgboosts_own_predictions_of_json_and_ubj(case: Case, tmp_path: Path) -> None:
    check("xgboost", case, tmp_path)


@pytest.mark.parametrize("case", LIGHTGBM, ids=lambda case: case.name)
def test_lightgbms_own_predictions(case: Case, tmp_path: Path) -> None:
    check("lightgbm", case, tmp_path)


def test_there_are_models_of_every_objective_and_option() -> None:
    assert len(XGBOOST) >= 40
    assert len(LIGHTGBM) >= 30


def test_the_rows_tell_models_apart() -> None:
    """Or predictions could agree by chance."""
    for case in [*XGBOOST, *LIGHTGBM]:
        if case.name not in ("no rounds", "single leaves", "binary:hinge", "multi:softmax"):
            assert len(np.unique(case.answers.reshape(len(case.answers), -1)[:, 0])) >= 6, case.name


@pytest.mark.slow
@pytest.mark.parametrize(("library", "cases"), [("xgboost", xgboost_cases), ("lightgbm", lightgbm_cases)])
def test_the_installed_librarys_predictions(library: str, cases: object, tmp_path: Path) -> None:
    pytest.importorskip(library)
    assert callable(cases)
    made: Iterator[Case] = cases()
    for case in made:
        check(library, case, tmp_path)
