"""Models that sklearn2pmml writes: of scikit-learn, XGBoost, LightGBM and statsmodels, small ones."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

NUMBERS = ["sl", "sw", "pl", "pw"]


class Trained(NamedTuple):
    """steps: of the pipeline. target: a column of `_targets`, None for models without. columns: what it reads."""

    steps: Callable[[], list[tuple[str, Any]]]
    target: str | None
    columns: Sequence[str] = NUMBERS


def _frame() -> tuple[pd.DataFrame, pd.DataFrame]:
    from sklearn.datasets import load_iris

    data, kind = load_iris(return_X_y=True, as_frame=True)
    data.columns = NUMBERS
    random = np.random.default_rng(0)
    data["color"] = random.choice(["red", "green", "blue", "grey"], len(data))
    data["k"] = random.integers(0, 4, len(data))
    named = kind.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    more = data.pl + data.sw * 0.3
    targets = {
        "kind": named,
        "two": (kind > 0).astype(int),
        "amount": more,
        "count": np.round(np.exp(data.pw)).astype(int),
        "three": kind,
    }
    return data, pd.DataFrame(targets)


def files(wanted: Callable[[str], bool]) -> Iterator[tuple[str, str, Mapping[str, Sequence[Any]]]]:
    """Name, file, and the columns that it was trained on."""
    data, targets = _frame()
    like = {name: data[name].tolist() for name in data}
    for name, one in _cases().items():
        if not wanted(f"s_{name}"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield f"s_{name}", _written(one, data[list(one.columns)], targets), like


def _written(one: Trained, data: pd.DataFrame, targets: pd.DataFrame) -> str:
    from sklearn2pmml import sklearn2pmml
    from sklearn2pmml.pipeline import PMMLPipeline

    pipeline = PMMLPipeline(one.steps())
    pipeline.fit(data, targets[one.target]) if one.target else pipeline.fit(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmml"
        sklearn2pmml(pipeline, str(path))
        text = path.read_text(encoding="utf-8")
    return re.sub(r"<Timestamp>[^<]*</Timestamp>\s*", "", text)


def _cases() -> dict[str, Trained]:
    return {**_linear(), **_trees(), **_boosted(), **_others(), **_prepared(), **_declared()}


def _alone(model: Callable[[], Any], target: str | None) -> Trained:
    return Trained(lambda: [("m", model())], target)


def _linear() -> dict[str, Trained]:
    from sklearn import linear_model as lm
    from sklearn2pmml.statsmodels import StatsModelsClassifier, StatsModelsRegressor
    from statsmodels.api import GLM, OLS, WLS, Logit, MNLogit, Poisson
    from statsmodels.genmod import families

    def glm(family: Any) -> Callable[[], Any]:
        return lambda: StatsModelsRegressor(GLM, family=family)

    return {
        "linear": _alone(lm.LinearRegression, "amount"),
        "ridge": _alone(lm.Ridge, "amount"),
        "lasso": _alone(lambda: lm.Lasso(0.01), "amount"),
        "elastic": _alone(lambda: lm.ElasticNet(0.01), "amount"),
        "huber": _alone(lm.HuberRegressor, "amount"),
        "bayes_ridge": _alone(lm.BayesianRidge, "amount"),
        "logistic2": _alone(lm.LogisticRegression, "two"),
        "logistic3": _alone(lm.LogisticRegression, "kind"),
        "ridge_classifier": _alone(lm.RidgeClassifier, "kind"),
        "sgd_classifier": _alone(lambda: lm.SGDClassifier(loss="log_loss", random_state=0), "two"),
        "sgd_regressor": _alone(lambda: lm.SGDRegressor(random_state=0), "amount"),
        "perceptron": _alone(lambda: lm.Perceptron(random_state=0), "kind"),
        "poisson": _alone(lm.PoissonRegressor, "count"),
        "gamma": _alone(lm.GammaRegressor, "amount"),
        "tweedie": _alone(lambda: lm.TweedieRegressor(power=1.5), "amount"),
        "sm_ols": _alone(lambda: StatsModelsRegressor(OLS), "amount"),
        "sm_wls": _alone(lambda: StatsModelsRegressor(WLS), "amount"),
        "sm_poisson": _alone(glm(families.Poisson()), "count"),
        "sm_gaussian": _alone(glm(families.Gaussian()), "amount"),
        "sm_poisson_counts": _alone(lambda: StatsModelsRegressor(Poisson), "count"),
        "sm_logit": Trained(lambda: [("m", StatsModelsClassifier(Logit))], "two", ["sw", "k"]),
        "sm_mnlogit": Trained(lambda: [("m", StatsModelsClassifier(MNLogit))], "kind", ["sw", "k"]),
    }


def _trees() -> dict[str, Trained]:
    from sklearn import ensemble, tree

    return {
        "tree": _alone(lambda: tree.DecisionTreeClassifier(random_state=0), "kind"),
        "tree_regressor": _alone(lambda: tree.DecisionTreeRegressor(max_depth=4, random_state=0), "amount"),
        "forest": _alone(lambda: ensemble.RandomForestClassifier(5, max_depth=4, random_state=0), "kind"),
        "forest_regressor": _alone(lambda: ensemble.RandomForestRegressor(5, max_depth=4, random_state=0), "amount"),
        "extra": _alone(lambda: ensemble.ExtraTreesClassifier(4, max_depth=4, random_state=0), "kind"),
        "extra_regressor": _alone(lambda: ensemble.ExtraTreesRegressor(4, max_depth=4, random_state=0), "amount"),
        "ada_regressor": _alone(lambda: ensemble.AdaBoostRegressor(n_estimators=5, random_state=0), "amount"),
        "bagging": _alone(lambda: ensemble.BaggingClassifier(n_estimators=4, random_state=0), "kind"),
        "bagging_regressor": _alone(
            lambda: ensemble.BaggingRegressor(tree.DecisionTreeRegressor(max_depth=4), n_estimators=4, random_state=0),
            "amount",
        ),
        "isolation": _alone(lambda: ensemble.IsolationForest(n_estimators=6, max_samples=32, random_state=0), None),
    }


def _boosted() -> dict[str, Trained]:
    import lightgbm
    import xgboost
    from sklearn import ensemble as e

    def lgb(kind: str, **more: Any) -> Callable[[], Any]:
        return lambda: getattr(lightgbm, kind)(n_estimators=4, num_leaves=6, verbose=-1, random_state=0, **more)

    def xgb(kind: str, **more: Any) -> Callable[[], Any]:
        return lambda: getattr(xgboost, kind)(n_estimators=4, max_depth=3, random_state=0, **more)

    return {
        "gb2": _alone(lambda: e.GradientBoostingClassifier(n_estimators=5, random_state=0), "two"),
        "gb3": _alone(lambda: e.GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0), "kind"),
        "gb_regressor": _alone(lambda: e.GradientBoostingRegressor(n_estimators=5, random_state=0), "amount"),
        "hist3": _alone(lambda: e.HistGradientBoostingClassifier(max_iter=3, random_state=0), "kind"),
        "hist2": _alone(lambda: e.HistGradientBoostingClassifier(max_iter=4, random_state=0), "two"),
        "hist_regressor": _alone(lambda: e.HistGradientBoostingRegressor(max_iter=4, random_state=0), "amount"),
        "xgb2": _alone(xgb("XGBClassifier"), "two"),
        "xgb3": _alone(xgb("XGBClassifier"), "three"),
        "xgb_regressor": _alone(xgb("XGBRegressor"), "amount"),
        "xgb_poisson": _alone(xgb("XGBRegressor", objective="count:poisson"), "count"),
        "xgb_forest": _alone(lambda: xgboost.XGBRFClassifier(n_estimators=4, max_depth=3), "two"),
        "lgb2": _alone(lgb("LGBMClassifier"), "two"),
        "lgb3": _alone(lgb("LGBMClassifier"), "kind"),
        "lgb_regressor": _alone(lgb("LGBMRegressor"), "amount"),
        "lgb_poisson": _alone(lgb("LGBMRegressor", objective="poisson"), "count"),
    }


def _others() -> dict[str, Trained]:
    from sklearn import cluster, ensemble, naive_bayes, neighbors, neural_network, svm
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    two = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3, random_state=0))]
    three = [*two, ("c", naive_bayes.GaussianNB())]
    lines = [("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3, random_state=0))]

    def mlp(kind: Any, sizes: tuple[int, ...], **more: Any) -> Callable[[], Any]:
        return lambda: kind(hidden_layer_sizes=sizes, max_iter=60, random_state=0, **more)

    return {
        "mlp3": _alone(mlp(neural_network.MLPClassifier, (5, 4)), "kind"),
        "mlp2": _alone(mlp(neural_network.MLPClassifier, (6,), activation="tanh"), "two"),
        "mlp_regressor": _alone(mlp(neural_network.MLPRegressor, (5,), activation="logistic"), "amount"),
        "svc3": _alone(svm.SVC, "kind"),
        "svc2": _alone(lambda: svm.SVC(kernel="poly", degree=2), "two"),
        "svc_sigmoid": _alone(lambda: svm.SVC(kernel="sigmoid"), "kind"),
        "svc_linear": _alone(lambda: svm.SVC(kernel="linear"), "two"),
        "nu_svc": _alone(lambda: svm.NuSVC(nu=0.2), "kind"),
        "svr": _alone(svm.SVR, "amount"),
        "linear_svc3": _alone(lambda: svm.LinearSVC(random_state=0), "kind"),
        "linear_svc2": _alone(lambda: svm.LinearSVC(random_state=0), "two"),
        "linear_svr": _alone(lambda: svm.LinearSVR(random_state=0), "amount"),
        "gaussian_nb": _alone(naive_bayes.GaussianNB, "kind"),
        "kmeans": _alone(lambda: cluster.KMeans(4, n_init=2, random_state=0), None),
        "knn": _alone(lambda: neighbors.KNeighborsClassifier(5), "kind"),
        "knn_regressor": _alone(lambda: neighbors.KNeighborsRegressor(5), "amount"),
        "vote_soft": _alone(lambda: ensemble.VotingClassifier(two, voting="soft"), "kind"),
        "vote_hard": _alone(lambda: ensemble.VotingClassifier(three, voting="hard"), "kind"),
        "vote_regressor": _alone(lambda: ensemble.VotingRegressor(lines), "amount"),
        "stack": _alone(lambda: ensemble.StackingClassifier(two, LogisticRegression()), "kind"),
        "stack_regressor": _alone(lambda: ensemble.StackingRegressor(lines, LinearRegression()), "amount"),
    }


def _prepared() -> dict[str, Trained]:
    """Pipelines whose steps become derived fields."""
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        OrdinalEncoder,
        RobustScaler,
        StandardScaler,
    )

    columns: dict[str, Callable[[], Any]] = {
        "hot": lambda: ColumnTransformer(
            [("n", StandardScaler(), NUMBERS), ("c", OneHotEncoder(), ["color"]), ("k", OneHotEncoder(), ["k"])]
        ),
        "ordinal": lambda: ColumnTransformer(
            [
                ("n", make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()), NUMBERS),
                ("c", OrdinalEncoder(), ["color"]),
            ]
        ),
        "imputed": lambda: ColumnTransformer(
            [
                ("n", make_pipeline(SimpleImputer(), RobustScaler()), NUMBERS),
                (
                    "c",
                    make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                    ["color"],
                ),
                ("m", MaxAbsScaler(), ["k"]),
            ]
        ),
    }
    models: dict[str, tuple[Callable[[], Any], str]] = {
        "logistic": (LogisticRegression, "two"),
        "forest": (lambda: RandomForestClassifier(4, max_depth=4, random_state=0), "kind"),
        "boosted": (lambda: GradientBoostingRegressor(n_estimators=4, random_state=0), "amount"),
        "linear": (LinearRegression, "amount"),
    }
    found = {
        f"{name}_{model}": Trained(
            lambda made=made, build=build: [("c", made()), ("m", build())], target, [*NUMBERS, "color", "k"]
        )
        for name, made in columns.items()
        for model, (build, target) in models.items()
    }
    found["pca"] = Trained(
        lambda: [("s", StandardScaler()), ("p", PCA(2, random_state=0)), ("m", LogisticRegression())], "kind"
    )
    found["svd"] = Trained(lambda: [("p", TruncatedSVD(2, random_state=0)), ("m", LinearRegression())], "amount")
    return found


def _declared() -> dict[str, Trained]:
    """Pipelines that say what valid values are, and categories."""
    import xgboost
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
    from sklearn2pmml.decoration import CategoricalDomain, ContinuousDomain

    words = [*NUMBERS, "color"]

    def lenient() -> Any:
        numbers = ContinuousDomain(
            missing_value_replacement=3.0, outlier_treatment="as_extreme_values", low_value=2.0, high_value=6.0
        )
        colors = CategoricalDomain(invalid_value_treatment="as_missing", missing_value_replacement="red")
        return ColumnTransformer(
            [
                ("n", make_pipeline(numbers, StandardScaler()), ["sl", "pl"]),
                ("c", make_pipeline(colors, OneHotEncoder()), ["color"]),
            ]
        )

    def strict() -> Any:
        return ColumnTransformer(
            [("n", ContinuousDomain(), NUMBERS), ("c", make_pipeline(CategoricalDomain(), OneHotEncoder()), ["color"])]
        )

    def coded() -> Any:
        return ColumnTransformer([("n", "passthrough", NUMBERS), ("c", OrdinalEncoder(), ["color"])])

    def hot() -> Any:
        return ColumnTransformer([("n", "passthrough", NUMBERS), ("c", OneHotEncoder(), ["color"])])

    boosted = HistGradientBoostingClassifier(max_iter=3, categorical_features=[4], random_state=0)
    return {
        "domain_lenient": Trained(
            lambda: [("c", lenient()), ("m", LinearRegression())], "amount", ["sl", "pl", "color"]
        ),
        "domain_strict": Trained(lambda: [("c", strict()), ("m", LogisticRegression())], "two", words),
        "hist_words": Trained(lambda: [("c", coded()), ("m", boosted)], "two", words),
        "xgb_words": Trained(
            lambda: [("c", hot()), ("m", xgboost.XGBClassifier(n_estimators=4, max_depth=3, random_state=0))],
            "two",
            words,
        ),
    }
