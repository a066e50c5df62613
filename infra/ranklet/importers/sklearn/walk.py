"""The walk through a fitted model: each estimator is asked of a table, and leaves nodes on the tape.

An estimator is known by its class's name inside scikit-learn, exactly: a subclass may do anything.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Coded, Floats, Frame, Hot, Ints, Numbers, Raw, spans, width
from ranklet.importers.sklearn.sources import Sources
from ranklet.importers.tape import Tape

PLACE = "ranklet.importers.sklearn"
TRANSFORMS: Mapping[str, str] = {
    **dict.fromkeys(("Pipeline", "ColumnTransformer", "FeatureUnion", "FunctionTransformer"), "pipelines"),
    **dict.fromkeys(("OneHotEncoder", "OrdinalEncoder", "TargetEncoder"), "encoders"),
    **dict.fromkeys(("SimpleImputer", "MissingIndicator"), "imputers"),
    **dict.fromkeys(("CountVectorizer", "TfidfVectorizer", "TfidfTransformer"), "terms"),
    **dict.fromkeys(("HashingVectorizer", "FeatureHasher"), "terms"),
    "DictVectorizer": "dicts",
    **dict.fromkeys(("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"), "scalers"),
    **dict.fromkeys(("Normalizer", "Binarizer", "PolynomialFeatures", "PCA", "TruncatedSVD"), "scalers"),
    **dict.fromkeys(("SelectKBest", "SelectPercentile", "SelectFromModel", "VarianceThreshold"), "scalers"),
    **dict.fromkeys(("SelectFpr", "SelectFdr", "SelectFwe", "GenericUnivariateSelect", "RFE", "RFECV"), "scalers"),
    **dict.fromkeys(("PowerTransformer", "KBinsDiscretizer"), "curves"),
    **dict.fromkeys(("KMeans", "MiniBatchKMeans", "BisectingKMeans", "Nystroem", "RBFSampler"), "kernels"),
    "QuantileTransformer": "quantiles",
    "SplineTransformer": "splines",
}
"""Transformer → the module whose `transform(walk, estimator, frame) -> Frame` knows it."""

LINEAR = """
    LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV Lars LassoLars LassoLarsIC BayesianRidge
    ARDRegression HuberRegressor SGDRegressor LinearSVR TheilSenRegressor OrthogonalMatchingPursuit QuantileRegressor
    PoissonRegressor GammaRegressor TweedieRegressor LogisticRegression LogisticRegressionCV SGDClassifier
    RidgeClassifier RidgeClassifierCV LinearSVC Perceptron LinearDiscriminantAnalysis
"""
TREES = """
    DecisionTreeRegressor DecisionTreeClassifier ExtraTreeRegressor ExtraTreeClassifier RandomForestRegressor
    RandomForestClassifier ExtraTreesRegressor ExtraTreesClassifier GradientBoostingRegressor
    GradientBoostingClassifier IsolationForest
"""
META = """
    Pipeline VotingClassifier VotingRegressor StackingClassifier StackingRegressor GridSearchCV RandomizedSearchCV
    HalvingGridSearchCV HalvingRandomSearchCV TransformedTargetRegressor FrozenEstimator TunedThresholdClassifierCV
    FixedThresholdClassifier DummyClassifier DummyRegressor RFE RFECV
"""
GROUPS = (
    "CalibratedClassifierCV BaggingClassifier BaggingRegressor AdaBoostClassifier AdaBoostRegressor OneVsRestClassifier"
)
PREDICTORS: Mapping[str, str] = {
    **dict.fromkeys(LINEAR.split(), "linear"),
    **dict.fromkeys(TREES.split(), "forests"),
    **dict.fromkeys(("HistGradientBoostingRegressor", "HistGradientBoostingClassifier"), "histograms"),
    **dict.fromkeys(META.split(), "meta"),
    **dict.fromkeys(GROUPS.split(), "groups"),
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), "neural"),
    **dict.fromkeys(("SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM"), "vectors"),
    **dict.fromkeys(("GaussianNB", "MultinomialNB", "BernoulliNB", "ComplementNB"), "bayes"),
    **dict.fromkeys(("KNeighborsClassifier", "KNeighborsRegressor"), "neighbors"),
}
"""Predictor → the module whose `predict(walk, estimator, frame, method) -> tensor [n, outputs]` knows it."""

FOREIGN = {"xgboost": "boosters", "lightgbm": "boosters"}
"""Packages whose estimators stand in pipelines."""


class Walk:
    """tape: where nodes go. sources: the raw columns."""

    def __init__(self, tape: Tape, sources: Sources) -> None:
        self.tape, self.sources = tape, sources

    def transform(self, estimator: Any, frame: Frame) -> Frame:
        """An estimator's `transform`. Raises ImportRefused for one that is not served, with its name."""
        module = _module(estimator, TRANSFORMS)
        try:
            found: Frame = _load(module or "converted").transform(self, estimator, frame)
        except ImportRefused as error:
            raise _placed(estimator, error) from error
        return found

    def predict(self, estimator: Any, frame: Frame, method: str) -> str:
        """An estimator's `predict` (of a regressor), `predict_proba` or `decision_function` as [n, outputs]."""
        module = _module(estimator, PREDICTORS)
        try:
            found: str = _load(module or "converted").predict(self, estimator, frame, method)
        except ImportRefused as error:
            raise _placed(estimator, error) from error
        return found

    def dense(self, frame: Frame) -> str:
        """All columns as one tensor of doubles."""
        parts, raw = list[str](), list[int]()
        for piece in (*frame, None):
            if isinstance(piece, Raw):
                raw.append(self.number(piece))
                continue
            if raw:
                parts.append(self.sources.numbers(raw))
                raw = []
            if piece is not None:
                parts.append(self.spread(piece))
        if not parts:
            raise ImportRefused("reads no column at all; drop it from the pipeline")
        return self.tape.joined(parts)

    def number(self, piece: Raw) -> int:
        """The raw column of a piece that is read as a number."""
        if piece.fill is not None:
            raise ImportRefused(f"column {self.sources.names[piece.column]!r} holds text; encode it before this step")
        return piece.column

    def spread(self, piece: Numbers | Hot | Coded) -> str:
        """A piece as doubles [n, width]."""
        if isinstance(piece, Numbers):
            return piece.tensor
        if isinstance(piece, Coded):
            return self.tape.op("Gather", piece.table, piece.ids, axis=0)
        return self._counted(piece)

    def _counted(self, piece: Hot) -> str:
        place = self.tape.op("Gather", piece.place, piece.ids, axis=0)
        axis = 2 if piece.several else 1
        matches = self.tape.op("Equal", self.tape.op("Unsqueeze", place, [axis]), np.arange(piece.width))
        counted = self.tape.doubles(matches)
        if piece.factors is not None:
            factors = self.tape.op("Gather", piece.factors, piece.ids, axis=0)
            counted = self.tape.op("Mul", counted, self.tape.op("Unsqueeze", factors, [axis]))
        counted = self.tape.op("ReduceSum", counted, [1], keepdims=0) if piece.several else counted
        return counted if piece.scale is None else self.tape.op("Mul", counted, piece.scale)

    def linear(self, frame: Frame, weights: Floats, bias: Floats) -> str:
        """frame · weights [width, outputs] + bias [outputs]: one product, and one lookup a column of ids."""
        if weights.shape[0] != width(frame):
            raise ImportRefused(f"has {weights.shape[0]} weights for {width(frame)} columns; save the model again")
        parts, rest, places = list[str](), list[Any](), list[Ints]()
        for piece, start, end in spans(frame):
            if isinstance(piece, Hot):
                parts.append(self._lookup(piece, weights[start:end]))
            elif isinstance(piece, Coded):
                parts.append(self.tape.op("Gather", piece.table @ weights[start:end], piece.ids, axis=0))
            else:
                rest.append(piece)
                places.append(np.arange(start, end))
        if rest:
            parts.insert(0, self.tape.op("MatMul", self.dense(tuple(rest)), weights[np.concatenate(places)]))
        return self.tape.added([*parts, self.tape.constant(bias[None])])

    def _lookup(self, piece: Hot, weights: Floats) -> str:
        rows = np.append(weights, np.zeros((1, weights.shape[1])), axis=0)[piece.place]
        rows = rows if piece.factors is None else rows * piece.factors[:, None]
        found = self.tape.op("Gather", rows, piece.ids, axis=0)
        found = self.tape.op("ReduceSum", found, [1], keepdims=0) if piece.several else found
        return found if piece.scale is None else self.tape.op("Mul", found, piece.scale)

    def select(self, frame: Frame, indices: Sequence[int]) -> Frame:
        """Some columns, in this order; those of one piece stay one where they can."""
        kept, at = list[Any](), 0
        indices = [int(index) for index in indices]
        if wrong := [index for index in indices if not 0 <= index < width(frame)]:
            raise ImportRefused(f"reads column {wrong[0]} of {width(frame)}; save the model again")
        starts = {start: piece for piece, start, _ in spans(frame)}
        while at < len(indices):
            whole = starts.get(indices[at])
            if whole is not None and indices[at : at + whole.width] == list(
                range(indices[at], indices[at] + whole.width)
            ):
                kept.append(whole)
                at += whole.width
                continue
            piece, start = next((piece, start) for piece, start, end in spans(frame) if start <= indices[at] < end)
            assert not isinstance(piece, Raw)
            end = at + 1
            while end < len(indices) and start <= indices[end] < start + piece.width:
                end += 1
            inside = [index - start for index in indices[at:end]]
            kept.append(Numbers(self.tape.columns(self.spread(piece), inside), len(inside)))
            at = end
        return tuple(kept)

    def split(self, frame: Frame) -> list[Raw | Numbers]:
        """Each column alone."""
        found: list[Raw | Numbers] = []
        for piece in frame:
            if isinstance(piece, Raw) or (isinstance(piece, Numbers) and piece.width == 1):
                found.append(piece)
                continue
            tensor = self.spread(piece)
            found += [Numbers(self.tape.columns(tensor, [at]), 1) for at in range(piece.width)]
        return found

    def labels(self, estimator: Any, frame: Frame) -> str:
        """The index of the predicted class among `classes_`, as doubles [n, 1]."""
        if _module(estimator, PREDICTORS) == "linear" or not hasattr(estimator, "predict_proba"):
            scores = self.predict(estimator, frame, "decision_function")
            if len(estimator.classes_) == 2:
                return self.tape.doubles(self.tape.op("Greater", scores, 0.0))
        else:
            scores = self.predict(estimator, frame, "predict_proba")
        return self.tape.doubles(self.tape.op("ArgMax", scores, axis=1, keepdims=1))

    def hint(self, frame: Frame, values: Sequence[Any]) -> None:
        """Numbers at which columns turn, worth trying. values: of each column a list."""
        at = 0
        for piece in frame:
            if isinstance(piece, Raw):
                self.sources.hint(piece.column, np.asarray(values[at], np.float64).reshape(-1))
            at += piece.width


def own(estimator: Any) -> bool:
    """Whether it is of scikit-learn itself."""
    return type(estimator).__module__.split(".")[0] == "sklearn"


def _module(estimator: Any, table: Mapping[str, str]) -> str | None:
    kind = type(estimator)
    package = kind.__module__.split(".")[0]
    if package in FOREIGN and table is PREDICTORS:
        return FOREIGN[package]
    if not own(estimator):
        raise ImportRefused(
            f"{kind.__module__}.{kind.__qualname__} is not of scikit-learn; served are its own estimators, and those "
            "of xgboost and lightgbm at the end of a pipeline: compute it before the request, or export it to ONNX"
        )
    return table.get(kind.__name__)


def _load(name: str) -> Any:
    return importlib.import_module(f"{PLACE}.{name}")


def _placed(estimator: Any, error: ImportRefused) -> ImportRefused:
    """The error with the estimator's name before it; of estimators inside others, the way to it."""
    return ImportRefused(f"{type(estimator).__name__}: {error}")
