"""Holds onnxruntime to the records before they are believed: rows on thresholds, next to them, missing and in sets.

Onnxruntime rewrites trees when it loads them (sets become chains or bit fields), so that it takes the same way for
random rows proves little: each split is fed the value that it turns on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.trees import inputs
from ranklet.importers.trees.columns import ZERO
from ranklet.importers.trees.records import LEAF, Ensemble, Floats
from ranklet.importers.trees.walking import predict
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.errors import ManifestError

ROWS = 256
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Relative, of sums in another order; a wrong turn costs a leaf."""


def run(ensemble: Ensemble, content: bytes, *, column: int | None, ids: Sequence[inputs.Ids] = ()) -> None:
    """Raises ImportRefused where the graph cannot be loaded, or differs from the records beyond rounding."""
    rows = inputs.codes(ids, turning_points(ensemble))
    try:
        (found,) = open_session(content, threads=1).run(None, inputs.feeds(ids, rows))
    except ManifestError as error:
        raise ImportRefused(str(error)) from error
    except faults() as error:
        raise ImportRefused(f"onnxruntime does not run its trees: {error}") from error
    wanted = predict(ensemble, rows)
    wanted = wanted if column is None and ensemble.outputs > 1 else wanted[:, column or 0]
    tolerance = TOLERANCE[ensemble.dtype]
    same = np.isclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not same.all() and ensemble.link != "argmax":  # whose ties rounding breaks
        row = int(np.argmax(~same.reshape(len(rows), -1).all(axis=1)))
        raise ImportRefused(f"onnxruntime gives {found[row]} for {rows[row].tolist()}, the trees {wanted[row]}")


def turning_points(ensemble: Ensemble) -> Floats:
    """Rows [ROWS, width] of values at which splits turn: thresholds and their neighbours, categories, NaN and zeros."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(ROWS, ensemble.width)).astype(ensemble.dtype)
    for feature, values in turns(ensemble).items():
        rows[:, feature] = random.choice(values, ROWS)
    if ensemble.weights is not None:
        rows[random.random(rows.shape) < 0.1] = np.nan
    return rows


def turns(ensemble: Ensemble) -> dict[int, Floats]:
    """Feature → the values worth trying, of at most some hundred splits, in the dtype that is compared."""
    dtype = np.dtype(ensemble.dtype).type
    common = np.array([np.nan, 0, -0.5, ZERO, -ZERO, -1, 1e9], dtype)
    found: dict[int, list[Floats]] = {}
    for tree in ensemble.trees:
        for node in np.flatnonzero(tree.left != LEAF).tolist():
            values = found.setdefault(int(tree.feature[node]), [common])
            if node in tree.members:
                members = tree.members[node][:64]
                values.append(np.concatenate([members, members + 0.5, members + 1]).astype(dtype))
            else:
                with np.errstate(over="ignore"):
                    at = dtype(tree.threshold[node])
                values.append(np.nextafter(at, np.array([-np.inf, at, np.inf], dtype)))
    return {feature: np.concatenate(values[:512]) for feature, values in found.items()}
