"""Calibrations as the trainer writes them: by `export`, or the fitted estimator itself as .skops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ranklet.after import calibration
from ranklet.errors import ImportRefused, ModelError

ROWS = np.random.default_rng(0).normal(size=(120, 2))
LABELS = (ROWS[:, 0] > 0).astype(int)


def classifier(**options: Any) -> CalibratedClassifierCV:
    labels = options.pop("labels", LABELS)
    return CalibratedClassifierCV(LogisticRegression(), cv=2, **options).fit(ROWS, labels)


@pytest.mark.parametrize(
    "fitted",
    [
        IsotonicRegression(out_of_bounds="clip").fit([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1]),
        classifier(ensemble=False, method="sigmoid"),
    ],
    ids=["isotonic", "platt"],
)
def test_skops_is_read_as_the_export_is(fitted: Any, tmp_path: Path) -> None:
    skops.io.dump(fitted, tmp_path / "c.skops")
    calibration.export(fitted, tmp_path / "c.json")
    assert calibration.read(tmp_path / "c.skops") == calibration.read(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("fitted", "said"),
    [
        (classifier(ensemble=True), "ensemble=False"),
        (classifier(ensemble=False, labels=(ROWS[:, 0] > 0).astype(int) + (ROWS[:, 1] > 0)), "3 classes"),
        (IsotonicRegression(out_of_bounds="raise").fit([0, 1], [0, 1]), "out_of_bounds"),
        (LogisticRegression().fit(ROWS, LABELS), "LogisticRegression is no calibration"),
    ],
    ids=["ensemble", "classes", "raise", "model"],
)
def test_what_is_not_one_curve_is_refused_by_its_name(fitted: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=said):
        calibration.export(fitted, tmp_path / "c.json")


def test_file_that_is_no_skops_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.skops").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ModelError, match=r"c\.skops"):
        calibration.read(tmp_path / "c.skops")
