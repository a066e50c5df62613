"""Small pipelines over texts, terms, tags and dicts; and all that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn import compose, ensemble, feature_extraction, pipeline, preprocessing, tree
from sklearn_columns import COLUMNS, CURVES, hot
from sklearn_rows import Sample
from sklearn_zoo import LOGISTIC, MODELS


def _terms(make: Any, end: Any = None, on: str = "words") -> Sample:
    """A vectorizer of texts, and what comes behind it."""
    return Sample(lambda: pipeline.make_pipeline(make(), LOGISTIC() if end is None else end), on=on)


text = feature_extraction.text
TERMS = {
    "counted": _terms(text.CountVectorizer),
    "counted_pairs": _terms(lambda: text.CountVectorizer(ngram_range=(1, 2), lowercase=False)),
    "counted_once": _terms(lambda: text.CountVectorizer(binary=True)),
    "weighed": _terms(text.TfidfVectorizer),
    "weighed_logs": _terms(lambda: text.TfidfVectorizer(sublinear_tf=True, norm="l1")),
    "weighed_trees": _terms(text.TfidfVectorizer, ensemble.RandomForestClassifier(6, max_depth=5, random_state=1)),
    "weighed_after": _terms(
        lambda: pipeline.make_pipeline(text.CountVectorizer(), text.TfidfTransformer(smooth_idf=False))
    ),
    "hashed": _terms(lambda: text.HashingVectorizer(n_features=64)),
    "hashed_plain": _terms(lambda: text.HashingVectorizer(n_features=2**12, alternate_sign=False, norm=None)),
    "hashed_terms": _terms(lambda: feature_extraction.FeatureHasher(32, input_type="string"), on="tags"),
    "dicts": Sample(
        lambda: pipeline.make_pipeline(feature_extraction.DictVectorizer(), LOGISTIC(max_iter=500)), on="dicts"
    ),
    "dicts_unsorted": Sample(
        lambda: pipeline.make_pipeline(
            feature_extraction.DictVectorizer(sparse=False, sort=False),
            tree.DecisionTreeClassifier(random_state=1, max_depth=6),
        ),
        on="dicts",
    ),
    "tagged": Sample(
        lambda: pipeline.make_pipeline(
            compose.ColumnTransformer(
                [
                    ("tags", text.CountVectorizer(token_pattern=r"[^|]+", lowercase=False), "tags"),
                    ("city", hot(), ["city"]),
                    ("price", preprocessing.StandardScaler(), ["price"]),
                ]
            ),
            LOGISTIC(max_iter=500),
        ),
        on="tagged",
    ),
    "tagged_twice": Sample(
        lambda: pipeline.make_pipeline(
            compose.ColumnTransformer(
                [
                    ("tags", text.TfidfVectorizer(token_pattern=r"[^|]+", lowercase=False), "tags"),
                    ("hash", text.HashingVectorizer(n_features=32, token_pattern=r"[^|]+", lowercase=False), "tags"),
                ]
            ),
            LOGISTIC(max_iter=500),
        ),
        on="tagged",
    ),
}

SAMPLES: Mapping[str, Sample] = {**MODELS, **CURVES, **COLUMNS, **TERMS}
