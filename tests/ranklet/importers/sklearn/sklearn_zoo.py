"""Small models of scikit-learn's estimators and their options: trained in a moment, when a test asks for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    compose,
    ensemble,
    linear_model,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn_rows import Sample


def _of(make: Callable[..., Any], *given: Any, **options: Any) -> Callable[[], Any]:
    return lambda: make(*given, **options)


def _scaled(make: Callable[..., Any], **options: Any) -> Callable[[], Any]:
    return lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), make(**options))


THREE = {"class": "2"}
LOGISTIC = linear_model.LogisticRegression
VALUE, COUNT, POSITIVE = {"target": "value"}, {"target": "count"}, {"target": "positive"}

LINEAR = {
    "logistic": Sample(_of(LOGISTIC, max_iter=500)),
    "logistic_named": Sample(_of(LOGISTIC, max_iter=500), target="named", options={"class": "no"}),
    "logistic_decision": Sample(_of(LOGISTIC, max_iter=500), options={"method": "decision_function"}),
    "logistic_three": Sample(_scaled(LOGISTIC, max_iter=500), target="three", options=THREE),
    "logistic_ovr": Sample(
        lambda: multiclass.OneVsRestClassifier(LOGISTIC(solver="liblinear")), target="three", options=THREE
    ),
    "logistic_cv": Sample(
        _scaled(linear_model.LogisticRegressionCV, Cs=3, cv=3, l1_ratios=(0,), use_legacy_attributes=False)
    ),
    "sgd_log": Sample(_scaled(linear_model.SGDClassifier, loss="log_loss", random_state=1)),
    "sgd_three": Sample(
        _scaled(linear_model.SGDClassifier, loss="log_loss", random_state=1), target="three", options=THREE
    ),
    "sgd_hinge": Sample(_scaled(linear_model.SGDClassifier, random_state=1)),
    "sgd_huber": Sample(_scaled(linear_model.SGDClassifier, loss="modified_huber", random_state=1)),
    "sgd_huber_three": Sample(
        _scaled(linear_model.SGDClassifier, loss="modified_huber", random_state=1), target="three", options=THREE
    ),
    "sgd_regressor": Sample(_scaled(linear_model.SGDRegressor, random_state=1), **VALUE),
    "passive": Sample(_scaled(linear_model.Perceptron, random_state=1)),
    "linear": Sample(linear_model.LinearRegression, **VALUE),
    "ridge": Sample(linear_model.Ridge, **VALUE),
    "lasso": Sample(_of(linear_model.Lasso, alpha=0.05), **VALUE),
    "elastic": Sample(_of(linear_model.ElasticNet, alpha=0.05), **VALUE),
    "bayesian_ridge": Sample(linear_model.BayesianRidge, **VALUE),
    "huber": Sample(_scaled(linear_model.HuberRegressor), **VALUE),
    "ridge_classifier": Sample(linear_model.RidgeClassifier),
    "poisson": Sample(_scaled(linear_model.PoissonRegressor), **COUNT),
    "gamma": Sample(_scaled(linear_model.GammaRegressor), **POSITIVE),
    "tweedie": Sample(_scaled(linear_model.TweedieRegressor, power=1.5), **COUNT),
    "tweedie_plain": Sample(_scaled(linear_model.TweedieRegressor, power=0), **VALUE),
    "linear_svc": Sample(_scaled(svm.LinearSVC)),
    "linear_svr": Sample(_scaled(svm.LinearSVR, max_iter=5000), **VALUE),
}

TREES = {
    "tree": Sample(_of(tree.DecisionTreeClassifier, random_state=1, max_depth=6)),
    "tree_missing": Sample(_of(tree.DecisionTreeClassifier, random_state=1, max_depth=6), on="holes"),
    "tree_value": Sample(_of(tree.DecisionTreeRegressor, random_state=1, max_depth=6), **VALUE),
    "extra_tree": Sample(_of(tree.ExtraTreeClassifier, max_depth=6, random_state=1)),
    "forest": Sample(_of(ensemble.RandomForestClassifier, 12, max_depth=6, random_state=1)),
    "forest_three": Sample(
        _of(ensemble.RandomForestClassifier, 12, max_depth=6, random_state=1), on="holes", target="three", options=THREE
    ),
    "forest_value": Sample(_of(ensemble.RandomForestRegressor, 12, max_depth=6, random_state=1), on="holes", **VALUE),
    "extra_trees": Sample(_of(ensemble.ExtraTreesClassifier, 12, max_depth=6, random_state=1)),
    "extra_trees_value": Sample(_of(ensemble.ExtraTreesRegressor, 12, max_depth=6, random_state=1), **VALUE),
    "boosted": Sample(_of(ensemble.GradientBoostingClassifier, n_estimators=12, random_state=1)),
    "boosted_three": Sample(
        _of(ensemble.GradientBoostingClassifier, n_estimators=8, random_state=1), target="three", options=THREE
    ),
    "boosted_exponential": Sample(
        _of(ensemble.GradientBoostingClassifier, n_estimators=8, loss="exponential", random_state=1)
    ),
    "boosted_value": Sample(
        _of(ensemble.GradientBoostingRegressor, n_estimators=12, loss="huber", random_state=1), **VALUE
    ),
    "histogram": Sample(_of(ensemble.HistGradientBoostingClassifier, random_state=1, max_iter=12), on="holes"),
    "histogram_three": Sample(
        _of(ensemble.HistGradientBoostingClassifier, random_state=1, max_iter=8),
        on="holes",
        target="three",
        options=THREE,
    ),
    "histogram_value": Sample(
        _of(ensemble.HistGradientBoostingRegressor, random_state=1, max_iter=12), on="holes", **VALUE
    ),
    "histogram_poisson": Sample(
        _of(ensemble.HistGradientBoostingRegressor, random_state=1, max_iter=12, loss="poisson"), on="holes", **COUNT
    ),
    "histogram_quantile": Sample(
        _of(ensemble.HistGradientBoostingRegressor, random_state=1, max_iter=8, loss="quantile", quantile=0.8), **VALUE
    ),
    "isolation": Sample(_of(ensemble.IsolationForest, n_estimators=12, random_state=1)),
}

OTHERS = {
    "svc": Sample(_scaled(svm.SVC), options={"method": "decision_function"}),
    "svc_poly": Sample(_scaled(svm.SVC, kernel="poly", coef0=1.0), options={"method": "decision_function"}),
    "svc_sigmoid": Sample(_scaled(svm.SVC, kernel="sigmoid"), options={"method": "decision_function"}),
    "nu_svc": Sample(_scaled(svm.NuSVC, kernel="linear"), options={"method": "decision_function"}),
    "svr": Sample(_scaled(svm.SVR), **VALUE),
    "gaussian_nb": Sample(naive_bayes.GaussianNB),
    "multinomial_nb": Sample(naive_bayes.MultinomialNB, on="counts", target="three", options=THREE),
    "complement_nb": Sample(naive_bayes.ComplementNB, on="counts"),
    "bernoulli_nb": Sample(_of(naive_bayes.BernoulliNB, binarize=1.0), on="counts"),
    "neighbours": Sample(_scaled(neighbors.KNeighborsClassifier, n_neighbors=7)),
    "neighbours_weighed": Sample(
        _scaled(neighbors.KNeighborsRegressor, weights="distance", metric="manhattan"), **VALUE
    ),
    "perceptrons": Sample(_scaled(neural_network.MLPClassifier, hidden_layer_sizes=(8, 4), random_state=1)),
    "perceptrons_three": Sample(
        _scaled(neural_network.MLPClassifier, hidden_layer_sizes=(8,), activation="tanh", random_state=1),
        target="three",
        options=THREE,
    ),
    "perceptrons_value": Sample(
        _scaled(neural_network.MLPRegressor, hidden_layer_sizes=(8,), activation="logistic", random_state=1), **VALUE
    ),
    "isotonic": Sample(
        lambda: calibration.CalibratedClassifierCV(LOGISTIC(max_iter=500), method="isotonic", cv=2),
    ),
    "calibrated": Sample(
        lambda: calibration.CalibratedClassifierCV(
            pipeline.make_pipeline(preprocessing.StandardScaler(), svm.LinearSVC()), cv=2
        )
    ),
    "calibrated_three": Sample(
        lambda: calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2), target="three", options=THREE
    ),
    "bagging": Sample(
        lambda: ensemble.BaggingClassifier(
            tree.DecisionTreeClassifier(random_state=1, max_depth=4), 6, max_features=3, random_state=1
        )
    ),
    "bagging_value": Sample(
        lambda: ensemble.BaggingRegressor(linear_model.Ridge(), 6, max_features=0.6, random_state=1), **VALUE
    ),
    "adaboost": Sample(
        lambda: ensemble.AdaBoostClassifier(
            tree.DecisionTreeClassifier(random_state=1, max_depth=2), n_estimators=8, random_state=1
        )
    ),
    "adaboost_three": Sample(
        lambda: ensemble.AdaBoostClassifier(
            tree.DecisionTreeClassifier(random_state=1, max_depth=2), n_estimators=8, random_state=1
        ),
        target="three",
        options=THREE,
    ),
    "adaboost_value": Sample(
        lambda: ensemble.AdaBoostRegressor(
            tree.DecisionTreeRegressor(random_state=1, max_depth=3), n_estimators=8, random_state=1
        ),
        **VALUE,
    ),
    "vote": Sample(
        lambda: ensemble.VotingClassifier(
            [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(random_state=1, max_depth=3))],
            voting="soft",
            weights=[2, 1],
        )
    ),
    "vote_value": Sample(
        lambda: ensemble.VotingRegressor(
            [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(random_state=1, max_depth=3))]
        ),
        **VALUE,
    ),
    "stack": Sample(
        lambda: ensemble.StackingClassifier(
            [("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(random_state=1, max_depth=3))],
            LOGISTIC(),
            cv=2,
            passthrough=True,
        )
    ),
    "stack_value": Sample(
        lambda: ensemble.StackingRegressor(
            [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(random_state=1, max_depth=3))],
            linear_model.Ridge(),
            cv=2,
        ),
        **VALUE,
    ),
    "target_log": Sample(
        lambda: compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1), **COUNT
    ),
    "target_scaled": Sample(
        lambda: compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=preprocessing.StandardScaler()),
        **VALUE,
    ),
}


MODELS = {**LINEAR, **TREES, **OTHERS}
