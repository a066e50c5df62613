"""A model of MovieLens-100K: whether a user likes a film, of categories with hundreds of values, fitted by Spark."""

from __future__ import annotations

from typing import Any

import lines_kit

TRAINED, ASKED = 15_000, 300
WORDS = ["movie_id", "gender", "occupation", "genre"]


def case(session: Any) -> Any:
    """As make_models has its cases."""
    from make_models import fitted
    from pyspark.ml import classification, feature

    rated = list(lines_kit.ratings(TRAINED))
    trained = _columns([row for row, _ in rated])
    trained["liked"] = [float(rating >= lines_kit.LIKED) for _, rating in rated]
    indices, vectors = ([f"{name}_{what}" for name in WORDS] for what in ("index", "vector"))
    stages = [
        feature.StringIndexer(inputCols=WORDS, outputCols=indices, handleInvalid="keep"),
        feature.OneHotEncoder(inputCols=indices, outputCols=vectors, dropLast=False),
        feature.Imputer(inputCols=["age"], outputCols=["years"], strategy="median"),
        feature.VectorAssembler(inputCols=["years", *vectors, "year"], outputCol="features"),
        classification.LogisticRegression(labelCol="liked", maxIter=20, regParam=0.01),
    ]
    return fitted(session, "films", stages, trained, _columns(lines_kit.strangers(ASKED)))


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found = {name: [row[name] for row in rows] for name in ("age", "year", "gender", "occupation")}
    found["movie_id"] = [None if row["movie_id"] is None else str(row["movie_id"]) for row in rows]
    found["genre"] = [row["genres"][0] if row["genres"] else None for row in rows]
    return found
