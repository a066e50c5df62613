"""Models of texts that sklearn2pmml writes: CountVectorizer and TfidfVectorizer before models of scikit-learn."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pmml_texts


def files(wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Name → file. They read what `pmml_texts.ROWS` holds."""
    for name, (steps, target) in _cases().items():
        if not wanted(f"text_s_{name}"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield f"text_s_{name}", _written(steps, target)


def _written(steps: list[tuple[str, Any]], target: str) -> str:
    import pandas as pd
    from sklearn2pmml import sklearn2pmml
    from sklearn2pmml.pipeline import PMMLPipeline

    rows = [(s, x) for s, x in zip(pmml_texts.ROWS["s"], pmml_texts.ROWS["x"], strict=True) if s and x is not None]
    data = pd.DataFrame({"s": [s for s, _ in rows], "x": [x for _, x in rows]})
    amount = data.s.str.count("fox") + data.s.str.len() * 0.1 + data.x
    targets = {
        "amount": amount,
        "two": (amount > amount.median()).astype(int),
        "three": pd.cut(amount, 3, labels=False),
    }
    pipeline = PMMLPipeline(steps).fit(data, targets[target].rename("y"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmml"
        sklearn2pmml(pipeline, str(path))
        text = path.read_text(encoding="utf-8")
    return re.sub(r"<Timestamp>[^<]*</Timestamp>\s*", "", text)


def _cases() -> dict[str, tuple[list[tuple[str, Any]], str]]:
    from sklearn import ensemble, linear_model, tree
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn2pmml.feature_extraction.text import Matcher, Splitter

    def of(vectorizer: Any, model: Any) -> list[tuple[str, Any]]:
        return [("c", ColumnTransformer([("t", vectorizer, "s"), ("n", "passthrough", ["x"])])), ("m", model)]

    parted = {"tokenizer": Splitter(), "token_pattern": None}
    seed = {"random_state": 0}
    logistic, linear = linear_model.LogisticRegression, linear_model.LinearRegression
    return {
        "count": (of(CountVectorizer(), logistic()), "two"),
        "count_case": (of(CountVectorizer(lowercase=False, **parted), logistic()), "three"),
        "binary": (of(CountVectorizer(binary=True, **parted), linear()), "amount"),
        "matched": (
            of(CountVectorizer(tokenizer=Matcher(r"\w+"), token_pattern=None), linear_model.Ridge()), "amount"
        ),
        "pairs": (of(CountVectorizer(ngram_range=(1, 2), max_features=80, **parted), logistic()), "two"),
        "triples": (of(CountVectorizer(ngram_range=(2, 3), max_features=80), logistic()), "two"),
        "stop": (of(CountVectorizer(stop_words=["the", "brown", "a"], **parted), logistic()), "two"),
        "tfidf": (of(TfidfVectorizer(norm=None), logistic()), "three"),
        "tfidf_parted": (of(TfidfVectorizer(norm=None, ngram_range=(1, 2), **parted), linear()), "amount"),
        "sublinear": (of(TfidfVectorizer(norm=None, sublinear_tf=True, **parted), logistic()), "two"),
        "no_idf": (of(TfidfVectorizer(norm=None, use_idf=False), linear()), "amount"),
        "tree": (of(CountVectorizer(**parted), tree.DecisionTreeClassifier(max_depth=6, random_state=0)), "three"),
        "forest": (
            of(TfidfVectorizer(norm=None), ensemble.RandomForestClassifier(5, max_depth=6, random_state=0)), "two"
        ),
        "boosted": (
            of(TfidfVectorizer(norm=None, **parted), ensemble.GradientBoostingRegressor(n_estimators=8, **seed)),
            "amount",
        ),
    }  # fmt: skip
