"""Small pipelines of scikit-learn: transformers of numbers, columns of text, terms and dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import (
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    kernel_approximation,
    linear_model,
    model_selection,
    neural_network,
    pipeline,
    preprocessing,
)
from sklearn_rows import NUMBERS, TEXTS, Sample
from sklearn_zoo import COUNT, LOGISTIC, THREE, VALUE


def _columns(end: Any, *, text: Any = None, number: Any = None, rest: str = "drop") -> Any:
    """A pipeline over the frame."""
    steps = [] if text is None else [("text", text, TEXTS)]
    steps += [] if number is None else [("number", number, NUMBERS)]
    return pipeline.Pipeline([("columns", compose.ColumnTransformer(steps, remainder=rest)), ("model", end)])


def _filled() -> Any:
    return pipeline.make_pipeline(
        impute.SimpleImputer(strategy="median", add_indicator=True), preprocessing.StandardScaler()
    )


def hot(**options: Any) -> Any:
    return preprocessing.OneHotEncoder(**{"handle_unknown": "ignore", **options})


def _then(*steps: Any, end: Any = None) -> Callable[[], Any]:
    """A pipeline over numbers, of unfitted steps that are made anew."""
    from sklearn.base import clone

    return lambda: pipeline.make_pipeline(*(clone(one) for one in steps), end or linear_model.Ridge())


CURVES = {
    "min_max": Sample(_then(preprocessing.MinMaxScaler(clip=True)), **VALUE),
    "max_abs": Sample(_then(preprocessing.MaxAbsScaler()), **VALUE),
    "robust": Sample(_then(preprocessing.RobustScaler()), **VALUE),
    "normalizer": Sample(_then(preprocessing.Normalizer()), **VALUE),
    "normalizer_max": Sample(_then(preprocessing.Normalizer("max")), **VALUE),
    "binarizer": Sample(_then(preprocessing.Binarizer(threshold=0.5)), **VALUE),
    "polynomial": Sample(_then(preprocessing.PolynomialFeatures(3)), **VALUE),
    "interactions": Sample(
        _then(preprocessing.PolynomialFeatures(2, interaction_only=True, include_bias=False)), **VALUE
    ),
    "quantiles": Sample(_then(preprocessing.QuantileTransformer(n_quantiles=40)), **VALUE),
    "quantiles_normal": Sample(
        _then(preprocessing.QuantileTransformer(n_quantiles=40, output_distribution="normal")), **VALUE
    ),
    "yeo_johnson": Sample(_then(preprocessing.PowerTransformer()), **VALUE),
    "box_cox": Sample(
        lambda: pipeline.make_pipeline(
            preprocessing.MinMaxScaler((1, 2), clip=True),
            preprocessing.PowerTransformer("box-cox"),
            linear_model.Ridge(),
        ),
        **VALUE,
    ),
    "bins": Sample(_then(preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")), **VALUE),
    "bins_ordinal": Sample(_then(preprocessing.KBinsDiscretizer(4, encode="ordinal", strategy="uniform")), **VALUE),
    "splines": Sample(_then(preprocessing.SplineTransformer(n_knots=4)), **VALUE),
    "splines_linear": Sample(_then(preprocessing.SplineTransformer(n_knots=4, extrapolation="linear")), **VALUE),
    "splines_periodic": Sample(_then(preprocessing.SplineTransformer(n_knots=5, extrapolation="periodic")), **VALUE),
    "pca": Sample(_then(preprocessing.StandardScaler(), decomposition.PCA(3)), **VALUE),
    "pca_whitened": Sample(_then(preprocessing.StandardScaler(), decomposition.PCA(3, whiten=True)), **VALUE),
    "svd": Sample(_then(decomposition.TruncatedSVD(3, random_state=1)), **VALUE),
    "best": Sample(_then(feature_selection.SelectKBest(feature_selection.f_regression, k=3)), **VALUE),
    "imputed": Sample(_then(impute.SimpleImputer(add_indicator=True)), on="holes", **VALUE),
    "imputed_constant": Sample(_then(impute.SimpleImputer(strategy="constant", fill_value=-1.0)), on="holes", **VALUE),
    "logs": Sample(_then(preprocessing.FunctionTransformer(np.log1p)), on="counts", **VALUE),
    "square_roots": Sample(_then(preprocessing.FunctionTransformer(np.sqrt)), on="counts", **VALUE),
    "fourier": Sample(
        _then(preprocessing.StandardScaler(), kernel_approximation.RBFSampler(n_components=8, random_state=1)), **VALUE
    ),
    "splines_continued": Sample(
        _then(preprocessing.SplineTransformer(n_knots=4, degree=2, include_bias=False, extrapolation="continue")),
        **VALUE,
    ),
    "nystroem": Sample(
        _then(preprocessing.StandardScaler(), kernel_approximation.Nystroem(n_components=8, random_state=1)), **VALUE
    ),
    "k_means": Sample(
        lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), _k_means(), linear_model.Ridge()), **VALUE
    ),
    "union": Sample(
        lambda: pipeline.make_pipeline(
            pipeline.FeatureUnion(
                [("scaled", preprocessing.StandardScaler()), ("projected", decomposition.PCA(2))],
                transformer_weights={"scaled": 0.5},
            ),
            linear_model.Ridge(),
        ),
        **VALUE,
    ),
}


def _k_means() -> Any:
    from sklearn.cluster import KMeans

    return KMeans(4, random_state=1, n_init=1)


COLUMNS = {
    "hot": Sample(lambda: _columns(LOGISTIC(max_iter=500), text=hot(), number=_filled()), on="frame"),
    "hot_first": Sample(lambda: _columns(LOGISTIC(max_iter=500), text=hot(drop="first"), number=_filled()), on="frame"),
    "hot_binary": Sample(
        lambda: _columns(LOGISTIC(max_iter=500), text=hot(drop="if_binary"), number=_filled()), on="frame"
    ),
    "hot_frequent": Sample(
        lambda: _columns(
            LOGISTIC(max_iter=500), text=hot(min_frequency=12, handle_unknown="infrequent_if_exist"), number=_filled()
        ),
        on="frame",
    ),
    "hot_few": Sample(
        lambda: _columns(LOGISTIC(max_iter=500), text=hot(max_categories=4), number=_filled()), on="frame"
    ),
    "hot_strict": Sample(
        lambda: _columns(LOGISTIC(max_iter=500), text=hot(handle_unknown="error"), number=_filled()), on="frame"
    ),
    "hot_dense": Sample(
        lambda: _columns(
            ensemble.RandomForestClassifier(8, max_depth=6, random_state=1),
            text=hot(sparse_output=False),
            number=_filled(),
        ),
        on="frame",
    ),
    "hot_imputed": Sample(
        lambda: _columns(
            LOGISTIC(max_iter=500),
            text=pipeline.make_pipeline(impute.SimpleImputer(strategy="most_frequent"), hot()),
            number=_filled(),
        ),
        on="frame",
    ),
    "hot_hours": Sample(
        lambda: pipeline.make_pipeline(
            compose.ColumnTransformer([("hour", hot(), ["hour"]), ("price", "passthrough", ["price"])]),
            LOGISTIC(max_iter=500),
        ),
        on="frame",
    ),
    "ordinal": Sample(
        lambda: _columns(
            ensemble.GradientBoostingClassifier(n_estimators=8, random_state=1),
            text=preprocessing.OrdinalEncoder(
                handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
            ),
            number=_filled(),
        ),
        on="frame",
    ),
    "ordinal_frequent": Sample(
        lambda: _columns(
            ensemble.HistGradientBoostingClassifier(random_state=1, max_iter=8),
            text=preprocessing.OrdinalEncoder(
                handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=10
            ),
            number="passthrough",
        ),
        on="frame",
    ),
    "target_encoded": Sample(
        lambda: _columns(
            LOGISTIC(max_iter=500),
            text=preprocessing.TargetEncoder(cv=model_selection.StratifiedKFold(2)),
            number=_filled(),
        ),
        on="frame",
    ),
    "target_encoded_three": Sample(
        lambda: _columns(
            LOGISTIC(max_iter=500),
            text=preprocessing.TargetEncoder(cv=model_selection.StratifiedKFold(2)),
            number=_filled(),
        ),
        on="frame",
        target="three",
        options=THREE,
    ),
    "categories": Sample(
        lambda: _columns(
            ensemble.HistGradientBoostingClassifier(random_state=1, max_iter=8, categorical_features=[0, 1, 2]),
            text=preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
            number="passthrough",
        ),
        on="frame",
    ),
    "crossed": Sample(
        lambda: pipeline.make_pipeline(
            compose.ColumnTransformer(
                [("text", hot(sparse_output=False), ["gender"]), ("n", "passthrough", ["price"])]
            ),
            preprocessing.PolynomialFeatures(2),
            LOGISTIC(max_iter=500),
        ),
        on="frame",
    ),
    "boosted_columns": Sample(
        lambda: pipeline.make_pipeline(
            compose.make_column_transformer(
                (hot(), ["gender", "city"]),
                (preprocessing.KBinsDiscretizer(5, quantile_method="averaged_inverted_cdf"), ["price"]),
                (preprocessing.SplineTransformer(), ["clicks"]),
            ),
            linear_model.PoissonRegressor(),
        ),
        on="frame",
        **COUNT,
    ),
    "perceptron_columns": Sample(
        lambda: _columns(neural_network.MLPClassifier((8,), random_state=1), text=hot(), number=_filled()), on="frame"
    ),
    "remainder": Sample(
        lambda: pipeline.make_pipeline(
            compose.ColumnTransformer([("gender", hot(), ["gender"])], remainder="passthrough"),
            ensemble.ExtraTreesClassifier(8, max_depth=5, random_state=1),
        ),
        on="remaining",
    ),
    "searched": Sample(lambda: _search(), on="frame"),
}


def _search() -> Any:
    model = _columns(LOGISTIC(max_iter=500), text=hot(), number=_filled())
    return model_selection.GridSearchCV(model, {"model__C": [0.1, 1.0]}, cv=2)
