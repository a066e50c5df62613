"""From a file to the fitted model, and no code of the file is run: skops by a list of types, pickles only on trust."""

from __future__ import annotations

import importlib
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.archives import open_zip

MAX_BYTES = 1 << 30
SCHEMA = "schema.json"
MAX_SCHEMA = 1 << 28
INSTALL = "pip install 'ranklet[sklearn]'"

KNOWN = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "sklearn.utils.validation.check_array",
    "functools.partial",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "numpy.dtype",
    "collections.OrderedDict",
    "collections.defaultdict",
    "lightgbm.basic.Booster",
    "lightgbm.compat._LGBMLabelEncoder",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRanker",
    "xgboost.sklearn.XGBRegressor",
    "xgboost.sklearn.XGBRFClassifier",
    "xgboost.sklearn.XGBRFRegressor",
)
"""Types beside skops' own list that hold numbers and run nothing while they are read."""
FAMILIES = (
    "sklearn._loss.", "sklearn.linear_model._sgd_fast.", "sklearn.ensemble._gb_losses.", "sklearn.metrics._scorer.",
    "sklearn.model_selection._split.", "sklearn.feature_selection._univariate_selection.",
    "sklearn.metrics._classification.", "sklearn.metrics._ranking.", "sklearn.metrics._regression.",
    "sklearn.gaussian_process.kernels.", "scipy.interpolate._bsplines.",
)  # fmt: skip

FAULTS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What libraries raise on damaged files."""


def is_skops(path: Path) -> bool:
    """Whether a zip archive has what skops writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return SCHEMA in archive.namelist()
    except FAULTS:
        return False


def load(path: Path, *, trust_pickle: bool) -> tuple[Any, tuple[str, ...]]:
    """The fitted model, and what its author should know.

    Raises ImportRefused for a pickle without trust, unknown types, damage, and no library.
    """
    need("sklearn")
    if path.is_dir():
        raise ImportRefused("is a folder; name the .skops, .joblib or .pkl file in it")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ImportRefused(f"has {size} bytes, at most {MAX_BYTES} are read")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model = _skops(path) if is_skops(path) else _pickled(path, trust_pickle=trust_pickle)
    if not hasattr(model, "get_params"):
        raise ImportRefused(f"holds a {type(model).__name__}, no estimator; save the fitted pipeline itself")
    return model, tuple(_versions(heard))


def _versions(heard: Sequence[warnings.WarningMessage]) -> Iterator[str]:
    """Of scikit-learn, where the model was saved by another one."""
    from sklearn.exceptions import InconsistentVersionWarning  # an extra

    found = [one.message for one in heard if isinstance(one.message, InconsistentVersionWarning)]
    if found:
        saved, here = found[0].original_sklearn_version, found[0].current_sklearn_version
        yield (
            f"it was saved by scikit-learn {saved} and is read, and scored, by {here}: compare with the trainer's "
            "scores, or install that version"
        )


def need(library: str) -> Any:
    """An optional library. Raises ImportRefused with what to install."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise ImportRefused(f"needs {library}, which is not installed: {INSTALL}") from error


def _skops(path: Path) -> Any:
    skops = need("skops.io")
    with open_zip(path, limit=MAX_BYTES) as archive:
        archive.read(SCHEMA, limit=MAX_SCHEMA)
    try:
        named = skops.get_untrusted_types(file=path)
        trusted = [name for name in named if name in KNOWN or name.startswith(FAMILIES)]
        if strange := sorted(set(named) - set(trusted)):
            raise ImportRefused(
                f"holds types that are not known to be harmless: {', '.join(strange)[:300]}; served are scikit-learn's "
                "own estimators, and those of xgboost and lightgbm"
            )
        return skops.load(path, trusted=trusted)
    except FAULTS as error:
        raise ImportRefused(f"skops cannot read it: {said(error, path)}; save the model again") from error


def _pickled(path: Path, *, trust_pickle: bool) -> Any:
    if not trust_pickle:
        raise ImportRefused(
            "is a pickle, which can run any code while it is read: if you wrote it yourself, add --trust-pickle, or "
            "save the model by skops.io.dump(model, 'model.skops')"
        )
    joblib, unreadable = need("joblib"), need("pickle").UnpicklingError
    try:
        return joblib.load(path)
    except (*FAULTS, unreadable) as error:
        raise ImportRefused(f"joblib cannot read it: {said(error, path)}; save the model again") from error


def said(error: BaseException, path: Path) -> str:
    """An error's own words without the machine's paths."""
    return f"{type(error).__name__}: {error}".replace(str(path), path.name)[:300]
