"""Calibrations as files: what scikit-learn fitted, written by the trainer, read by the build.

    from ranklet.after.calibration import export
    export(IsotonicRegression(out_of_bounds="clip").fit(scores, labels), "export/calibration.json")

`{"method": "isotonic", "x": […], "y": […], "out_of_bounds": "clip"}` holds the knots,
`{"method": "platt", "a": …, "b": …}` the two numbers of 1 / (1 + exp(a x + b)). A .skops file of the fitted estimator
is read as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ImportRefused, ModelError

MOST_KNOTS = 10_000
FIELDS = {"isotonic": {"method", "x", "y", "out_of_bounds"}, "platt": {"method", "a", "b"}}
OUTSIDE = ("clip", "nan")


def export(estimator: Any, path: str | Path) -> None:
    """Write a fitted IsotonicRegression, or a CalibratedClassifierCV with one calibrator, as a file.

    Raises ImportRefused for what is not one curve over one number, by its name.
    """
    Path(path).write_bytes(orjson.dumps(parameters(estimator), option=orjson.OPT_APPEND_NEWLINE))


def parameters(estimator: Any) -> dict[str, Any]:
    """The numbers of a fitted estimator, as the file has them. Raises ImportRefused."""
    name = type(estimator).__name__
    if name == "CalibratedClassifierCV":
        return parameters(_only(estimator))
    if name == "IsotonicRegression":
        return _isotonic(estimator)
    if name == "_SigmoidCalibration":
        return {"method": "platt", "a": float(estimator.a_), "b": float(estimator.b_)}
    raise ImportRefused(f"{name} is no calibration that is read here: IsotonicRegression or CalibratedClassifierCV")


def read(path: Path) -> dict[str, Any]:
    """The calibration of a file, checked. Raises ModelError naming file and field."""
    try:
        found = _skops(path) if path.suffix == ".skops" else orjson.loads(path.read_bytes())
    except (orjson.JSONDecodeError, ImportRefused) as error:
        raise ModelError(f"{path.name}: {error}") from error
    try:
        return _checked(found)
    except ValueError as error:
        raise ModelError(f"{path.name} is no calibration: {error}") from error


def _skops(path: Path) -> dict[str, Any]:
    # Imported here: the library takes its time.
    from ranklet.importers.sklearn import loading

    estimator, _ = loading.load(path, trust_pickle=False)
    return parameters(estimator)


def _isotonic(estimator: Any) -> dict[str, Any]:
    if estimator.out_of_bounds not in OUTSIDE:
        raise ImportRefused(
            f'IsotonicRegression has out_of_bounds = "{estimator.out_of_bounds}", which fails a request for a score '
            'that training did not have; fit it with "clip"'
        )
    knots = {"x": estimator.X_thresholds_.tolist(), "y": estimator.y_thresholds_.tolist()}
    return {"method": "isotonic", **knots, "out_of_bounds": estimator.out_of_bounds}


def _only(estimator: Any) -> Any:
    """The one calibrator of a binary classifier that was calibrated as a whole."""
    if len(estimator.calibrated_classifiers_) != 1:
        raise ImportRefused(
            f"CalibratedClassifierCV holds {len(estimator.calibrated_classifiers_)} models and means their answers; "
            "import it as a model, or fit it with ensemble=False"
        )
    one = estimator.calibrated_classifiers_[0]
    if len(one.calibrators) != 1:
        raise ImportRefused(
            f"CalibratedClassifierCV has {len(one.calibrators)} classes; a head has one score, so two classes"
        )
    return one.calibrators[0]


def _checked(found: Any) -> dict[str, Any]:
    """Raises ValueError."""
    if not isinstance(found, Mapping):
        raise ValueError("an object is needed")
    method = found.get("method", "isotonic" if "x" in found else "platt")
    if method not in FIELDS:
        raise ValueError(f"method is {method!r}; allowed: {', '.join(FIELDS)}")
    if unknown := sorted(set(found) - FIELDS[method]):
        raise ValueError(f"{method} has no {unknown[0]!r}")
    if method == "platt":
        return {"method": method, **{name: _number(found.get(name), name) for name in ("a", "b")}}
    x, y = (_numbers(found.get(name), name) for name in ("x", "y"))
    if len(x) != len(y) or any(b <= a for a, b in pairwise(x)):
        raise ValueError("x must ascend, with a y for each")
    outside = found.get("out_of_bounds", "clip")
    if outside not in OUTSIDE:
        raise ValueError(f"out_of_bounds is {outside!r}; allowed: {', '.join(OUTSIDE)}")
    return {"method": method, "x": x, "y": y, "out_of_bounds": outside}


def _numbers(values: Any, name: str) -> list[float]:
    if not isinstance(values, Sequence) or isinstance(values, str) or not 1 <= len(values) <= MOST_KNOTS:
        raise ValueError(f"{name} must be a list of 1 to {MOST_KNOTS} numbers")
    return [_number(value, f"{name}[{at}]") for at, value in enumerate(values)]


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; a finite number is needed")
    return float(value)
