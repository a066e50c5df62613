"""What is not served exactly is refused by its step and its name, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn_kit as kit
import sklearn_rows as rows
from sklearn import (
    cluster,
    compose,
    dummy,
    ensemble,
    feature_extraction,
    impute,
    linear_model,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
)  # fmt: skip
from sklearn_terms import SAMPLES

from ranklet.errors import ImportRefused
from ranklet.importers import sklearn
from ranklet.importers.proposal import NO_WISHES

LOGISTIC = linear_model.LogisticRegression
VECTORIZER = feature_extraction.text.CountVectorizer


def fitted(make: Any, on: str = "numbers", target: str = "two") -> Any:
    """A model of the made-up rows."""
    return rows.Sample(lambda: make, on=on, target=target).train()


def chain(*steps: Any) -> Any:
    """A pipeline."""
    return pipeline.make_pipeline(*steps)


def columns(*parts: Any) -> Any:
    """A pipeline over columns of the frame."""
    return chain(compose.ColumnTransformer(list(parts)), LOGISTIC(max_iter=500))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an imputer of neighbours": (
        lambda: fitted(chain(impute.KNNImputer(), LOGISTIC()), "holes"),
        r"Pipeline: step 'knnimputer': KNNImputer: is not served",
    ),
    "a step among columns": (
        lambda: fitted(columns(("bins", preprocessing.SplineTransformer(extrapolation="error"), ["price"])), "whole"),
        r"step 'columntransformer': ColumnTransformer: step 'bins': SplineTransformer: extrapolation='error' fails",
    ),
    "a function that may do anything": (
        lambda: fitted(chain(preprocessing.FunctionTransformer(np.cos), LOGISTIC())),
        r"step 'functiontransformer': FunctionTransformer: calls numpy.cos; served are numpy.log1p",
    ),
    "a quirk of splines": (
        lambda: fitted(chain(preprocessing.SplineTransformer(degree=1, extrapolation="linear"), LOGISTIC())),
        "extrapolates degree 1 from other knots in the second column",
    ),
    "clusters": (lambda: cluster.KMeans(2, n_init=1).fit(rows.numbers()), "predicts the number of a cluster"),
    "a constant": (lambda: fitted(dummy.DummyClassifier()), "gives every row the same, which ranks nothing"),
    "a transformer alone": (
        lambda: preprocessing.StandardScaler().fit(rows.numbers()), "StandardScaler predicts nothing: end the pipeline"
    ),
    "what is not fitted": (lambda: chain(preprocessing.StandardScaler(), LOGISTIC()), "is not fitted"),
    "no estimator": (lambda: {"weights": [1.0]}, "holds a dict, no estimator"),
    "several classes without a choice": (
        lambda: fitted(LOGISTIC(), target="three"), r"has the classes 0, 1, 2; say which one ranks: -o class=2"
    ),
    "several targets": (
        lambda: linear_model.Ridge().fit(rows.numbers(), rows.numbers()[:, :2]), "predicts 2 numbers a row"
    ),
    "stacked labels": (
        lambda: fitted(ensemble.StackingClassifier([("a", LOGISTIC())], cv=2, stack_method="predict")),
        "stacks the labels of LogisticRegression",
    ),
    "boosting from another model": (
        lambda: fitted(ensemble.GradientBoostingClassifier(n_estimators=2, init=LOGISTIC())),
        "has init=LogisticRegression, whose predictions differ by row",
    ),
    "a conversion in 32 bits": (
        lambda: fitted(naive_bayes.CategoricalNB(), "counts"), "the converted model scores .* and nothing was written"
    ),
    "a conversion that is wrong": (
        lambda: neighbors.LocalOutlierFactor(novelty=True).fit(rows.numbers()), "the conversion is not right"
    ),
    "a conversion that does not run": (
        lambda: fitted(neighbors.RadiusNeighborsRegressor(5.0), target="value"), "does not run"
    ),
    "one text in two ways": (
        lambda: fitted(
            columns(
                ("words", VECTORIZER(), "tags"),
                ("tags", VECTORIZER(token_pattern=r"[^|]+", lowercase=False), "tags"),
            ),
            "tagged",
        ),
        "splits the text of 'tags' otherwise than another step",
    ),
    "hashed names of dicts": (
        lambda: fitted(chain(feature_extraction.FeatureHasher(16), LOGISTIC()), "dicts"),
        "hashes names of a dict, which no model file tells",
    ),
    "logarithms of many counts": (
        lambda: fitted(
            chain(
                feature_extraction.text.HashingVectorizer(n_features=2**15, norm=None, alternate_sign=False),
                feature_extraction.text.TfidfTransformer(sublinear_tf=True),
                LOGISTIC(),
            ),
            "words",
        ),
        "spreads 32768 columns a row",
    ),
    "neighbours of too many rows": (
        lambda: _many(fitted(neighbors.KNeighborsRegressor(), target="value")), "keeps 100001 rows of training"
    ),
    "weights that do not fit": (lambda: _cut(fitted(LOGISTIC())), "has 4 weights for 5 columns"),
}  # fmt: skip


def _many(model: Any) -> Any:
    model._fit_X, model._y = np.zeros((100_001, 5)), np.zeros(100_001)
    model._tree, model._fit_method = None, "brute"
    return model


def _cut(model: Any) -> Any:
    model.coef_ = model.coef_[:, :4]
    return model


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    make, message = REFUSED[name]
    path = kit.save(make(), tmp_path / "model.skops")
    with pytest.raises(ImportRefused, match=message) as refused:
        sklearn.propose(path, NO_WISHES)
    assert str(refused.value).startswith("model.skops: ")
    assert str(tmp_path) not in str(refused.value)


def test_classes_each_against_each_are_refused(tmp_path: Path) -> None:
    model = fitted(svm.SVC(), target="three")
    with pytest.raises(ImportRefused, match="SVC: has 3 classes, each against each"):
        kit.proposed(model, tmp_path, **{"method": "decision_function", "class": "2"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "score"}, "-o method=score is not known"),
        ({"class": "maybe"}, "-o class=maybe is none of its classes: no, yes"),
        ({"column": "2"}, "-o column=2 is not there"),
        ({"column": "-1"}, "-o column=-1 is no whole number"),
        ({"column": "0", "class": "no"}, "are one choice"),
        ({"method": "predict"}, "predict gives names of classes"),
        ({"method": "decision_function", "class": "no"}, "decision_function is one number, for the second class"),
        ({"weights": "1"}, "-o weights is not known: this format takes method, column, class"),
    ],
)
def test_a_choice_that_is_none_is_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=message):
        kit.proposed(SAMPLES["logistic_named"].train(), tmp_path, **options)
