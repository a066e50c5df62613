"""Calibrated heads give scikit-learn's own answers: IsotonicRegression, CalibratedClassifierCV with both methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from after_kit import scope
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ranklet.after import calibration
from ranklet_runtime.after.calibrate import Calibrate


def calibrated(parameters: dict[str, Any], values: Any) -> Any:
    step = Calibrate.open(scope({"head": parameters}))
    return step.run({"head": np.asarray(values, np.float64)})["head"]


def scores(seed: int, count: int = 400) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    found = random.normal(size=count) * 2
    return found, (random.random(count) < 1 / (1 + np.exp(-(found**3)))).astype(int)


@pytest.mark.parametrize("outside", ["clip", "nan"])
@pytest.mark.parametrize("increasing", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_isotonic_is_the_librarys(seed: int, outside: str, increasing: bool, tmp_path: Path) -> None:
    x, y = scores(seed)
    fitted = IsotonicRegression(out_of_bounds=outside, increasing=increasing).fit(x, y)
    calibration.export(fitted, tmp_path / "c.json")
    asked = np.concatenate([x, np.linspace(-12, 12, 999), fitted.X_thresholds_, [-1e30, 1e30, 0.0]])
    found = calibrated(calibration.read(tmp_path / "c.json"), asked)
    np.testing.assert_allclose(found, fitted.predict(asked), rtol=1e-12, atol=1e-15, equal_nan=True)


def test_isotonic_of_one_knot() -> None:
    fitted = IsotonicRegression(out_of_bounds="clip").fit([1.0, 1.0], [0.25, 0.75])
    found = calibrated(calibration.parameters(fitted), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(found, fitted.predict([0.0, 1.0, 2.0]))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("seed", range(3))
def test_calibrated_classifier_is_the_librarys(seed: int, method: str, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(300, 3))
    labels = (rows @ [1.0, -2.0, 0.5] + random.normal(size=300) > 0).astype(int)
    fitted = CalibratedClassifierCV(LogisticRegression(), method=method, ensemble=False, cv=3).fit(rows, labels)
    calibration.export(fitted, tmp_path / "c.json")
    logits = fitted.calibrated_classifiers_[0].estimator.decision_function(rows)
    found = calibrated(calibration.read(tmp_path / "c.json"), logits)
    np.testing.assert_allclose(found, fitted.predict_proba(rows)[:, 1], rtol=1e-12)


def test_platt_has_no_warnings_and_no_nan_far_out() -> None:
    found = calibrated({"method": "platt", "a": -3.0, "b": 0.5}, [-1e6, -50.0, 0.0, 50.0, 1e6])
    assert found[0] == 0.0 and found[-1] == 1.0 and np.isfinite(found).all()


def test_score_that_is_none_stays_none() -> None:
    assert np.isnan(calibrated({"method": "isotonic", "x": [0.0, 1.0], "y": [0.0, 1.0]}, [np.nan])).all()
